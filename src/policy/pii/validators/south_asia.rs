//! Numbers of India, Pakistan, Bangladesh and Sri Lanka. The engine reaches them through
//! [`ENTITIES`].
//!
//! Invariant: what has neither check digit nor a telling form needs its context.

use super::checksum::{base_36, luhn, verhoeff};
use super::entity::EntityType;
use super::read::{characters, digits, has_form, number, values};

const AADHAAR: &[&str] = &["9999 9999 9999", "999999999999", "9999-9999-9999"];
const VID: &[&str] = &["9999 9999 9999 9999", "9999999999999999", "9999-9999-9999-9999"];
const PAN: &[&str] = &["AAAAA9999A"];
const GSTIN: &[&str] = &["99AAAAA9999AXAX"];
const EPIC: &[&str] = &["AAA9999999"];
const PLATE: &[&str] =
    &["AA99AA9999", "AA 99 AA 9999", "AA-99-AA-9999", "AA99 AA 9999", "AA 99 A 9999", "AA99A9999"];
const CNIC: &[&str] = &["99999-9999999-9", "9999999999999"];
const NID: &[&str] = &["9999999999", "9999999999999", "99999999999999999"];
const NIC: &[&str] = &["999999999A", "999999999999"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("in_aadhaar", "national_id", " -", AADHAAR, in_aadhaar)
        .certainty(30, 85, 99)
        .context(&["aadhaar", "aadhar", "uidai", "uid", "आधार"])
        .samples(
            &["2341 2341 2346", "234123412346"],
            &["2341 2341 2347", "1341 2341 2346", "2341-2341 2346"],
        ),
    EntityType::digits("in_aadhaar_vid", "national_id", " -", VID, in_aadhaar_vid)
        .certainty(20, 45, 98)
        .context(&["vid", "virtual id", "aadhaar"])
        .samples(&["2341234123412341"], &["2341234123412342", "1341234123412341"]),
    EntityType::mixed("in_pan", "tax_id", "", PAN, in_pan)
        .certainty(85, 85, 99)
        .context(&["pan", "permanent account", "income tax", "pan card"])
        .samples(&["ACUPA7085R", "ABCPE1234F"], &["ACUXA7085R", "ACUPA0000R", "ACUPA708R"]),
    EntityType::mixed("in_gstin", "tax_id", "", GSTIN, in_gstin)
        .certainty(98, 98, 99)
        .context(&["gstin", "gst"])
        .samples(&["27AAPFU0939F1ZV"], &["27AAPFU0939F1ZW", "99AAPFU0939F1ZV"]),
    EntityType::mixed("in_voter_id", "national_id", "", EPIC, in_voter_id)
        .certainty(35, 35, 97)
        .context(&["voter", "epic", "voter id", "election"])
        .samples(&["WKH1186253"], &["WKH1186254", "WK11186253"]),
    EntityType::mixed("in_vehicle_plate", "vehicle", " -", PLATE, in_vehicle_plate)
        .certainty(55, 70, 95)
        .context(&["vehicle", "registration", "car", "bike", "plate"])
        .samples(
            &["MH12AB1234", "DL 01 C 1234", "KA-05-MN-0007"],
            &["ZZ12AB1234", "MH12AB123", "MH00AB1234"],
        ),
    EntityType::digits("pk_cnic", "national_id", "-", CNIC, pk_cnic)
        .certainty(15, 90, 98)
        .context(&["cnic", "nadra", "shanakhti"])
        .samples(&["34201-0891231-8", "3420108912318"], &["84201-0891231-8", "34201-0891231-0"]),
    EntityType::digits("bd_nid", "national_id", "", NID, bd_nid)
        .only_in_context(92, &["nid", "national id", "জাতীয় পরিচয়পত্র", "smart card"])
        .samples(&["1234567890", "19901234567890123"], &["123456789", "0000000000"]),
    EntityType::mixed("lk_nic", "national_id", "", NIC, lk_nic)
        .certainty(20, 20, 95)
        .context(&["nic", "national identity card"])
        .samples(&["853400937V", "198534000937"], &["853400937Y", "859900937V", "178534000937"]),
];

