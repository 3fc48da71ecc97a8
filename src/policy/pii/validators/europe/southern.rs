//! Numbers of Spain, Italy, Portugal, Greece, Croatia and Slovenia.
//!
//! Invariant: every number here carries a check digit or letter, and it is checked; Italy's old
//! identity card alone needs its context.

use super::super::calendar::{is_date, is_date_of_some_century, two};
use super::super::checksum::{base_36, index, luhn, luhn_remainder, mod_11_10, weighted};
use super::super::entity::EntityType;
use super::super::read::{characters, digits, has_form, is_one_repeated, number, values};

const DNI: &[&str] = &["99999999A", "99999999-A", "99.999.999-A", "99 999 999 A", "99.999.999A"];
const NIE: &[&str] = &["A9999999A", "A-9999999-A", "A9999999-A", "A 9999999 A"];
const CIF: &[&str] = &["A9999999X", "A-9999999-X", "A-99999999", "A 99999999", "A-9999999X"];
const NUSS: &[&str] = &["999999999999", "99/99999999/99", "99 99999999 99", "99-99999999-99"];
const CODICE: &[&str] = &["AAAAAAXXAXXAXXXA", "AAA AAA XXAXX AXXXA", "AAAAAA XXAXX AXXXA"];
const IVA: &[&str] = &["99999999999", "IT99999999999"];
const CARTA: &[&str] = &["AA99999AA", "AA9999999", "AA 9999999"];
const NIF: &[&str] = &["999999999", "999 999 999", "PT999999999"];
const CC: &[&str] = &["99999999 9 XX9", "999999999XX9", "99999999-9-XX9"];
const NISS: &[&str] = &["99999999999", "999 999 999 99"];
const ELEVEN: &[&str] = &["99999999999"];
const EMSO: &[&str] = &["9999999999999"];

/// The kinds of this region.
pub const ENTITIES: &[EntityType] = &[
    EntityType::mixed("es_dni", "national_id", "-. ", DNI, es_dni)
        .certainty(85, 92, 99)
        .context(&["dni", "nif", "documento nacional", "identidad"])
        .samples(
            &["54362315K", "54.362.315-K", "54362315-k"],
            &["54362315Z", "5436231K", "54362315-9"],
        ),
    EntityType::mixed("es_nie", "national_id", "- ", NIE, es_nie)
        .certainty(88, 95, 99)
        .context(&["nie", "extranjero", "extranjería", "residencia"])
        .samples(&["X2482300W", "X-2482300-W"], &["X2482300A", "W2482300W"]),
    EntityType::mixed("es_cif", "tax_id", "- ", CIF, es_cif)
        .certainty(55, 75, 97)
        .context(&["cif", "nif", "empresa", "sociedad"])
        .samples(
            &["A13585625", "J99216582", "Q2826000H"],
            &["A13585620", "I13585625", "Q2826000A"],
        ),
    EntityType::digits("es_nuss", "national_id", "/ -", NUSS, es_nuss)
        .certainty(20, 70, 97)
        .context(&["seguridad social", "nuss", "naf", "afiliación", "afiliacion"])
        .samples(&["28/12345678/40", "281234567840"], &["28/12345678/41", "000000000000"]),
    EntityType::mixed("it_codice_fiscale", "national_id", " ", CODICE, it_codice_fiscale)
        .certainty(97, 97, 99)
        .context(&["codice fiscale", "cod. fisc", "c.f.", "cf"])
        .samples(
            &["RCCMNL83S18D969H", "rccmnl83s18d969h"],
            &["RCCMNL83S18D969I", "RCCMNL83S31D969D"],
        ),
    EntityType::mixed("it_partita_iva", "tax_id", "", IVA, it_partita_iva)
        .certainty(15, 15, 97)
        .context(&["partita iva", "p.iva", "p. iva", "piva", "vat", "iva"])
        .samples(&["00743110157", "IT00743110157"], &["00743110158", "00000000157"]),
    EntityType::mixed("it_identity_card", "document", " ", CARTA, it_identity_card)
        .only_in_context(
            92,
            &[
                "carta d'identità",
                "carta identità",
                "carta di identità",
                "documento",
                "identity card",
                "cie",
            ],
        )
        .samples(&["CA12345AA", "AX1234567"], &["CA1234AA", "C123456AA"]),
    EntityType::mixed("pt_nif", "tax_id", " ", NIF, pt_nif)
        .certainty(15, 45, 97)
        .context(&["nif", "contribuinte", "número de contribuinte", "fiscal"])
        .samples(&["501964843", "501 964 843", "PT501964843"], &["501964842", "001964843"]),
    EntityType::mixed("pt_cartao_cidadao", "national_id", " -", CC, pt_cartao_cidadao)
        .certainty(80, 95, 99)
        .context(&["cartão de cidadão", "cartao de cidadao", "cc", "bilhete de identidade"])
        .samples(&["00000000 0 ZZ4", "000000000ZZ4"], &["00000000 0 ZZ3", "00000000 A ZZ4"]),
    EntityType::digits("pt_niss", "national_id", " ", NISS, pt_niss)
        .certainty(25, 65, 97)
        .context(&["niss", "segurança social", "seguranca social"])
        .samples(&["12345678902", "123 456 789 02"], &["12345678903", "32345678902"]),
    EntityType::digits("gr_amka", "national_id", "", ELEVEN, gr_amka)
        .certainty(35, 35, 97)
        .context(&["amka", "αμκα"])
        .samples(&["01013009996"], &["01013009997", "32013009996"]),
    EntityType::digits("hr_oib", "national_id", "", ELEVEN, hr_oib)
        .certainty(20, 20, 97)
        .context(&["oib", "osobni identifikacijski"])
        .samples(&["33392005961"], &["33392005962"]),
    EntityType::digits("si_emso", "national_id", "", EMSO, si_emso)
        .certainty(55, 55, 98)
        .context(&["emšo", "emso", "jmbg", "matični broj", "maticni broj", "matična številka"])
        .samples(&["0101006500006"], &["0101006500007", "3201006500006"]),
];

