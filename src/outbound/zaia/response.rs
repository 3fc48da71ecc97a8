//! Reads Zaia's answer to a run, and to the question how it is doing.
//!
//! Invariant: success is what the execution's status says, never the HTTP status alone.

use std::time::Duration;

use serde_json::Value;

use super::wire::{Answer, Detail, Execution};
use super::{request, trace};
use crate::error::{Error, Kind, Result};
use crate::model::content::Json;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::micro::Micro;
use crate::model::run::{Usage, Warning};
use crate::outbound::{Decode, Step, fault, prompt};
use crate::wire::sse::Frame;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Reads the answers to one run.
pub(super) struct Decoder {
    upstream: String,
    wants_json: bool,
    /// How long to wait before asking again.
    wait: Duration,
    has_named_run: bool,
}

impl Decoder {
    /// A decoder for one run.
    pub(super) fn new(upstream: &str, wants_json: bool) -> Self {
        let upstream = upstream.to_owned();
        Self { upstream, wants_json, wait: FIRST_WAIT, has_named_run: false }
    }

    fn broken(&self, why: &'static str) -> Error {
        Error::new(Kind::UpstreamProtocol, why).upstream(&self.upstream, None, None)
    }

    /// Either shape: an answer with its execution, or, when asked again, the execution itself.
    fn read<'a>(&self, body: &'a [u8]) -> Result<(Answer<'a>, Execution<'a>)> {
        let broken = || self.broken("the answer is not the JSON of an execution");
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(broken());
        }
        let mut answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| broken())?;
        match answer.execution.take() {
            Some(execution) => Ok((answer, execution)),
            None => Ok((answer, serde_json::from_slice(body).map_err(|_| broken())?)),
        }
    }

    fn name_run(&mut self, execution: &Execution<'_>, events: &mut Vec<RunEvent>) {
        if !self.has_named_run && execution.id.is_some() {
            self.has_named_run = true;
            let run_id = execution.id.clone();
            events.push(RunEvent::live(Happening::Upstream { run_id, thread_id: None }));
        }
    }

    fn ask_again(&mut self, execution: &Execution<'_>) -> Result<Step> {
        let id = execution.id.as_deref().filter(|id| !matches!(*id, "" | "." | ".."));
        let Some(id) = id else {
            return Err(self.broken("an execution that is running has no id to ask for"));
        };
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        Ok(Step::AskAgain(request::ask_again(id), wait))
    }

    /// The answer as text and as JSON.
    fn answered(&self, content: Value, events: &mut Vec<RunEvent>) {
        let (text, json) = match content {
            Value::Null => return,
            Value::String(text) => {
                let json = self.wants_json.then(|| prompt::json_in(&text)).flatten();
                (text, json)
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                (content.to_string(), Some(content))
            }
        };
        events.push(RunEvent::synthetic(Happening::MessageCompleted(text.into())));
        events.extend(json.map(|json| RunEvent::live(Happening::Structured(Json(json)))));
    }

    fn failed(&self, detail: &Detail) -> Error {
        let said = detail.output.as_ref().and_then(|output| {
            let said = output.get("message").or_else(|| output.get("error"))?;
            fault::plain_text(said.as_str()?.as_bytes())
        });
        let error = Error::new(Kind::UpstreamError, "the platform's execution failed");
        error.upstream(&self.upstream, None, said)
    }
}

impl Decode for Decoder {
    fn frame(&mut self, _: Frame<'_>, _: &mut Vec<RunEvent>) -> Result<()> {
        Err(self.broken("an event stream, where the platform has none"))
    }

    fn end_of_stream(&mut self, _: &mut Vec<RunEvent>) -> Result<()> {
        Err(self.broken("an event stream, where the platform has none"))
    }

    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step> {
        let (answer, mut execution) = self.read(body)?;
        self.name_run(&execution, events);
        match execution.status.as_str() {
            "running" => return self.ask_again(&execution),
            "completed" | "failed" | "cancelled" => {}
            _ => return Err(self.broken("the execution is in a state that is not known")),
        }
        let mut detail = execution.detail.take().unwrap_or_default();
        trace::tell(&mut detail, events);
        let used = credits(&execution).map(|credits| {
            let usage = Usage { credits: Some(credits), ..Usage::default() };
            RunEvent::live(Happening::Usage(usage))
        });
        if execution.status == "failed" {
            events.extend(used);
            return Err(self.failed(&detail));
        }
        let ending = match execution.status == "cancelled" {
            true => Ending::Cancelled,
            false => Ending::Completed { output: None, stop_reason: None },
        };
        events.extend(files_left_out(&answer));
        self.answered(content(answer, detail), events);
        // Behind the answer, so that a run that has become too dear still shows what was paid for.
        events.extend(used);
        events.push(RunEvent::live(Happening::Ended(ending)));
        Ok(Step::Done)
    }
}

/// The answer's content; where it has none, what the execution put out.
fn content(answer: Answer<'_>, detail: Detail) -> Value {
    if let Some(content) = answer.content.filter(|content| !content.is_null()) {
        return content;
    }
    match detail.output {
        Some(Value::Object(mut output)) => match output.shift_remove("content") {
            Some(content) if !content.is_null() => content,
            _ if output.is_empty() => Value::Null,
            _ => Value::Object(output),
        },
        output => output.unwrap_or_default(),
    }
}

fn credits(execution: &Execution<'_>) -> Option<Micro> {
    Micro::parse(execution.credits_used?.get().trim_matches('"'))
}

/// Files that came with the answer: a run has no place for them.
fn files_left_out(answer: &Answer<'_>) -> Option<RunEvent> {
    let count = answer.attachments_urls.as_ref().map_or(0, Vec::len);
    (count > 0).then(|| {
        let detail = format!("files that came with the answer are not passed on: {count}");
        RunEvent::live(Happening::Warning(Warning::new("attachments_left_out", None, detail)))
    })
}
