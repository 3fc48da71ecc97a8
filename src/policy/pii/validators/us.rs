//! Numbers of the United States. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: numbers of areas and groups that are never issued are none.

use super::checksum::{luhn_remainder, weighted};
use super::entity::EntityType;
use super::read::{characters, digits, number, values};

const NINE: &[&str] = &["999-99-9999", "999 99 9999", "999999999"];
const EIN: &[&str] = &["99-9999999", "999999999"];
const PTIN: &[&str] = &["A99999999"];
const NPI: &[&str] = &["9999999999"];
const MBI: &[&str] = &["XXXXXXXXXXX", "XXXX-XXX-XXXX"];
const DEA: &[&str] = &["AX9999999", "AX-9999999"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("us_ssn", "national_id", "- ", NINE, us_ssn)
        .certainty(20, 88, 97)
        .context(&[
            "ssn",
            "social security",
            "social security number",
            "soc sec",
            "social",
            "ss#",
            "ssns",
        ])
        .samples(
            &["353-27-2519", "816 25 1400", "205464452"],
            &[
                "000-27-2519",
                "666-27-2519",
                "953-27-2519",
                "353-00-2519",
                "353-27-0000",
                "078-05-1120",
                "353-272-519",
                "353-27 2519",
            ],
        ),
    EntityType::digits("us_itin", "tax_id", "- ", NINE, us_itin)
        .certainty(25, 85, 97)
        .context(&["itin", "taxpayer", "tax id", "individual taxpayer"])
        .samples(
            &["912-70-1234", "998 90 1234", "900551234"],
            &["912-89-1234", "812-70-1234", "912-49-1234"],
        ),
    EntityType::digits("us_atin", "tax_id", "- ", NINE, us_atin)
        .certainty(10, 70, 97)
        .context(&["atin", "adoption", "taxpayer"])
        .samples(&["912-93-1234"], &["912-94-1234", "812-93-1234"]),
    EntityType::digits("us_ein", "tax_id", "-", EIN, us_ein)
        .certainty(5, 55, 95)
        .context(&["ein", "fein", "employer identification", "tax id", "federal tax"])
        .samples(&["12-3456789", "911144442"], &["07-3456789", "123-456789", "89-1234567"]),
    EntityType::mixed("us_ptin", "tax_id", "", PTIN, us_ptin)
        .certainty(35, 35, 97)
        .context(&["ptin", "preparer"])
        .samples(&["P01594846"], &["Q01594846", "P0159484", "P00000000"]),
    EntityType::digits("us_npi", "health", "", NPI, us_npi)
        .certainty(25, 25, 97)
        .context(&["npi", "provider", "national provider"])
        .samples(&["1234567893", "2111111110"], &["1234567894", "3234567891"]),
    EntityType::mixed("us_mbi", "health", "-", MBI, us_mbi)
        .certainty(75, 90, 98)
        .context(&["mbi", "medicare", "beneficiary"])
        .samples(
            &["1EG4-TE5-MK73", "1EG4TE5MK73"],
            &["0EG4-TE5-MK73", "1EG4-TE5-MK7S", "1SG4TE5MK73"],
        ),
    EntityType::mixed("us_dea", "health", "-", DEA, us_dea)
        .certainty(60, 60, 97)
        .context(&["dea", "registration", "prescriber"])
        .samples(&["AB1234563", "F91234563"], &["AB1234564", "IB1234563", "AB123456"]),
];

/// A social security number, bare or in its three groups: no area 000, 666 or from 900 on, no
/// group 00, no serial 0000, and none of the three that advertisements made known.
pub fn us_ssn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<9>(candidate, NINE) else { return false };
    let area = number(&digits[..3]);
    area != 0
        && area != 666
        && area < 900
        && digits[3..5] != [0, 0]
        && digits[5..] != [0; 4]
        && !matches!(number(&digits), 78_051_120 | 457_555_462 | 219_099_999)
}

/// The group of a number of the nine hundreds.
fn group_of_nine_hundred(candidate: &[u8]) -> Option<u64> {
    let digits = digits::<9>(candidate, NINE)?;
    (digits[0] == 9).then(|| number(&digits[3..5]))
}

/// An individual taxpayer number, of the groups that the revenue service issues: 50 to 65, 70 to
/// 88, 90 to 92, 94 to 99.
pub fn us_itin(candidate: &[u8]) -> bool {
    let group = group_of_nine_hundred(candidate);
    matches!(group, Some(50..=65 | 70..=88 | 90..=92 | 94..=99))
}

/// A taxpayer number for a pending adoption: group 93.
pub fn us_atin(candidate: &[u8]) -> bool {
    group_of_nine_hundred(candidate) == Some(93)
}

/// An employer number, of the prefixes that the revenue service lists.
pub fn us_ein(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<9>(candidate, EIN) else { return false };
    !matches!(
        digits[0] * 10 + digits[1],
        0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
    )
}

/// The number of a tax preparer.
pub fn us_ptin(candidate: &[u8]) -> bool {
    let Some(number) = characters::<9>(candidate, PTIN) else { return false };
    number[0] == b'P' && number[1..] != [b'0'; 8]
}

/// The number of a health care provider: ten digits from 1 or 2 on, right by Luhn after 80840
/// (45 CFR 162.406).
pub fn us_npi(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, NPI) else { return false };
    // 80840 before it adds 24 to the sum, so that six is left for the digits.
    matches!(digits[0], 1 | 2) && luhn_remainder(&digits) == 6
}

/// The number of a Medicare beneficiary (CMS): which place has a digit, a letter, or either.
pub fn us_mbi(candidate: &[u8]) -> bool {
    let Some(number) = characters::<11>(candidate, MBI) else { return false };
    let is_letter = |byte: u8| byte.is_ascii_uppercase() && !b"SLOIBZ".contains(&byte);
    number.iter().zip(b"CAENAENAANN").all(|(byte, code)| match code {
        b'C' => matches!(byte, b'1'..=b'9'),
        b'A' => is_letter(*byte),
        b'E' => is_letter(*byte) || byte.is_ascii_digit(),
        _ => byte.is_ascii_digit(),
    })
}

/// The number of the drug enforcement administration: kind of registrant, letter or 9, six digits
/// and a check digit.
pub fn us_dea(candidate: &[u8]) -> bool {
    let Some(number) = characters::<9>(candidate, DEA) else { return false };
    let Some(digits) = values::<7>(&number[2..]) else { return false };
    let sum = weighted(&digits, &[1, 2, 1, 2, 1, 2]);
    b"ABCDEFGHJKLMPRSTUX".contains(&number[0])
        && (number[1].is_ascii_uppercase() || number[1] == b'9')
        && sum % 10 == u32::from(digits[6])
}
