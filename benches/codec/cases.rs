//! The cases: for each vendor what it encodes and decodes, and the event-stream decoder alone.
//!
//! Invariant: each case is tried once before it is measured, and must come to a run's end; a
//! decoder that gives up early would look fast.

use std::hint::black_box;
use std::sync::Arc;

use serde_json::{Value, json};
use switchyard::model::event::{Happening, RunEvent};
use switchyard::model::plan::Plan;
use switchyard::outbound::{Decode, Exchange, Step, Vendor};
use switchyard::wire::sse::{Caps, Decoder};

use crate::Outcome;
use crate::{inputs, stage};

/// Bytes that come from a socket at a time: a segment of a usual network.
const SEGMENT: usize = 1_400;
/// Wide enough for every input here.
const CAPS: Caps = Caps { line: 1 << 20, event: 1 << 20, stream: 1 << 24 };

/// The work of one message, ready to be done once.
pub(crate) type Work = Box<dyn FnOnce()>;

/// Something to measure.
pub(crate) struct Case {
    /// What it is called.
    pub(crate) name: String,
    /// Bytes of the platform's that one piece of work makes or reads.
    pub(crate) bytes: usize,
    /// Events or messages in them.
    pub(crate) messages: usize,
    /// Makes a piece of work; what that costs is not measured.
    pub(crate) prepare: Box<dyn Fn() -> Outcome<Work>>,
}

/// All the cases whose vendors are there.
pub(crate) fn all() -> Outcome<Vec<Case>> {
    let mut cases = vec![event_stream_alone()];
    let make = json!({ "team_id": 123 });
    let acp = json!({ "workspace": "bench", "path_style": "workspace" });
    let agentbase = json!({ "run_path": "/" });
    let (whole, streamed) = (inputs::make_answer(), inputs::make_stream());
    of_vendor(&mut cases, "make", make, Some(whole), Some(streamed))?;
    of_vendor(&mut cases, "zaia", json!({}), Some(inputs::zaia_answer()), None)?;
    let (whole, streamed) = (inputs::acp_answer(), inputs::acp_stream());
    of_vendor(&mut cases, "acp", acp, Some(whole), Some(streamed))?;
    of_vendor(&mut cases, "agentbase", agentbase, None, Some(inputs::agentbase_stream()))?;
    Ok(cases)
}

fn event_stream_alone() -> Case {
    let stream = inputs::acp_stream();
    let messages = stream.matches("\n\n").count();
    let bytes = stream.len();
    let stream: Arc<[u8]> = stream.into_bytes().into();
    let prepare = move || -> Outcome<Work> {
        let stream = Arc::clone(&stream);
        let mut decoder = Decoder::new(CAPS);
        Ok(Box::new(move || {
            for segment in stream.chunks(SEGMENT) {
                let pushed = decoder.push(segment, &mut |frame| {
                    black_box(frame);
                    Ok(())
                });
                black_box(pushed.is_ok());
            }
        }))
    };
    Case { name: "event stream alone".to_owned(), bytes, messages, prepare: Box::new(prepare) }
}

fn of_vendor(
    cases: &mut Vec<Case>,
    kind: &str,
    settings: Value,
    whole: Option<String>,
    streamed: Option<String>,
) -> Outcome<()> {
    let Some(vendor) = stage::vendor(kind, settings)? else { return Ok(()) };
    let vendor: Arc<dyn Vendor> = Arc::from(vendor);
    cases.push(encode(kind, &vendor)?);
    if let Some(whole) = whole {
        let name = format!("{kind}: decode an answer");
        cases.push(decode(name, &vendor, false, whole, read_whole)?);
    }
    if let Some(streamed) = streamed {
        let name = format!("{kind}: decode a stream");
        cases.push(decode(name, &vendor, true, streamed, read_stream)?);
    }
    Ok(())
}

fn encode(kind: &str, vendor: &Arc<dyn Vendor>) -> Outcome<Case> {
    let plan = Arc::new(stage::plan(false));
    let bytes = start(vendor.as_ref(), &plan)?.request.body.len();
    let vendor = Arc::clone(vendor);
    let prepare = move || -> Outcome<Work> {
        let (vendor, plan) = (Arc::clone(&vendor), Arc::clone(&plan));
        Ok(Box::new(move || {
            black_box(vendor.start(&plan).is_ok());
        }))
    };
    let name = format!("{kind}: encode a run");
    Ok(Case { name, bytes, messages: 1, prepare: Box::new(prepare) })
}

/// Reads an answer; whether it came to an end.
type Read = fn(&mut dyn Decode, &[u8]) -> bool;

fn decode(
    name: String,
    vendor: &Arc<dyn Vendor>,
    stream: bool,
    answer: String,
    read: Read,
) -> Outcome<Case> {
    let messages = if stream { answer.matches("\n\n").count() } else { 1 };
    let bytes = answer.len();
    let answer: Arc<[u8]> = answer.into_bytes().into();
    if !read(decoder(vendor, stream)?.as_mut(), &answer) {
        return Err(format!("{name}: came to no end").into());
    }
    let vendor = Arc::clone(vendor);
    let prepare = move || -> Outcome<Work> {
        let mut decoder = decoder(&vendor, stream)?;
        let answer = Arc::clone(&answer);
        Ok(Box::new(move || {
            black_box(read(decoder.as_mut(), &answer));
        }))
    };
    Ok(Case { name, bytes, messages, prepare: Box::new(prepare) })
}

fn read_whole(decoder: &mut dyn Decode, answer: &[u8]) -> bool {
    let mut events = Vec::new();
    let step = decoder.whole(answer, &mut events);
    matches!(step, Ok(Step::Done)) && has_end(&events)
}

/// The events of each segment are taken before the next one comes, as the gateway does.
fn read_stream(decoder: &mut dyn Decode, answer: &[u8]) -> bool {
    let mut events = Vec::new();
    let mut frames = Decoder::new(CAPS);
    let mut is_over = false;
    for segment in answer.chunks(SEGMENT) {
        let pushed = frames.push(segment, &mut |frame| decoder.frame(frame, &mut events));
        if pushed.is_err() {
            return false;
        }
        is_over |= has_end(&events);
        events.clear();
    }
    decoder.end_of_stream(&mut events).is_ok() && (is_over || has_end(&events))
}

fn has_end(events: &[RunEvent]) -> bool {
    events.iter().any(|event| matches!(event.what, Happening::Ended(_)))
}

fn decoder(vendor: &Arc<dyn Vendor>, stream: bool) -> Outcome<Box<dyn Decode>> {
    Ok(start(vendor.as_ref(), &stage::plan(stream))?.decoder)
}

fn start(vendor: &dyn Vendor, plan: &Plan) -> Outcome<Exchange> {
    Ok(vendor.start(plan).map_err(|error| error.message().to_owned())?)
}
