//! Payment cards and what is printed on them. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: a card number is of a network's range and length, and right by Luhn.

use super::checksum::luhn;
use super::entity::{EntityType, Shape};
use super::read::{has_form, loose_digits, number};

/// The longest card number: 19 digits (ISO/IEC 7812-1) and a separator after each fourth.
pub const CARD_MAX: usize = 23;

const SEPARATORS: &str = " -";

const CARD_CONTEXT: &[&str] = &[
    "card",
    "credit",
    "debit",
    "visa",
    "mastercard",
    "amex",
    "american express",
    "discover",
    "cc",
    "pan",
    "cartão",
    "cartao",
    "crédito",
    "débito",
    "tarjeta",
    "carte",
    "karte",
    "kreditkarte",
    "carta",
    "kaart",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::new(
        "credit_card",
        "finance",
        Shape::Digits { min: 13, max: 19, separators: SEPARATORS },
        credit_card,
        CARD_MAX,
    )
    .certainty(90, 97, 99)
    .context(CARD_CONTEXT)
    .samples(
        &[
            "4111111111111111",
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "2223003122003222",
            "6304000000000000",
        ],
        &[
            "4111111111111112",
            "4111 1111-1111 1111",
            "41111 11111 111111",
            "9111111111111119",
            "411111111111116",
            "0000000000000000",
        ],
    ),
    EntityType::new(
        "debit_card_short",
        "finance",
        Shape::Digits { min: 12, max: 15, separators: SEPARATORS },
        short_debit_card,
        CARD_MAX,
    )
    .certainty(25, 30, 95)
    .context(&["card", "debit", "maestro", "cartão", "cartao", "tarjeta", "karte", "carte"])
    .samples(&["676770000005", "5018 0000 0009"], &["676770000007", "476770000005"]),
    EntityType::digits("card_cvv", "finance", "", &["999", "9999"], card_cvv)
        .only_in_context(
            90,
            &[
                "cvv",
                "cvc",
                "cvv2",
                "cvc2",
                "cid",
                "csc",
                "security code",
                "verification code",
                "código de segurança",
                "codigo de seguranca",
                "código de seguridad",
                "prüfnummer",
                "cryptogramme",
            ],
        )
        .mask(0)
        .samples(&["123", "0047"], &["12", "12345", "12a"]),
    EntityType::digits("card_expiry", "finance", "/-", EXPIRY, card_expiry)
        .only_in_context(
            90,
            &[
                "exp",
                "expiry",
                "expires",
                "expiration",
                "valid thru",
                "valid until",
                "good thru",
                "validade",
                "vencimento",
                "caducidad",
                "vencimiento",
                "gültig bis",
            ],
        )
        .mask(0)
        .samples(&["04/27", "12/2031", "01-29"], &["13/27", "00/27", "12/1931", "4/271"]),
    EntityType::digits("card_pin", "finance", "", &["9999", "99999", "999999"], card_pin)
        .only_in_context(85, &["pin", "pin code", "pin number", "senha do cartão", "geheimzahl"])
        .mask(0)
        .samples(&["4821", "482193"], &["482", "4821934", "48a1"]),
];

const EXPIRY: &[&str] = &["99/99", "99-99", "99/9999", "99-9999"];

/// The number of a payment card of 14 to 19 digits, or an old Visa of 13 (ISO/IEC 7812-1; ranges
/// as the networks publish them). At most [`CARD_MAX`] bytes.
pub fn credit_card(candidate: &[u8]) -> bool {
    let Some(read) = loose_digits::<19>(candidate, SEPARATORS.as_bytes()) else { return false };
    let digits = read.as_slice();
    is_grouped_as_on_cards(candidate) && has_network(digits) && luhn(digits)
}

/// A Maestro number of 12 to 15 digits. At most [`CARD_MAX`] bytes.
pub fn short_debit_card(candidate: &[u8]) -> bool {
    let Some(read) = loose_digits::<15>(candidate, SEPARATORS.as_bytes()) else { return false };
    let digits = read.as_slice();
    digits.len() >= 12
        && is_maestro(leading(digits, 4))
        && is_grouped_as_on_cards(candidate)
        && luhn(digits)
}

/// The three or four digits on the back.
pub fn card_cvv(candidate: &[u8]) -> bool {
    has_form(candidate, &["999", "9999"])
}

/// A month and a year of this century.
pub fn card_expiry(candidate: &[u8]) -> bool {
    let century = candidate.get(3..5);
    has_form(candidate, EXPIRY)
        && matches!(candidate, [b'0', b'1'..=b'9', ..] | [b'1', b'0'..=b'2', ..])
        && (candidate.len() == 5 || century == Some(b"20"))
}

/// Four to six digits.
pub fn card_pin(candidate: &[u8]) -> bool {
    has_form(candidate, &["9999", "99999", "999999"])
}

/// Groups of three to seven digits, the first of four or six, or none at all.
fn is_grouped_as_on_cards(candidate: &[u8]) -> bool {
    let mut groups = candidate.split(|byte| !byte.is_ascii_digit());
    let first = groups.next().map_or(0, <[u8]>::len);
    first == candidate.len()
        || (matches!(first, 4 | 6) && groups.all(|group| (1..=13).contains(&group.len())))
}

fn leading(digits: &[u8], count: usize) -> u64 {
    number(digits.get(..count).unwrap_or(digits))
}

/// Whether a network issues numbers of this beginning and length.
fn has_network(digits: &[u8]) -> bool {
    let length = digits.len();
    match leading(digits, 4) {
        // Visa.
        4000..=4999 => matches!(length, 13 | 16 | 19),
        // Mastercard.
        2221..=2720 | 5100..=5599 => length == 16,
        // American Express.
        3400..=3499 | 3700..=3799 => length == 15,
        // JCB, and its old range of fifteen digits.
        3528..=3589 => (16..=19).contains(&length),
        1800 | 2131 => length == 15,
        // Diners Club, and Hipercard in its range.
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        // Discover, RuPay, Elo and Hipercard.
        6011 | 6440..=6599 | 6000..=6010 | 6012..=6099 | 8100..=8299 => (16..=19).contains(&length),
        // UnionPay.
        6200..=6299 => (16..=19).contains(&length),
        // Mir.
        2200..=2204 => (16..=19).contains(&length),
        // Troy.
        9792 => length == 16,
        // Maestro, Dankort, Verve, Elo.
        four => is_maestro(four) && length >= 16,
    }
}

fn is_maestro(first_four: u64) -> bool {
    matches!(first_four, 5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799)
}
