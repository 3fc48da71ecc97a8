//! Postal codes. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: a code of digits alone is found in context only.

use super::entity::EntityType;
use super::read::{characters, digits, has_form};

const ZIP: &[&str] = &["99999-9999"];
const ZIP_5: &[&str] = &["99999"];
const CEP: &[&str] = &["99999-999", "99.999-999", "99999999"];
const UK: &[&str] = &[
    "A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA", "A99AA", "A999AA", "AA99AA",
    "AA999AA", "A9A9AA", "AA9A9AA",
];
const CANADA: &[&str] = &["A9A 9A9", "A9A-9A9", "A9A9A9"];
const NETHERLANDS: &[&str] = &["9999 AA", "9999AA"];
const PORTUGAL: &[&str] = &["9999-999"];
const JAPAN: &[&str] = &["999-9999"];
const IRELAND: &[&str] = &["A99 XXXX", "A9A XXXX", "A99XXXX", "A9AXXXX"];
const OTHERS: &[&str] = &["9999", "99999", "999999", "999 99", "99-999"];

const CONTEXT: &[&str] = &[
    "postal code",
    "postcode",
    "post code",
    "zip",
    "zip code",
    "zipcode",
    "plz",
    "postleitzahl",
    "code postal",
    "codigo postal",
    "código postal",
    "cap",
    "cep",
    "pin code",
    "pincode",
    "postnummer",
    "kod pocztowy",
    "postinumero",
    "eircode",
    "address",
    "endereço",
    "endereco",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("us_zip_plus_4", "postal", "-", ZIP, us_zip_plus_4)
        .certainty(60, 60, 95)
        .context(CONTEXT)
        .mask(0)
        .samples(&["94107-1234"], &["94107-123", "00000-0000"]),
    EntityType::digits("us_zip", "postal", "", ZIP_5, us_zip)
        .only_in_context(85, &["zip", "zip code", "zipcode", "postal code"])
        .mask(0)
        .samples(&["94107", "00501"], &["00000", "9410", "941071"]),
    EntityType::digits("br_cep", "brazil", "-.", CEP, br_cep)
        .certainty(10, 65, 97)
        .context(&[
            "cep",
            "endereço",
            "endereco",
            "rua",
            "avenida",
            "av",
            "bairro",
            "código postal",
        ])
        .mask(3)
        .samples(
            &["01310-100", "01.310-100", "01310100"],
            &["00310-100", "01310-10", "01310--100"],
        ),
    EntityType::mixed("uk_postcode", "postal", " ", UK, uk_postcode)
        .certainty(40, 75, 95)
        .context(CONTEXT)
        .mask(0)
        .samples(
            &["SW1A 1AA", "M1 1AE", "CR2 6XH", "DN551PT", "GIR 0AA", "ec1a 1bb"],
            &["SW1A 1A", "QW1A 1AA", "SW1A 1CA", "M1A1 1AE"],
        ),
    EntityType::mixed("ca_postal_code", "postal", " -", CANADA, ca_postal_code)
        .certainty(40, 75, 95)
        .context(CONTEXT)
        .mask(0)
        .samples(&["K1A 0B1", "M5V-2T6", "h0h0h0"], &["D1A 0B1", "K1A 0O1", "K1A 0B"]),
    EntityType::mixed("nl_postcode", "postal", " ", NETHERLANDS, nl_postcode)
        .certainty(20, 35, 95)
        .context(CONTEXT)
        .mask(0)
        .samples(&["1012 AB", "2514EA"], &["0012 AB", "1012 SS", "1012 A"]),
    EntityType::digits("pt_postal_code", "postal", "-", PORTUGAL, pt_postal_code)
        .only_in_context(92, &["código postal", "codigo postal", "morada", "postal", "cp"])
        .mask(0)
        .samples(&["1000-205", "4050-313"], &["0000-205", "1000-20"]),
    EntityType::digits("jp_postal_code", "postal", "-", JAPAN, jp_postal_code)
        .only_in_context(90, &["〒", "postal code", "postcode", "zip", "郵便番号"])
        .mask(0)
        .samples(&["100-0001"], &["000-0000", "100-001"]),
    EntityType::mixed("ie_eircode", "postal", " ", IRELAND, ie_eircode)
        .certainty(15, 55, 95)
        .context(CONTEXT)
        .mask(0)
        .samples(&["A65 F4E2", "D6W XY00", "D02X285"], &["B65 F4E2", "A65 F4O2", "D6X XY00"]),
    EntityType::digits("postal_code", "postal", " -", OTHERS, postal_code)
        .only_in_context(75, CONTEXT)
        .mask(0)
        .samples(&["10115", "1010", "110001", "114 55", "00-950"], &["101", "1011555", "0000"]),
];

