//! Reads one Agentbase run's stream; [`super::Agentbase`] makes one per run.
//!
//! Invariant: `agent_completed` and the errors end the run, and nothing is read after them; a
//! stream without either broke off.

use super::answer::Answer;
use super::tools::Tools;
use super::wire::Event;
use super::{errors, response};
use crate::error::{Error, Result};
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::micro::Micro;
use crate::model::run::{Usage, Warning};
use crate::outbound::{Decode, Step, nested};
use crate::wire::sse::Frame;

/// What was asked for, and so what may come.
pub(super) struct Expected {
    /// The upstream's configured name.
    pub(super) upstream: String,
    /// The session that was to be continued.
    pub(super) session: Option<String>,
    /// `streaming_tokens` was sent.
    pub(super) is_in_tokens: bool,
    /// `final_output` was sent.
    pub(super) wants_json: bool,
}

/// The state of one answer.
pub(super) struct Decoder {
    expected: Expected,
    has_ended: bool,
    /// The session as the last event wrote it, quotes and all.
    session: String,
    answer: Answer,
    tools: Tools,
    cost: Option<Micro>,
    unknown: u64,
}

impl Decoder {
    pub(super) fn new(expected: Expected) -> Self {
        let answer = Answer::new(expected.is_in_tokens, expected.wants_json);
        let (session, tools) = (String::new(), Tools::default());
        Self { expected, has_ended: false, session, answer, tools, cost: None, unknown: 0 }
    }

    fn event(&mut self, event: Event<'_>, events: &mut Vec<RunEvent>) {
        if self.has_ended {
            return;
        }
        self.session(&event, events);
        match event.kind.as_ref() {
            "agent_response" => self.answer.said(event.content, events),
            "agent_thinking" => self.answer.thought(event.content, events),
            "agent_started" => events.push(RunEvent::live(Happening::Started)),
            "agent_response_start" | "agent_thinking_start" | "agent_tool_use_start" => {
                self.answer.begins(events);
            }
            "agent_tool_use" => {
                self.answer.message_over(events);
                self.tools.called(event.content, events);
            }
            "agent_tool_response" => {
                self.answer.message_over(events);
                self.tools.answered(event.content, events);
            }
            "agent_cost" => self.cost(&event, events),
            "agent_step" => self.answer.message_over(events),
            "agent_completed" => {
                self.answer.close(events);
                self.end(Ending::Completed { output: None, stop_reason: None }, events);
            }
            "agent_error" | "error" => self.failed(&event, events),
            // An error body may come in place of the stream's events.
            "" if !event.error.is_null() => self.failed(&event, events),
            _ => self.other(event, events),
        }
    }

    /// The type of the event that brings the structured answer is not documented: by its name or,
    /// failing that, by its content. A hand-over to another agent is neither text nor answer.
    fn other(&mut self, event: Event<'_>, events: &mut Vec<RunEvent>) {
        let kind = event.kind.as_ref();
        let is_named = matches!(kind, "final_output" | "agent_final_output");
        let content = nested::json(event.content);
        // The account's balance is nobody's answer.
        let is_none = kind.contains("transfer") || content.get("balance").is_some() && !is_named;
        if is_none || !self.answer.structured(content, is_named, events) {
            self.unknown += 1;
            tracing::debug!(kind = nested::word(kind), "an event of unknown type was ignored");
        }
    }

    /// The session stands on every event; it is told when it is new, and a wrong one is warned of.
    fn session(&mut self, event: &Event<'_>, events: &mut Vec<RunEvent>) {
        let Some(raw) = event.session.map(|raw| raw.get()).filter(|raw| *raw != self.session)
        else {
            return;
        };
        raw.clone_into(&mut self.session);
        let Ok(session) = serde_json::from_str::<String>(raw) else { return };
        if self.expected.session.take().is_some_and(|wanted| wanted != session) {
            let detail = "the platform began a new conversation in place of the one to continue";
            let warning = Warning::new("thread_restarted", Some("thread_id"), detail);
            events.push(RunEvent::live(Happening::Warning(warning)));
        }
        let thread_id = Some(session);
        events.push(RunEvent::live(Happening::Upstream { run_id: None, thread_id }));
    }

