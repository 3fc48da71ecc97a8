//! Agentbase as its published captures show it: one path, always a stream. The platform table
//! asks here.
//!
//! Invariant: every event holds `type` first and the session next; the session is the query's.

use serde_json::{Value, json};

use super::faults::{self, Events};
use super::platform::{data_event, error, words};
use super::random::Random;
use super::request::Received;
use super::script::Script;
use super::{sample, scenarios};

/// Agentbase's answer.
pub fn answer(received: &Received) -> Result<Script, Script> {
    if received.credential("Bearer ").is_none() {
        return Err(refused(401, "Invalid API key"));
    }
    if received.method != "POST" || !matches!(received.segments().as_slice(), [] | ["run-agent"]) {
        return Err(refused(404, "Not found"));
    }
    let body = received.json().unwrap_or_default();
    let message = body["message"].as_str().filter(|message| !message.is_empty());
    let message = message.ok_or_else(|| refused(400, "message is required"))?;
    // The message decides, then the system prompt, which presets can hold.
    let asked = [message, body["system"].as_str().unwrap_or_default()].into_iter();
    let asked = asked.map(scenarios::of_text).find(|scenario| *scenario != Some("ok"));
    let scenario = asked.unwrap_or(Some("ok"));
    let scenario = scenario.ok_or_else(|| refused(400, "There is no such scenario"))?;
    if let Some(refusal) = refusal(scenario) {
        return Err(refusal);
    }
    let session = received.query("session").unwrap_or_else(|| new_session(received.at));
    Ok(faults::stream(scenario, &events(scenario, message, &session, &body)))
}

fn events(scenario: &str, message: &str, session: &str, body: &Value) -> Events {
    let event = |kind: &str, more: Value| {
        let mut event = json!({ "type": kind, "session": session });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        data_event(&event)
    };
    let by_tokens = body["streaming_tokens"].as_bool().unwrap_or(false);
    let cost = |usd: &str| {
        event(
            "agent_cost",
            json!({ "cost": usd, "balance": 12.349999999999998,
            "deductionSuccess": true, "lowBalance": false }),
        )
    };
    let said = format!("You said: {message}");
    let mut opening = vec![event("agent_started", json!({}))];
    let mut answer = Vec::new();
    if body["mode"].as_str().is_some_and(|mode| mode != "fast") {
        opening.push(event("agent_thinking", json!({ "content": "The user wants an echo." })));
    }
    if matches!(scenario, "tools" | "denied") {
        answer.extend(tools().map(|(kind, content)| event(kind, json!({ "content": content }))));
        answer.extend([cost("0.0009"), event("agent_step", json!({ "stepNumber": 1 }))]);
    }
    if by_tokens {
        opening.push(event("agent_response_start", json!({})));
    }
    for piece in pieces(&said, by_tokens, scenario == "snapshot") {
        answer.push(event("agent_response", json!({ "content": piece })));
    }
    if scenario == "failed" {
        let failure = event("agent_error", json!({ "error": "The agent's machine failed." }));
        return Events { opening, answer, closing: vec![failure] };
    }
    let mut closing = Vec::new();
    if let Some(schema) = body["final_output"].get("schema") {
        let output = sample::of_json_schema(schema, &said);
        closing.push(event("final_output", json!({ "content": output.to_string() })));
    }
    let step = if scenario == "tools" { 2 } else { 1 };
    closing.push(cost("0.0021"));
    closing.push(event("agent_step", json!({ "stepNumber": step })));
    closing.push(event("agent_completed", json!({})));
    Events { opening, answer, closing }
}

/// The answer as it comes: whole, in pieces, or in ever longer pieces.
fn pieces(text: &str, by_tokens: bool, snapshot: bool) -> Vec<&str> {
    if !by_tokens {
        return vec![text];
    }
    let mut until = 0;
    let piece = |word| {
        let from = if snapshot { 0 } else { until };
        until += str::len(word);
        text.get(from..until).unwrap_or(text)
    };
    words(text).map(piece).collect()
}

/// JSON in a string, the arguments in a string once more, or nothing.
fn tools() -> impl Iterator<Item = (&'static str, String)> {
    let arguments = json!({ "query": "open tickets" }).to_string();
    [
        ("agent_tool_use", json!({ "tool": "search", "input": arguments })),
        ("agent_tool_response", json!({ "tool": "search", "response": "{\"open\":2}" })),
        ("agent_tool_use", json!({ "tool": "clock", "input": "" })),
        ("agent_tool_response", json!({ "tool": "clock", "content": "noon" })),
    ]
    .into_iter()
    .map(|(kind, content)| (kind, content.to_string()))
}

/// Fifteen lower-case letters and digits.
fn new_session(at: u64) -> String {
    let mut random = Random::new(at);
    let digit = |_| char::from_digit((random.number() % 36) as u32, 36).unwrap_or('0');
    (0..15).map(digit).collect()
}

