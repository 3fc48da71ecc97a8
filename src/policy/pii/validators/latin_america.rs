//! Numbers of Mexico, Argentina, Chile, Colombia, Peru, Ecuador and Uruguay. The engine reaches
//! them through [`ENTITIES`].
//!
//! Invariant: what has no check digit needs its context.

use super::calendar::{is_date, two};
use super::checksum::{luhn, weighted};
use super::entity::{EntityType, Shape};
use super::read::{characters, digits, has_form, is_one_repeated, loose_digits, number, values};

const CURP: &[&str] = &["AAAA999999AAAAAAX9"];
const RFC: &[&str] = &["AAAA999999XXX", "AAAA-999999-XXX", "AAAA 999999 XXX"];
const RFC_FIRM: &[&str] = &["AAA999999XXX", "AAA-999999-XXX", "AAA 999999 XXX"];
const RFC_ALL: &[&str] = &[
    "AAAA999999XXX",
    "AAAA-999999-XXX",
    "AAAA 999999 XXX",
    "AAA999999XXX",
    "AAA-999999-XXX",
    "AAA 999999 XXX",
];
const NSS: &[&str] = &["99999999999", "9999-99-9999-9", "99-99-99-9999-9"];
const CUIT: &[&str] = &["99-99999999-9", "99999999999"];
const DNI: &[&str] = &["99.999.999", "9.999.999", "99999999", "9999999"];
const RUT: &[&str] =
    &["99.999.999-X", "9.999.999-X", "99999999-X", "9999999-X", "99999999X", "9999999X"];
const CI_EC: &[&str] = &["9999999999", "999999999-9"];
const RUC: &[&str] = &["99999999999"];
const CI_UY: &[&str] = &["9.999.999-9", "9999999-9", "99999999"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::mixed("mx_curp", "national_id", "", CURP, mx_curp)
        .certainty(99, 99, 99)
        .context(&["curp"])
        .samples(
            &["BOXW310820HNERXN09", "boxw310820hnerxn09"],
            &["BOXW310820HNERXN08", "BOXW311320HNERXN09", "BOXW310820HXXRXN06"],
        ),
    EntityType::mixed("mx_rfc", "tax_id", "- ", RFC_ALL, mx_rfc)
        .certainty(75, 85, 98)
        .context(&["rfc", "contribuyente", "sat", "homoclave"])
        .samples(
            &["GODE561231GR8", "MAB-930714-8T4", "MAB9307148T4"],
            &["GODE561331GR8", "BUEI591231GH2", "MAB930714-8T4"],
        ),
    EntityType::digits("mx_nss", "national_id", "-", NSS, mx_nss)
        .certainty(15, 60, 97)
        .context(&["nss", "imss", "seguro social"])
        .samples(&["12345678903"], &["12345678904"]),
    EntityType::digits("ar_cuit", "tax_id", "-", CUIT, ar_cuit)
        .certainty(45, 92, 98)
        .context(&["cuit", "cuil", "afip"])
        .samples(&["20-05536168-2", "20267565393"], &["20-05536168-3", "21-05536168-2"]),
    EntityType::digits("ar_dni", "national_id", ".", DNI, ar_dni)
        .only_in_context(92, &["dni", "documento", "documento nacional"])
        .samples(&["20.123.456", "20123456"], &["201234567", "00.000.000"]),
    EntityType::mixed("cl_rut", "national_id", ".-", RUT, cl_rut)
        .certainty(12, 88, 98)
        .context(&["rut", "run", "rol único", "rol unico"])
        .samples(
            &["12.531.909-2", "76086428-5", "125319092", "9.853.427-K"],
            &["12.531.909-3", "12531909-K"],
        ),
    EntityType::new(
        "co_nit",
        "tax_id",
        Shape::Digits { min: 9, max: 11, separators: ".-" },
        co_nit,
        15,
    )
    .certainty(8, 55, 97)
    .context(&["nit", "dian", "rut"])
    .samples(&["213.123.432-1", "2131234321"], &["213.123.432-5", "213--123.432-1"]),
    EntityType::digits("co_cedula", "national_id", ".", CEDULA, co_cedula)
        .only_in_context(92, &["cédula", "cedula", "c.c.", "cc", "ciudadanía", "ciudadania"])
        .samples(&["1.020.345.678", "79123456"], &["12345", "0.020.345.678"]),
    EntityType::digits("pe_dni", "national_id", "", &["99999999"], pe_dni)
        .only_in_context(92, &["dni", "documento", "reniec"])
        .samples(&["10117410"], &["1011741", "00000000"]),
    EntityType::digits("pe_ruc", "tax_id", "", RUC, pe_ruc)
        .certainty(35, 35, 97)
        .context(&["ruc", "sunat"])
        .samples(&["20512333797"], &["20512333798", "30512333797"]),
    EntityType::digits("ec_cedula", "national_id", "-", CI_EC, ec_cedula)
        .certainty(15, 60, 97)
        .context(&["cédula", "cedula", "c.i.", "ci", "ecuador"])
        .samples(&["1714307103", "171430710-3"], &["1714307104", "9914307103"]),
    EntityType::digits("uy_ci", "national_id", ".-", CI_UY, uy_ci)
        .certainty(8, 85, 97)
        .context(&["c.i.", "ci", "cédula", "cedula"])
        .samples(&["1.234.567-2", "12345672"], &["1.234.567-3"]),
];

