//! Answers without sense, for the property tests of the vendors' decoders.

use std::collections::VecDeque;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, sample};
use serde_json::{Map, Value};

use super::Decode;
use crate::error::{Error, Kind};
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::progress::Progress;
use crate::wire::sse::Frame;

/// Streams of events of these types with any of these members, and garbage among them.
pub(super) fn stream(
    kinds: &'static [&'static str],
    members: &'static [&'static str],
) -> impl Strategy<Value = Vec<String>> {
    let frame = prop_oneof![8 => event(kinds, members), 1 => any::<String>(), 1 => lines()];
    collection::vec(frame, 0..24)
}

/// A body of no sense, as often as not a JSON object with any of these members.
pub(super) fn body(members: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let object = event(&["completed"], members).prop_map(String::into_bytes);
    prop_oneof![object, collection::vec(any::<u8>(), 0..64)]
}

/// Drives a decoder as the gateway does, each error an end; how many ends pass, and whether
/// anything passes after one.
pub(super) fn ends(decoder: &mut dyn Decode, stream: &[String]) -> (usize, bool) {
    let (mut progress, mut passed) = (Progress::default(), VecDeque::new());
    for data in stream {
        let mut events = Vec::new();
        let outcome = decoder.frame(Frame { event: "", data }, &mut events);
        events.extend(outcome.err().map(failed));
        events.into_iter().for_each(|event| progress.next(event, &mut passed));
    }
    let mut events = Vec::new();
    let outcome = decoder.end_of_stream(&mut events);
    events.extend(outcome.err().map(failed));
    events.into_iter().for_each(|event| progress.next(event, &mut passed));
    let is_end = |event: &RunEvent| matches!(event.what, Happening::Ended(_));
    (passed.iter().filter(|event| is_end(event)).count(), passed.back().is_some_and(is_end))
}

/// How many ends a whole answer has, an error being one.
pub(super) fn ends_of_whole(decoder: &mut dyn Decode, body: &[u8]) -> usize {
    let mut events = Vec::new();
    let outcome = decoder.whole(body, &mut events);
    events.extend(outcome.err().map(failed));
    events.iter().filter(|event| matches!(event.what, Happening::Ended(_))).count()
}

fn failed(error: Error) -> RunEvent {
    assert!(Kind::ALL.contains(&error.kind()));
    RunEvent::live(Happening::Ended(Ending::Failed(error)))
}

fn lines() -> impl Strategy<Value = String> {
    collection::vec("\\{\"type\":\"[a-z_]{0,4}\"\\}|[a-z]{0,3}", 0..4).prop_map(|l| l.join("\n"))
}

fn event(
    kinds: &'static [&'static str],
    members: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let pairs = collection::vec((sample::select(members), value()), 0..5);
    (sample::select(kinds), pairs).prop_map(|(kind, pairs)| {
        let mut event = Map::from_iter([("type".to_owned(), Value::from(kind))]);
        event.extend(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Value::Object(event).to_string()
    })
}

/// Any JSON, among it what tool calls look like, and JSON inside of text.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,3}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let keys = ["id", "name", "tool", "input", "arguments", "response", "message", "usage"];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let pairs = collection::vec((sample::select(keys.to_vec()), inner.clone()), 0..4);
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            pairs.prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}
