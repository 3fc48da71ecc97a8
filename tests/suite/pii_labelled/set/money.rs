//! Numbers of cards and accounts, and what stands beside them.
//!
//! Invariant: every check digit comes from the rules beside it.

use super::super::random::Random;
use super::Kind;
use super::Language::{English, French, German, Portuguese, Spanish};
use super::checks::{base_58_check, luhn, rest_97, to_ten, weighted};
use super::forms::{any, fill, padded, written};

pub(super) const KINDS: &[Kind] = &[
    Kind::checked(
        "credit_card",
        card,
        &[
            (English, "card number"),
            (English, "credit card"),
            (English, "Visa card"),
            (Portuguese, "cartão de crédito"),
            (German, "Kreditkarte"),
            (French, "carte bancaire"),
            (Spanish, "tarjeta"),
        ],
    )
    .alone(),
    Kind::checked(
        "iban",
        iban,
        &[
            (English, "IBAN"),
            (English, "account"),
            (German, "IBAN"),
            (German, "Konto"),
            (French, "IBAN"),
            (Spanish, "cuenta"),
            (Portuguese, "conta IBAN"),
        ],
    )
    .alone(),
    Kind::formed(
        "card_cvv",
        cvv,
        &[(English, "CVV"), (English, "security code"), (Portuguese, "código de segurança")],
    ),
    Kind::formed(
        "card_expiry",
        expiry,
        &[(English, "expiry"), (English, "valid thru"), (Portuguese, "validade")],
    ),
    Kind::checked("us_aba_routing", routing, &[(English, "routing number"), (English, "ABA")]),
    Kind::formed("bic", bic, &[(English, "BIC"), (English, "SWIFT code"), (German, "BIC")]),
    Kind::checked("mx_clabe", clabe, &[(Spanish, "CLABE")]).alone(),
    Kind::checked("btc_address", bitcoin, &[(English, "BTC address"), (English, "bitcoin wallet")])
        .alone(),
    Kind::formed("br_pix_key", pix, &[(Portuguese, "chave Pix"), (Portuguese, "chave aleatória")]),
];

/// The beginnings of the networks' numbers, and their length.
const BRANDS: &[(&str, usize)] = &[
    ("4", 16),
    ("4", 16),
    ("4", 13),
    ("51", 16),
    ("55", 16),
    ("2223", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("65", 16),
    ("3530", 16),
    ("3589", 16),
    ("36", 14),
    ("3055", 14),
    ("6221", 16),
    ("6362", 16),
    ("5018", 16),
];

/// A number of a card without separators.
pub(super) fn card_digits(random: &mut Random) -> String {
    let (brand, length) = random.of(BRANDS);
    let text = format!("{brand}{}", fill(random, &"9".repeat(length - 1 - brand.len())));
    format!("{text}{}", luhn(&text))
}

fn card(random: &mut Random) -> String {
    let text = card_digits(random);
    let forms: &[&str] = match text.len() {
        16 => &["################", "#### #### #### ####", "####-####-####-####"],
        15 => &["###############", "#### ###### #####"],
        14 => &["##############", "#### ###### ####"],
        _ => return text,
    };
    written(random, &text, forms)
}

/// Countries with the form of their account numbers (SWIFT's registry).
const COUNTRIES: &[(&str, &str)] = &[
    ("DE", "999999999999999999"),
    ("GB", "AAAA99999999999999"),
    ("FR", "99999999999999999999999"),
    ("ES", "99999999999999999999"),
    ("NL", "AAAA9999999999"),
    ("BE", "999999999999"),
    ("PT", "999999999999999999999"),
    ("IT", "A9999999999999999999999"),
    ("CH", "99999999999999999"),
    ("AT", "9999999999999999"),
    ("PL", "999999999999999999999999"),
    ("BR", "99999999999999999999999A9"),
    ("SE", "99999999999999999999"),
    ("DK", "99999999999999"),
    ("NO", "99999999999"),
    ("FI", "99999999999999"),
    ("IE", "AAAA99999999999999"),
];

/// A number of an account without spaces.
pub(super) fn iban_compact(random: &mut Random) -> String {
    let (country, form) = random.of(COUNTRIES);
    let account = fill(random, form);
    let check = 98 - rest_97(&format!("{account}{country}00"));
    format!("{country}{}{account}", padded(check, 2))
}

fn iban(random: &mut Random) -> String {
    let text = iban_compact(random);
    if random.below(2) == 0 {
        return text;
    }
    let fours: Vec<&str> =
        (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
    fours.join(" ")
}

fn cvv(random: &mut Random) -> String {
    fill(random, "999")
}

fn expiry(random: &mut Random) -> String {
    format!("{}/{}", padded(1 + random.below(12) as u32, 2), 27 + random.below(8))
}

fn routing(random: &mut Random) -> String {
    let text = format!(
        "{}{}",
        random.of(&["02", "03", "06", "11", "12", "26", "31"]),
        fill(random, "999999")
    );
    format!("{text}{}", to_ten(weighted(&text, &[3, 7, 1, 3, 7, 1, 3, 7])))
}

fn bic(random: &mut Random) -> String {
    let bank = random.of(&["DEUT", "BNPA", "CHAS", "COBA", "INGB", "ITAU", "BOFA"]);
    let place = random.of(&["DEFF", "FRPP", "US33", "NL2A", "BRSP", "GB2L"]);
    format!("{bank}{place}{}", random.of(&["", "XXX", "500"]))
}

fn clabe(random: &mut Random) -> String {
    let text = format!(
        "{}180{}",
        random.of(&["002", "012", "014", "021", "072"]),
        fill(random, "99999999999")
    );
    let digits = text.bytes().zip([3, 7, 1].into_iter().cycle());
    let sum = digits.map(|(byte, weight)| u32::from(byte - b'0') * weight % 10).sum();
    format!("{text}{}", to_ten(sum))
}

fn bitcoin(random: &mut Random) -> String {
    let version = random.of(&[0_u8, 5]);
    let payload: Vec<u8> =
        std::iter::once(version).chain((0..20).map(|_| random.below(256) as u8)).collect();
    base_58_check(&payload)
}

fn pix(random: &mut Random) -> String {
    let head = fill(random, "xxxxxxxx-xxxx-4xxx");
    format!("{head}-{}{}", any(random, "89ab", 1), fill(random, "xxx-xxxxxxxxxxxx"))
}
