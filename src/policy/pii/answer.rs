//! Treats what a platform says in a run: the text of messages and of reasoning as it streams, and
//! whatever comes whole: tool calls, decisions, structured answers, failures.
//!
//! Invariant: the pieces of a message, joined, are the message treated as a whole; a token is never
//! cut in two; what is held back is told before whatever ends its message, and before the end.

use std::sync::Arc;

use super::findings::Tally;
use super::json::JsonTreatment;
use super::plan::Plan;
use super::scan::Failure;
use super::treat::Treatment;
use super::vault::Vault;
use crate::error::Error;
use crate::model::content::{Json, Text};
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::run::Governance;

/// The answer of one run.
pub(super) struct Answer {
    message: Channel,
    reasoning: Channel,
    /// What comes whole and is news.
    whole: JsonTreatment,
    /// What repeats what was said before, and is not counted twice.
    again: JsonTreatment,
    /// Whether any message was said.
    has_spoken: bool,
}

/// A text that streams.
struct Channel {
    treatment: Treatment,
    say: fn(Text) -> Happening,
    /// Whether its last piece was derived by the gateway.
    synthetic: bool,
    /// Whether a piece of the current text has come.
    has_begun: bool,
}

impl Answer {
    /// An answer of which nothing has come.
    pub(super) fn new(plan: &Arc<Plan>, vault: Option<&Arc<Vault>>) -> Self {
        let channel = |say| Channel {
            treatment: Treatment::new(Arc::clone(plan), vault.cloned()),
            say,
            synthetic: false,
            has_begun: false,
        };
        let json = || JsonTreatment::new(Arc::clone(plan), vault.cloned());
        Self {
            message: channel(Happening::MessageDelta),
            reasoning: channel(Happening::ReasoningDelta),
            whole: json(),
            again: json(),
            has_spoken: false,
        }
    }

    /// Takes the next event, and hands on what is decided by it.
    ///
    /// # Errors
    /// [`Failure`]: the run must end, and nothing of this event may be told.
    pub(super) fn take(
        &mut self,
        event: RunEvent,
        mut hand_on: impl FnMut(RunEvent),
    ) -> Result<(), Failure> {
        let RunEvent { synthetic, what } = event;
        let what = match what {
            Happening::MessageDelta(text) => {
                self.has_spoken = true;
                return self.message.take(&text, synthetic, hand_on);
            }
            Happening::ReasoningDelta(text) => {
                return self.reasoning.take(&text, synthetic, hand_on);
            }
            Happening::MessageCompleted(text) => {
                let is_news = !self.message.has_begun;
                self.message.end(&mut hand_on)?;
                self.has_spoken = true;
                Happening::MessageCompleted(self.treating(is_news).message(&text)?)
            }
            Happening::ToolCallStarted { call_id, mut name, mut arguments } => {
                self.end_texts(&mut hand_on)?;
                self.whole.plain_text(&mut name)?;
                self.whole.treat("", &mut arguments.0)?;
                Happening::ToolCallStarted { call_id, name, arguments }
            }
            Happening::ToolCallCompleted { call_id, mut name, status, mut result, duration_ms } => {
                self.end_texts(&mut hand_on)?;
                self.again.plain_text(&mut name)?;
                self.whole.treat("", &mut result.0)?;
                Happening::ToolCallCompleted { call_id, name, status, result, duration_ms }
            }
            Happening::Governance(decision) => Happening::Governance(self.decision(decision)?),
            Happening::Structured(Json(mut value)) => {
                let is_news = !self.has_spoken;
                self.treating(is_news).treat("", &mut value)?;
                Happening::Structured(value.into())
            }
            Happening::Warning(mut warning) => {
                self.whole.plain_text(&mut warning.detail)?;
                Happening::Warning(warning)
            }
            Happening::Usage(mut usage) => {
                usage.model.iter_mut().try_for_each(|model| self.again.plain_text(model))?;
                Happening::Usage(usage)
            }
            Happening::Ended(ending) => {
                self.end_texts(&mut hand_on)?;
                Happening::Ended(self.ending(ending)?)
            }
            what @ (Happening::Started | Happening::Upstream { .. } | Happening::Pii(_)) => what,
        };
        hand_on(RunEvent { synthetic, what });
        Ok(())
    }

    /// Hands on what is held back: the run is over, or was broken off.
    ///
    /// # Errors
    /// As for [`Answer::take`].
    pub(super) fn end_texts(&mut self, mut hand_on: impl FnMut(RunEvent)) -> Result<(), Failure> {
        self.message.end(&mut hand_on)?;
        self.reasoning.end(&mut hand_on)
    }

    /// A failure, treated.
    ///
    /// # Errors
    /// As for [`Answer::take`].
    pub(super) fn failure(&mut self, error: Error) -> Result<Error, Failure> {
        error.reworded(|text| {
            let mut treated = text.to_owned();
            self.whole.plain_text(&mut treated)?;
            Ok((treated != text).then_some(treated))
        })
    }

    /// What was found so far.
    pub(super) fn found(&self) -> Tally {
        let texts = [&self.message.treatment, &self.reasoning.treatment];
        let texts = texts.into_iter().flat_map(Treatment::counts);
        Tally::of(texts.chain(self.whole.counts()))
    }

    fn treating(&mut self, is_news: bool) -> &mut JsonTreatment {
        if is_news { &mut self.whole } else { &mut self.again }
    }

    fn decision(&mut self, mut decision: Governance) -> Result<Governance, Failure> {
        // The tool stands in its call already.
        self.again.plain_text(&mut decision.tool)?;
        self.whole.treat("", &mut decision.layers.0)?;
        decision.reason.iter_mut().try_for_each(|reason| self.whole.plain_text(reason))?;
        Ok(decision)
    }

    fn ending(&mut self, ending: Ending) -> Result<Ending, Failure> {
        let is_news = !self.has_spoken;
        let mut told = |output: Option<Text>, reason: Option<String>| {
            let output = output.map(|text| self.treating(is_news).message(&text));
            let reason = reason.map(|mut text| self.whole.plain_text(&mut text).map(|()| text));
            Ok((output.transpose()?, reason.transpose()?))
        };
        Ok(match ending {
            Ending::Completed { output, stop_reason } => {
                let (output, stop_reason) = told(output, stop_reason)?;
                Ending::Completed { output, stop_reason }
            }
            Ending::Incomplete { output, stop_reason } => {
                let (output, stop_reason) = told(output, stop_reason)?;
                Ending::Incomplete { output, stop_reason }
            }
            Ending::Failed(error) => Ending::Failed(self.failure(error)?),
            Ending::Cancelled => Ending::Cancelled,
        })
    }
}

impl Channel {
    fn take(
        &mut self,
        text: &str,
        synthetic: bool,
        mut hand_on: impl FnMut(RunEvent),
    ) -> Result<(), Failure> {
        let mut out = String::with_capacity(text.len());
        self.treatment.feed(text, &mut out)?;
        (self.synthetic, self.has_begun) = (synthetic, true);
        if !out.is_empty() {
            hand_on(RunEvent { synthetic, what: (self.say)(out.into()) });
        }
        Ok(())
    }

    fn end(&mut self, hand_on: &mut impl FnMut(RunEvent)) -> Result<(), Failure> {
        if !std::mem::take(&mut self.has_begun) {
            return Ok(());
        }
        let mut out = String::new();
        self.treatment.finish(&mut out)?;
        if !out.is_empty() {
            hand_on(RunEvent { synthetic: self.synthetic, what: (self.say)(out.into()) });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("message", &self.message.treatment).finish_non_exhaustive()
    }
}
