//! Megabytes a second, by text and by the size of the pieces.
//!
//! Invariant: what comes out is used, and every text is treated from its beginning to its end.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use switchyard::policy::pii::{Action, Plan, Treatment};

use crate::Outcome;
use crate::texts::{self, Text};

const MB: usize = 1_000_000;

/// A table of all texts.
pub(crate) fn table(files: &[&str], only: Option<&str>, is_quick: bool) -> Outcome<String> {
    let plan = crate::plan(Action::Redact)?;
    let size = if is_quick { MB / 10 } else { MB };
    let mut given = vec![
        Text { name: "prose without values".into(), text: texts::prose(size, 0) },
        Text { name: "a value in 400 words".into(), text: texts::prose(size, 400) },
        Text { name: "a value in 60 words".into(), text: texts::prose(size, 60) },
    ];
    for file in files {
        given.push(Text { name: (*file).to_owned(), text: std::fs::read_to_string(file)? });
    }
    let mut out =
        String::from("| text | piece | MB/s | looked at, a byte |\n| --- | ---: | ---: | ---: |\n");
    given.extend(texts::adversarial(size));
    given.retain(|text| only.is_none_or(|only| text.name == only));
    for text in &given {
        for piece in [4096, 20] {
            out.push_str(&row(&plan, text, piece, is_quick)?);
        }
    }
    let sizes: &[usize] = if is_quick { &[1, 2] } else { &[1, 4, 16, 64] };
    for megabytes in sizes.iter().filter(|_| only.is_none()) {
        let text = Text {
            name: format!("a value in 60 words, {megabytes} MB"),
            text: texts::prose(megabytes * size, 60),
        };
        out.push_str(&row(&plan, &text, 4096, true)?);
    }
    Ok(out)
}

fn row(plan: &Arc<Plan>, text: &Text, piece: usize, is_quick: bool) -> Outcome<String> {
    let pieces = pieces(&text.text, piece);
    let clock = SystemClock::new();
    let mut out = String::with_capacity(2 * text.text.len());
    let long = Duration::from_millis(if is_quick { 60 } else { 400 });
    let (mut rounds, mut work) = (0, 0);
    let start = busy(&clock);
    while busy(&clock) - start < long {
        rounds += 1;
        let mut treatment = Treatment::new(Arc::clone(plan), None);
        out.clear();
        for piece in &pieces {
            treatment.feed(piece, &mut out)?;
        }
        treatment.finish(&mut out)?;
        work = treatment.work();
        black_box(&out);
    }
    let seconds = (busy(&clock) - start).as_secs_f64() / f64::from(rounds);
    let bytes = text.text.len() as f64;
    Ok(format!(
        "| {} | {piece} | {:.1} | {:.2} |\n",
        text.name,
        bytes / seconds / 1e6,
        work as f64 / bytes
    ))
}

/// Time for which this thread was on a processor where Linux says so, so that what else the machine
/// does is not counted; time by the clock elsewhere.
fn busy(clock: &SystemClock) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = said.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| clock.monotonic(), Duration::from_nanos)
}

/// A text in pieces of about so many bytes, cut between characters.
pub(crate) fn pieces(text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = size.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, more) = rest.split_at(end);
        pieces.push(piece);
        rest = more;
    }
    pieces
}
