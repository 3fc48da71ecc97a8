//! Passports, driving licences, machine-readable lines, vehicles: papers of many countries. The
//! engine reaches them through [`ENTITIES`].
//!
//! Invariant: a number without a check digit is found in context only.

use super::checksum::base_36;
use super::entity::{EntityType, Shape};
use super::read::{characters, has_form, loose};

const PASSPORT: &[&str] = &[
    "999999999",
    "A99999999",
    "A9999999",
    "AA999999",
    "AA9999999",
    "99AA99999",
    "AAA999999",
    "99999999",
    "AAXXXXXX9",
    "XXXXXXXXX",
    "A999999",
];
const US_PASSPORT: &[&str] = &["999999999", "A99999999"];
const CA_PASSPORT: &[&str] = &["AA999999", "A999999AA"];
const VIN: &[&str] = &["XXXXXXXXXXXXXXXXX"];

/// The longest driving licence number of a state, with its dashes.
pub const DRIVING_LICENCE_MAX: usize = 24;
/// Two lines of 44 characters are looked at one by one.
pub const MRZ_MAX: usize = 44;

const LICENCE: &[&str] = &[
    "driver's license",
    "drivers license",
    "driver license",
    "driving licence",
    "driving license",
    "driver's licence",
    "license number",
    "licence number",
    "dl",
    "dl#",
    "dln",
    "license no",
    "führerschein",
    "fuhrerschein",
    "permis de conduire",
    "permiso de conducir",
    "patente",
    "rijbewijs",
    "licencia de conducir",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::mixed("us_passport", "document", "", US_PASSPORT, us_passport)
        .only_in_context(92, &["passport", "passport number", "passport no", "us passport"])
        .samples(&["123456789", "C12345678"], &["12345678", "CC1234567", "000000000"]),
    EntityType::digits("uk_passport", "document", "", &["999999999"], uk_passport)
        .only_in_context(90, &["passport", "british passport", "hm passport", "uk passport"])
        .samples(&["925665416"], &["92566541", "000000000"]),
    EntityType::mixed("ca_passport", "document", "", CA_PASSPORT, ca_passport)
        .only_in_context(92, &["passport", "passeport", "canadian passport"])
        .samples(&["AB123456", "P123456AA"], &["ABC12345", "A123456A"]),
    EntityType::mixed("passport", "document", "", PASSPORT, passport)
        .only_in_context(
            85,
            &[
                "passport",
                "passaporte",
                "pasaporte",
                "passeport",
                "reisepass",
                "passaporto",
                "paspoort",
                "passport no",
                "pass-nr",
            ],
        )
        .samples(&["AA123456", "J8369854", "12AB34567"], &["PASSWORDS", "A12", "passports"]),
    EntityType::new(
        "driving_licence",
        "document",
        Shape::Alphanumeric { min: 5, max: 19, separators: "- " },
        driving_licence,
        DRIVING_LICENCE_MAX,
    )
    .only_in_context(88, LICENCE)
    .samples(
        &[
            "M943688896309",
            "281211981",
            "U62928788557186",
            "LH329609T",
            "a56319335",
            "S530-4600-5678",
        ],
        &["number", "1234", "A123", "license12"],
    ),
    EntityType::new(
        "passport_mrz",
        "document",
        Shape::Run { min: 30, max: 44, extra: "<" },
        passport_mrz,
        MRZ_MAX,
    )
    .certainty(97, 97, 99)
    .context(&["passport", "mrz", "travel document"])
    .mask(0)
    .samples(
        &["L898902C36UTO7408122F1204159ZE184226B<<<<<10", "D231458907UTO7408122F1204159<<<<<<<6"],
        &[
            "L898902C46UTO7408122F1204159ZE184226B<<<<<10",
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        ],
    ),
    EntityType::mixed("vin", "vehicle", "", VIN, vin)
        .certainty(80, 80, 98)
        .context(&[
            "vin",
            "chassis",
            "vehicle identification",
            "chassi",
            "fahrgestellnummer",
            "frame number",
        ])
        .samples(
            &["1M8GDM9AXKP042788", "11111111111111111"],
            &["1M8GDM9A1KP042788", "1M8GDM9AXKPO42788"],
        ),
    EntityType::mixed("medical_record_number", "health", "-", RECORD, medical_record_number)
        .only_in_context(
            85,
            &["mrn", "medical record", "patient id", "prontuário", "prontuario", "chart number"],
        )
        .samples(&["12345678", "A1234567", "123-45-6789"], &["1234", "patients"]),
    EntityType::mixed("insurance_policy", "document", "-/", POLICY, medical_record_number)
        .only_in_context(
            80,
            &[
                "policy number",
                "policy no",
                "policy",
                "apólice",
                "apolice",
                "member id",
                "insurance id",
            ],
        )
        .samples(&["AB12345678", "123456789"], &["1234", "policies"]),
];

