//! Reads one ACP run's answer, stream or whole; [`super::Acp`] makes one per run.
//!
//! Invariant: `done` and `error` end the run and nothing is read after either, so that a `done`
//! that follows an `error` cannot make it well again.

use super::tools::Tools;
use super::wire::{Event, Outcome, ToolCall};
use super::{errors, response};
use crate::error::{Error, Result};
use crate::model::content::Text;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::outbound::{Decode, Step, nested, prompt};
use crate::wire::sse::Frame;

/// The state of one answer.
pub(super) struct Decoder {
    upstream: String,
    wants_json: bool,
    has_started: bool,
    has_ended: bool,
    /// The text since the last tool event, kept only where JSON is looked for in it.
    answer: String,
    tools: Tools,
    unknown: u64,
}

impl Decoder {
    pub(super) fn new(upstream: &str, wants_json: bool) -> Self {
        Self {
            upstream: upstream.to_owned(),
            wants_json,
            has_started: false,
            has_ended: false,
            answer: String::new(),
            tools: Tools::default(),
            unknown: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, data: &str, events: &mut Vec<RunEvent>) -> Result<()> {
        match event.kind.as_ref() {
            "text" => self.text(nested::text(event.text), events),
            "tool_calls" => {
                self.answer.clear();
                let calls = event.tool_calls.map_or("[]", |raw| raw.get());
                let calls: Vec<ToolCall> = serde_json::from_str(calls).map_err(|cause| {
                    self.broken("an event announces no list of calls").caused_by(cause)
                })?;
                calls.into_iter().for_each(|call| self.tools.announced(call, events));
            }
            "governance" => {
                let said = (&event.tool, &event.decision, event.layers, &event.reason);
                self.tools.decided(said, events);
            }
            "tool_result" => {
                self.answer.clear();
                let Event { tool_call_id, name, result, .. } = event;
                self.tools.answered(&tool_call_id, &name, result, events);
            }
            "done" => self.done(data, events)?,
            // An error body may come in place of the stream's events.
            "error" | "" if event.kind == "error" || !event.error.is_null() => {
                let error = errors::told(&self.upstream, None, &event.error, &event.message);
                self.end(Ending::Failed(error), events);
            }
            kind => {
                self.unknown += 1;
                tracing::debug!(kind = nested::word(kind), "an event of unknown type was ignored");
            }
        }
        Ok(())
    }

    fn text(&mut self, text: Option<String>, events: &mut Vec<RunEvent>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        if self.wants_json {
            self.answer.push_str(&text);
        }
        events.push(RunEvent::live(Happening::MessageDelta(text.into())));
    }

    /// The documented `done` has tokens and a conversation only; what else it may carry is read.
    fn done(&mut self, data: &str, events: &mut Vec<RunEvent>) -> Result<()> {
        let outcome: Outcome<'_> = serde_json::from_str(data)
            .map_err(|cause| self.broken("the last event cannot be read").caused_by(cause))?;
        response::facts(&outcome, events);
        let output = nested::text(outcome.output);
        if self.wants_json {
            let answer = output.as_ref().unwrap_or(&self.answer);
            let json = prompt::json_in(answer);
            events.extend(json.map(|json| RunEvent::live(Happening::Structured(json.into()))));
        }
        self.end(response::ending(output.map(Text::from), outcome.stop_reason), events);
        Ok(())
    }

    fn end(&mut self, ending: Ending, events: &mut Vec<RunEvent>) {
        self.tools.close(events);
        self.has_ended = true;
        events.push(RunEvent::live(Happening::Ended(ending)));
    }

    fn broken(&self, what: &'static str) -> Error {
        errors::broken(&self.upstream, what)
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<RunEvent>) -> Result<()> {
        if self.has_ended || frame.data.trim().is_empty() {
            return Ok(());
        }
        let event: Event<'_> = serde_json::from_str(frame.data)
            .map_err(|cause| self.broken("an event is not a JSON object").caused_by(cause))?;
        // ACP announces no start: its first event tells that it has the run.
        if !self.has_started {
            self.has_started = true;
            events.push(RunEvent::live(Happening::Started));
        }
        self.event(event, frame.data, events)
    }

    fn end_of_stream(&mut self, events: &mut Vec<RunEvent>) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        self.tools.close(events);
        Err(self.broken("the stream broke off before its end"))
    }

    fn unknown_events(&self) -> u64 {
        self.unknown
    }

    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step> {
        response::whole(&self.upstream, body, self.wants_json, events).map(|()| Step::Done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;
    use crate::outbound::arbitrary;

    const KINDS: &[&str] =
        &["text", "tool_calls", "governance", "tool_result", "error", "done", "", "odd"];
    const MEMBERS: &[&str] = &[
        "text",
        "toolCalls",
        "tool",
        "decision",
        "layers",
        "reason",
        "toolCallId",
        "name",
        "result",
        "error",
        "message",
        "id",
        "output",
        "usage",
        "stopReason",
        "conversationId",
    ];

    proptest! {
        #[test]
        fn any_stream_has_one_end(stream in arbitrary::stream(KINDS, MEMBERS)) {
            let mut decoder = Decoder::new("acp", true);
            prop_assert_eq!(arbitrary::ends(&mut decoder, &stream), (1, true));
        }

        #[test]
        fn any_whole_answer_has_one_end(body in arbitrary::body(MEMBERS)) {
            let mut decoder = Decoder::new("acp", true);
            prop_assert_eq!(arbitrary::ends_of_whole(&mut decoder, &body), 1);
        }
    }
}
