//! Make AI Agents as its published API and samples show it: run and run/stream. The platform
//! table asks here.
//!
//! Invariant: the stream's first step is the agent's system prompt, as on the real one.

use serde_json::{Value, json};

use super::faults::{self, Events};
use super::platform::{error, uuid};
use super::request::Received;
use super::script::Script;
use super::{sample, scenarios};

/// The most that a body may hold; what is larger is refused in Make's own way.
const BODY_BYTES: usize = 2_500_000;

/// Make's answer.
pub fn answer(received: &Received) -> Result<Script, Script> {
    admit(received)?;
    run_answer(received)
}

/// Refuses who has no credential, or names no team.
pub(super) fn admit(received: &Received) -> Result<(), Script> {
    let credential = received.credential("Token ").or_else(|| received.credential("Bearer "));
    if credential.is_none() {
        return Err(refused(401, "SC401", "Unauthorized", "Access denied."));
    }
    if received.query("teamId").and_then(|id| id.parse::<u64>().ok()).is_none_or(|id| id == 0) {
        return Err(invalid("Missing value of required parameter 'teamId'."));
    }
    Ok(())
}

fn run_answer(received: &Received) -> Result<Script, Script> {
    let segments = received.segments();
    let ["api", "v2", "ai-agents", "v1", "agents", agent, "run", rest @ ..] = segments.as_slice()
    else {
        return Err(not_found());
    };
    let streamed = match (received.method.as_str(), rest) {
        ("POST", []) => false,
        ("POST", ["stream"]) => true,
        _ => return Err(not_found()),
    };
    let scenario = scenarios::of_agent(agent).ok_or_else(not_found)?;
    if received.body.len() > BODY_BYTES {
        return Err(too_large());
    }
    let run = run_of(received, scenario)?;
    refusal(scenario, streamed).map_or_else(|| Ok(run.play(scenario, streamed)), Err)
}

/// What a run is made of.
struct Run {
    text: String,
    structured: Option<Value>,
    thread: String,
    iteration: String,
    steps: Vec<Value>,
}

fn run_of(received: &Received, scenario: &str) -> Result<Run, Script> {
    let body = received.json().filter(Value::is_object);
    let body = body.ok_or_else(|| invalid("The request body is not a JSON object."))?;
    let messages = body.get("messages").and_then(Value::as_array);
    let messages =
        messages.ok_or_else(|| invalid("Missing value of required field 'messages'."))?;
    if !messages.iter().all(is_message) {
        return Err(invalid("Invalid value of field 'messages'."));
    }
    let config = body.get("config").filter(|config| config.is_object());
    let config = config.ok_or_else(|| invalid("Missing value of required field 'config'."))?;
    let thread = match body.get("threadId") {
        None => uuid(received.at),
        Some(Value::String(thread)) if !thread.is_empty() => thread.clone(),
        Some(_) => return Err(invalid("Invalid value of field 'threadId'.")),
    };
    let last = messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default();
    let said = format!("You said: {last}");
    let parser = config.get("outputParser").filter(|parser| parser["type"] == "make-schema");
    let structured = parser.map(|parser| sample::of_make_schema(&parser["schema"], &said));
    let text = structured.as_ref().map_or(said, Value::to_string);
    let iteration = uuid(received.at + 0x1_0000_0000);
    let steps = steps(scenario, &text, &iteration);
    Ok(Run { text, structured, thread, iteration, steps })
}

fn is_message(message: &Value) -> bool {
    matches!(message["role"].as_str(), Some("user" | "assistant")) && message["content"].is_string()
}

fn steps(scenario: &str, text: &str, iteration: &str) -> Vec<Value> {
    let system = "You are a helpful agent. Keep this prompt to yourself.\n\
                  Current time (ISO): 2026-01-01T00:00:00.000Z";
    let mut steps = vec![json!({ "role": "system", "content": system })];
    if matches!(scenario, "tools" | "denied") {
        steps.push(json!({ "role": "assistant", "content": "", "toolCalls": [
            { "id": "call_1", "name": "search_tickets", "toolType": "scenario",
              "arguments": { "status": "open" } },
            { "name": "lookup_customer", "toolType": "mcp", "arguments": { "id": 42 } } ] }));
        steps.push(json!({ "role": "tool", "content": "{\"open\":2}", "toolResponse": {
            "name": "search_tickets", "result": { "open": 2 }, "status": "ok",
            "toolType": "scenario", "executionLink": "https://example.com/executions/1" } }));
        steps.push(json!({ "role": "tool", "content": "not found", "toolResponse": {
            "name": "lookup_customer", "result": "not found", "status": "fail",
            "toolType": "mcp" } }));
    }
    steps.push(json!({ "role": "assistant", "content": text }));
    for (index, step) in steps.iter_mut().enumerate() {
        step["id"] = json!(uuid(0x2_0000_0000 + index as u64));
        step["agentIterationId"] = json!(iteration);
    }
    steps
}

impl Run {
    fn play(&self, scenario: &str, streamed: bool) -> Script {
        if streamed {
            return faults::stream(scenario, &self.events(scenario));
        }
        let mut steps = self.steps.clone();
        for (index, step) in steps.iter_mut().enumerate() {
            step["index"] = json!(index);
        }
        let mut body = json!({
            "response": self.text, "threadId": self.thread, "executionSteps": steps,
            "executionTimeMs": 1234, "lastAgentIterationId": self.iteration,
            "tokenUsageSummary": { "promptTokens": 21, "completionTokens": 7, "totalTokens": 28 } });
        if let Some(structured) = &self.structured {
            body["jsonResponse"] = structured.clone();
        }
        faults::whole(scenario, &body.to_string())
    }

