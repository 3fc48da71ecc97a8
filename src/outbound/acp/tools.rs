//! The tool calls of one ACP run: which was announced, decided over and answered. The decoder
//! keeps one.
//!
//! Invariant: a call has one answer, and a call that was denied has one even if ACP sends none.

use serde_json::Value;

use super::wire::ToolCall;
use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};
use crate::model::run::{Decision, DecisionSource, Governance, ToolStatus, Warning};
use crate::outbound::{nested, prompt};

/// The calls so far, in the order of their announcement.
#[derive(Default)]
pub(super) struct Tools(Vec<Call>);

struct Call {
    id: String,
    name: String,
    decision: Option<Decision>,
    is_answered: bool,
}

impl Tools {
    /// A call is announced.
    pub(super) fn announced(&mut self, call: ToolCall, events: &mut Vec<RunEvent>) {
        let call_id = nested::name(&call.id).unwrap_or_else(|| self.next_id());
        let name = nested::name(&call.name).unwrap_or_default();
        self.0.push(Call {
            id: call_id.clone(),
            name: name.clone(),
            decision: None,
            is_answered: false,
        });
        let arguments = Json(nested::json(call.arguments));
        events.push(RunEvent::live(Happening::ToolCallStarted { call_id, name, arguments }));
    }

    /// Policy decided. ACP names the tool and not the call, so that the decision belongs to the
    /// first call of that tool which has none yet.
    pub(super) fn decided(
        &mut self,
        (tool, word, layers, reason): (&Value, &Value, Value, &Value),
        events: &mut Vec<RunEvent>,
    ) {
        let (tool, word) =
            (nested::name(tool).unwrap_or_default(), nested::name(word).unwrap_or_default());
        let Some(decision) = decision(&word) else {
            let shown: String = prompt::one_line(&word).chars().take(40).collect();
            let detail = format!("the platform reported a decision of unknown meaning: {shown}");
            let warning = Warning::new("unknown_decision", None, detail);
            events.push(RunEvent::live(Happening::Warning(warning)));
            return;
        };
        let call = self.0.iter_mut().find(|call| call.name == tool && call.decision.is_none());
        let call_id = call.map(|call| {
            call.decision = Some(decision);
            call.id.clone()
        });
        // The audit log and the hooks of ACP use other words than its streams; theirs is kept.
        let is_usual = matches!(word.as_str(), "allowed" | "denied" | "transformed");
        let reason = nested::name(reason).or_else(|| (!is_usual).then_some(word));
        events.push(RunEvent::live(Happening::Governance(Governance {
            call_id,
            tool,
            decision,
            layers: Json(layers),
            reason,
            source: DecisionSource::Upstream,
        })));
    }

    /// A tool answered.
    pub(super) fn answered(
        &mut self,
        id: &Value,
        name: &Value,
        result: Value,
        events: &mut Vec<RunEvent>,
    ) {
        let (id, name) = (nested::name(id), nested::name(name));
        let call = self.0.iter_mut().find(|call| match (&id, &name) {
            (Some(id), _) => call.id == *id,
            (None, Some(name)) => !call.is_answered && call.name == *name,
            (None, None) => !call.is_answered,
        });
        let (call_id, name, status) = match call {
            Some(call) => {
                call.is_answered = true;
                (call.id.clone(), call.name.clone(), status(call.decision))
            }
            None => {
                let call_id = id.unwrap_or_else(|| self.next_id());
                let name = name.unwrap_or_default();
                self.0.push(Call {
                    id: call_id.clone(),
                    name: name.clone(),
                    decision: None,
                    is_answered: true,
                });
                (call_id, name, ToolStatus::Ok)
            }
        };
        events.push(RunEvent::live(Happening::ToolCallCompleted {
            call_id,
            name,
            status,
            result: Json(nested::json(result)),
            duration_ms: None,
        }));
    }

    /// The run is over: calls that were denied get the answer that ACP did not send.
    pub(super) fn close(&mut self, events: &mut Vec<RunEvent>) {
        let denied =
            |call: &&mut Call| !call.is_answered && call.decision == Some(Decision::Denied);
        for call in self.0.iter_mut().filter(denied) {
            call.is_answered = true;
            events.push(RunEvent::synthetic(Happening::ToolCallCompleted {
                call_id: call.id.clone(),
                name: call.name.clone(),
                status: ToolStatus::Denied,
                result: Json::default(),
                duration_ms: None,
            }));
        }
    }

    fn next_id(&self) -> String {
        format!("call_{}", self.0.len() + 1)
    }
}

/// ACP does not say whether a tool failed: an answer is an answer, unless the call was denied.
fn status(decision: Option<Decision>) -> ToolStatus {
    match decision {
        Some(Decision::Denied) => ToolStatus::Denied,
        Some(Decision::Allowed | Decision::Transformed) | None => ToolStatus::Ok,
    }
}

fn decision(word: &str) -> Option<Decision> {
    Some(match word {
        "allowed" | "allow" | "pass" => Decision::Allowed,
        // A call that waits for somebody's word has not been allowed.
        "denied" | "deny" | "block" | "blocked" | "ask" => Decision::Denied,
        "transformed" | "transform" | "redact" | "redacted" => Decision::Transformed,
        _ => return None,
    })
}
