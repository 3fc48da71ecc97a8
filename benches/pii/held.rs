//! What a stream waits for: how many of a platform's events pass before the first text is out, and
//! how much is held back after each.
//!
//! Invariant: events of four characters, which is about a token; texts of the bench's own prose.

use std::sync::Arc;

use switchyard::policy::pii::{Action, Treatment};

use crate::{Outcome, speed, texts};

/// Characters of one answer.
const ANSWER: usize = 600;

/// A table by how many values there are in the text.
pub(crate) fn table() -> Outcome<String> {
    let plan = crate::plan(Action::Redact)?;
    let mut out = String::from(
        "| text, in events of 4 characters | answers | events until the first text, p50 / p99 | \
         bytes held after an event, p50 / p99 / most |\n| --- | ---: | ---: | ---: |\n",
    );
    for (name, every) in
        [("without values", 0), ("a value in 400 words", 400), ("a value in 60 words", 60)]
    {
        let text = texts::prose(600_000, every);
        let (mut firsts, mut held) = (Vec::new(), Vec::new());
        let answers = speed::pieces(&text, ANSWER);
        for answer in &answers {
            let mut treatment = Treatment::new(Arc::clone(&plan), None);
            let mut told = String::new();
            let mut first = None;
            for (number, event) in (1..).zip(speed::pieces(answer, 4)) {
                treatment.feed(event, &mut told)?;
                first = first.or((!told.is_empty()).then_some(number));
                held.push(treatment.held());
            }
            firsts.push(first.unwrap_or(ANSWER));
        }
        firsts.sort_unstable();
        held.sort_unstable();
        out.push_str(&format!(
            "| {name} | {} | {} / {} | {} / {} / {} |\n",
            answers.len(),
            at(&firsts, 50),
            at(&firsts, 99),
            at(&held, 50),
            at(&held, 99),
            held.last().copied().unwrap_or_default(),
        ));
    }
    Ok(out)
}

fn at(sorted: &[usize], percent: usize) -> usize {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}