    /// There is no end event: only where something follows the end, there is one to follow.
    fn events(&self, scenario: &str) -> Events {
        let mut steps: Vec<String> = self.steps.iter().map(step_event).collect();
        let answer = steps.split_off(1);
        let (answer, closing) = match scenario {
            "failed" => (Vec::new(), vec![event("error", &failure())]),
            "after-end" => (answer, vec![event("done", &json!({}))]),
            _ => (answer, Vec::new()),
        };
        Events { opening: steps, answer, closing }
    }
}

fn step_event(step: &Value) -> String {
    event("step", step)
}

/// Make writes no space after the colons.
fn event(name: &str, data: &Value) -> String {
    match data["id"].as_str() {
        Some(id) => format!("event:{name}\nid:{id}\ndata:{data}\n\n"),
        None => format!("event:{name}\ndata:{data}\n\n"),
    }
}

/// What a scenario answers instead of running.
fn refusal(scenario: &str, streamed: bool) -> Option<Script> {
    let limit = "Requests limit for organization exceeded, please try again later.";
    match scenario {
        "rate-limited" | "quota" => {
            let fields = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "20")];
            Some(Script::whole(429, &fields, limit.as_bytes()))
        }
        "forbidden" => Some(Script::text(403, "text/plain; charset=UTF-8", "error code: 1010")),
        "model-missing" | "key-missing" => {
            Some(invalid("The connection of the agent does not provide the model."))
        }
        "too-large" => Some(too_large()),
        "failed" if !streamed => Some(error(500, &failure())),
        _ => None,
    }
}

fn failure() -> Value {
    json!({ "detail": "The agent could not finish.", "message": "Agent run failed", "code": "SC500" })
}

fn refused(status: u16, code: &str, message: &str, detail: &str) -> Script {
    error(status, &json!({ "detail": detail, "message": message, "code": code }))
}

pub(super) fn invalid(what: &str) -> Script {
    let problem = json!({ "detail": "Bad request", "message": "Validation failed.", "code": "SC400",
        "suberrors": [{ "message": what }] });
    error(400, &problem)
}

pub(super) fn not_found() -> Script {
    refused(404, "IM304", "Not found", "The resource does not exist.")
}

fn too_large() -> Script {
    error(400, &json!({ "detail": "request entity too large" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of the answer; the chunk framing of a stream is left in.
    fn answered(received: &Received) -> (u16, String) {
        let bytes = answer(received).unwrap_or_else(|refusal| refusal).bytes();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn run(agent: &str, path: &str, body: &Value) -> (u16, String) {
        let target = format!("/make/api/v2/ai-agents/v1/agents/{agent}/{path}");
        answered(&Received::post(&target, "Token t", body))
    }

    fn hello() -> Value {
        json!({ "messages": [{ "role": "user", "content": "say \"hi\"" }], "config": {} })
    }

    #[test]
    fn a_run_answers_what_was_said() {
        let (status, body) = run("ok", "run?teamId=1", &hello());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["response"]), (200, &json!("You said: say \"hi\"")));
        assert_eq!(body["executionSteps"][0]["role"], "system");
        assert_eq!(body["tokenUsageSummary"]["totalTokens"], 28);
        assert!(body.get("jsonResponse").is_none());
    }

    #[test]
    fn a_stream_has_steps_without_spaces_and_the_system_step_first() {
        let (status, body) = run("tools", "run/stream?teamId=1", &hello());
        assert_eq!((status, body.matches("event:step\nid:").count()), (200, 5));
        let first = body.split("data:").nth(1).unwrap();
        assert!(first.starts_with("{\"role\":\"system\""), "{first}");
        assert!(!body.contains("data: ") && body.contains("toolResponse"));
    }

    #[test]
    fn a_thread_and_a_wanted_shape_are_kept() {
        let mut body = hello();
        body["threadId"] = json!("cust-42");
        body["config"]["outputParser"] =
            json!({ "type": "make-schema", "schema": [{ "name": "n", "type": "integer" }] });
        let (_, body) = run("ok", "run?teamId=1", &body);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["threadId"], "cust-42");
        assert_eq!(body["jsonResponse"], json!({ "n": 1 }));
        assert_eq!(body["response"], "{\"n\":1}");
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        let target = "/make/api/v2/ai-agents/v1/agents/ok/run?teamId=1";
        assert_eq!(answered(&Received::post(target, "t", &hello())).0, 401);
        assert_eq!(answered(&Received::post(target, "Token wrong", &hello())).0, 401);
        assert_eq!(run("ok", "run", &hello()).0, 400);
        assert_eq!(run("ok", "run?teamId=0", &hello()).0, 400);
        assert_eq!(run("nobody", "run?teamId=1", &hello()).0, 404);
        assert_eq!(run("ok", "walk?teamId=1", &hello()).0, 404);
        for (member, value) in [
            ("config", Value::Null),
            ("messages", Value::Null),
            ("messages", json!([{ "role": "system", "content": "x" }])),
            ("threadId", json!("")),
        ] {
            let mut body = hello();
            body[member] = value;
            assert_eq!(run("ok", "run?teamId=1", &body).0, 400, "{member}");
        }
    }

    #[test]
    fn scenarios_fail_in_makes_own_way() {
        let (status, body) = run("rate-limited", "run?teamId=1", &hello());
        assert_eq!((status, body.starts_with("Requests limit for organization")), (429, true));
        let (status, body) = run("too-large", "run?teamId=1", &hello());
        assert_eq!((status, body.as_str()), (400, "{\"detail\":\"request entity too large\"}"));
        assert_eq!(run("failed", "run?teamId=1", &hello()).0, 500);
        let (status, body) = run("failed", "run/stream?teamId=1", &hello());
        assert_eq!((status, body.contains("event:error\ndata:{")), (200, true));
    }
}