const CEDULA: &[&str] = &[
    "9.999.999.999",
    "99.999.999",
    "9999999999",
    "99999999",
    "999.999.999",
    "9999999",
    "9.999.999",
];

/// Words that the registries replace by others, for their sound; both lists begin with these.
const UNWANTED: &str = "\
BUEI BUEY CACA CACO CAGA CAGO CAKA CAKO COGE COJA COJE COJI COJO CULO FETO GUEY JOTO \
KACA KACO KAGA KAGO KAKA KOGE KOJO KULO MAME MAMO MEAR MEAS MEON MION MOCO MULA PEDA \
PEDO PENE PUTA PUTO QULO RATA RUIN";

/// Those that the population registry alone replaces.
const UNWANTED_IN_CURP: &str = "\
BACA BAKA COGI COLA FALO GETA GUEI JETA KAKO KOGI KOJA KOJE KOJI KOLA LILO LOCA LOCO \
LOKA LOKO MIAR MOKO MULO NACA NACO PIPI PITO POPO ROBA ROBE ROBO SENO TETA VACA VAGA \
VAGO VAKA VUEI VUEY WUEI WUEY";

fn is_unwanted(letters: &[u8], list: &str) -> bool {
    list.split(' ').any(|word| word.as_bytes() == letters)
}

/// The federal states in a CURP, and NE for those who were born abroad.
const MX_STATES: &[u8] = b"ASBCBSCCCHCLCMCSDFDGGRGTHGJCMCMNMSNENLNTOCPLQRQTSLSPSRTCTLTSVZYNZS";

/// A Mexican population number: names, date of birth, sex, state, consonants, homonym, check digit.
pub fn mx_curp(candidate: &[u8]) -> bool {
    let Some(text) = characters::<18>(candidate, CURP) else { return false };
    let Some([y, e, m, o, d, a]) = values::<6>(&text[4..10]) else { return false };
    let century = if text[16].is_ascii_digit() { 1900 } else { 2000 };
    // The alphabet has Ñ between N and O.
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'N' => u32::from(byte - b'A') + 10,
        _ => u32::from(byte.saturating_sub(b'A')) + 11,
    };
    let weights = (2..=18_u32).rev();
    let sum: u32 = text.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum();
    is_date(century + two(y, e), two(m, o), two(d, a))
        && matches!(text[10], b'H' | b'M')
        && MX_STATES.as_chunks::<2>().0.iter().any(|state| *state == text[11..13])
        && u32::from(text[17]) == u32::from(b'0') + (10 - sum % 10) % 10
        && !is_unwanted(&text[..4], UNWANTED)
        && !is_unwanted(&text[..4], UNWANTED_IN_CURP)
}

