//! An answer of Agentbase that is no stream. Its API promises none; what was seen or rumoured is a
//! failure with a success status, and the id of a task that runs on in the background.
//!
//! Invariant: a run that the platform only accepted says so; the gateway cannot see its end.

use serde_json::Value;

use super::errors;
use super::wire::Whole;
use crate::error::Result;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::run::Warning;

pub(super) fn whole(upstream: &str, body: &[u8], events: &mut Vec<RunEvent>) -> Result<()> {
    let answer: Whole = serde_json::from_slice(body)
        .map_err(|cause| errors::broken(upstream, "the answer is no stream").caused_by(cause))?;
    if let Some(task) = task(&answer.task_id) {
        let detail = "the platform runs this in the background; its answer goes to its callback";
        let warning = Warning::new("accepted_in_background", None, detail);
        events.extend(
            [
                Happening::Upstream { run_id: Some(task), thread_id: None },
                Happening::Warning(warning),
                Happening::Ended(Ending::Completed { output: None, stop_reason: None }),
            ]
            .map(RunEvent::live),
        );
        return Ok(());
    }
    let places = [&answer.error, &answer.message, &answer.detail];
    if places.iter().any(|place| !place.is_null()) {
        return Err(errors::told(upstream, Some(200), &places));
    }
    Err(errors::broken(upstream, "the answer is no stream"))
}

fn task(id: &Value) -> Option<String> {
    match id {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}