const RECORD: &[&str] = &[
    "999999",
    "9999999",
    "99999999",
    "999999999",
    "A9999999",
    "A99999999",
    "999-99-9999",
    "99-99-99",
    "9999999999",
];
const POLICY: &[&str] =
    &["999999999", "9999999999", "AA99999999", "AAA999999999", "A999999999", "99999999"];

fn has_a_digit_not_zero(candidate: &[u8]) -> bool {
    candidate.iter().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// A passport of the United States: nine digits, or a letter and eight.
pub fn us_passport(candidate: &[u8]) -> bool {
    has_form(candidate, US_PASSPORT) && has_a_digit_not_zero(candidate)
}

/// A British passport: nine digits.
pub fn uk_passport(candidate: &[u8]) -> bool {
    has_form(candidate, &["999999999"]) && has_a_digit_not_zero(candidate)
}

/// A Canadian passport, of the form until 2023 or since.
pub fn ca_passport(candidate: &[u8]) -> bool {
    has_form(candidate, CA_PASSPORT) && has_a_digit_not_zero(candidate)
}

/// A passport of any country: six to nine letters and digits, three of them digits at least.
pub fn passport(candidate: &[u8]) -> bool {
    let digits = candidate.iter().filter(|byte| byte.is_ascii_digit()).count();
    has_form(candidate, PASSPORT) && digits >= 3 && has_a_digit_not_zero(candidate)
}

/// A driving licence of any state: up to nineteen letters and digits with four digits at least, and
/// more digits than letters. At most [`DRIVING_LICENCE_MAX`] bytes.
pub fn driving_licence(candidate: &[u8]) -> bool {
    let Some(read) = loose::<19>(candidate, b"- ") else { return false };
    let text = read.as_slice();
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    candidate.len() <= DRIVING_LICENCE_MAX
        && text.len() >= 5
        && digits >= 4
        && digits * 2 > text.len()
}

/// Seven, three and one in turn (ICAO 9303-3 section 4.9).
fn has_icao_check(field: &[u8], check: u8) -> bool {
    let mut sum = 0;
    for (byte, weight) in field.iter().zip([7_u32, 3, 1].iter().cycle()) {
        let value = match byte {
            b'<' => 0,
            other => match base_36(*other) {
                Some(value) => u32::from(value),
                None => return false,
            },
        };
        sum += value * weight;
    }
    u32::from(check) == u32::from(b'0') + sum % 10 || (check == b'<' && sum == 0)
}

/// The second line of a passport or of a card of two lines (ICAO 9303-4, 9303-6): the checks of
/// number, birth, expiry, and of all of them.
pub fn passport_mrz(candidate: &[u8]) -> bool {
    if !matches!(candidate.len(), 36 | 44) {
        return false;
    }
    let field = |from: usize, to: usize| candidate.get(from..to).unwrap_or_default();
    let check = |at: usize| candidate.get(at).copied().unwrap_or(0);
    let last = candidate.len() - 1;
    let mut all = [0; 40];
    let whole = field(0, 10).iter().chain(field(13, 20)).chain(field(21, last));
    let mut count = 0;
    for (to, from) in all.iter_mut().zip(whole) {
        *to = *from;
        count += 1;
    }
    has_icao_check(field(0, 9), check(9))
        && has_icao_check(field(13, 19), check(19))
        && has_icao_check(field(21, 27), check(27))
        && all.get(..count).is_some_and(|all| has_icao_check(all, check(last)))
}

/// A vehicle identification number with the check digit of North America and China (ISO 3779,
/// 49 CFR 565); European makers leave it out, and theirs are not found.
pub fn vin(candidate: &[u8]) -> bool {
    let Some(text) = characters::<17>(candidate, VIN) else { return false };
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let mut sum = 0;
    for (byte, weight) in text.iter().zip(WEIGHTS) {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'H' => byte - b'A' + 1,
            b'J'..=b'N' => byte - b'J' + 1,
            b'P' => 7,
            b'R' => 9,
            b'S'..=b'Z' => byte - b'S' + 2,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    let check = b"0123456789X".get((sum % 11) as usize);
    check == Some(&text[8])
}

/// A number in the form of a record or policy: digits, perhaps with letters before them.
pub fn medical_record_number(candidate: &[u8]) -> bool {
    (has_form(candidate, RECORD) || has_form(candidate, POLICY)) && has_a_digit_not_zero(candidate)
}
