//! How well the engine finds, on a labelled set of the project's own: at the default rules, each
//! kind with a check digit, all of them, and how much of what is found is right.
//! `SWITCHYARD_PII_TEXTS` asks for more texts than CI looks at, `SWITCHYARD_PII_SEED` for others.
//!
//! Invariant: a finding counts where it overlaps a label of its own kind, and is wrong elsewhere.

#[path = "../../benches/pii/random.rs"]
mod random;
mod set;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use switchyard::policy::pii::{
    Action, Direction, HashKey, Plan, Rules, Scope, Settings, Treatment,
};

use set::{Sample, kinds, samples};

/// Texts in CI: a kind has at least eighty labels.
const TEXTS: usize = 10_000;
const SEED: u64 = 20_261_126;
/// Misses that are shown, and as many wrong findings.
const SHOWN: usize = 60;

/// What was found of one kind.
#[derive(Default)]
struct Score {
    labels: usize,
    found: usize,
    right: usize,
    wrong: usize,
}

impl Score {
    fn recall(&self) -> f64 {
        self.found as f64 / self.labels.max(1) as f64
    }

    fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.wrong).max(1) as f64
    }
}

#[derive(Default)]
struct Report {
    by_kind: BTreeMap<String, Score>,
    all: Score,
    missed: Vec<String>,
    wrong: Vec<String>,
}

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Looks for everything, with the threshold that rules have where they say nothing.
fn plan() -> Arc<Plan> {
    let settings =
        serde_json::json!({ "rules": [{ "entities": ["*"], "action": Action::Report.name() }] });
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let scope = Scope {
        direction: Direction::ToUpstream,
        face: "native",
        upstream: "u",
        agent: "a",
        groups: &[],
        workspace: "w",
    };
    Rules::compile(settings, HashKey::new(b"key")).unwrap().plan(&scope).unwrap()
}

impl Report {
    fn add(&mut self, sample: &Sample, found: &[(Arc<str>, usize, usize)]) {
        let fits = |span: &set::Span, (name, from, to): &(Arc<str>, usize, usize)| {
            let is_kind = span.kind.name == &**name || span.kind.also.contains(&&**name);
            is_kind && *from < span.to && span.from < *to
        };
        for span in &sample.spans {
            let is_found = found.iter().any(|found| fits(span, found));
            let value = &sample.text[span.from..span.to];
            if !is_found {
                let instead: Vec<&str> = found
                    .iter()
                    .filter(|(_, from, to)| *from < span.to && span.from < *to)
                    .map(|(name, ..)| &**name)
                    .collect();
                self.missed.push(format!(
                    "missed {} {value:?}, found {instead:?} in {:?}",
                    span.kind.name, sample.text
                ));
            }
            for score in [self.by_kind.entry(span.kind.name.to_owned()).or_default(), &mut self.all]
            {
                score.labels += 1;
                score.found += usize::from(is_found);
            }
        }
        for one in found {
            let is_right = sample.spans.iter().any(|span| fits(span, one));
            if !is_right {
                let value = &sample.text[one.1..one.2];
                self.wrong.push(format!("wrong {} {value:?} in {:?}", one.0, sample.text));
            }
            for score in [self.by_kind.entry(one.0.to_string()).or_default(), &mut self.all] {
                score.right += usize::from(is_right);
                score.wrong += usize::from(!is_right);
            }
        }
    }

    fn table(&self) -> String {
        let mut table = String::from("\n| kind | labels | recall | found | precision |\n");
        table += "| --- | ---: | ---: | ---: | ---: |\n";
        let all = [("all", &self.all)].into_iter();
        for (name, score) in self.by_kind.iter().map(|(name, score)| (&**name, score)).chain(all) {
            let (recall, precision) = (score.recall(), score.precision());
            let findings = score.right + score.wrong;
            writeln!(
                table,
                "| {name} | {} | {recall:.3} | {findings} | {precision:.3} |",
                score.labels
            )
            .unwrap();
        }
        let shown = self.missed.iter().take(SHOWN).chain(self.wrong.iter().take(SHOWN));
        let shown = shown.map(|line| format!("{line}\n"));
        table + &shown.collect::<String>()
    }
}

#[test]
fn what_is_there_is_found_and_what_is_found_is_there() {
    let count = usize::try_from(asked("SWITCHYARD_PII_TEXTS", TEXTS as u64)).unwrap();
    let set = samples(count, asked("SWITCHYARD_PII_SEED", SEED));
    let plan = plan();
    let mut report = Report::default();
    for sample in &set {
        let found = Treatment::new(Arc::clone(&plan), None).spans(&sample.text).unwrap();
        report.add(sample, &found);
    }
    let poor: Vec<&str> = kinds()
        .filter(|kind| kind.is_checked)
        .filter(|kind| report.by_kind.get(kind.name).is_none_or(|score| score.recall() < 0.99))
        .map(|kind| kind.name)
        .collect();
    let table = report.table();
    assert!(poor.is_empty(), "too few are found: {poor:?}\n{table}");
    assert!(report.all.recall() >= 0.97, "{table}");
    assert!(report.all.precision() >= 0.95, "{table}");
}

#[test]
fn the_set_is_large_and_comes_again_with_its_seed() {
    let set = samples(TEXTS, SEED);
    let mut names: Vec<&str> =
        set.iter().flat_map(|sample| sample.spans.iter().map(|span| span.kind.name)).collect();
    names.sort_unstable();
    names.dedup();
    assert!(set.len() >= 5_000 && names.len() >= 40, "{}: {names:?}", names.len());
    assert!(kinds().all(|kind| names.contains(&kind.name)));
    // A slot that nobody fills would stand in its braces.
    let is_slot = |text: &str| {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).any(|(name, _)| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
    };
    for (one, again) in set.iter().zip(samples(TEXTS, SEED)) {
        assert_eq!(one.text, again.text);
        assert!(!is_slot(&one.text), "{}", one.text);
    }
    assert_ne!(set[0].text, samples(1, SEED + 1)[0].text);
}
