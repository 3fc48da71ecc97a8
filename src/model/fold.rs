//! Folds the events of a run into the Run that callers read.
//!
//! Invariant: only this file changes a Run after it was admitted.

use crate::clock::Timestamp;
use crate::model::content::{Json, Text};
use crate::model::event::{Body, Ending, Happening, RunEvent};
use crate::model::pii::PiiCount;
use crate::model::run::{Run, RunStatus, Step, StepType};
use std::sync::Arc;
use std::time::Duration;

/// A run while it goes on.
#[derive(Debug)]
pub struct Fold {
    /// Shared with the events that show it; copied when it changes while one still does.
    run: Arc<Run>,
    /// The current message: what the deltas since the last tool event make.
    current: String,
    /// The last whole message that the platform gave.
    last: Option<Text>,
    request_id: String,
}

impl Fold {
    /// Starts from an admitted run; `request_id` stands in the problem if it fails.
    pub fn new(run: Arc<Run>, request_id: &str) -> Self {
        Self { run, current: String::new(), last: None, request_id: request_id.to_owned() }
    }

    /// The run as it stands.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// Puts another run in its place: one whose end could not be recorded.
    pub fn replace(&mut self, run: Arc<Run>) {
        self.run = run;
    }

    /// How long the run took, by a clock that does not jump.
    pub fn took(&mut self, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Arc::make_mut(&mut self.run).duration_ms = Some(millis);
    }

    /// Bytes of text held for the answer.
    pub fn held_bytes(&self) -> usize {
        self.current.len() + self.last.as_ref().map_or(0, |text| text.len())
    }

    /// Takes in one event; what readers are to see of it, if anything.
    pub fn apply(&mut self, event: RunEvent, now: Timestamp) -> Option<Body> {
        Some(match event.what {
            Happening::Started => {
                let run = Arc::make_mut(&mut self.run);
                run.status = RunStatus::Running;
                run.started_at = Some(now);
                Body::Started(Arc::clone(&self.run))
            }
            Happening::Upstream { run_id, thread_id } => {
                let upstream = &mut Arc::make_mut(&mut self.run).upstream;
                upstream.run_id = run_id.or(upstream.run_id.take());
                upstream.thread_id = thread_id.or(upstream.thread_id.take());
                return None;
            }
            Happening::Structured(json) => {
                Arc::make_mut(&mut self.run).output_json = Some(json);
                return None;
            }
            Happening::Pii(found) => {
                PiiCount::add_all(&mut Arc::make_mut(&mut self.run).pii, found);
                return None;
            }
            Happening::MessageDelta(text) => {
                self.current.push_str(&text);
                Body::MessageDelta(text)
            }
            Happening::MessageCompleted(text) => {
                self.current.clear();
                self.last = Some(text.clone());
                Body::MessageCompleted(text)
            }
            Happening::ReasoningDelta(text) => Body::ReasoningDelta(text),
            Happening::ToolCallStarted { call_id, name, arguments } => {
                self.message_over();
                self.open_step(&call_id, &name, &arguments);
                Body::ToolCallStarted { call_id, name, arguments }
            }
            Happening::ToolCallCompleted { call_id, name, status, result, duration_ms } => {
                self.message_over();
                let steps = &mut Arc::make_mut(&mut self.run).steps;
                if let Some(step) = steps.iter_mut().rev().find(|s| s.call_id == call_id) {
                    step.status = Some(status);
                    step.result = result.clone();
                    step.duration_ms = duration_ms;
                }
                Body::ToolCallCompleted { call_id, name, status, result, duration_ms }
            }
            Happening::Governance(decision) => {
                Arc::make_mut(&mut self.run).governance.push(decision.clone());
                Body::Governance(decision)
            }
            Happening::Usage(usage) => {
                Arc::make_mut(&mut self.run).usage = usage.clone();
                Body::Usage(usage)
            }
            Happening::Warning(warning) => {
                Arc::make_mut(&mut self.run).warnings.push(warning.clone());
                Body::Warning(warning)
            }
            Happening::Ended(ending) => {
                self.end(ending, now);
                Body::Ended(Arc::clone(&self.run))
            }
        })
    }

    /// A tool event ends the current message, which may have been the last one.
    fn message_over(&mut self) {
        if !self.current.is_empty() {
            self.last = Some(std::mem::take(&mut self.current).into());
        }
    }

    fn open_step(&mut self, call_id: &str, name: &str, arguments: &Json) {
        let steps = &mut Arc::make_mut(&mut self.run).steps;
        steps.push(Step {
            index: u32::try_from(steps.len()).unwrap_or(u32::MAX),
            r#type: StepType::ToolCall,
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.clone(),
            status: None,
            result: Json::default(),
            duration_ms: None,
        });
    }

    fn end(&mut self, ending: Ending, now: Timestamp) {
        self.message_over();
        let folded = self.last.take();
        let run = Arc::make_mut(&mut self.run);
        let (status, output) = match ending {
            Ending::Completed { output, stop_reason } => {
                run.stop_reason = stop_reason;
                (RunStatus::Completed, output.or(folded))
            }
            Ending::Incomplete { output, stop_reason } => {
                run.stop_reason = stop_reason;
                (RunStatus::Incomplete, output.or(folded))
            }
            Ending::Failed(error) => {
                let mut problem = error.problem(&self.request_id);
                problem.run_id = Some(run.id.to_string());
                run.error = Some(problem);
                (RunStatus::Failed, folded)
            }
            Ending::Cancelled => (RunStatus::Cancelled, folded),
        };
        run.status = status;
        run.output = output;
        run.ended_at = Some(now);
        run.duration_ms = Some(now.millis_since(run.created_at));
        if run.usage.tool_calls.is_none() && !run.steps.is_empty() {
            run.usage.tool_calls = Some(run.steps.len() as u64);
        }
    }
}