/// A Mexican tax number of a person (four letters) or firm (three): date, homonym, check character.
/// The check character is not checked: some that were given out are wrong.
pub fn mx_rfc(candidate: &[u8]) -> bool {
    let date = if let Some(text) = characters::<13>(candidate, RFC) {
        if is_unwanted(&text[..4], UNWANTED) {
            return false;
        }
        values::<6>(&text[4..10])
    } else if let Some(text) = characters::<12>(candidate, RFC_FIRM) {
        values::<6>(&text[3..9])
    } else {
        None
    };
    date.is_some_and(|[y, e, m, o, d, a]| is_date(2000 + two(y, e), two(m, o), two(d, a)))
}

/// A Mexican number of social security: eleven digits by Luhn.
pub fn mx_nss(candidate: &[u8]) -> bool {
    digits::<11>(candidate, NSS).is_some_and(|digits| luhn(&digits) && digits != [0; 11])
}

/// An Argentine tax or labour number: kind of holder, document, check digit.
pub fn ar_cuit(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, CUIT) else { return false };
    let check = match 11 - weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
        11 => 0,
        10 => 9,
        check => check,
    };
    matches!(two(digits[0], digits[1]), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55)
        && check == u32::from(digits[10])
}

/// An Argentine identity document of seven or eight digits.
pub fn ar_dni(candidate: &[u8]) -> bool {
    has_form(candidate, DNI) && candidate.first() != Some(&b'0')
}

/// A Chilean number: seven or eight digits, a check digit or K.
pub fn cl_rut(candidate: &[u8]) -> bool {
    let nine = characters::<9>(candidate, RUT);
    let Some([body @ .., check]) = nine.or_else(|| {
        let [a, b, c, d, e, f, g, check] = characters::<8>(candidate, RUT)?;
        Some([b'0', a, b, c, d, e, f, g, check])
    }) else {
        return false;
    };
    let Some(digits) = values::<8>(&body) else { return false };
    let rest = weighted(&digits, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    // Eleven less the rest: eleven is 0, ten is K.
    b"0K987654321".get(rest as usize) == Some(&check) && digits != [0; 8]
}

/// A Colombian tax number of nine to eleven digits, its check digit last. At most 15 bytes.
pub fn co_nit(candidate: &[u8]) -> bool {
    if candidate.len() > 15 {
        return false;
    }
    let (body, last) = match candidate {
        [body @ .., b'-', last] => (body, last.wrapping_sub(b'0')),
        // Without the dash, full stops would be those of an address.
        [body @ .., last] if !body.contains(&b'.') => (body, last.wrapping_sub(b'0')),
        _ => return false,
    };
    let Some(read) = loose_digits::<10>(body, b".") else { return false };
    const WEIGHTS: [u8; 10] = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43];
    let digits = read.as_slice();
    let sum: u32 = digits
        .iter()
        .rev()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(*digit) * u32::from(weight))
        .sum();
    const CHECKS: [u8; 11] = [0, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    digits.len() >= 8
        && digits.first() != Some(&0)
        && CHECKS.get((sum % 11) as usize) == Some(&last)
}

/// A Colombian citizen card of seven to ten digits.
pub fn co_cedula(candidate: &[u8]) -> bool {
    has_form(candidate, CEDULA) && candidate.first() != Some(&b'0')
}

/// A Peruvian identity document of eight digits.
pub fn pe_dni(candidate: &[u8]) -> bool {
    digits::<8>(candidate, &["99999999"]).is_some_and(|digits| digits != [0; 8])
}

/// A Peruvian tax number: kind of holder, document, check digit.
pub fn pe_ruc(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, RUC) else { return false };
    let rest = weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(two(digits[0], digits[1]), 10 | 15 | 17 | 20)
        && (11 - rest) % 10 == u32::from(digits[10])
}

/// An Ecuadorian number: province, serial, a check by doubling every other digit.
pub fn ec_cedula(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, CI_EC) else { return false };
    matches!(two(digits[0], digits[1]), 1..=24 | 30 | 50) && digits[2] <= 6 && luhn(&digits)
}

/// A Uruguayan identity card: seven digits and a check digit.
pub fn uy_ci(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<8>(candidate, CI_UY) else { return false };
    let sum = weighted(&digits, &[2, 9, 8, 7, 6, 3, 4]);
    (10 - sum % 10) % 10 == u32::from(digits[7]) && !is_one_repeated(&digits) && number(&digits) > 0
}
