//! Recall and precision on a labelled set: texts with spans, in the format of presidio-research.
//! A span is found where a finding of a fitting kind overlaps it; a finding is right where it
//! overlaps a span of a fitting kind. Findings of another engine are scored by the same rules.
//!
//! Invariant: only types that have a pattern are scored; a finding on a span of another type, such
//! as a number inside of an address, is wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use switchyard::policy::pii::{Action, Treatment};

use crate::Outcome;

#[derive(Deserialize)]
struct Sample {
    full_text: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    entity_type: String,
    /// In characters.
    start_position: usize,
    end_position: usize,
}

/// A type of the set, and the kinds that are the same: ours in small letters, those of Presidio and
/// of datafog-core in capitals. A set of our own has our names for its types.
const TYPES: &[(&str, &[&str])] = &[
    ("CREDIT_CARD", &["credit_card", "debit_card_short", "CREDIT_CARD"]),
    ("PHONE_NUMBER", &["phone", "PHONE_NUMBER", "PHONE"]),
    ("EMAIL_ADDRESS", &["email", "EMAIL_ADDRESS", "EMAIL"]),
    ("US_SSN", &["us_ssn", "US_SSN", "SSN"]),
    ("IBAN_CODE", &["iban", "IBAN_CODE"]),
    ("DOMAIN_NAME", &["url", "domain_name", "url_credentials", "URL"]),
    ("IP_ADDRESS", &["ipv4", "ipv6", "IP_ADDRESS"]),
];

/// What another engine found in a set.
#[derive(Deserialize)]
struct Findings {
    engine: String,
    /// For each text the kind, and from where to where, in characters.
    findings: Vec<Vec<(String, usize, usize)>>,
}

#[derive(Default)]
struct Score {
    spans: usize,
    found: usize,
    right: usize,
    wrong: usize,
}

/// Prints a table by type, of our findings or of those in a file.
pub(crate) fn report(file: &str, findings: Option<&str>, shows_misses: bool) -> Outcome<()> {
    let samples: Vec<Sample> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let given = match findings {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file)?)?,
        None => Findings { engine: "ours".into(), findings: ours(&samples)? },
    };
    if given.findings.len() != samples.len() {
        return Err("the findings are of another set".into());
    }
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for (sample, found) in samples.iter().zip(&given.findings) {
        for (label, kinds) in TYPES {
            let score = scores.entry(label).or_default();
            let is_label = |name: &str| name == *label || kinds.contains(&name);
            let overlaps = |span: &&Span, found: &(String, usize, usize)| {
                is_label(&span.entity_type)
                    && found.1 < span.end_position
                    && span.start_position < found.2
            };
            let own: Vec<_> = found.iter().filter(|found| kinds.contains(&&*found.0)).collect();
            for span in sample.spans.iter().filter(|span| is_label(&span.entity_type)) {
                score.spans += 1;
                let is_found = own.iter().any(|found| overlaps(&span, found));
                score.found += usize::from(is_found);
                if shows_misses && !is_found {
                    println!(
                        "missed {label}: {:?}",
                        around(&sample.full_text, span.start_position, span.end_position)
                    );
                }
            }
            for found in own {
                let is_right = sample.spans.iter().any(|span| overlaps(&span, found));
                score.right += usize::from(is_right);
                score.wrong += usize::from(!is_right);
                if shows_misses && !is_right {
                    println!(
                        "wrong {label} ({}): {:?}",
                        found.0,
                        around(&sample.full_text, found.1, found.2)
                    );
                }
            }
        }
    }
    println!(
        "{}\n\n| type | spans | recall | findings | precision |\n| --- | ---: | ---: | ---: | ---: |",
        given.engine
    );
    let mut all = Score::default();
    for (label, score) in &scores {
        line(label, score);
        all.spans += score.spans;
        all.found += score.found;
        all.right += score.right;
        all.wrong += score.wrong;
    }
    line("all", &all);
    Ok(())
}

/// What we find in each text.
fn ours(samples: &[Sample]) -> Outcome<Vec<Vec<(String, usize, usize)>>> {
    let plan = crate::plan(Action::Report)?;
    let mut all = Vec::new();
    for sample in samples {
        let mut treatment = Treatment::new(std::sync::Arc::clone(&plan), None);
        let found = treatment.spans(&sample.full_text)?;
        // Byte offsets to character offsets.
        let at = |byte: usize| sample.full_text[..byte].chars().count();
        all.push(
            found.iter().map(|(name, from, to)| (name.to_string(), at(*from), at(*to))).collect(),
        );
    }
    Ok(all)
}

fn line(label: &str, score: &Score) {
    let findings = score.right + score.wrong;
    println!(
        "| {label} | {} | {:.3} | {findings} | {:.3} |",
        score.spans,
        score.found as f64 / score.spans.max(1) as f64,
        score.right as f64 / findings.max(1) as f64
    );
}

/// A span with some text on both sides.
fn around(text: &str, from: usize, to: usize) -> String {
    let part = |skip: usize, take: usize| text.chars().skip(skip).take(take).collect::<String>();
    let before = from.saturating_sub(30);
    format!("{}<<{}>>{}", part(before, from - before), part(from, to - from), part(to, 15))
}
