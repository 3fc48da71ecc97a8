//! Make's agents as its published API shows them.
//!
//! Invariant: the traps of the real one are here: `agentId`, answers without a body, lists that
//! show MCP connections otherwise than an agent does, a parser with two names.

use serde_json::{Value, json};

use super::super::make::{admit, invalid, not_found};
use super::super::platform::uuid;
use super::super::request::Received;
use super::super::script::Script;
use super::{Shelf, at, merge};

/// What can be written of an agent, and what it must be.
const FIELDS: &[(&str, &str)] = &[
    ("name", "string"),
    ("systemPrompt", "string"),
    ("defaultModel", "string"),
    ("llmConfig", "object"),
    ("scenarios", "array"),
    ("historyConfig", "object"),
    ("mcpConfigs", "array"),
    ("outputParserFormat", "object"),
];
/// What can be written of a new one alone, and of a changed one alone.
const NEW: &[(&str, &str)] =
    &[("teamId", "number"), ("makeConnectionId", "number"), ("contexts", "array")];
const CHANGED: &[(&str, &str)] = &[("invocationConfig", "object")];

pub(super) fn seeds() -> Vec<Value> {
    let agent = |id: String, name: &str, prompt: &str, scenarios: Value| {
        json!({ "id": id, "name": name, "teamId": 123, "createdAt": "2026-01-01T00:00:00.000Z",
            "systemPrompt": prompt, "defaultModel": "gpt-4o",
            "invocationConfig": { "recursionLimit": 300 }, "scenarios": scenarios,
            "mcpConfigs": [{ "mcpConnectionId": 71, "toolIds": ["search"], "name": "Tickets" }],
            "historyConfig": { "iterationsFromHistoryCount": 10 },
            "llmConfig": { "maxTokens": 100_000 }, "contexts": [], "makeConnectionId": 4021,
            "makeConnectionType": null, "llmProviderId": 1, "outputParser": { "type": "text" } })
    };
    let scenarios = json!([{ "makeScenarioId": 12, "approvalMode": "auto-run" }]);
    vec![
        agent("ok".to_owned(), "Support", "You answer questions about tickets.", scenarios),
        agent("tools".to_owned(), "Triage", "You sort tickets.", json!([])),
        agent(uuid(0x3001), "Invoices", "You read invoices.", json!([])),
    ]
}

/// Make's answer, where the path is about agents.
pub(super) fn answer(received: &Received, shelf: &Shelf) -> Option<Result<Script, Script>> {
    let segments = received.segments();
    let ["api", "v2", "ai-agents", "v1", "agents", rest @ ..] = segments.as_slice() else {
        return None;
    };
    let answer = match (received.method.as_str(), rest) {
        (_, [_, _, ..]) => return None,
        ("GET", []) => Ok(list(shelf)),
        ("POST", []) => create(received, shelf),
        ("GET", [id]) => read(id, shelf),
        ("PATCH", [id]) => change(received, id, shelf),
        ("DELETE", [id]) => {
            if shelf.remove(id) {
                Ok(nothing())
            } else {
                Err(not_found())
            }
        }
        _ => Err(not_found()),
    };
    Some(admit(received).and(answer))
}

fn list(shelf: &Shelf) -> Script {
    let mut all = shelf.all();
    for agent in &mut all {
        for key in ["makeConnectionId", "makeConnectionType", "llmProviderId"] {
            agent.as_object_mut().map(|agent| agent.shift_remove(key));
        }
    }
    Script::json(200, Value::Array(all).to_string())
}

fn read(id: &str, shelf: &Shelf) -> Result<Script, Script> {
    let mut agent = shelf.get(id).ok_or_else(not_found)?;
    for connection in agent["mcpConfigs"].as_array_mut().into_iter().flatten() {
        let ids = connection["toolIds"].take();
        let tool = |id: &Value| json!({ "id": id, "isDeprecated": false });
        connection["tools"] = ids.as_array().into_iter().flatten().map(tool).collect();
        connection.as_object_mut().map(|connection| connection.shift_remove("toolIds"));
    }
    agent["pastConfigurations"] = json!([{ "systemPrompt": "What it was told before." }]);
    Ok(Script::json(200, agent.to_string()))
}

