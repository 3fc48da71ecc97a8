//! Numbers of the United Kingdom. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: prefixes that are never issued are none.

use super::checksum::weighted;
use super::entity::EntityType;
use super::read::{characters, digits, is_one_repeated};

const NHS: &[&str] = &["999 999 9999", "9999999999"];
const NINO: &[&str] = &["AA999999A", "AA 99 99 99 A", "AA 999999 A", "AA-99-99-99-A"];
const UTR: &[&str] = &["9999999999", "99999 99999", "9999999999A"];
const LICENCE: &[&str] = &["XXXXX999999XXXAA", "XXXXX 999999 XXXAA", "XXXXX-999999-XXXAA"];
const PLATE: &[&str] = &["AA99 AAA", "AA99AAA"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("uk_nhs", "health", " ", NHS, uk_nhs)
        .certainty(20, 60, 98)
        .context(&["nhs", "nhs number", "national health", "patient", "health service"])
        .samples(&["943 476 5919", "9434765919"], &["943 476 5918", "943 4765919", "0000000000"]),
    EntityType::mixed("uk_nino", "national_id", " -", NINO, uk_nino)
        .certainty(88, 95, 99)
        .context(&["nino", "national insurance", "ni number", "ni no", "insurance number"])
        .samples(
            &["AB123456C", "JG 10 37 59 A", "ab 123456 c"],
            &["DB123456C", "AO123456C", "GB123456C", "AB123456E", "AB12345C", "AB 123 456 C"],
        ),
    EntityType::digits("uk_utr", "tax_id", " ", UTR, uk_utr)
        .only_in_context(96, &["utr", "unique taxpayer", "tax reference", "taxpayer reference"])
        .samples(&["1955839661", "19558 39661"], &["2955839661", "195583966"]),
    EntityType::mixed("uk_driving_licence", "document", " -", LICENCE, uk_driving_licence)
        .certainty(92, 95, 99)
        .context(&["driving licence", "driving license", "licence", "dvla", "driver"])
        .samples(
            &["MORGA657054SM9IJ", "SMITH 711215 A99BC"],
            &["MORGA697054SM9IJ", "MO9GA657054SM9IJ"],
        ),
    EntityType::mixed("uk_vehicle_plate", "vehicle", " ", PLATE, uk_vehicle_plate)
        .certainty(20, 40, 95)
        .context(&["registration", "reg", "plate", "number plate", "vehicle", "car", "vrm"])
        .mask(3)
        .samples(&["AB12 CDE", "LK71XYZ"], &["QB12 CDE", "AB1 CDE", "AB12 CDQ", "IB12 CDE"]),
];

/// A number of the National Health Service: ten digits, the last by weights modulo 11.
pub fn uk_nhs(candidate: &[u8]) -> bool {
    let Some(number) = digits::<10>(candidate, NHS) else { return false };
    weighted(&number, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        && !is_one_repeated(&number)
}

/// A national insurance number (HMRC manual NIM39110): letters and pairs that are not used.
pub fn uk_nino(candidate: &[u8]) -> bool {
    let Some(number) = characters::<9>(candidate, NINO) else { return false };
    !b"DFIQUV".contains(&number[0])
        && !b"DFIOQUV".contains(&number[1])
        && !matches!(&number[..2], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ")
        && (b'A'..=b'D').contains(&number[8])
}

/// A unique taxpayer reference: ten digits, the first checks the others; perhaps a K behind it.
pub fn uk_utr(candidate: &[u8]) -> bool {
    let bare = match candidate {
        [bare @ .., b'k' | b'K'] => bare,
        all => all,
    };
    let Some(number) = digits::<10>(bare, UTR) else { return false };
    let rest = weighted(&number[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    const CHECKS: [u8; 11] = [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    CHECKS.get(rest as usize) == Some(&number[0])
}

/// The driver number of a licence: surname, date of birth in it, initials, check letters.
pub fn uk_driving_licence(candidate: &[u8]) -> bool {
    let Some(number) = characters::<16>(candidate, LICENCE) else { return false };
    let name = &number[..5];
    let letters = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_padded = |bytes: &[u8]| bytes.iter().all(|byte| *byte == b'9');
    let month = (number[6] - b'0') % 5 * 10 + number[7] - b'0';
    let day = (number[8] - b'0') * 10 + number[9] - b'0';
    letters > 0
        && is_padded(&name[letters..])
        && matches!(number[6], b'0' | b'1' | b'5' | b'6')
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (number[11].is_ascii_uppercase() || is_padded(&number[11..13]))
        && (number[12].is_ascii_uppercase() || number[12] == b'9')
}

/// A plate in the form since 2001: area, age, and three letters.
pub fn uk_vehicle_plate(candidate: &[u8]) -> bool {
    let Some(plate) = characters::<7>(candidate, PLATE) else { return false };
    !plate[..2].iter().any(|byte| b"IQZ".contains(byte))
        && !plate[4..].iter().any(|byte| b"IQ".contains(byte))
}
