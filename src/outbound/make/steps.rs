//! Make's steps as run events, for whole answers and streams alike. Called by `response.rs` and
//! `stream.rs`.
//!
//! Invariant: the steps of the system and of the user make no event.

use std::collections::{HashSet, VecDeque};

use super::wire::{Answer, ToolCall, ToolResponse};
use crate::model::content::Json;
use crate::model::event::Happening;
use crate::model::run::ToolStatus;

/// The tool calls of one run, so that answers find their calls. Make's tool answers carry no call
/// id: they are paired by name, then by order.
#[derive(Default)]
pub(super) struct Steps {
    waiting: VecDeque<(String, String)>,
    used: HashSet<String>,
    calls: usize,
}

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The agent spoke and called no tool: so far, this is the answer.
    Answer,
    /// The agent called tools, or one answered: the answer is still to come.
    Working,
    /// Nothing that a caller is told.
    Nothing,
}

impl Steps {
    /// Reads one step.
    pub(super) fn take(&mut self, step: &mut Answer, happen: &mut dyn FnMut(Happening)) -> Said {
        match step.role.as_deref() {
            Some("assistant") => {
                let calls = step.tool_calls.take().unwrap_or_default();
                let text = step.content.take().unwrap_or_default();
                if calls.is_empty() {
                    happen(Happening::MessageCompleted(text.into()));
                    return Said::Answer;
                }
                if !text.is_empty() {
                    happen(Happening::MessageCompleted(text.into()));
                }
                calls.into_iter().for_each(|call| happen(self.called(call)));
                Said::Working
            }
            Some("tool") => {
                let Some(response) = step.tool_response.take() else {
                    tracing::debug!("a tool step of Make without a tool's answer");
                    return Said::Nothing;
                };
                happen(self.answered(response, step.execution_time_ms));
                Said::Working
            }
            Some("system" | "user") | None => Said::Nothing,
            Some(_) => {
                tracing::debug!("a step of Make with an unknown role");
                Said::Nothing
            }
        }
    }

    fn called(&mut self, call: ToolCall) -> Happening {
        let call_id = self.call_id(call.id);
        self.waiting.push_back((call_id.clone(), call.name.clone()));
        Happening::ToolCallStarted { call_id, name: call.name, arguments: Json(call.arguments) }
    }

    fn answered(&mut self, response: ToolResponse, duration_ms: Option<u64>) -> Happening {
        let place = match &response.name {
            Some(name) => self.waiting.iter().position(|(_, called)| called == name),
            None => (!self.waiting.is_empty()).then_some(0),
        };
        let (call_id, name) = match place.and_then(|place| self.waiting.remove(place)) {
            Some(call) => call,
            None => (self.call_id(None), response.name.unwrap_or_default()),
        };
        let status = match response.status.as_deref() {
            Some("fail") => ToolStatus::Failed,
            _ => ToolStatus::Ok,
        };
        let result = Json(response.result);
        Happening::ToolCallCompleted { call_id, name, status, result, duration_ms }
    }

    /// Make's own id where it gives one that is new, else the next of ours.
    fn call_id(&mut self, given: Option<String>) -> String {
        self.calls += 1;
        let mut id = given.unwrap_or_else(|| format!("call_{}", self.calls));
        while !self.used.insert(id.clone()) {
            self.calls += 1;
            id = format!("call_{}", self.calls);
        }
        id
    }
}
