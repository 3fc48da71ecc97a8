//! A text as a stream carries it: in deltas, each a JSON string with escapes, each a server-sent
//! event, in pieces of bytes that end anywhere. What comes out, joined, must be what the whole
//! text gives. The bench runs the same over all cuts for as long as it is told.
//!
//! Invariant: a difference is told with the text and the places at which it was cut.

use std::sync::Arc;

use serde_json::Value;
use switchyard::policy::pii::{Plan, Treatment, Vault};
use switchyard::wire::sse::{Caps, Decoder, Frame};

/// How deltas are written down and cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    /// Bytes of a piece.
    pub(crate) step: usize,
    /// Each character at a place that it divides is written `\uXXXX`; none for 0.
    pub(crate) escaped: usize,
    /// What ends a line.
    pub(crate) line_end: &'static str,
}

/// The text treated as a whole.
pub(crate) fn whole(plan: &Arc<Plan>, text: &str) -> String {
    let mut treatment = Treatment::new(Arc::clone(plan), Some(vault()));
    let mut out = String::new();
    treatment.whole("", text, &mut out).unwrap();
    out
}

/// The same in deltas, through the wire.
pub(crate) fn streamed(plan: &Arc<Plan>, deltas: &[&str], wire: Wire) -> String {
    let bytes: String = deltas.iter().map(|delta| event(delta, wire)).collect();
    let mut treatment = Treatment::new(Arc::clone(plan), Some(vault()));
    let mut out = String::new();
    let mut decoder = Decoder::new(Caps { line: 1 << 20, event: 1 << 20, stream: 1 << 30 });
    let mut sink = |frame: Frame<'_>| {
        let event: Value = serde_json::from_slice(frame.data.as_bytes()).unwrap();
        treatment.feed(event["text"].as_str().unwrap(), &mut out).unwrap();
        Ok(())
    };
    for piece in bytes.as_bytes().chunks(wire.step.max(1)) {
        decoder.push(piece, &mut sink).unwrap();
    }
    decoder.finish(&mut sink).unwrap();
    treatment.finish(&mut out).unwrap();
    out
}

/// Values have the same token in every treatment.
fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(b"secret", "jane", "one"))
}

fn event(delta: &str, wire: Wire) -> String {
    let mut json = String::from("{\"type\":\"text\",\"text\":\"");
    for (place, character) in delta.chars().enumerate() {
        if wire.escaped > 0 && place % wire.escaped == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                json.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            let quoted = Value::from(character.to_string()).to_string();
            json.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    format!("data: {json}\"}}{0}{0}", wire.line_end)
}

/// Cuts the text at these places, and says where what comes out differs.
pub(crate) fn differs(
    plan: &Arc<Plan>,
    text: &str,
    whole: &str,
    at: &[usize],
    wire: Wire,
) -> Option<String> {
    let mut from = 0;
    let mut deltas = Vec::new();
    for place in at.iter().copied().chain([text.len()]) {
        deltas.push(&text[from..place]);
        from = place;
    }
    let streamed = streamed(plan, &deltas, wire);
    (streamed != whole)
        .then(|| format!("{text:?} cut at {at:?}, {wire:?}: {streamed:?}, whole {whole:?}"))
}

/// The places between the characters of a text.
pub(crate) fn places(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).skip(1).collect()
}
