//! Shows requests, events and errors as stable JSON that reads well in a review.

use serde_json::{Map, Value, json};
use switchyard::error::Error;
use switchyard::model::content::Text;
use switchyard::model::event::{Ending, Happening, RunEvent};
use switchyard::outbound::UpstreamRequest;

pub(super) fn request(request: &UpstreamRequest) -> Value {
    let body = match request.body.as_ref() {
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes).expect("a request body is JSON"),
    };
    json!({
        "method": request.method.as_str(),
        "target": request.target,
        "accept": request.accept,
        "body": body,
    })
}

/// What may be shown of an error; what it does not have is left out.
pub(super) fn error(error: &Error) -> Value {
    let mut shown = Map::new();
    shown.insert("kind".to_owned(), json!(error.kind().code()));
    shown.insert("message".to_owned(), json!(error.message()));
    if !error.fields().is_empty() {
        shown.insert("fields".to_owned(), json!(error.fields()));
    }
    if let Some(after) = error.retry_in() {
        shown.insert("retry_after".to_owned(), json!(after.as_secs_f64()));
    }
    if let Some(fault) = error.upstream_fault() {
        shown.insert("upstream".to_owned(), json!(fault));
    }
    Value::Object(shown)
}

pub(super) fn event(event: &RunEvent) -> Value {
    let (name, mut shown) = happening(&event.what);
    let mut line = Map::new();
    line.insert("event".to_owned(), json!(name));
    line.insert("synthetic".to_owned(), json!(event.synthetic));
    if let Some(fields) = shown.as_object_mut() {
        line.append(fields);
    }
    Value::Object(line)
}

fn happening(what: &Happening) -> (&'static str, Value) {
    match what {
        Happening::Started => ("started", json!({})),
        Happening::Upstream { run_id, thread_id } => {
            ("upstream", json!({ "run_id": run_id, "thread_id": thread_id }))
        }
        Happening::MessageDelta(text) => ("message.delta", json!({ "text": text })),
        Happening::MessageCompleted(text) => ("message.completed", json!({ "text": text })),
        Happening::ReasoningDelta(text) => ("reasoning.delta", json!({ "text": text })),
        Happening::ToolCallStarted { call_id, name, arguments } => (
            "tool_call.started",
            json!({ "call_id": call_id, "name": name, "arguments": arguments }),
        ),
        Happening::ToolCallCompleted { call_id, name, status, result, duration_ms } => (
            "tool_call.completed",
            json!({
                "call_id": call_id,
                "name": name,
                "status": status,
                "result": result,
                "duration_ms": duration_ms,
            }),
        ),
        Happening::Governance(decision) => ("governance.decision", json!(decision)),
        Happening::Usage(usage) => ("usage", json!(usage)),
        Happening::Structured(json) => ("structured", json!({ "json": json })),
        Happening::Pii(found) => ("pii", json!(found)),
        Happening::Warning(warning) => ("warning", json!(warning)),
        Happening::Ended(ending) => ("ended", ended(ending)),
    }
}

fn ended(ending: &Ending) -> Value {
    let well = |status: &str, output: &Option<Text>, stop_reason: &Option<String>| json!({ "status": status, "output": output, "stop_reason": stop_reason });
    match ending {
        Ending::Completed { output, stop_reason } => well("completed", output, stop_reason),
        Ending::Incomplete { output, stop_reason } => well("incomplete", output, stop_reason),
        Ending::Failed(cause) => json!({ "status": "failed", "error": error(cause) }),
        Ending::Cancelled => json!({ "status": "cancelled" }),
    }
}
