//! The International Bank Account Number (ISO 13616) with the length and the structure of each
//! country's account number, as its registry (SWIFT, release 99) has them.
//!
//! Invariant: a country that is not in the registry has no IBAN.

use super::checksum::remainder_97;
use super::entity::{EntityType, Shape};
use super::read::loose;

/// The longest IBAN in the registry is Russia's with 33 characters; eight spaces between fours.
pub const IBAN_MAX: usize = 41;

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[EntityType::new(
    "iban",
    "finance",
    Shape::Alphanumeric { min: 15, max: 33, separators: " -" },
    iban,
    IBAN_MAX,
)
.certainty(98, 98, 99)
.context(&["iban", "account", "konto", "conta", "cuenta", "compte", "rekening"])
.samples(
    &[
        "GB82WEST12345698765432",
        "GB82 WEST 1234 5698 7654 32",
        "de89370400440532013000",
        "NO9386011117947",
        "BR1800360305000010009795493C1",
        "MT84MALT011000012345MTLCAST001S",
    ],
    &[
        "GB82WEST12345698765433",
        "GB82WEST1234569876543",
        "ZZ82WEST12345698765432",
        "DE8937040044053201300A",
        "GB8 2WEST 12345698765432",
    ],
)];

/// The structure of each country's account number: how many characters of which kind in order,
/// `n` digits, `a` letters, `c` either.
const REGISTRY: &[(&[u8; 2], &str)] = &[
    (b"AD", "8n12c"),
    (b"AE", "19n"),
    (b"AL", "8n16c"),
    (b"AT", "16n"),
    (b"AZ", "4a20c"),
    (b"BA", "16n"),
    (b"BE", "12n"),
    (b"BG", "4a6n8c"),
    (b"BH", "4a14c"),
    (b"BI", "23n"),
    (b"BR", "23n1a1c"),
    (b"BY", "4c4n16c"),
    (b"CH", "5n12c"),
    (b"CR", "18n"),
    (b"CY", "8n16c"),
    (b"CZ", "20n"),
    (b"DE", "18n"),
    (b"DJ", "23n"),
    (b"DK", "14n"),
    (b"DO", "4c20n"),
    (b"EE", "16n"),
    (b"EG", "25n"),
    (b"ES", "20n"),
    (b"FI", "14n"),
    (b"FK", "2a12n"),
    (b"FO", "14n"),
    (b"FR", "10n11c2n"),
    (b"GB", "4a14n"),
    (b"GE", "2a16n"),
    (b"GI", "4a15c"),
    (b"GL", "14n"),
    (b"GR", "7n16c"),
    (b"GT", "24c"),
    (b"HN", "4a20n"),
    (b"HR", "17n"),
    (b"HU", "24n"),
    (b"IE", "4a14n"),
    (b"IL", "19n"),
    (b"IQ", "4a15n"),
    (b"IS", "22n"),
    (b"IT", "1a10n12c"),
    (b"JO", "4a4n18c"),
    (b"KW", "4a22c"),
    (b"KZ", "3n13c"),
    (b"LB", "4n20c"),
    (b"LC", "4a24c"),
    (b"LI", "5n12c"),
    (b"LT", "16n"),
    (b"LU", "3n13c"),
    (b"LV", "4a13c"),
    (b"LY", "21n"),
    (b"MC", "10n11c2n"),
    (b"MD", "20c"),
    (b"ME", "18n"),
    (b"MK", "3n10c2n"),
    (b"MN", "16n"),
    (b"MR", "23n"),
    (b"MT", "4a5n18c"),
    (b"MU", "4a19n3a"),
    (b"NI", "4a20n"),
    (b"NL", "4a10n"),
    (b"NO", "11n"),
    (b"OM", "3n16c"),
    (b"PK", "4a16c"),
    (b"PL", "24n"),
    (b"PS", "4a21c"),
    (b"PT", "21n"),
    (b"QA", "4a21c"),
    (b"RO", "4a16c"),
    (b"RS", "18n"),
    (b"RU", "14n15c"),
    (b"SA", "2n18c"),
    (b"SC", "4a20n3a"),
    (b"SD", "14n"),
    (b"SE", "20n"),
    (b"SI", "15n"),
    (b"SK", "20n"),
    (b"SM", "1a10n12c"),
    (b"SO", "19n"),
    (b"ST", "21n"),
    (b"SV", "4a20n"),
    (b"TL", "19n"),
    (b"TN", "20n"),
    (b"TR", "6n16c"),
    (b"UA", "6n19c"),
    (b"VA", "18n"),
    (b"VG", "4a16n"),
    (b"XK", "16n"),
    (b"YE", "4a4n18c"),
];

/// An IBAN, bare or in groups of four. At most [`IBAN_MAX`] bytes.
pub fn iban(candidate: &[u8]) -> bool {
    if !matches!(candidate, [a, b, c, d, ..]
        if a.is_ascii_alphabetic() && b.is_ascii_alphabetic()
            && c.is_ascii_digit() && d.is_ascii_digit())
        || candidate.len() > IBAN_MAX
    {
        return false;
    }
    let Some(read) = loose::<34>(candidate, b" -") else { return false };
    let Some((head, account)) = read.as_slice().split_at_checked(4) else { return false };
    let structure = head.get(..2).and_then(|country| {
        let at = REGISTRY.binary_search_by(|(code, _)| code.as_slice().cmp(country)).ok()?;
        REGISTRY.get(at).map(|(_, structure)| *structure)
    });
    structure.is_some_and(|structure| has_structure(account, structure))
        && remainder_97(account.iter().chain(head)) == Some(1)
}

fn has_structure(account: &[u8], structure: &str) -> bool {
    let mut rest = account;
    let mut count = 0_usize;
    for code in structure.bytes() {
        if code.is_ascii_digit() {
            count = count * 10 + usize::from(code - b'0');
            continue;
        }
        let Some((part, others)) = rest.split_at_checked(count) else { return false };
        let fits = match code {
            b'n' => part.iter().all(u8::is_ascii_digit),
            b'a' => part.iter().all(u8::is_ascii_uppercase),
            _ => true,
        };
        if !fits {
            return false;
        }
        (rest, count) = (others, 0);
    }
    rest.is_empty()
}
