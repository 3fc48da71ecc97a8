//! The tool calls of one Agentbase run. The platform gives them no ids: they get ours, and an
//! answer belongs to the first open call of its tool. The decoder keeps one.
//!
//! Invariant: a call is answered once; an answer without a call is one all the same.

use serde_json::Value;

use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};
use crate::model::run::ToolStatus;
use crate::outbound::nested;

/// The calls so far, in order.
#[derive(Default)]
pub(super) struct Tools(Vec<Call>);

struct Call {
    name: String,
    is_answered: bool,
}

/// What stands for the name of a tool that an event does not name.
const UNNAMED: &str = "unknown";

impl Tools {
    /// `agent_tool_use`: the content is text that holds `{tool, input}`, and `input` again is text
    /// that holds JSON, or is empty. Where a level does not parse, what came is the argument.
    pub(super) fn called(&mut self, content: Value, events: &mut Vec<RunEvent>) {
        let (name, arguments) = unpack(content, &["input"]);
        // Nothing is given as an empty text.
        let arguments = if arguments == "" { Value::Null } else { arguments };
        let name = name.unwrap_or_else(|| UNNAMED.to_owned());
        self.0.push(Call { name: name.clone(), is_answered: false });
        let call_id = format!("call_{}", self.0.len());
        let arguments = Json(arguments);
        events.push(RunEvent::live(Happening::ToolCallStarted { call_id, name, arguments }));
    }

    /// `agent_tool_response`: text that holds `{tool, response}` or `{tool, content}`.
    pub(super) fn answered(&mut self, content: Value, events: &mut Vec<RunEvent>) {
        let (name, result) = unpack(content, &["response", "content"]);
        let is_its =
            |call: &Call| !call.is_answered && name.as_ref().is_none_or(|name| call.name == *name);
        let place = match self.0.iter().position(is_its) {
            Some(place) => place,
            None => {
                let name = name.clone().unwrap_or_else(|| UNNAMED.to_owned());
                self.0.push(Call { name, is_answered: false });
                self.0.len() - 1
            }
        };
        let Some(call) = self.0.get_mut(place) else { return };
        call.is_answered = true;
        events.push(RunEvent::live(Happening::ToolCallCompleted {
            call_id: format!("call_{}", place + 1),
            name: call.name.clone(),
            // Whether a tool failed is not said.
            status: ToolStatus::Ok,
            result: Json(result),
            duration_ms: None,
        }));
    }
}

/// The tool and what it was given or answered: the first of `keys`. Where no tool is named, all of
/// what came is that.
fn unpack(content: Value, keys: &[&str]) -> (Option<String>, Value) {
    let mut content = nested::json(content);
    let Some(tool) = content.get("tool").and_then(nested::name) else { return (None, content) };
    let inner = keys.iter().find_map(|key| content.get_mut(*key).map(Value::take));
    (Some(tool), nested::json(inner.unwrap_or_default()))
}
