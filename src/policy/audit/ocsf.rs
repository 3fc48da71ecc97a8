//! Records as events of OCSF, class API Activity (6003), for who collects events of many products
//! in one place. The command line writes them.
//!
//! Invariant: what the class has a place for stands there, under the names of [`VERSION`]; all
//! else stands under `unmapped`. What a record seals stays in the log: no collector could open it.

use serde_json::{Map, Value, json};

use crate::model::record::{Record, Stage, Verdict};
use crate::model::run::RunStatus;

/// The version of OCSF that events are of.
pub const VERSION: &str = "1.5.0";
const CLASS: u64 = 6_003;
const CATEGORY: u64 = 6;
/// What is not one of the class's own activities; `activity_name` says what it is.
const OTHER: u64 = 99;

/// The event of a record.
pub fn event(seq: u64, record: &Record) -> Value {
    let operation = operation(record);
    let (activity, activity_name) = activity(record, operation);
    let failed = has_failed(record);
    let denied = record.decision == Verdict::Deny;
    let mut event = json!({
        "class_uid": CLASS,
        "class_name": "API Activity",
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity,
        "severity_id": if denied || failed { 2 } else { 1 },
        "severity": if denied || failed { "Low" } else { "Informational" },
        "status_id": if denied || failed { 2 } else { 1 },
        "status": if denied || failed { "Failure" } else { "Success" },
        "action_id": if denied { 2 } else { 1 },
        "action": if denied { "Denied" } else { "Allowed" },
        "time": record.at.0.div_euclid(1_000),
        "message": format!("{operation}: {}, {}", record.stage.name(), record.decision.name()),
        "metadata": metadata(seq, record),
        "api": api(record, operation),
        "actor": actor(record),
        "src_endpoint": source(record),
        "unmapped": unmapped(record),
    });
    let Some(fields) = event.as_object_mut() else { return event };
    let outcome = record.outcome.as_ref();
    put(
        fields,
        "http_response",
        outcome.and_then(|it| it.http_status).map(|it| json!({ "code": it })),
    );
    put(fields, "status_code", outcome.and_then(|it| it.code.as_deref()).map(Value::from));
    put(fields, "duration", outcome.and_then(|it| it.duration_ms).map(Value::from));
    put(fields, "count", record.count.map(Value::from));
    put(fields, "policy", policy(record));
    let resources = resources(record);
    put(fields, "resources", (!resources.is_empty()).then(|| resources.into()));
    event
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}

/// What was asked for; what the gateway does by itself is named after its stage.
fn operation(record: &Record) -> &str {
    let named = record.call.as_ref().map(|call| call.operation.as_str());
    named.filter(|name| !name.is_empty()).unwrap_or(record.stage.name())
}

fn activity<'a>(record: &'a Record, operation: &'a str) -> (u64, &'a str) {
    let verb = operation.split('_').next().unwrap_or("");
    match record.stage {
        Stage::Admitted => (1, "Create"),
        Stage::ToolCall | Stage::Ended | Stage::Operated => (OTHER, record.stage.name()),
        Stage::Refused | Stage::Answered | Stage::Unknown => match verb {
            "create" | "run" => (1, "Create"),
            "get" | "list" | "follow" | "tail" | "prove" | "explain" => (2, "Read"),
            "rotate" | "cancel" | "update" | "reload" => (3, "Update"),
            "revoke" | "delete" => (4, "Delete"),
            _ => (OTHER, operation),
        },
    }
}

fn has_failed(record: &Record) -> bool {
    let Some(outcome) = &record.outcome else { return false };
    outcome.http_status.is_some_and(|status| status >= 400)
        || outcome
            .status
            .is_some_and(|status| status.is_terminal() && status != RunStatus::Completed)
}

fn metadata(seq: u64, record: &Record) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Switchyard", "vendor_name": "Switchyard", "version": record.build },
        "profiles": ["security_control"],
        "uid": record.id,
        "sequence": seq,
        "log_name": "audit",
        "event_code": record.stage.name(),
        "original_time": record.at,
    });
    let Some(fields) = metadata.as_object_mut() else { return metadata };
    let trace = record.call.as_ref().map(|call| call.trace_id.as_str());
    put(fields, "correlation_uid", trace.filter(|id| !id.is_empty()).map(Value::from));
    let tenant = record.principal.as_ref().map(|who| who.workspace.as_str());
    put(fields, "tenant_uid", tenant.map(Value::from));
    metadata
}

fn api(record: &Record, operation: &str) -> Value {
    let mut api = json!({ "operation": operation, "service": { "name": "switchyard" } });
    let Some(fields) = api.as_object_mut() else { return api };
    let request = record.call.as_ref().map(|call| call.request_id.as_str());
    let request = request.filter(|id| !id.is_empty()).map(|id| json!({ "uid": id }));
    put(fields, "request", request);
    let outcome = record.outcome.as_ref();
    let mut response = Map::new();
    put(&mut response, "code", outcome.and_then(|it| it.http_status).map(Value::from));
    put(&mut response, "error", outcome.and_then(|it| it.code.as_deref()).map(Value::from));
    put(fields, "response", (!response.is_empty()).then(|| response.into()));
    api
}

fn actor(record: &Record) -> Value {
    match &record.principal {
        Some(who) => json!({ "user": {
            "uid": who.subject, "name": who.name, "type_id": OTHER, "type": who.kind,
        } }),
        None if record.stage == Stage::Operated => json!({ "app_name": "switchyard" }),
        None => json!({ "user": { "name": "unknown", "type_id": 0 } }),
    }
}

/// Where it came from; what no call asked for came from the gateway itself.
fn source(record: &Record) -> Value {
    match record.call.as_ref().and_then(|call| call.address) {
        Some(address) => json!({ "ip": address }),
        None => json!({ "svc_name": "switchyard" }),
    }
}

fn policy(record: &Record) -> Option<Value> {
    let policy = record.policy.as_ref()?;
    let name = policy.rules.first()?;
    Some(json!({ "name": name, "version": policy.version, "is_applied": true }))
}

fn resources(record: &Record) -> Vec<Value> {
    let mut resources = Vec::new();
    if let Some(run) = &record.run {
        let mut agent = json!({ "type": "agent", "name": run.agent });
        if let Some(target) = &run.target {
            agent["uid"] = target.as_str().into();
        }
        resources.push(agent);
        resources.extend(run.id.as_ref().map(|id| json!({ "type": "run", "uid": id })));
    }
    if let Some(tool) = &record.tool {
        resources.push(json!({ "type": "tool", "name": tool.name, "uid": tool.call_id }));
    }
    resources.extend(record.subject.as_ref().map(|it| json!({ "type": "subject", "name": it })));
    resources
}

/// What the class has no place for, under the record's own names.
fn unmapped(record: &Record) -> Value {
    let mut rest = json!({ "boot": record.boot, "uptime_us": record.uptime_us });
    let Some(fields) = rest.as_object_mut() else { return rest };
    put(fields, "face", record.call.as_ref().map(|call| call.face.as_str().into()));
    put(fields, "run", serde_json::to_value(&record.run).ok().filter(|it| !it.is_null()));
    put(fields, "policy", serde_json::to_value(&record.policy).ok().filter(|it| !it.is_null()));
    put(fields, "tool", serde_json::to_value(&record.tool).ok().filter(|it| !it.is_null()));
    put(fields, "outcome", serde_json::to_value(&record.outcome).ok().filter(|it| !it.is_null()));
    if !record.pii.is_empty() {
        put(fields, "pii", serde_json::to_value(&record.pii).ok());
    }
    rest
}

#[cfg(test)]
mod tests;
