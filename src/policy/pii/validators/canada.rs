//! Numbers of Canada. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: what is checked by Luhn alone needs its groups or its context to be certain.

use super::checksum::{luhn, weighted};
use super::entity::EntityType;
use super::read::{characters, digits, values};

const SIN: &[&str] = &["999-999-999", "999 999 999", "999999999"];
const BUSINESS: &[&str] =
    &["999999999AA9999", "99999 9999 AA9999", "999999999 AA9999", "999999999 AA 9999"];
const HEALTH_BC: &[&str] = &["9999 999 999", "9999-999-999", "9999999999"];
const HEALTH_ON: &[&str] =
    &["9999-999-999-AA", "9999 999 999 AA", "9999-999-999", "9999999999AA", "9999999999"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("ca_sin", "national_id", "- ", SIN, ca_sin)
        .certainty(15, 75, 98)
        .context(&[
            "sin",
            "social insurance",
            "social insurance number",
            "assurance sociale",
            "nas",
        ])
        .samples(
            &["130-692-544", "130 692 544", "130692544"],
            &["130-692-545", "030-692-544", "130-692544"],
        ),
    EntityType::mixed("ca_business_number", "tax_id", " ", BUSINESS, ca_business_number)
        .certainty(85, 90, 98)
        .context(&["business number", "bn", "gst", "hst", "payroll"])
        .samples(
            &["123026635RC0001", "12302 6635 RT0001"],
            &["123026636RC0001", "123026635XX0001"],
        ),
    EntityType::digits("ca_bc_phn", "health", " -", HEALTH_BC, ca_bc_phn)
        .certainty(25, 70, 97)
        .context(&["phn", "personal health", "health number", "care card", "bc services"])
        .samples(&["9698 658 215", "9698658215"], &["9698648215", "1698658215"]),
    EntityType::mixed("ca_ontario_health", "health", "- ", HEALTH_ON, ca_ontario_health)
        .only_in_context(
            95,
            &["ohip", "health card", "health number", "carte santé", "ontario health"],
        )
        .samples(&["9876-543-217-AB", "9876543217"], &["9876543218", "0876543217"]),
];

/// A social insurance number: nine digits by Luhn; 0 and 8 begin none.
pub fn ca_sin(candidate: &[u8]) -> bool {
    let Some(number) = digits::<9>(candidate, SIN) else { return false };
    !matches!(number[0], 0 | 8) && luhn(&number)
}

/// A business number with the account of a programme of the revenue agency.
pub fn ca_business_number(candidate: &[u8]) -> bool {
    let Some(number) = characters::<15>(candidate, BUSINESS) else { return false };
    values::<9>(&number[..9]).is_some_and(|digits| luhn(&digits))
        && matches!(&number[9..11], b"RC" | b"RM" | b"RP" | b"RT")
}

/// A personal health number of British Columbia.
pub fn ca_bc_phn(candidate: &[u8]) -> bool {
    let Some(number) = digits::<10>(candidate, HEALTH_BC) else { return false };
    let rest = weighted(&number[1..], &[2, 4, 8, 5, 10, 9, 7, 3]) % 11;
    number[0] == 9 && (11 - rest) % 11 == u32::from(number[9])
}

/// A health card of Ontario: ten digits by Luhn, perhaps with the version's two letters.
pub fn ca_ontario_health(candidate: &[u8]) -> bool {
    let number = characters::<12>(candidate, HEALTH_ON)
        .and_then(|number| values::<10>(&number[..10]))
        .or_else(|| digits::<10>(candidate, HEALTH_ON));
    number.is_some_and(|number| number[0] != 0 && luhn(&number))
}
