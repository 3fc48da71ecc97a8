//! Numbers of persons and firms of Europe.
//!
//! Invariant: every check digit comes from the rules beside it.

use super::super::random::Random;
use super::Kind;
use super::Language::{English, French, German, Portuguese, Spanish};
use super::checks::{codice_fiscale, eleven_less, luhn, mod_11_10, rest, to_ten, weighted};
use super::forms::{Day, any, fill, padded, written};

pub(super) const KINDS: &[Kind] = &[
    Kind::checked("uk_nhs", nhs, &[(English, "NHS number"), (English, "NHS no")]),
    Kind::formed(
        "uk_nino",
        nino,
        &[(English, "NI number"), (English, "National Insurance number")],
    )
    .alone(),
    Kind::checked(
        "de_steuer_id",
        steuer_id,
        &[
            (German, "Steuer-ID"),
            (German, "Steueridentifikationsnummer"),
            (English, "German tax ID"),
        ],
    ),
    Kind::checked("ch_ahv", ahv, &[(German, "AHV-Nummer"), (French, "numéro AVS")]).alone(),
    Kind::checked("es_dni", dni, &[(Spanish, "DNI"), (Spanish, "NIF"), (English, "DNI")]).alone(),
    Kind::checked("es_nie", nie, &[(Spanish, "NIE")]).alone(),
    Kind::checked("it_codice_fiscale", codice, &[(English, "codice fiscale"), (English, "C.F.")])
        .alone(),
    Kind::checked("it_partita_iva", partita_iva, &[(English, "partita IVA"), (English, "P.IVA")]),
    Kind::checked("fr_nir", nir, &[(French, "numéro de sécurité sociale"), (French, "NIR")])
        .alone(),
    Kind::checked("fr_siret", siret, &[(French, "SIRET")]),
    Kind::checked("nl_bsn", bsn, &[(English, "BSN"), (English, "burgerservicenummer")]),
    Kind::checked(
        "be_rrn",
        rrn,
        &[(French, "registre national"), (English, "rijksregisternummer")],
    ),
    Kind::checked("pl_pesel", pesel, &[(English, "PESEL")]),
    Kind::checked("pl_nip", nip, &[(English, "NIP")]),
    Kind::checked("se_personnummer", personnummer, &[(English, "personnummer")]),
    Kind::checked("fi_hetu", hetu, &[(English, "henkilötunnus"), (English, "HETU")]).alone(),
    Kind::checked("no_fodselsnummer", fodselsnummer, &[(English, "fødselsnummer")]).alone(),
    Kind::checked("cz_rodne_cislo", rodne_cislo, &[(English, "rodné číslo")]),
    Kind::checked("ro_cnp", cnp, &[(English, "CNP"), (English, "cod numeric personal")]),
    Kind::checked("hr_oib", oib, &[(English, "OIB")]),
    Kind::checked("ru_snils", snils, &[(English, "SNILS"), (English, "СНИЛС")]),
    Kind::checked("pt_nif", nif, &[(Portuguese, "NIF"), (Portuguese, "número de contribuinte")]),
    Kind::checked("eu_vat", vat, &[(German, "USt-IdNr."), (English, "VAT number")]).alone(),
    Kind::formed("uk_postcode", postcode, &[(English, "postcode"), (English, "post code")]),
];

fn born(random: &mut Random, form: &str) -> String {
    Day::of_birth(random).figures(form)
}

fn nhs(random: &mut Random) -> String {
    loop {
        let text = fill(random, "499999999");
        let check = eleven_less(&text, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
        if check != 10 {
            let text = format!("{text}{}", check % 11);
            return written(random, &text, &["### ### ####", "##########"]);
        }
    }
}

fn nino(random: &mut Random) -> String {
    let head = any(random, "ABCEHJLMPRSW", 1) + &any(random, "ABCEHJLMPRSWXYZ", 1);
    let text = format!("{head}{}{}", fill(random, "899999"), any(random, "ABCD", 1));
    written(random, &text, &["## ## ## ## #", "#########"])
}

fn steuer_id(random: &mut Random) -> String {
    // Ten digits of which one is twice there and one missing.
    let mut digits: Vec<char> = "1234567890".chars().collect();
    for at in (1..digits.len()).rev() {
        digits.swap(at, random.below(at + 1));
    }
    digits[9] = digits[random.below(8)];
    if digits[0] == '0' {
        digits.swap(0, 1);
    }
    let text: String = digits.iter().collect();
    let text = format!("{text}{}", mod_11_10(&text));
    written(random, &text, &["## ### ### ###", "###########"])
}

fn ahv(random: &mut Random) -> String {
    let text = fill(random, "756999999999");
    let check = to_ten(weighted(&text, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]));
    written(random, &format!("{text}{check}"), &["###.####.####.##"])
}

fn spanish_letter(number: &str) -> char {
    char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[rest(number, 23) as usize])
}

fn dni(random: &mut Random) -> String {
    let text = fill(random, "89999999");
    let text = format!("{text}{}", spanish_letter(&text));
    written(random, &text, &["#########", "########-#"])
}

fn nie(random: &mut Random) -> String {
    let first = random.below(3);
    let text = fill(random, "9999999");
    let letter = spanish_letter(&format!("{first}{text}"));
    let text = format!("{}{text}{letter}", ["X", "Y", "Z"][first]);
    written(random, &text, &["#########", "#-#######-#"])
}