/// What a scenario answers instead of running.
fn refusal(scenario: &str) -> Option<Script> {
    match scenario {
        "rate-limited" => {
            let fields = [
                ("Content-Type", "application/json"),
                ("X-RateLimit-Limit", "100"),
                ("X-RateLimit-Remaining", "0"),
                ("Retry-After", "60"),
            ];
            Some(Script::whole(429, &fields, br#"{"error":"Rate limit exceeded"}"#))
        }
        "quota" => Some(refused(403, "Insufficient credit")),
        "forbidden" => Some(refused(403, "Permission denied")),
        "model-missing" | "key-missing" => Some(refused(400, "The model is not available")),
        "too-large" => Some(refused(413, "Request too large")),
        _ => None,
    }
}

fn refused(status: u16, reason: &str) -> Script {
    error(status, &json!({ "error": reason }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(target: &str, credential: &str, body: &Value) -> (u16, Vec<Value>) {
        let received = Received::post(target, credential, body);
        let bytes = answer(&received).unwrap_or_else(|refusal| refusal).bytes();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = events.map(|data| serde_json::from_str(data).unwrap());
        (head[9..12].parse().unwrap(), events.collect())
    }

    fn run(body: &Value) -> Vec<Value> {
        let (status, events) = answered("/agentbase/", "Bearer k", body);
        assert_eq!(status, 200);
        events
    }

    fn types(events: &[Value]) -> Vec<&str> {
        events.iter().map(|event| event["type"].as_str().unwrap()).collect()
    }

    fn said(events: &[Value]) -> Vec<&str> {
        let responses = events.iter().filter(|event| event["type"] == "agent_response");
        responses.map(|event| event["content"].as_str().unwrap()).collect()
    }

    #[test]
    fn events_come_in_the_captured_order() {
        let events = run(&json!({ "message": "hi", "mode": "max" }));
        let order = [
            "agent_started",
            "agent_thinking",
            "agent_response",
            "agent_cost",
            "agent_step",
            "agent_completed",
        ];
        assert_eq!(types(&events), order);
        assert_eq!(said(&events), ["You said: hi"]);
        let session = events[0]["session"].as_str().unwrap();
        assert_eq!(session.len(), 15);
        assert!(events.iter().all(|event| event["session"] == session));
    }

    #[test]
    fn tokens_come_as_deltas_or_as_snapshots() {
        let deltas = run(&json!({ "message": "hi", "streaming_tokens": true }));
        assert_eq!(said(&deltas), ["You ", "said: ", "hi"]);
        assert_eq!(deltas[1]["type"], "agent_response_start");
        let message = "[scenario:snapshot] hi";
        let snapshots = run(&json!({ "message": message, "streaming_tokens": true }));
        assert_eq!(said(&snapshots)[..2], ["You ", "You said: "]);
    }

    #[test]
    fn tools_are_json_in_strings_and_costs_come_per_step() {
        let events = run(&json!({ "message": "hi", "system": "[scenario:tools]" }));
        let used: Value = serde_json::from_str(events[1]["content"].as_str().unwrap()).unwrap();
        let input: Value = serde_json::from_str(used["input"].as_str().unwrap()).unwrap();
        assert_eq!(input, json!({ "query": "open tickets" }));
        assert_eq!(types(&events).iter().filter(|kind| **kind == "agent_cost").count(), 2);
    }

    #[test]
    fn a_session_and_a_wanted_shape_are_kept() {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let body = json!({ "message": "hi", "final_output": { "name": "x", "schema": schema } });
        let (_, events) = answered("/agentbase?session=abc", "Bearer k", &body);
        assert_eq!(events[0]["session"], "abc");
        let output = events.iter().find(|event| event["type"] == "final_output").unwrap();
        assert_eq!(output["content"], "{\"n\":1}");
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        let hello = json!({ "message": "hi" });
        assert_eq!(answered("/agentbase/", "k", &hello).0, 401);
        assert_eq!(answered("/agentbase/", "Bearer swy_acme_1", &hello).0, 401);
        assert_eq!(answered("/agentbase/other", "Bearer k", &hello).0, 404);
        assert_eq!(answered("/agentbase/", "Bearer k", &json!({ "mode": "fast" })).0, 400);
        for (scenario, status) in [("rate-limited", 429), ("quota", 403), ("no-such", 400)] {
            let body = json!({ "message": format!("[scenario:{scenario}]") });
            assert_eq!(answered("/agentbase/", "Bearer k", &body).0, status, "{scenario}");
        }
    }

    #[test]
    fn a_failure_is_the_last_event() {
        let events = run(&json!({ "message": "[scenario:failed]" }));
        assert_eq!(types(&events).last(), Some(&"agent_error"));
    }
}
