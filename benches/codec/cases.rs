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
        cases.push(decode_whole(kind, &vendor, whole)?);
    }
    if let Some(streamed) = streamed {
        cases.push(decode_stream(kind, &vendor, streamed)?);
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

fn decode_whole(kind: &str, vendor: &Arc<dyn Vendor>, whole: String) -> Outcome<Case> {
    let name = format!("{kind}: decode an answer");
    let bytes = whole.len();
    let whole: Arc<[u8]> = whole.into_bytes().into();
    let read = |decoder: &mut dyn Decode, whole: &[u8]| {
        let mut events = Vec::new();
        let step = decoder.whole(whole, &mut events);
        (events, matches!(step, Ok(Step::Done)))
    };
    let (events, is_done) = read(decoder(vendor, false)?.as_mut(), &whole);
    must_end_well(&name, &events, is_done)?;
    let vendor = Arc::clone(vendor);
    let prepare = move || -> Outcome<Work> {
        let mut decoder = decoder(&vendor, false)?;
        let whole = Arc::clone(&whole);
        Ok(Box::new(move || {
            black_box(read(decoder.as_mut(), &whole));
        }))
    };
    Ok(Case { name, bytes, messages: 1, prepare: Box::new(prepare) })
}

fn decode_stream(kind: &str, vendor: &Arc<dyn Vendor>, streamed: String) -> Outcome<Case> {
    let name = format!("{kind}: decode a stream");
    let bytes = streamed.len();
    let messages = streamed.matches("\n\n").count();
    let streamed: Arc<[u8]> = streamed.into_bytes().into();
    let (events, is_done) = read_stream(decoder(vendor, true)?.as_mut(), &streamed);
    must_end_well(&name, &events, is_done)?;
    let vendor = Arc::clone(vendor);
    let prepare = move || -> Outcome<Work> {
        let mut decoder = decoder(&vendor, true)?;
        let streamed = Arc::clone(&streamed);
        Ok(Box::new(move || {
            black_box(read_stream(decoder.as_mut(), &streamed));
        }))
    };
    Ok(Case { name, bytes, messages, prepare: Box::new(prepare) })
}

fn read_stream(decoder: &mut dyn Decode, streamed: &[u8]) -> (Vec<RunEvent>, bool) {
    let mut events = Vec::new();
    let mut frames = Decoder::new(CAPS);
    let mut is_read = true;
    for segment in streamed.chunks(SEGMENT) {
        let pushed = frames.push(segment, &mut |frame| decoder.frame(frame, &mut events));
        is_read &= pushed.is_ok();
    }
    let is_read = is_read && decoder.end_of_stream(&mut events).is_ok();
    (events, is_read)
}

fn decoder(vendor: &Arc<dyn Vendor>, stream: bool) -> Outcome<Box<dyn Decode>> {
    Ok(start(vendor.as_ref(), &stage::plan(stream))?.decoder)
}

fn must_end_well(name: &str, events: &[RunEvent], is_done: bool) -> Outcome<()> {
    let ends = events.iter().any(|event| matches!(event.what, Happening::Ended(_)));
    if is_done && ends { Ok(()) } else { Err(format!("{name}: came to no end: {events:?}").into()) }
}

fn start(vendor: &dyn Vendor, plan: &Plan) -> Outcome<Exchange> {
    Ok(vendor.start(plan).map_err(|error| error.message().to_owned())?)
}