/// The letter of the Spanish ministry for a number.
fn spanish_letter(number: u64) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE".get((number % 23) as usize).copied().unwrap_or(b'T')
}

/// A Spanish identity number: eight digits and their letter.
pub fn es_dni(candidate: &[u8]) -> bool {
    let Some(text) = characters::<9>(candidate, DNI) else { return false };
    values::<8>(&text[..8]).is_some_and(|digits| spanish_letter(number(&digits)) == text[8])
}

/// A Spanish number of a foreigner: X, Y or Z counts as 0, 1 or 2 before seven digits.
pub fn es_nie(candidate: &[u8]) -> bool {
    let Some(text) = characters::<9>(candidate, NIE) else { return false };
    let (Some(first), Some(digits)) = (index(b"XYZ", text[0]), values::<7>(&text[1..8])) else {
        return false;
    };
    spanish_letter(u64::from(first) * 10_000_000 + number(&digits)) == text[8]
}

/// A Spanish tax number of a firm: the kind's letter, seven digits, a check digit or its letter.
pub fn es_cif(candidate: &[u8]) -> bool {
    let Some(text) = characters::<9>(candidate, CIF) else { return false };
    let Some([a, b, c, d, e, f, g]) = values::<7>(&text[1..8]) else { return false };
    let check = (10 - luhn_remainder(&[a, b, c, d, e, f, g, 0])) % 10;
    b"ABCDEFGHJNPQRSUVW".contains(&text[0])
        && (text[8] == b'0' + check || Some(&text[8]) == b"JABCDEFGHI".get(usize::from(check)))
}

/// A Spanish number of social security: province and number, checked by their rest by 97; numbers
/// below ten millions are put behind the province without their leading zero.
pub fn es_nuss(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<12>(candidate, NUSS) else { return false };
    let (province, serial) = (number(&digits[..2]), number(&digits[2..10]));
    let scale = if serial < 10_000_000 { 10_000_000 } else { 100_000_000 };
    (1..=66).contains(&province) && (province * scale + serial) % 97 == number(&digits[10..])
}

/// An Italian tax code: names, year, month and day of birth, place, and a check letter. Digits may
/// be letters where two persons would share a code.
pub fn it_codice_fiscale(candidate: &[u8]) -> bool {
    let Some(text) = characters::<16>(candidate, CODICE) else { return false };
    let mut plain = text;
    for place in [6, 7, 9, 10, 12, 13, 14] {
        if plain[place].is_ascii_uppercase() {
            let Some(digit) = index(b"LMNPQRSTUV", plain[place]) else { return false };
            plain[place] = b'0' + digit;
        }
    }
    let Some(month) = index(b"ABCDEHLMPRST", plain[8]) else { return false };
    let value = |place: usize| plain[place] - b'0';
    // Forty more for women.
    let day = two(value(9), value(10)) % 40;
    is_date_of_some_century(two(value(6), value(7)), u32::from(month) + 1, day)
        && text[15] == italian_letter(&text[..15])
}

