//! Texts to measure on: prose with few and with many values, and texts that are made to be slow.
//!
//! Invariant: the same texts in every run.

use switchyard::policy::pii::validators;

use crate::random::Random;

/// A text and its name.
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) text: String,
}

const WORDS: &[&str] = &[
    "the",
    "order",
    "of",
    "result",
    "report",
    "Another",
    "phone",
    "player",
    "letter",
    "into",
    "worry",
    "market",
    "could",
    "option",
    "local",
    "Should",
    "upon",
    "since",
    "experience",
    "sing",
    "recently",
    "Five",
    "myself",
    "traditional",
    "half",
    "establish",
    "view",
    "learn",
    "number",
    "address",
    "quality",
    "before",
    "crime",
    "study",
    "strong",
    "tree",
    "factor",
    "major",
    "table",
];

/// About `bytes` of prose with a value after every `every` words, or with none.
pub(crate) fn prose(bytes: usize, every: usize) -> String {
    let mut random = Random(7);
    let values: Vec<&str> =
        validators::entities().flat_map(|entity| entity.samples.positive.iter().copied()).collect();
    let mut text = String::with_capacity(bytes + 64);
    let mut count = 0;
    while text.len() < bytes {
        count += 1;
        if every > 0 && count % every == 0 {
            text.push_str(random.of(&values));
        } else {
            text.push_str(random.of(WORDS));
        }
        text.push_str(if random.below(12) == 0 { ". " } else { " " });
    }
    text
}

/// Texts that are made to be slow.
pub(crate) fn adversarial(bytes: usize) -> Vec<Text> {
    [
        ("all digits", "1"),
        ("digits, blanks", "1 "),
        ("groups of four", "1111 "),
        ("groups of three", "123-"),
        ("card after card", "4111 1111 1111 1112 "),
        ("a@", "a@"),
        ("a@a.", "a@a."),
        ("a.", "a."),
        ("a-a_", "a-a_"),
        ("colons", "a:"),
        ("hex groups", "fa:"),
        ("brackets", "(1"),
        ("plus signs", "+1"),
        ("dashes", "-"),
        ("URLs", "http://"),
        ("URLs with @", "https://a:b@"),
        ("PEM lines", "-----BEGIN "),
        ("tokens", "eyJ"),
        ("token heads", "eyJhbGciOiJIUzI1NiJ9."),
        ("assignments", "password:"),
        ("words and digits", "a1 "),
        ("long words", "abcdefghijklmnopqrstuvwxyz0123456789"),
        ("capitals", "ABCDEFGH "),
        ("dates", "12/12/"),
        ("Cyrillic", "привет мир "),
        ("invisible", "4\u{200b}"),
        ("full width", "４１１１ "),
        ("card, context", "card 4111111111111111 "),
        ("born born", "born 1/1/1990 "),
    ]
    .iter()
    .map(|(name, unit)| Text {
        name: (*name).to_owned(),
        text: unit.repeat(bytes / unit.len() + 1),
    })
    .collect()
}
