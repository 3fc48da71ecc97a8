//! Times cases, or runs one where callgrind can count its instructions.
//!
//! Invariant: work is made outside what is measured and done inside `counted`, the one function
//! that callgrind is told to watch.

use std::hint::black_box;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};

use crate::Outcome;
use crate::cases::{Case, Work};

/// How often a case is run for callgrind. What it counts is divided by this.
const TIMES: usize = 100;
/// Pieces of work that are made ahead of the clock.
const BATCH: usize = 64;

/// Does one piece of work. Kept by itself so that callgrind can be told to count it and no more.
#[inline(never)]
fn counted(work: Work) {
    work();
    black_box(());
}

/// Runs one case for callgrind, and says how often.
pub(crate) fn run_for_callgrind(case: &Case) -> Outcome<()> {
    for _ in 0..TIMES {
        counted((case.prepare)()?);
    }
    println!("{TIMES} times");
    Ok(())
}

/// A table of all cases.
pub(crate) fn table(cases: &[Case], quick: bool) -> Outcome<String> {
    let long = Duration::from_millis(if quick { 20 } else { 200 });
    let mut text = String::from(
        "| codec | bytes | messages | µs | ns a message | MB/s |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for case in cases {
        let mut samples = (0..5).map(|_| nanos(case, long)).collect::<Outcome<Vec<f64>>>()?;
        samples.sort_by(f64::total_cmp);
        let nanos = samples[samples.len() / 2];
        text.push_str(&format!(
            "| {} | {} | {} | {:.2} | {:.0} | {:.0} |\n",
            case.name,
            case.bytes,
            case.messages,
            nanos / 1e3,
            nanos / case.messages as f64,
            case.bytes as f64 / nanos * 1e3,
        ));
    }
    Ok(text)
}

/// Nanoseconds for one piece of work, over at least `long`.
fn nanos(case: &Case, long: Duration) -> Outcome<f64> {
    let clock = SystemClock::new();
    let mut took = Duration::ZERO;
    let mut times = 0usize;
    while took < long {
        let batch = (0..BATCH).map(|_| (case.prepare)()).collect::<Outcome<Vec<Work>>>()?;
        let start = clock.monotonic();
        batch.into_iter().for_each(counted);
        took += clock.monotonic() - start;
        times += BATCH;
    }
    Ok(took.as_nanos() as f64 / times as f64)
}
