//! Zaia as its published API shows it: execute, and the look at an execution that still runs.
//! The platform table asks here.
//!
//! Invariant: stateless but for executions that were answered as running, which are bounded.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::platform::{error, uuid};
use super::request::Received;
use super::script::Script;
use super::{faults, sample, scenarios};

/// The most running executions that are remembered.
const EXECUTIONS: usize = 1_000;
/// How often an execution is seen running before it is over.
const LOOKS: u32 = 2;

/// Executions that were answered as running.
#[derive(Debug, Default)]
pub struct Executions(Mutex<VecDeque<Execution>>);

#[derive(Debug)]
struct Execution {
    id: String,
    looks: u32,
    content: Value,
}

/// Zaia's answer.
pub fn answer(received: &Received, executions: &Executions) -> Result<Script, Script> {
    admit(received)?;
    match (received.method.as_str(), received.segments().as_slice()) {
        ("POST", ["api", "v1", "agents", agent, "execute"]) => {
            let scenario = scenarios::of_agent(agent).ok_or_else(|| not_found("Agent"))?;
            execute(received, scenario, executions)
        }
        ("GET", ["api", "v1", "executions", id]) => look(id, executions),
        _ => Err(not_found("Route")),
    }
}

/// Refuses who has no key.
pub(super) fn admit(received: &Received) -> Result<(), Script> {
    match received.credential("") {
        Some(_) => Ok(()),
        None => Err(refused(401, "UnauthorizedError", "The API key is missing or not valid.")),
    }
}

fn execute(received: &Received, scenario: &str, executions: &Executions) -> Result<Script, Script> {
    let content = content_of(received)?;
    if let Some(refusal) = refusal(scenario) {
        return Err(refusal);
    }
    let id = uuid(received.at);
    let (status, content) = match scenario {
        "failed" => ("failed", json!("")),
        "cancelled" => ("cancelled", json!("")),
        "running" => {
            executions.remember(Execution { id: id.clone(), looks: LOOKS, content });
            ("running", json!(""))
        }
        _ => ("completed", content),
    };
    let execution = execution(&id, status, scenario, &content);
    let body = json!({ "attachmentsUrls": [], "content": content, "execution": execution });
    Ok(faults::whole(scenario, &body.to_string()))
}

/// The answer's content, once the request is found in order.
fn content_of(received: &Received) -> Result<Value, Script> {
    let body = received.json().filter(Value::is_object);
    let body = body.ok_or_else(|| invalid("body: expected object"))?;
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| invalid("messages: expected a non-empty array"))?;
    for (at, message) in messages.iter().enumerate() {
        check(message).map_err(|what| invalid(&format!("messages[{at}].{what}")))?;
    }
    if body.get("context").is_some_and(|context| !context.is_string()) {
        return Err(invalid("context: expected string"));
    }
    let last = messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default();
    let said = format!("You said: {last}");
    match body.get("output") {
        None => Ok(json!(said)),
        Some(output) if output["type"] == "object" && output["properties"].is_object() => {
            Ok(sample::of_json_schema(output, &said))
        }
        Some(_) => Err(invalid("output: expected an object schema with properties")),
    }
}

fn check(message: &Value) -> Result<(), &'static str> {
    if !matches!(message["role"].as_str(), Some("user" | "assistant")) {
        return Err("role: expected user or assistant");
    }
    if !message["content"].is_string() {
        return Err("content: expected string");
    }
    let attachments = message["attachments"].as_array().ok_or("attachments: expected array")?;
    let readable = |attachment: &Value| {
        let data = attachment["base64"].as_str().unwrap_or_default();
        let known = matches!(attachment["extension"].as_str(), Some("png" | "pdf" | "md" | "txt"));
        known && data.starts_with("data:") && data.contains(";base64,")
    };
    match attachments.iter().all(readable) {
        true => Ok(()),
        false => Err("attachments: expected data URLs and an extension of png, pdf, md, txt"),
    }
}

fn look(id: &str, executions: &Executions) -> Result<Script, Script> {
    let (status, content) = executions.look(id).ok_or_else(|| not_found("Execution"))?;
    Ok(Script::json(200, execution(id, status, "ok", &content).to_string()))
}

impl Executions {
    fn remember(&self, execution: Execution) {
        let mut running = self.0.lock();
        if running.len() == EXECUTIONS {
            running.pop_front();
        }
        running.push_back(execution);
    }

    /// What one more look at an execution sees.
    fn look(&self, id: &str) -> Option<(&'static str, Value)> {
        let mut running = self.0.lock();
        let execution = running.iter_mut().find(|execution| execution.id == id)?;
        if execution.looks > 0 {
            execution.looks -= 1;
            return Some(("running", Value::Null));
        }
        Some(("completed", execution.content.clone()))
    }
}

fn execution(id: &str, status: &str, scenario: &str, content: &Value) -> Value {
    let over = status != "running";
    let output = if status == "completed" { json!({ "content": content }) } else { Value::Null };
    let ended = if over { json!("2026-01-01T00:00:02.000Z") } else { Value::Null };
    json!({
        "id": id, "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.000Z",
        "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": ended, "creditsUsed": 3,
        "isAgentic": true, "isPurged": false, "parentId": null, "responderId": uuid(2),
        "workspaceId": uuid(3), "status": status,
        "detail": { "type": "agent-execution", "input": {}, "output": output, "agentId": uuid(4),
            "events": trace(scenario, status), "origin": { "type": "api", "apiKeyId": uuid(5) } } })
}

