//! What an agent did, told afterwards: the tool calls of an execution as run events. Called by
//! `response.rs`.

use std::collections::HashSet;

use super::wire::{Detail, Event};
use crate::clock::Timestamp;
use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};
use crate::model::run::ToolStatus;

/// Tells the tool calls in their order.
pub(super) fn tell(detail: &mut Detail, events: &mut Vec<RunEvent>) {
    let calls = std::mem::take(&mut detail.events);
    let mut used = HashSet::new();
    let calls = calls.into_iter().filter(|event| event.r#type == "tool-call");
    for (index, event) in calls.enumerate() {
        // Zaia's own id where it gives one that is new, else the first of ours that is.
        let own = event.id.iter().cloned();
        let mut ids = own.chain((index + 1..).map(|number| format!("call_{number}")));
        let Some(call_id) = ids.find(|id| used.insert(id.clone())) else { continue };
        tell_call(event, call_id, events);
    }
}

fn tell_call(event: Event, call_id: String, events: &mut Vec<RunEvent>) {
    let duration_ms = duration(&event);
    let label = event.label.filter(|label| !label.is_empty());
    let name = label.or(event.tool_type).unwrap_or_default();
    events.push(RunEvent::synthetic(Happening::ToolCallStarted {
        call_id: call_id.clone(),
        name: name.clone(),
        arguments: Json(event.input.unwrap_or_default()),
    }));
    let status = match event.status.as_deref() {
        // It had not answered when the run ended.
        Some("running") => return,
        Some("failed") => ToolStatus::Failed,
        _ => ToolStatus::Ok,
    };
    let result = Json(event.output.unwrap_or_default());
    events.push(RunEvent::synthetic(Happening::ToolCallCompleted {
        call_id,
        name,
        status,
        result,
        duration_ms,
    }));
}

fn duration(event: &Event) -> Option<u64> {
    let started = Timestamp::parse(event.started_at.as_deref()?)?;
    Some(Timestamp::parse(event.ended_at.as_deref()?)?.millis_since(started))
}