    /// A cost is that of one step, as text or as a number: the run's is their sum.
    fn cost(&mut self, event: &Event<'_>, events: &mut Vec<RunEvent>) {
        self.answer.message_over(events);
        let cost = event.cost.map_or("", |raw| raw.get().trim_matches('"'));
        let Some(cost) = Micro::parse(cost) else {
            let detail = "the platform reported a cost that is no number; the sum lacks it";
            let warning = Warning::new("cost_unknown", None, detail);
            events.push(RunEvent::live(Happening::Warning(warning)));
            return;
        };
        let sum = self.cost.unwrap_or_default() + cost;
        self.cost = Some(sum);
        let usage = Usage { cost_usd: Some(sum), ..Usage::default() };
        events.push(RunEvent::live(Happening::Usage(usage)));
    }

    fn failed(&mut self, event: &Event<'_>, events: &mut Vec<RunEvent>) {
        self.answer.broke_off(events);
        let places = [&event.error, &event.message, &event.content];
        let error = errors::told(&self.expected.upstream, None, &places);
        self.end(Ending::Failed(error), events);
    }

    fn end(&mut self, ending: Ending, events: &mut Vec<RunEvent>) {
        self.has_ended = true;
        events.push(RunEvent::live(Happening::Ended(ending)));
    }

    fn broken(&self, what: &'static str) -> Error {
        errors::broken(&self.expected.upstream, what)
    }

    fn unread(&self, cause: serde_json::Error) -> Error {
        self.broken("an event is not a JSON object").caused_by(cause)
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<RunEvent>) -> Result<()> {
        if self.has_ended || frame.data.trim().is_empty() {
            return Ok(());
        }
        match serde_json::from_str(frame.data) {
            Ok(event) => self.event(event, events),
            // Without blank lines between them, several events arrive as one, a line each.
            Err(_) if frame.data.contains('\n') => {
                for line in frame.data.lines().filter(|line| !line.trim().is_empty()) {
                    let event = serde_json::from_str(line).map_err(|cause| self.unread(cause))?;
                    self.event(event, events);
                }
            }
            Err(cause) => return Err(self.unread(cause)),
        }
        Ok(())
    }

    fn end_of_stream(&mut self, events: &mut Vec<RunEvent>) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        self.answer.broke_off(events);
        Err(self.broken("the stream broke off before its end"))
    }

    fn unknown_events(&self) -> u64 {
        self.unknown
    }

    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step> {
        response::whole(&self.expected.upstream, body, events).map(|()| Step::Done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, prop_assert_eq, proptest};

    use super::*;
    use crate::outbound::arbitrary;

    const KINDS: &[&str] = &[
        "agent_started",
        "agent_response",
        "agent_response_start",
        "agent_thinking",
        "agent_tool_use",
        "agent_tool_response",
        "agent_cost",
        "agent_step",
        "agent_completed",
        "agent_error",
        "error",
        "final_output",
        "odd",
        "transfer",
        "",
    ];
    const MEMBERS: &[&str] =
        &["session", "content", "cost", "error", "message", "taskId", "detail", "type"];

    fn decoder(is_in_tokens: bool) -> Decoder {
        let (upstream, session) = ("agentbase".to_owned(), Some("s".to_owned()));
        Decoder::new(Expected { upstream, session, is_in_tokens, wants_json: true })
    }

    proptest! {
        #[test]
        fn any_stream_has_one_end(
            stream in arbitrary::stream(KINDS, MEMBERS),
            is_in_tokens in any::<bool>(),
        ) {
            prop_assert_eq!(arbitrary::ends(&mut decoder(is_in_tokens), &stream), (1, true));
        }

        #[test]
        fn any_whole_answer_has_one_end(body in arbitrary::body(MEMBERS)) {
            prop_assert_eq!(arbitrary::ends_of_whole(&mut decoder(false), &body), 1);
        }
    }
}