fn italian_letter(text: &[u8]) -> u8 {
    const ODD: [u8; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let sum: u32 = text.iter().enumerate().fold(0, |sum, (place, byte)| {
        let value = if byte.is_ascii_digit() { byte - b'0' } else { byte.saturating_sub(b'A') };
        let odd = ODD.get(usize::from(value)).copied().unwrap_or(0);
        sum + u32::from(if place % 2 == 0 { odd } else { value })
    });
    b'A' + (sum % 26) as u8
}

/// An Italian VAT number: number of the firm, province, a digit by Luhn.
pub fn it_partita_iva(candidate: &[u8]) -> bool {
    let bare = match candidate {
        [b'I' | b'i', b'T' | b't', bare @ ..] => bare,
        all => all,
    };
    digits::<11>(bare, IVA).is_some_and(|digits| is_partita_iva(&digits))
}

pub(super) fn is_partita_iva(digits: &[u8; 11]) -> bool {
    number(&digits[..7]) != 0
        && matches!(number(&digits[7..10]), 1..=100 | 120 | 121 | 888 | 999)
        && luhn(digits)
}

/// The number of an Italian identity card, on paper or electronic.
pub fn it_identity_card(candidate: &[u8]) -> bool {
    has_form(candidate, CARTA)
}

/// A Portuguese tax number: nine digits, the last by weights modulo 11.
pub fn pt_nif(candidate: &[u8]) -> bool {
    let bare = match candidate {
        [b'P' | b'p', b'T' | b't', bare @ ..] => bare,
        all => all,
    };
    digits::<9>(bare, NIF).is_some_and(|digits| is_nif(&digits))
}

pub(super) fn is_nif(digits: &[u8; 9]) -> bool {
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    digits[0] != 0 && (11 - rest) % 11 % 10 == u32::from(digits[8])
}

/// A Portuguese citizen card: number, version of the card in which a letter is, and a check digit
/// like Luhn's over digits and letters.
pub fn pt_cartao_cidadao(candidate: &[u8]) -> bool {
    let Some(text) = characters::<12>(candidate, CC) else { return false };
    let sum: u32 = text.iter().rev().enumerate().fold(0, |sum, (place, byte)| {
        let value = u32::from(base_36(*byte).unwrap_or(0));
        let doubled = if value * 2 > 9 { value * 2 - 9 } else { value * 2 };
        sum + if place % 2 == 0 { value } else { doubled }
    });
    sum.is_multiple_of(10) && text[9..11].iter().any(u8::is_ascii_uppercase)
}

/// A Portuguese number of social security: eleven digits from 1 or 2 on, weighted by primes.
pub fn pt_niss(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, NISS) else { return false };
    let sum = weighted(&digits, &[29, 23, 19, 17, 13, 11, 7, 5, 3, 2]);
    matches!(digits[0], 1 | 2) && 9 - sum % 10 == u32::from(digits[10])
}

/// A Greek number of social security: a date of birth, a serial, a digit by Luhn.
pub fn gr_amka(candidate: &[u8]) -> bool {
    let Some([d, a, m, o, y, e, ref rest @ ..]) = digits::<11>(candidate, ELEVEN) else {
        return false;
    };
    let [f, g, h, i, check] = *rest;
    is_date_of_some_century(two(y, e), two(m, o), two(d, a))
        && luhn(&[d, a, m, o, y, e, f, g, h, i, check])
}

/// A Croatian personal number: eleven digits by ISO/IEC 7064 MOD 11,10.
pub fn hr_oib(candidate: &[u8]) -> bool {
    digits::<11>(candidate, ELEVEN)
        .is_some_and(|digits| mod_11_10(&digits) && !is_one_repeated(&digits))
}

/// A number of a person in Slovenia and the other lands of Yugoslavia: a date of birth with three
/// digits of the year, the region, a serial, a check digit.
pub fn si_emso(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, EMSO) else { return false };
    let [d, a, m, o, y, e, r, ..] = digits;
    let year = u32::from(y) * 100 + two(e, r);
    let year = if year < 800 { year + 2000 } else { year + 1000 };
    let sum = weighted(&digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    is_date(year, two(m, o), two(d, a)) && (11 - sum) % 11 % 10 == u32::from(digits[12])
}
