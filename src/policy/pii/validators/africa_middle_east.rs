//! Numbers of South Africa, Nigeria, Kenya, Egypt, Turkey, Israel, the Emirates and Saudi Arabia.
//! The engine reaches them through [`ENTITIES`].
//!
//! Invariant: what has no check digit needs its context.

use super::calendar::{is_date, two};
use super::checksum::{luhn, weighted};
use super::entity::EntityType;
use super::read::{characters, digits, is_one_repeated};

const ZA: &[&str] = &["9999999999999", "999999 9999 999", "999999 9999 99 9"];
const ELEVEN: &[&str] = &["99999999999"];
const TEN: &[&str] = &["9999999999"];
const NINE: &[&str] = &["999999999", "99999999-9", "9-9999999-9"];
const EMIRATES: &[&str] = &["999-9999-9999999-9", "999999999999999"];
const EGYPT: &[&str] = &["99999999999999"];
const KRA: &[&str] = &["A999999999A"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("za_id", "national_id", " ", ZA, za_id)
        .certainty(75, 85, 98)
        .context(&["id number", "rsa id", "south african id", "sa id", "identity number"])
        .samples(
            &["7503305044089", "9202204720083", "920220 4720 083"],
            &["7503305044088", "7513305044089", "7503305044389"],
        ),
    EntityType::digits("ng_nin", "national_id", "", ELEVEN, ng_nin)
        .only_in_context(92, &["nin", "national identification number", "nimc"])
        .samples(&["12345678901"], &["1234567890", "00000000000"]),
    EntityType::digits("ng_bvn", "finance", "", ELEVEN, ng_nin)
        .only_in_context(92, &["bvn", "bank verification"])
        .samples(&["22123456789"], &["2212345678"]),
    EntityType::mixed("ke_kra_pin", "tax_id", "", KRA, ke_kra_pin)
        .certainty(60, 60, 97)
        .context(&["kra", "pin", "tax"])
        .samples(&["A123456789B", "P051234567X"], &["B123456789B", "A12345678B"]),
    EntityType::digits("eg_national_id", "national_id", "", EGYPT, eg_national_id)
        .certainty(45, 45, 97)
        .context(&["الرقم القومي", "national id"])
        .samples(&["29001011234567"], &["49001011234567", "29013011234567", "29001019934567"]),
    EntityType::digits("tr_tckn", "national_id", "", ELEVEN, tr_tckn)
        .certainty(45, 45, 98)
        .context(&["tckn", "tc kimlik", "t.c. kimlik", "kimlik no", "kimlik numarası", "tc no"])
        .samples(&["17291716060", "10000000146"], &["17291716050", "07291716092"]),
    EntityType::digits("tr_vkn", "tax_id", "", TEN, tr_vkn)
        .only_in_context(96, &["vkn", "vergi kimlik", "vergi no", "vergi numarası"])
        .samples(&["4540536920"], &["4540536921"]),
    EntityType::digits("il_id", "national_id", "-", NINE, il_id)
        .certainty(10, 55, 97)
        .context(&["teudat zehut", "תעודת זהות", "ת.ז", "ת״ז", "israeli id", "id number"])
        .samples(&["39337423-6", "393374236", "3-9337423-6"], &["393374239", "000000000"]),
    EntityType::digits("ae_emirates_id", "national_id", "-", EMIRATES, ae_emirates_id)
        .certainty(85, 97, 99)
        .context(&["emirates id", "eid", "الهوية"])
        .samples(&["784-1979-1234567-1"], &["784-1979-1234567-2", "785-1979-1234567-1"]),
    EntityType::digits("sa_national_id", "national_id", "", TEN, sa_national_id)
        .certainty(15, 15, 97)
        .context(&["iqama", "هوية", "national id", "saudi id"])
        .samples(&["1000000008", "2000000006"], &["1000000009", "3000000004"]),
];

/// A South African number: date of birth, serial, citizenship, a digit by Luhn.
pub fn za_id(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, ZA) else { return false };
    // Of two figures of a year, 2000 has every day that 1900 has.
    let year = 2000 + two(digits[0], digits[1]);
    is_date(year, two(digits[2], digits[3]), two(digits[4], digits[5]))
        && digits[10] <= 1
        && luhn(&digits)
}

/// Eleven digits of a Nigerian person or bank customer.
pub fn ng_nin(candidate: &[u8]) -> bool {
    digits::<11>(candidate, ELEVEN).is_some_and(|digits| !is_one_repeated(&digits))
}

/// A Kenyan tax number: A for a person or P for a firm, nine digits, a letter.
pub fn ke_kra_pin(candidate: &[u8]) -> bool {
    characters::<11>(candidate, KRA).is_some_and(|text| matches!(text[0], b'A' | b'P'))
}

/// An Egyptian number: century, date of birth, governorate, serial.
pub fn eg_national_id(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<14>(candidate, EGYPT) else { return false };
    let century = match digits[0] {
        2 => 1900,
        3 => 2000,
        _ => return false,
    };
    let year = century + two(digits[1], digits[2]);
    is_date(year, two(digits[3], digits[4]), two(digits[5], digits[6]))
        && matches!(two(digits[7], digits[8]), 1..=4 | 11..=19 | 21..=29 | 31..=35 | 88)
}

/// A Turkish number of a person, with two check digits.
pub fn tr_tckn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, ELEVEN) else { return false };
    let first = weighted(&digits, &[3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
    let sum = weighted(&digits, &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    digits[0] != 0 && first.is_multiple_of(10) && sum % 10 == u32::from(digits[10])
}

/// A Turkish tax number: each digit is moved and turned by its place.
pub fn tr_vkn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, TEN) else { return false };
    let mut sum = 0;
    for (place, digit) in (1..=9_u32).zip(digits[..9].iter().rev()) {
        let moved = (u32::from(*digit) + place) % 10;
        if moved != 0 {
            let turned = moved * (1 << place) % 9;
            sum += if turned == 0 { 9 } else { turned };
        }
    }
    (10 - sum % 10) % 10 == u32::from(digits[9])
}

/// An Israeli number: nine digits by Luhn.
pub fn il_id(candidate: &[u8]) -> bool {
    digits::<9>(candidate, NINE).is_some_and(|digits| luhn(&digits) && digits != [0; 9])
}

/// A number of the Emirates: 784, year of birth, serial, a digit by Luhn.
pub fn ae_emirates_id(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<15>(candidate, EMIRATES) else { return false };
    digits[..3] == [7, 8, 4] && matches!(digits[3..5], [1, 9] | [2, 0]) && luhn(&digits)
}

/// A Saudi number: 1 for citizens, 2 for residents, a digit by Luhn.
pub fn sa_national_id(candidate: &[u8]) -> bool {
    digits::<10>(candidate, TEN).is_some_and(|digits| matches!(digits[0], 1 | 2) && luhn(&digits))
}
