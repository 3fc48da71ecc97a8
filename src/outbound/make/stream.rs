//! Reads Make's stream. Only its `step` events are documented: where usage, thread and failures
//! stand is looked for in every object, and the end of the bytes is an end if an answer came.
//! Called by the decoder in `response.rs`.
//!
//! Invariant: an event of an unknown name is never made an answer.

use super::errors;
use super::response::{Decoder, completed};
use super::steps::Said;
use super::wire::{Answer, TokenUsage};
use crate::error::{Error, Kind, Result};
use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};
use crate::model::run::Usage;
use crate::outbound::{nested, prompt};
use crate::wire::sse::Frame;

/// What a stream has told so far.
#[derive(Default)]
pub(super) struct State {
    has_begun: bool,
    has_ended: bool,
    has_answer: bool,
    has_summary: bool,
    usage: Usage,
    /// The structured answer that Make gave.
    own_json: Option<Json>,
    /// The one that its text holds.
    read_json: Option<Json>,
    /// Events of unknown type.
    pub(super) unknown: u64,
}

/// One event.
pub(super) fn frame(
    decoder: &mut Decoder,
    frame: Frame<'_>,
    events: &mut Vec<RunEvent>,
) -> Result<()> {
    if decoder.stream.has_ended {
        return Ok(());
    }
    if !decoder.stream.has_begun {
        decoder.stream.has_begun = true;
        events.push(RunEvent::live(Happening::Started));
        let thread_id = decoder.thread_id.clone();
        events.push(RunEvent::live(Happening::Upstream { run_id: None, thread_id }));
    }
    let read = match frame.data.trim_ascii() {
        "" | "null" => Some(Answer::default()),
        data => Answer::read(data.as_bytes()),
    };
    match (frame.event, read) {
        ("error", read) => Err(failed(decoder, read, frame.data)),
        ("done" | "end" | "complete", read) => {
            if let Some(mut answer) = read {
                look(decoder, &mut answer, events);
                answered(decoder, answer.response.take(), events);
            }
            over(decoder, events)
        }
        ("step" | "message" | "", Some(mut answer)) => step(decoder, &mut answer, events),
        ("step", None) => {
            let error = Error::new(Kind::UpstreamProtocol, "a step is not the JSON of a step");
            Err(error.upstream(&decoder.upstream, None, None))
        }
        (name, read) => {
            // Only the name: the data may hold a prompt.
            decoder.stream.unknown += 1;
            tracing::debug!(event = nested::word(name), "an event of Make of unknown type");
            if let Some(mut answer) = read {
                look(decoder, &mut answer, events);
            }
            Ok(())
        }
    }
}

/// The stream is over.
pub(super) fn end(decoder: &mut Decoder, events: &mut Vec<RunEvent>) -> Result<()> {
    if decoder.stream.has_ended {
        return Ok(());
    }
    over(decoder, events)
}

fn step(decoder: &mut Decoder, answer: &mut Answer, events: &mut Vec<RunEvent>) -> Result<()> {
    look(decoder, answer, events);
    if answer.role.is_none() {
        if let Some(said) = errors::said(answer) {
            let error = Error::new(Kind::UpstreamError, "the platform reported a failure");
            return Err(error.upstream(&decoder.upstream, None, Some(&said)));
        }
        answered(decoder, answer.response.take(), events);
        return Ok(());
    }
    let before = events.len();
    match decoder.steps.take(answer, &mut |what| events.push(RunEvent::live(what))) {
        Said::Answer => {
            decoder.stream.has_answer = true;
            if let Some(RunEvent { what: Happening::MessageCompleted(text), .. }) =
                events.get(before)
            {
                read_json(decoder, text);
            }
        }
        // Whatever was said before the tools were called was not the answer.
        Said::Working => decoder.stream.has_answer = false,
        Said::Nothing => {}
    }
    Ok(())
}

/// Looks for what may stand in any object: thread, usage, the structured answer.
fn look(decoder: &mut Decoder, answer: &mut Answer, events: &mut Vec<RunEvent>) {
    if let Some(thread_id) = answer.thread_id.take()
        && decoder.thread_id.as_deref() != Some(thread_id.as_str())
    {
        decoder.thread_id = Some(thread_id.clone());
        let thread_id = Some(thread_id);
        events.push(RunEvent::live(Happening::Upstream { run_id: None, thread_id }));
    }
    if let Some(usage) = usage(&mut decoder.stream, answer) {
        events.push(RunEvent::live(Happening::Usage(usage)));
    }
    if let Some(json) = answer.json_response.take().filter(|json| !json.is_null()) {
        decoder.stream.own_json = Some(Json(json));
    }
}

/// The usage so far: the run's own summary once there is one, until then the sum of its steps.
fn usage(state: &mut State, answer: &mut Answer) -> Option<Usage> {
    if let Some(summary) = answer.token_usage_summary.take() {
        state.has_summary = true;
        state.usage = summary.into_usage();
        return Some(state.usage.clone());
    }
    let step: TokenUsage = serde_json::from_value(answer.token_usage.take()?).ok()?;
    let step = step.into_usage();
    if state.has_summary || step == Usage::default() {
        return None;
    }
    let sum = |so_far: Option<u64>, more: Option<u64>| match (so_far, more) {
        (Some(so_far), Some(more)) => Some(so_far.saturating_add(more)),
        (one, other) => one.or(other),
    };
    state.usage.input_tokens = sum(state.usage.input_tokens, step.input_tokens);
    state.usage.output_tokens = sum(state.usage.output_tokens, step.output_tokens);
    state.usage.total_tokens = sum(state.usage.total_tokens, step.total_tokens);
    Some(state.usage.clone())
}

/// A whole `response`, where the stream gives one: the answer, unless a step gave it already.
fn answered(decoder: &mut Decoder, response: Option<String>, events: &mut Vec<RunEvent>) {
    let Some(response) = response.filter(|_| !decoder.stream.has_answer) else { return };
    decoder.stream.has_answer = true;
    read_json(decoder, &response);
    events.push(RunEvent::live(Happening::MessageCompleted(response.into())));
}

/// Reads an answer as JSON where that is wanted and Make has not given it itself.
fn read_json(decoder: &mut Decoder, text: &str) {
    if decoder.wants_json {
        decoder.stream.read_json = prompt::json_in(text).map(Json);
    }
}

/// The end, by whatever sign: it is one only after an answer. What was said before tools were
/// called is none.
fn over(decoder: &mut Decoder, events: &mut Vec<RunEvent>) -> Result<()> {
    decoder.stream.has_ended = true;
    if !decoder.stream.has_answer {
        let error = Error::new(Kind::UpstreamProtocol, "the stream ended before an answer");
        return Err(error.upstream(&decoder.upstream, None, None));
    }
    let structured = decoder.stream.own_json.take().or(decoder.stream.read_json.take());
    events.extend(structured.map(|json| RunEvent::live(Happening::Structured(json))));
    completed(events);
    Ok(())
}

/// An `error` event, of whatever shape.
fn failed(decoder: &Decoder, answer: Option<Answer>, data: &str) -> Error {
    let said = match answer {
        Some(answer) => errors::said(&answer),
        None => crate::outbound::fault::plain_text(data.as_bytes()).map(str::to_owned),
    };
    let error = Error::new(Kind::UpstreamError, "the platform reported a failure");
    error.upstream(&decoder.upstream, None, said.as_deref())
}