fn create(received: &Received, shelf: &Shelf) -> Result<Script, Script> {
    let body = written(received, NEW)?;
    for key in ["name", "teamId", "makeConnectionId", "defaultModel", "systemPrompt"] {
        if body.get(key).is_none() {
            return Err(invalid(&format!("Missing value of required field '{key}'.")));
        }
    }
    let id = uuid(0x4_0000_0000 + received.at);
    let mut agent = json!({ "id": id, "createdAt": at(received), "scenarios": [],
        "mcpConfigs": [], "contexts": [], "invocationConfig": { "recursionLimit": 300 },
        "historyConfig": { "iterationsFromHistoryCount": 10 },
        "llmConfig": { "maxTokens": 100_000 } });
    merge(&mut agent, &stored(&body));
    shelf.add(agent);
    let mut made = json!({ "agentId": id });
    for key in ["name", "teamId", "makeConnectionId", "defaultModel", "systemPrompt"] {
        made[key] = body[key].clone();
    }
    Ok(Script::json(201, made.to_string()))
}

fn change(received: &Received, id: &str, shelf: &Shelf) -> Result<Script, Script> {
    let body = stored(&written(received, CHANGED)?);
    shelf.change(id, |agent| merge(agent, &body)).map(|_| nothing()).ok_or_else(not_found)
}

/// The body, once it is found in order.
fn written(received: &Received, more: &[(&str, &str)]) -> Result<Value, Script> {
    let body = received.json().filter(Value::is_object);
    let body = body.ok_or_else(|| invalid("The request body is not a JSON object."))?;
    for (key, value) in body.as_object().into_iter().flatten() {
        let wrong = || invalid(&format!("Invalid value of field '{key}'."));
        let kind = FIELDS.iter().chain(more).find(|(known, _)| known == key);
        let (_, kind) = kind.ok_or_else(wrong)?;
        let is_right = match *kind {
            "string" => value.as_str().is_some_and(|text| !text.is_empty()),
            "number" => value.as_f64().is_some_and(|number| number > 0.0),
            "array" => value.is_array(),
            _ => value.is_object() || value.is_null(),
        };
        if !is_right {
            return Err(wrong());
        }
    }
    let scenarios = body["scenarios"].as_array().into_iter().flatten();
    let known = |scenario: &Value| scenario["makeScenarioId"].as_u64().is_some_and(|id| id > 0);
    let connections = body["mcpConfigs"].as_array().into_iter().flatten();
    let whole = |one: &Value| one["mcpConnectionId"].is_u64() && one["toolIds"].is_array();
    if scenarios.into_iter().all(known) && connections.into_iter().all(whole) {
        Ok(body)
    } else {
        Err(invalid("Invalid value of field 'scenarios' or 'mcpConfigs'."))
    }
}

/// What is written under one name and read under another.
fn stored(body: &Value) -> Value {
    let mut stored = body.clone();
    if let Some(parser) =
        stored.as_object_mut().and_then(|body| body.shift_remove("outputParserFormat"))
    {
        stored["outputParser"] = parser;
    }
    for connection in stored["mcpConfigs"].as_array_mut().into_iter().flatten() {
        connection["name"] = json!(format!("MCP {}", connection["mcpConnectionId"]));
    }
    if stored["mcpConfigs"].is_null() {
        stored.as_object_mut().map(|body| body.shift_remove("mcpConfigs"));
    }
    stored
}

/// An answer without a body.
fn nothing() -> Script {
    Script::raw("HTTP/1.1 204 No Content\r\n\r\n")
}
