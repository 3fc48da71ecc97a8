//! Reads Make's answer to a run: whole here, as a stream in `stream.rs`.
//!
//! Invariant: an error of this file quotes nothing of the answer but Make's own error message.

use super::errors;
use super::steps::{Said, Steps};
use super::wire::Answer;
use crate::error::{Error, Kind, Result};
use crate::model::content::Json;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::run::{Usage, Warning};
use crate::outbound::{Decode, Step, prompt};
use crate::wire::sse::Frame;

/// Reads the answer to one run.
pub(super) struct Decoder {
    pub(super) upstream: String,
    /// The thread that was asked for; the platform may name another.
    pub(super) thread_id: Option<String>,
    pub(super) wants_json: bool,
    is_called_back: bool,
    pub(super) steps: Steps,
    pub(super) stream: super::stream::State,
}

impl Decoder {
    /// A decoder for a run in this thread.
    pub(super) fn new(
        upstream: &str,
        thread_id: &str,
        wants_json: bool,
        is_called_back: bool,
    ) -> Self {
        Self {
            upstream: upstream.to_owned(),
            thread_id: Some(thread_id.to_owned()),
            wants_json,
            is_called_back,
            steps: Steps::default(),
            stream: super::stream::State::default(),
        }
    }

    /// The structured answer: Make's own where it gives one, else the text read as JSON.
    pub(super) fn structured(&self, answer: &mut Answer, text: Option<&str>) -> Option<Json> {
        let own = answer.json_response.take().filter(|json| !json.is_null());
        own.or_else(|| text.filter(|_| self.wants_json).and_then(prompt::json_in)).map(Json)
    }

    fn broken(&self, why: &'static str) -> Error {
        Error::new(Kind::UpstreamProtocol, why).upstream(&self.upstream, None, None)
    }

    /// The run was accepted and its answer goes to the callback.
    fn accepted(&mut self, thread_id: Option<String>, events: &mut Vec<RunEvent>) -> Step {
        let thread_id = thread_id.or(self.thread_id.take());
        events.push(RunEvent::live(Happening::Upstream { run_id: None, thread_id }));
        let detail = "the platform took the run and gives its answer to the callback only";
        let warning = Warning::new("accepted_only", Some("upstream_options.callbackUrl"), detail);
        events.push(RunEvent::live(Happening::Warning(warning)));
        completed(events);
        Step::Done
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<RunEvent>) -> Result<()> {
        super::stream::frame(self, frame, events)
    }

    fn end_of_stream(&mut self, events: &mut Vec<RunEvent>) -> Result<()> {
        super::stream::end(self, events)
    }

    fn unknown_events(&self) -> u64 {
        self.stream.unknown
    }

    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step> {
        let mut answer = match Answer::read(body) {
            Some(answer) => answer,
            None if self.is_called_back && body.trim_ascii().is_empty() => {
                return Ok(self.accepted(None, events));
            }
            None => return Err(self.broken("the answer is not the JSON of a run")),
        };
        let Some(response) = answer.response.take() else {
            if let Some(said) = errors::said(&answer) {
                let error = Error::new(Kind::UpstreamError, "the platform reported a failure");
                return Err(error.upstream(&self.upstream, None, Some(&said)));
            }
            if self.is_called_back {
                return Ok(self.accepted(answer.thread_id, events));
            }
            return Err(self.broken("the answer has no response"));
        };
        let thread_id = answer.thread_id.take().or(self.thread_id.take());
        events.push(RunEvent::live(Happening::Upstream { run_id: None, thread_id }));
        self.trace(std::mem::take(&mut answer.execution_steps), events);
        let used = answer.token_usage_summary.take().map(|used| used.into_usage());
        let structured = self.structured(&mut answer, Some(&response));
        events.push(RunEvent::synthetic(Happening::MessageCompleted(response.into())));
        events.extend(structured.map(|json| RunEvent::live(Happening::Structured(json))));
        // Behind the answer, so that a run that has become too dear still shows what was paid for.
        let used = used.filter(|used| *used != Usage::default());
        events.extend(used.map(|used| RunEvent::live(Happening::Usage(used))));
        completed(events);
        Ok(Step::Done)
    }
}

impl Decoder {
    /// What the agent did on the way. Its last word is left out: that is the answer, which
    /// `response` says with authority.
    fn trace(&mut self, steps: Vec<Answer>, events: &mut Vec<RunEvent>) {
        let mut answer_at = None;
        for mut step in steps {
            let before = events.len();
            let said =
                self.steps.take(&mut step, &mut |what| events.push(RunEvent::synthetic(what)));
            answer_at = match said {
                Said::Answer => Some(before),
                Said::Working => None,
                Said::Nothing => answer_at,
            };
        }
        if let Some(at) = answer_at {
            events.truncate(at);
        }
    }
}

/// The run is over; its output is its last message.
pub(super) fn completed(events: &mut Vec<RunEvent>) {
    events.push(RunEvent::live(Happening::Ended(Ending::Completed {
        output: None,
        stop_reason: None,
    })));
}
