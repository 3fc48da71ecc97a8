//! Streams against whole texts, for all kinds: every cut in two, and cuts in three at places drawn
//! by chance. `cargo bench --bench pii -- --cuts MINUTES` does every cut in three.

use std::sync::Arc;

use serde_json::json;
use switchyard::policy::pii::{Direction, HashKey, Plan, Rules, Scope, validators};

use super::cuts::{Wire, differs, places, whole};
use super::formats;

fn plan(action: &str) -> Arc<Plan> {
    let rules = json!({ "rules": [{ "entities": ["*"], "action": action }] });
    let rules = Rules::compile(serde_json::from_value(rules).unwrap(), HashKey::new(b"key"));
    let scope = Scope {
        direction: Direction::ToCaller,
        face: "unified",
        upstream: "u",
        agent: "u:a",
        groups: &[],
        workspace: "w",
    };
    rules.unwrap().plan(&scope).unwrap()
}

/// A text for each kind, with a value in it, and something before and behind.
fn texts() -> Vec<String> {
    let entities = validators::entities().flat_map(|kind| {
        let context = kind.context.first().copied().unwrap_or("Größe");
        let samples = kind.samples.positive.iter().chain(kind.samples.near_miss.iter().take(1));
        samples.map(move |sample| format!("é{context} {sample}, 中 x"))
    });
    entities.chain(formats::samples().into_iter().map(|(_, good, _)| good)).collect()
}

#[test]
fn a_stream_is_the_whole_text_however_it_is_cut() {
    let plans = ["redact", "mask", "hash", "tokenize"].map(plan);
    let ends = ["\n", "\r\n", "\r"];
    let (mut tried, mut state) = (0, 20_261_126_u64);
    let mut different = Vec::new();
    for (number, text) in texts().into_iter().enumerate() {
        let plan = &plans[number % plans.len()];
        let whole = whole(plan, &text);
        let places = places(&text);
        let mut next = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        let twos = places.iter().map(|place| vec![*place]).collect::<Vec<_>>();
        let threes = (0..12).map(|_| {
            let mut pair = vec![places[next(places.len())], places[next(places.len())]];
            pair.sort_unstable();
            pair
        });
        let threes: Vec<_> = threes.collect();
        for (at, cut) in twos.into_iter().chain(threes).enumerate() {
            let wire = Wire { step: 1 + at % 9, escaped: at % 4, line_end: ends[at % 3] };
            different.extend(differs(plan, &text, &whole, &cut, wire));
            tried += 1;
        }
    }
    assert!(
        different.is_empty(),
        "{} of {tried}: {:#?}",
        different.len(),
        &different[..different.len().min(5)]
    );
    assert!(tried > 20_000, "{tried}");
}