fn trace(scenario: &str, status: &str) -> Vec<Value> {
    let event = |number: u64, more: Value| {
        let mut event = json!({ "id": uuid(0x100 + number), "startedAt": "2026-01-01T00:00:00.000Z",
            "endedAt": "2026-01-01T00:00:01.000Z", "status": "completed", "creditsUsed": 1 });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    };
    let mut events = vec![event(
        0,
        json!({ "type": "iteration", "label": "Iteration 1",
        "output": null, "llm": "gpt-5.4", "llmProvider": { "id": null, "name": "OpenAI" },
        "status": if status == "failed" { "failed" } else { "completed" } }),
    )];
    if matches!(scenario, "tools" | "denied") {
        events.push(event(
            1,
            json!({ "type": "tool-call", "label": "search_tickets",
            "toolType": "http-request", "childExecutionId": null, "input": { "status": "open" },
            "output": { "open": 2 } }),
        ));
        events.push(event(
            2,
            json!({ "type": "tool-call", "label": "lookup_customer",
            "toolType": "dataset-search", "childExecutionId": null, "input": { "id": 42 },
            "output": null, "status": "failed" }),
        ));
    }
    events
}

/// What a scenario answers instead of executing.
fn refusal(scenario: &str) -> Option<Script> {
    match scenario {
        "rate-limited" => Some(refused(429, "TooManyRequestsError", "Too many requests.")),
        "quota" => Some(refused(402, "InsufficientCreditsError", "The workspace has no credits.")),
        "forbidden" => Some(refused(403, "ForbiddenError", "The plan does not allow this.")),
        "model-missing" | "key-missing" => {
            Some(refused(400, "InvalidLlmError", "The agent's model is not available."))
        }
        "too-large" => Some(refused(413, "PayloadTooLargeError", "The request is too large.")),
        _ => None,
    }
}

pub(super) fn invalid(what: &str) -> Script {
    refused(400, "ValidationError", what)
}

pub(super) fn not_found(what: &str) -> Script {
    refused(404, "NotFoundError", &format!("{what} not found."))
}

pub(super) fn refused(status: u16, name: &str, message: &str) -> Script {
    error(status, &json!({ "name": name, "message": message, "feedback": { "enUs": message } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(received: &Received, executions: &Executions) -> (u16, Value) {
        let bytes = answer(received, executions).unwrap_or_else(|refusal| refusal).bytes();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn execute(agent: &str, body: &Value) -> (u16, Value) {
        let target = format!("/zaia/api/v1/agents/{agent}/execute");
        answered(&Received::post(&target, "key", body), &Executions::default())
    }

    fn hello() -> Value {
        json!({ "messages": [{ "role": "user", "content": "hi", "attachments": [] }] })
    }

    #[test]
    fn an_execution_answers_what_was_said() {
        let (status, body) = execute("tools", &hello());
        assert_eq!((status, &body["content"]), (200, &json!("You said: hi")));
        assert_eq!(body["execution"]["status"], "completed");
        assert_eq!(body["execution"]["detail"]["events"][1]["type"], "tool-call");
    }

    #[test]
    fn a_wanted_shape_is_an_object() {
        let mut body = hello();
        body["output"] = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        assert_eq!(execute("ok", &body).1["content"], json!({ "n": 1 }));
    }

    #[test]
    fn a_running_execution_is_over_at_the_third_look() {
        let executions = Executions::default();
        let target = "/zaia/api/v1/agents/running/execute";
        let (_, body) = answered(&Received::post(target, "key", &hello()), &executions);
        assert_eq!(body["execution"]["status"], "running");
        let id = body["execution"]["id"].as_str().unwrap();
        let mut look =
            Received::post(&format!("/zaia/api/v1/executions/{id}"), "key", &Value::Null);
        look.method = "GET".to_owned();
        let seen = [(); 3].map(|()| answered(&look, &executions).1);
        let statuses = seen.each_ref().map(|execution| execution["status"].as_str().unwrap());
        assert_eq!(statuses, ["running", "running", "completed"]);
        assert_eq!(seen[2]["detail"]["output"]["content"], "You said: hi");
        look.target = "/zaia/api/v1/executions/other".to_owned();
        assert_eq!(answered(&look, &executions).0, 404);
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        let target = "/zaia/api/v1/agents/ok/execute";
        let bearer = Received::post(target, "Bearer key", &hello());
        let (status, body) = answered(&bearer, &Executions::default());
        assert_eq!((status, &body["name"]), (401, &json!("UnauthorizedError")));
        assert!(body["feedback"].is_object());
        assert_eq!(execute("nobody", &hello()).0, 404);
        for messages in [
            json!([]),
            json!([{ "role": "user", "content": "hi" }]),
            json!([{ "role": "tool", "content": "hi", "attachments": [] }]),
            json!([{ "role": "user", "content": "hi",
                "attachments": [{ "base64": "aGk=", "extension": "txt" }] }]),
        ] {
            assert_eq!(execute("ok", &json!({ "messages": messages })).0, 400, "{messages}");
        }
        let mut body = hello();
        body["context"] = json!({ "a": 1 });
        assert_eq!(execute("ok", &body).0, 400);
    }

    #[test]
    fn a_success_can_hold_a_failure() {
        for status in ["failed", "cancelled"] {
            let (code, body) = execute(status, &hello());
            assert_eq!((code, body["execution"]["status"].as_str()), (200, Some(status)));
        }
    }
}