fn is_uid(digits: &[u8]) -> bool {
    let is_palindrome = digits.iter().eq(digits.iter().rev());
    digits.first().is_some_and(|first| *first >= 2) && !is_palindrome && verhoeff(digits)
}

/// An Aadhaar: twelve digits from 2 on, the last by Verhoeff, no palindrome.
pub fn in_aadhaar(candidate: &[u8]) -> bool {
    digits::<12>(candidate, AADHAAR).is_some_and(|digits| is_uid(&digits))
}

/// A virtual number in an Aadhaar's place: sixteen digits by the same rule.
pub fn in_aadhaar_vid(candidate: &[u8]) -> bool {
    digits::<16>(candidate, VID).is_some_and(|digits| is_uid(&digits))
}

/// An Indian tax account: five letters of which the fourth is the kind of holder, four digits, a
/// letter.
pub fn in_pan(candidate: &[u8]) -> bool {
    let Some(text) = characters::<10>(candidate, PAN) else { return false };
    b"ABCFGHLJPTK".contains(&text[3]) && text[5..9] != *b"0000"
}

/// An Indian goods and services tax number: state, tax account, entity, Z, a check by Luhn over 36
/// characters.
pub fn in_gstin(candidate: &[u8]) -> bool {
    let Some(text) = characters::<15>(candidate, GSTIN) else { return false };
    let Some(state) = values::<2>(&text[..2]) else { return false };
    let sum: u32 = text.iter().rev().enumerate().fold(0, |sum, (place, byte)| {
        let value = u32::from(base_36(*byte).unwrap_or(0)) * (1 + place as u32 % 2);
        sum + value / 36 + value % 36
    });
    (1..=37).contains(&number(&state))
        && text[12] != b'0'
        && text[13] == b'Z'
        && in_pan(&text[2..12])
        && sum.is_multiple_of(36)
}

/// An Indian voter's card: three letters, seven digits by Luhn.
pub fn in_voter_id(candidate: &[u8]) -> bool {
    let Some(text) = characters::<10>(candidate, EPIC) else { return false };
    values::<7>(&text[3..]).is_some_and(|digits| luhn(&digits))
}

/// The states and territories on Indian plates.
const STATES: &[u8] =
    b"ANAPARASBRCGCHDDDLDNGAGJHPHRJHJKKAKLLALDMHMLMNMPMZNLODORPBPYRJSKTGTNTRTSUKUPWB";

/// An Indian vehicle plate: state, district, series, number.
pub fn in_vehicle_plate(candidate: &[u8]) -> bool {
    let state = candidate.get(..2).unwrap_or_default();
    has_form(candidate, PLATE)
        && STATES.as_chunks::<2>().0.iter().any(|known| known.eq_ignore_ascii_case(state))
        && candidate.windows(2).find(|pair| pair[0].is_ascii_digit()) != Some(b"00")
}

/// A Pakistani number: province, serial, and sex in the last digit.
pub fn pk_cnic(candidate: &[u8]) -> bool {
    digits::<13>(candidate, CNIC)
        .is_some_and(|digits| (1..=7).contains(&digits[0]) && digits[12] != 0)
}

/// A Bangladeshi number of ten, thirteen or seventeen digits.
pub fn bd_nid(candidate: &[u8]) -> bool {
    has_form(candidate, NID) && candidate.iter().any(|byte| *byte != b'0')
}

/// A Sri Lankan number: year, day of the year (500 more for women), serial; the old form ends in V
/// or X.
pub fn lk_nic(candidate: &[u8]) -> bool {
    let is_day = |day: u64| matches!(day, 1..=366 | 501..=866);
    if let Some(digits) = digits::<12>(candidate, NIC) {
        return (1900..2100).contains(&number(&digits[..4])) && is_day(number(&digits[4..7]));
    }
    let Some(text) = characters::<10>(candidate, NIC) else { return false };
    values::<9>(&text[..9]).is_some_and(|digits| is_day(number(&digits[2..5])))
        && matches!(text[9], b'V' | b'X')
}
