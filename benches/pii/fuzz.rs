//! Random texts with values in them, in random pieces: what comes out must be what the whole text
//! gives. Runs for as long as it is told.
//!
//! Invariant: a difference is printed with the number of its round, which the seed repeats.

use std::sync::Arc;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use switchyard::policy::pii::{Action, Plan, Treatment, Utf8Pieces, validators};

use crate::Outcome;
use crate::random::Random;

/// What stands between values, besides random bytes.
const JOINTS: &[&str] = &[
    " ",
    "  ",
    ". ",
    ", ",
    ": ",
    "=",
    "-",
    ".",
    "/",
    "\"",
    "'",
    "\n",
    "\\n",
    "\\",
    "\\\\",
    "\\\"",
    "\\/",
    "\\u",
    "\\u00",
    "\\u200b",
    "\\\\u00ad",
    "\\uD83D",
    "\\uDE00",
    "(",
    ")",
    "+",
    "@",
    "://",
    "_",
    "\u{200b}",
    "\u{ad}",
    "é",
    "中",
    "ж",
    "🙂",
    "\u{a0}",
    "card ",
    "born ",
    "phone: ",
    "password: ",
    "Bearer ",
    "ip ",
    "x",
    "1",
    "4",
    "0",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "https://",
    "ghp_",
];

/// Whether no difference was found.
pub(crate) fn run(minutes: f64, seed: u64) -> Outcome<bool> {
    let clock = SystemClock::new();
    let until = clock.monotonic() + Duration::from_secs_f64(minutes * 60.0);
    let plan = crate::plan(Action::Redact)?;
    let values = values();
    let (mut rounds, mut bytes, mut differences) = (0u64, 0u64, 0u64);
    while clock.monotonic() < until {
        for _ in 0..1000 {
            let mut random = Random(seed ^ rounds.wrapping_mul(0x5851_F42D_4C95_7F2D));
            let text = text(&mut random, &values);
            let whole = treated(&plan, &[text.as_bytes()])?;
            let pieces = pieces(&mut random, text.as_bytes());
            if treated(&plan, &pieces)? != whole {
                differences += 1;
                eprintln!("round {rounds}: {text:?} in pieces of {:?}", lengths(&pieces));
            }
            rounds += 1;
            bytes += text.len() as u64;
        }
    }
    println!("seed {seed}: {rounds} texts, {bytes} bytes, {differences} differences");
    Ok(differences == 0)
}

fn values() -> Vec<&'static str> {
    validators::entities()
        .flat_map(|entity| entity.samples.positive.iter().chain(entity.samples.near_miss))
        .copied()
        .collect()
}

fn text(random: &mut Random, values: &[&str]) -> String {
    let mut text = String::new();
    for _ in 0..random.below(14) {
        match random.below(10) {
            0..=2 => text.push_str(random.of(values)),
            3 => {
                let value = random.of(values);
                let cut = value.floor_char_boundary(random.below(value.len()));
                text.push_str(&value[..cut]);
            }
            4 => (0..random.below(20)).for_each(|_| {
                text.push(char::from(random.of(b"0123456789 -./:@()+xeaAB_")));
            }),
            5 => {
                let value = random.of(values);
                escaped(random, value, &mut text);
            }
            _ => text.push_str(random.of(JOINTS)),
        }
    }
    text
}

/// Adds a value as a JSON string may have it: some or all of its characters are escapes, in a
/// document or in a document in a document.
fn escaped(random: &mut Random, value: &str, out: &mut String) {
    let backslash = random.of(&["\\", "\\\\"]);
    let plain = random.of(&[0, 1, 5]);
    for character in value.chars() {
        if random.below(plain + 1) > 0 {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let escape = match random.below(2) {
                0 => format!("{backslash}u{unit:04x}"),
                _ => format!("{backslash}u{unit:04X}"),
            };
            out.push_str(&escape);
        }
    }
}

/// Any pieces of the bytes, cut inside of characters too: single bytes, short ones, or a few.
fn pieces<'b>(random: &mut Random, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let most = random.of(&[1, 2, 5, 20, 200]);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(most)).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn treated(plan: &Arc<Plan>, pieces: &[&[u8]]) -> Outcome<String> {
    let mut treatment = Treatment::new(Arc::clone(plan), None);
    let mut utf8 = Utf8Pieces::default();
    let mut out = String::new();
    for piece in pieces {
        utf8.feed(piece, &mut |text: &str| treatment.feed(text, &mut out))?;
    }
    utf8.finish(&mut |text: &str| treatment.feed(text, &mut out))?;
    treatment.finish(&mut out)?;
    Ok(out)
}

fn lengths(pieces: &[&[u8]]) -> Vec<usize> {
    pieces.iter().map(|piece| piece.len()).collect()
}
