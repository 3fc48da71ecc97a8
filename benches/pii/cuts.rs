//! Every cut of a text in two and in three, through JSON escapes, events and pieces of bytes, for
//! a text of every kind, for as long as it is told.
//!
//! Invariant: a difference is printed with the text, its cut, and how it was written down.

#[path = "../../tests/suite/pii/cuts.rs"]
#[expect(clippy::unwrap_used, reason = "shared with the test, which fails where this would")]
mod wire;

use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use switchyard::policy::pii::{Action, validators};

use crate::Outcome;
use crate::random::Random;
use wire::{Wire, differs, places, whole};

const ACTIONS: [Action; 4] = [Action::Redact, Action::Mask, Action::Hash, Action::Tokenize];
const ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

/// Whether no difference was found.
pub(crate) fn run(minutes: f64, seed: u64) -> Outcome<bool> {
    let clock = SystemClock::new();
    let until = clock.monotonic() + Duration::from_secs_f64(minutes * 60.0);
    let plans = ACTIONS.map(crate::plan);
    let plans = plans.into_iter().collect::<Outcome<Vec<_>>>()?;
    let values = values()?;
    let mut random = Random(seed);
    let (mut texts, mut cuts, mut differences) = (0_u64, 0_u64, 0_u64);
    while clock.monotonic() < until {
        // The first rounds take each value once, alone.
        let text = match values.get(usize::try_from(texts)?) {
            Some(value) => format!("Zoë: {value}, 中."),
            None => drawn(&mut random, &values),
        };
        let plan = &plans[random.below(plans.len())];
        let (whole, places) = (whole(plan, &text), places(&text));
        for (at, first) in places.iter().enumerate() {
            let seconds = std::iter::once(None).chain(places[at + 1..].iter().map(Some));
            for second in seconds {
                let cut: Vec<usize> =
                    [Some(first), second].into_iter().flatten().copied().collect();
                let wire = Wire {
                    step: 1 + random.below(12),
                    escaped: random.below(5),
                    line_end: ENDS[random.below(ENDS.len())],
                };
                cuts += 1;
                if let Some(said) = differs(plan, &text, &whole, &cut, wire) {
                    differences += 1;
                    eprintln!("{said}");
                }
            }
            if clock.monotonic() > until {
                break;
            }
        }
        texts += 1;
    }
    println!("seed {seed}: {texts} texts, {cuts} cuts, {differences} differences");
    Ok(differences == 0)
}

/// A value of each kind.
fn values() -> Outcome<Vec<String>> {
    let entities = validators::entities().flat_map(|kind| {
        let context = kind.context.first().copied().unwrap_or_default();
        kind.samples.positive.iter().map(move |sample| format!("{context} {sample}"))
    });
    let file =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pii/secrets.txt"))?;
    let lines = file.lines().filter_map(|line| line.split('\t').nth(1));
    let secrets = lines.map(|text| text.replace('·', "").replace("\\n", "\n"));
    Ok(entities.chain(secrets).collect())
}

/// Two values, or pieces of them, side by side.
fn drawn(random: &mut Random, values: &[String]) -> String {
    let joints =
        [" ", ", ", "", "-", ".", ": ", "\n", "\\n", "/", "=", "\u{200b}", "é", "] [", "@"];
    let mut text = String::new();
    for _ in 0..2 + random.below(2) {
        let value = &values[random.below(values.len())];
        let from = if random.below(3) == 0 { random.below(value.len()) } else { 0 };
        text.push_str(&value[value.ceil_char_boundary(from)..]);
        text.push_str(random.of(&joints));
    }
    // All cuts in three of a longer one would take minutes.
    text.truncate(text.floor_char_boundary(160));
    text
}