fn codice(random: &mut Random) -> String {
    let day = Day::of_birth(random);
    let month = char::from(b"ABCDEHLMPRST"[day.month as usize - 1]);
    let day_and_sex = day.day + random.of(&[0, 40]);
    let text = format!(
        "{}{}{month}{}{}",
        any(random, "BCDFGLMNPRSTVZ", 6),
        padded(day.year % 100, 2),
        padded(day_and_sex, 2),
        random.of(&["H501", "F205", "L219", "D612", "A944"])
    );
    format!("{text}{}", codice_fiscale(&text))
}

fn partita_iva(random: &mut Random) -> String {
    let text = format!("{}{}", fill(random, "0899999"), random.of(&["001", "015", "058", "080"]));
    format!("{text}{}", luhn(&text))
}

fn nir(random: &mut Random) -> String {
    let department = random.of(&["13", "31", "33", "59", "69", "75", "92"]);
    let text = format!(
        "{}{}{department}{}",
        random.of(&[1, 2]),
        born(random, "ym"),
        fill(random, "099099")
    );
    let check = 97 - rest(&text, 97);
    written(
        random,
        &format!("{text}{}", padded(check as u32, 2)),
        &["# ## ## ## ### ### ##", "###############"],
    )
}

fn siret(random: &mut Random) -> String {
    let siren = fill(random, "89999999");
    let siren = format!("{siren}{}", luhn(&siren));
    let text = format!("{siren}{}", fill(random, "0009"));
    written(random, &format!("{text}{}", luhn(&text)), &["### ### ### #####", "##############"])
}

fn bsn(random: &mut Random) -> String {
    loop {
        let text = fill(random, "89999999");
        let check = weighted(&text, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        if check != 10 {
            return format!("{text}{check}");
        }
    }
}

fn rrn(random: &mut Random) -> String {
    let text = format!("{}{}", born(random, "ymd"), padded(1 + random.below(997) as u32, 3));
    let check = 97 - rest(&text, 97);
    written(random, &format!("{text}{}", padded(check as u32, 2)), &["##.##.##-###.##"])
}

fn pesel(random: &mut Random) -> String {
    let text = format!("{}{}", born(random, "ymd"), fill(random, "9999"));
    format!("{text}{}", to_ten(weighted(&text, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3])))
}

fn nip(random: &mut Random) -> String {
    loop {
        let text = fill(random, "888999999");
        let check = weighted(&text, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
        if check != 10 {
            return written(random, &format!("{text}{check}"), &["###-###-##-##", "##########"]);
        }
    }
}

fn personnummer(random: &mut Random) -> String {
    let text = format!("{}{}", born(random, "ymd"), fill(random, "999"));
    written(random, &format!("{text}{}", luhn(&text)), &["######-####"])
}

fn hetu(random: &mut Random) -> String {
    let (day, serial) = (born(random, "dmy"), padded(2 + random.below(897) as u32, 3));
    let check = rest(&format!("{day}{serial}"), 31) as usize;
    format!("{day}-{serial}{}", char::from(b"0123456789ABCDEFHJKLMNPRSTUVWXY"[check]))
}

fn fodselsnummer(random: &mut Random) -> String {
    loop {
        let text = format!("{}{}", born(random, "dmy"), fill(random, "399"));
        let first = eleven_less(&text, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11;
        let text = format!("{text}{}", first % 10);
        let second = eleven_less(&text, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        if first < 10 && second < 10 {
            return written(random, &format!("{text}{second}"), &["###### #####", "###########"]);
        }
    }
}

fn rodne_cislo(random: &mut Random) -> String {
    loop {
        let text =
            format!("{}{}", Day::between(random, 1955, 1999).figures("ymd"), fill(random, "999"));
        let check = rest(&text, 11);
        if check != 10 {
            return written(random, &format!("{text}{check}"), &["######/####"]);
        }
    }
}

fn cnp(random: &mut Random) -> String {
    let county = padded(1 + random.below(46) as u32, 2);
    let text =
        format!("{}{}{county}{}", random.of(&[1, 2]), born(random, "ymd"), fill(random, "998"));
    let check = match weighted(&text, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        rest => rest,
    };
    format!("{text}{check}")
}

fn oib(random: &mut Random) -> String {
    let text = fill(random, "8999999999");
    format!("{text}{}", mod_11_10(&text))
}

fn snils(random: &mut Random) -> String {
    let text = fill(random, "899999999");
    let check = weighted(&text, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    written(random, &format!("{text}{}", padded(check, 2)), &["###-###-### ##"])
}

fn nif(random: &mut Random) -> String {
    let text = format!("{}{}", random.of(&[1, 2, 5]), fill(random, "9999999"));
    let check = eleven_less(&text, &[9, 8, 7, 6, 5, 4, 3, 2]);
    let check = if check > 9 { 0 } else { check };
    written(random, &format!("{text}{check}"), &["### ### ###", "#########"])
}

/// A German one, or a Belgian one.
fn vat(random: &mut Random) -> String {
    if random.below(2) == 0 {
        let text = fill(random, "89999999");
        return format!("DE{text}{}", mod_11_10(&text));
    }
    let text = fill(random, "08999999");
    format!("BE{text}{}", padded(97 - rest(&text, 97) as u32, 2))
}

fn postcode(random: &mut Random) -> String {
    let area = random.of(&["SW1A", "EC1A", "M1", "B33", "CR2", "DN55", "LS1", "EH12", "BS8"]);
    format!("{area} {}{}", fill(random, "8"), any(random, "ABDEFGHJLNPQRSTUWXYZ", 2))
}
