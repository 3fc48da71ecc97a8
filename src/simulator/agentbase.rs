//! Agentbase as its published captures show it: one path, always a stream. The platform table
//! asks here.
//!
//! Invariant: every event holds `type` first and the session next; the session is the query's.

use serde_json::{Value, json};

use super::acp::words;
use super::faults::{self, Events, data_event};
use super::platform::error;
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
    let digit = |_| char::from_digit((random.next() % 36) as u32, 36).unwrap_or('0');
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
