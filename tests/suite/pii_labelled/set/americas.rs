//! Numbers of persons and firms of the Americas.
//!
//! Invariant: every check digit comes from the rules beside it.

use super::super::random::Random;
use super::Kind;
use super::Language::{English, French, Portuguese, Spanish};
use super::checks::{eleven_less, luhn, rest_97, values, weighted};
use super::forms::{any, fill, padded, written};

pub(super) const KINDS: &[Kind] = &[
    Kind::checked(
        "br_cpf",
        cpf,
        &[(Portuguese, "CPF"), (Portuguese, "CPF do titular"), (English, "CPF")],
    )
    .alone(),
    Kind::checked(
        "br_cnpj",
        cnpj,
        &[(Portuguese, "CNPJ"), (Portuguese, "CNPJ da empresa"), (English, "CNPJ")],
    )
    .alone(),
    Kind::checked("br_pis", pis, &[(Portuguese, "PIS"), (Portuguese, "PIS/PASEP")]),
    Kind::checked("br_titulo_eleitor", titulo, &[(Portuguese, "título de eleitor")]),
    Kind::checked("br_legal_process", process, &[(Portuguese, "processo"), (Portuguese, "autos")])
        .alone(),
    Kind::checked("br_cns", cns, &[(Portuguese, "CNS"), (Portuguese, "cartão SUS")]),
    Kind::checked("br_renavam", renavam, &[(Portuguese, "Renavam")]),
    Kind::checked(
        "ca_sin",
        sin,
        &[(English, "SIN"), (English, "social insurance number"), (French, "NAS")],
    ),
    Kind::checked("ar_cuit", cuit, &[(Spanish, "CUIT"), (Spanish, "CUIL")]),
    Kind::checked("cl_rut", rut, &[(Spanish, "RUT"), (Spanish, "RUN")]),
    Kind::formed(
        "us_ssn",
        ssn,
        &[(English, "SSN"), (English, "social security number"), (English, "Social Security")],
    ),
    Kind::formed("us_itin", itin, &[(English, "ITIN"), (English, "taxpayer ITIN")]),
    Kind::formed("us_ein", ein, &[(English, "EIN"), (English, "employer identification number")]),
    Kind::checked("us_npi", npi, &[(English, "NPI"), (English, "provider NPI")]),
    Kind::formed("br_cep", cep, &[(Portuguese, "CEP"), (Portuguese, "endereço, CEP")]),
];

/// The rest of the Receita Federal: above nine it is 0.
fn digit(less: u32) -> u32 {
    if less > 9 { 0 } else { less }
}

fn cpf(random: &mut Random) -> String {
    let mut text = fill(random, "899999999");
    text += &digit(eleven_less(&text, &[10, 9, 8, 7, 6, 5, 4, 3, 2])).to_string();
    text += &digit(eleven_less(&text, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])).to_string();
    written(random, &text, &["###.###.###-##", "###.###.###-##", "###########"])
}

/// From July 2026 on with letters, whose value is their place in ASCII less 48.
fn cnpj(random: &mut Random) -> String {
    let body = if random.below(3) == 0 {
        any(random, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 12)
    } else {
        fill(random, "899999990001")
    };
    let check = |text: &str| {
        let weights = (2..=9).cycle();
        let sum: u32 =
            text.bytes().rev().zip(weights).map(|(byte, w)| u32::from(byte - b'0') * w).sum();
        digit(11 - sum % 11)
    };
    let mut text = body;
    text += &check(&text).to_string();
    text += &check(&text).to_string();
    written(random, &text, &["##.###.###/####-##", "##.###.###/####-##", "##############"])
}

fn pis(random: &mut Random) -> String {
    let mut text = fill(random, "1299999999");
    text += &digit(eleven_less(&text, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2])).to_string();
    written(random, &text, &["###.#####.##-#", "###########"])
}

fn titulo(random: &mut Random) -> String {
    let serial = fill(random, "89999999");
    let state = padded(3 + random.below(26) as u32, 2);
    let first = weighted(&serial, &[2, 3, 4, 5, 6, 7, 8, 9]) % 11 % 10;
    let second = weighted(&format!("{state}{first}"), &[7, 8, 9]) % 11 % 10;
    written(random, &format!("{serial}{state}{first}{second}"), &["#### #### ####", "############"])
}

/// A number of a case (CNJ, resolution 65/2008): the rest by 97 makes the whole 1.
fn process(random: &mut Random) -> String {
    let serial = fill(random, "0099999");
    let tail = format!("{}826{}", 2009 + random.below(16), fill(random, "0999"));
    let check = 98 - rest_97(&format!("{serial}{tail}00"));
    written(random, &format!("{serial}{}{tail}", padded(check, 2)), &["#######-##.####.#.##.####"])
}

/// A provisional number: its weighted sum is divisible by eleven.
fn cns(random: &mut Random) -> String {
    const WEIGHTS: [u32; 15] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    loop {
        let text = fill(random, "799999999999999");
        if weighted(&text, &WEIGHTS).is_multiple_of(11) {
            return written(random, &text, &["### #### #### ####", "###############"]);
        }
    }
}

fn renavam(random: &mut Random) -> String {
    let text = fill(random, "0899999999");
    format!("{text}{}", digit(eleven_less(&text, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2])))
}

fn sin(random: &mut Random) -> String {
    let text = format!("{}{}", random.of(&[1, 2, 4, 5, 6, 7]), fill(random, "9999999"));
    let text = format!("{text}{}", luhn(&text));
    written(random, &text, &["###-###-###", "### ### ###", "#########"])
}

fn cuit(random: &mut Random) -> String {
    loop {
        let text = format!("{}{}", random.of(&["20", "23", "27", "30"]), fill(random, "89999999"));
        let check = eleven_less(&text, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        if check != 10 {
            return written(random, &format!("{text}{}", check % 11), &["##-########-#"]);
        }
    }
}

fn rut(random: &mut Random) -> String {
    let text = fill(random, "18999999");
    let sum: u32 =
        values(&text).rev().zip((2..=7).cycle()).map(|(value, weight)| value * weight).sum();
    let check = match 11 - sum % 11 {
        11 => "0".to_owned(),
        10 => "K".to_owned(),
        digit => digit.to_string(),
    };
    written(random, &format!("{text}{check}"), &["##.###.###-#", "########-#"])
}

fn ssn(random: &mut Random) -> String {
    loop {
        let text =
            format!("{}{}", padded(1 + random.below(899) as u32, 3), fill(random, "89-8999"));
        if !text.starts_with("666") {
            return match random.below(4) {
                0 => text.replace('-', ""),
                1 => format!("{}-{}", &text[..3], &text[3..]).replace('-', " "),
                _ => format!("{}-{}", &text[..3], &text[3..]),
            };
        }
    }
}

fn itin(random: &mut Random) -> String {
    let group = 70 + random.below(19);
    format!("9{}-{group}-{}", fill(random, "99"), fill(random, "8999"))
}

fn ein(random: &mut Random) -> String {
    format!(
        "{}-{}",
        random.of(&["12", "20", "27", "36", "45", "58", "84", "91"]),
        fill(random, "8999999")
    )
}

fn npi(random: &mut Random) -> String {
    let text = fill(random, "199999999");
    format!("{text}{}", luhn(&format!("80840{text}")))
}

fn cep(random: &mut Random) -> String {
    fill(random, "08999-999")
}