/// The nine digits of a ZIP+4.
pub fn us_zip_plus_4(candidate: &[u8]) -> bool {
    digits::<9>(candidate, ZIP).is_some_and(|code| code[..5] != [0; 5])
}

/// The five digits of a ZIP code; the lowest in use is 00501.
pub fn us_zip(candidate: &[u8]) -> bool {
    digits::<5>(candidate, ZIP_5).is_some() && candidate >= b"00501".as_slice()
}

/// A Brazilian CEP; the lowest region is 01000-000.
pub fn br_cep(candidate: &[u8]) -> bool {
    digits::<8>(candidate, CEP).is_some_and(|code| code[..2] != [0, 0])
}

/// A British postcode (BS 7666): the letters that each place can have.
pub fn uk_postcode(candidate: &[u8]) -> bool {
    if candidate.eq_ignore_ascii_case(b"GIR 0AA") || candidate.eq_ignore_ascii_case(b"GIR0AA") {
        return true;
    }
    let has_end =
        candidate.iter().rev().take(2).all(|byte| {
            byte.is_ascii_alphabetic() && !b"CIKMOV".contains(&byte.to_ascii_uppercase())
        });
    let in_set = |at: usize, excluded: &[u8]| {
        candidate.get(at).is_some_and(|byte| !excluded.contains(&byte.to_ascii_uppercase()))
    };
    has_end && has_form(candidate, UK) && in_set(0, b"QVX") && in_set(1, b"IJZ")
}

/// A Canadian postal code, without the letters that are not used.
pub fn ca_postal_code(candidate: &[u8]) -> bool {
    let Some(code) = characters::<6>(candidate, CANADA) else { return false };
    !b"WZ".contains(&code[0]) && !code.iter().any(|byte| b"DFIOQU".contains(byte))
}

/// A Dutch postcode: SA, SD and SS are not used.
pub fn nl_postcode(candidate: &[u8]) -> bool {
    let Some(code) = characters::<6>(candidate, NETHERLANDS) else { return false };
    code[0] != b'0' && !matches!(&code[4..], b"SA" | b"SD" | b"SS")
}

/// A Portuguese postal code of seven digits.
pub fn pt_postal_code(candidate: &[u8]) -> bool {
    digits::<7>(candidate, PORTUGAL).is_some_and(|code| code[0] != 0)
}

/// A Japanese postal code of seven digits.
pub fn jp_postal_code(candidate: &[u8]) -> bool {
    digits::<7>(candidate, JAPAN).is_some_and(|code| code[..3] != [0; 3])
}

/// An Irish Eircode: the letters that it can have, and D6W.
pub fn ie_eircode(candidate: &[u8]) -> bool {
    let Some(code) = characters::<7>(candidate, IRELAND) else { return false };
    let is_used = |byte: &u8| byte.is_ascii_digit() || b"ACDEFHKNPRTVWXY".contains(byte);
    code.iter().all(is_used) && (code[2].is_ascii_digit() || code.starts_with(b"D6W"))
}

/// A code of four to six digits of any other country.
pub fn postal_code(candidate: &[u8]) -> bool {
    has_form(candidate, OTHERS) && candidate.iter().any(|byte| matches!(byte, b'1'..=b'9'))
}
