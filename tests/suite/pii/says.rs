//! What a platform says, in the platform's own form: text in small pieces, a tool's arguments and
//! result, a failure.

use std::time::Duration;

use serde_json::{Value, json};
use switchyard::simulator::script::{Act, Script};

use crate::harness::World;

/// What is said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub text: String,
    /// Agentbase alone tells what an agent thinks.
    pub thinking: String,
    /// A tool is called where it is not null.
    pub arguments: Value,
    pub result: String,
    /// The run fails with it.
    pub failure: Option<String>,
    /// Says nothing more after the text, until the caller leaves.
    pub stalls: bool,
}

impl Said {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// Makes a platform say this once.
pub fn once(world: &World, vendor: &str, streamed: bool, said: &Said) {
    world.simulator.on(format!("/{vendor}"), script(vendor, streamed, said));
}

pub fn script(vendor: &str, streamed: bool, said: &Said) -> Script {
    match (vendor, streamed) {
        ("make", false) => make_whole(said),
        ("make", true) => stream(said, &make_events(said)),
        ("zaia", _) => zaia(said),
        ("acp", false) => acp_whole(said),
        ("acp", true) => stream(said, &acp_events(said)),
        ("agentbase", _) => stream(said, &agentbase_events(said, streamed)),
        (other, _) => panic!("no platform {other}"),
    }
}

fn stream(said: &Said, events: &[String]) -> Script {
    let script = events.iter().fold(Script::sse(), Script::event);
    if said.stalls { script.then(Act::Wait(Duration::from_secs(60))) } else { script.end() }
}

/// Three characters at a time, so that no value stays in one event.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(3).map(|piece| piece.iter().collect()).collect()
}

fn data(event: &Value) -> String {
    format!("data: {event}\n\n")
}

fn make_steps(said: &Said) -> Vec<Value> {
    let mut steps = Vec::new();
    if !said.arguments.is_null() {
        steps.push(json!({ "role": "assistant", "content": "", "toolCalls": [
            { "id": "call_1", "name": "search", "toolType": "scenario",
              "arguments": said.arguments } ] }));
        steps.push(json!({ "role": "tool", "content": said.result, "toolResponse": {
            "name": "search", "result": said.result, "status": "ok", "toolType": "scenario" } }));
    }
    steps.push(json!({ "role": "assistant", "content": said.text }));
    for (index, step) in steps.iter_mut().enumerate() {
        step["id"] = json!(format!("00000000-0000-4000-8000-{index:012x}"));
        step["agentIterationId"] = json!("00000000-0000-4000-8000-0000000000ff");
        step["index"] = json!(index);
    }
    steps
}

fn make_failure(failure: &str) -> Value {
    json!({ "detail": failure, "message": failure, "code": "SC500" })
}

fn make_whole(said: &Said) -> Script {
    if let Some(failure) = &said.failure {
        return Script::json(500, make_failure(failure).to_string());
    }
    let body = json!({ "response": said.text, "threadId": "t-1",
        "executionSteps": make_steps(said), "executionTimeMs": 12,
        "lastAgentIterationId": "00000000-0000-4000-8000-0000000000ff",
        "tokenUsageSummary": { "promptTokens": 2, "completionTokens": 1, "totalTokens": 3 } });
    Script::json(200, body.to_string())
}

fn make_events(said: &Said) -> Vec<String> {
    if let Some(failure) = &said.failure {
        return vec![format!("event:error\ndata:{}\n\n", make_failure(failure))];
    }
    let event = |step: &Value| format!("event:step\nid:{}\ndata:{step}\n\n", step["index"]);
    make_steps(said).iter().map(event).collect()
}

fn zaia(said: &Said) -> Script {
    if let Some(failure) = &said.failure {
        let body = json!({ "name": "InternalError", "message": failure,
            "feedback": { "enUs": failure } });
        return Script::json(500, body.to_string());
    }
    let mut trace = vec![json!({ "type": "iteration", "label": "Iteration 1", "output": null,
        "llm": "gpt-5.4", "status": "completed", "id": "00000000-0000-4000-8000-000000000100" })];
    if !said.arguments.is_null() {
        trace.push(json!({ "type": "tool-call", "label": "search", "toolType": "http-request",
            "id": "00000000-0000-4000-8000-000000000101", "childExecutionId": null,
            "input": said.arguments, "output": said.result, "status": "completed",
            "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:01.000Z" }));
    }
    let time = "2026-01-01T00:00:00.000Z";
    let execution = json!({ "id": "00000000-0000-4000-8000-000000000001", "createdAt": time,
        "updatedAt": time, "startedAt": time, "endedAt": time, "creditsUsed": 3,
        "isAgentic": true, "isPurged": false, "parentId": null,
        "responderId": "00000000-0000-4000-8000-000000000002",
        "workspaceId": "00000000-0000-4000-8000-000000000003", "status": "completed",
        "detail": { "type": "agent-execution", "input": {}, "output": { "content": said.text },
            "agentId": "00000000-0000-4000-8000-000000000004", "events": trace,
            "origin": { "type": "api", "apiKeyId": "00000000-0000-4000-8000-000000000005" } } });
    let body = json!({ "attachmentsUrls": [], "content": said.text, "execution": execution });
    Script::json(200, body.to_string())
}

fn acp_whole(said: &Said) -> Script {
    if let Some(failure) = &said.failure {
        return Script::json(500, json!({ "error": failure }).to_string());
    }
    let body = json!({ "id": "run_1", "status": "completed", "output": said.text,
        "conversationId": "conv_1", "stopReason": "goal_complete",
        "usage": { "promptTokens": 1, "completionTokens": 1, "toolCallCount": 0,
            "estimatedCostCents": 0.1, "model": "gpt-4o", "durationMs": 1 } });
    Script::json(200, body.to_string())
}

fn acp_events(said: &Said) -> Vec<String> {
    let mut events = Vec::new();
    if !said.arguments.is_null() {
        events.push(json!({ "type": "tool_calls", "toolCalls": [
            { "id": "call_1", "name": "search", "arguments": said.arguments.to_string() } ] }));
        events.push(json!({ "type": "governance", "tool": "search", "decision": "allowed",
            "layers": { "identity": "allowed", "seen": said.result } }));
        events.push(json!({ "type": "tool_result", "toolCallId": "call_1", "name": "search",
            "result": said.result }));
    }
    events.extend(pieces(&said.text).iter().map(|text| json!({ "type": "text", "text": text })));
    if let Some(failure) = &said.failure {
        events.push(json!({ "type": "error", "error": failure }));
    }
    if said.stalls {
        // Ends no message, and shows that all before it has been read.
        events.push(json!({ "type": "governance", "tool": "last", "decision": "allowed" }));
    } else {
        events.push(json!({ "type": "done", "conversationId": "conv_1",
            "usage": { "promptTokens": 1, "completionTokens": 1 } }));
    }
    events.iter().map(data).collect()
}

fn agentbase_events(said: &Said, by_tokens: bool) -> Vec<String> {
    let event = |kind: &str, key: &str, content: &str| {
        let mut event = json!({ "type": kind, "session": "abcdefghijklmno" });
        event[key] = json!(content);
        event
    };
    let mut events = vec![json!({ "type": "agent_started", "session": "abcdefghijklmno" })];
    if !said.thinking.is_empty() {
        events.push(event("agent_thinking", "content", &said.thinking));
    }
    if !said.arguments.is_null() {
        let called = json!({ "tool": "search", "input": said.arguments.to_string() });
        events.push(event("agent_tool_use", "content", &called.to_string()));
        let answered = json!({ "tool": "search", "response": said.result });
        events.push(event("agent_tool_response", "content", &answered.to_string()));
    }
    if by_tokens {
        events.push(json!({ "type": "agent_response_start", "session": "abcdefghijklmno" }));
        let pieces = pieces(&said.text);
        events.extend(pieces.iter().map(|piece| event("agent_response", "content", piece)));
    } else {
        events.push(event("agent_response", "content", &said.text));
    }
    match &said.failure {
        _ if said.stalls => {}
        Some(failure) => events.push(event("agent_error", "error", failure)),
        None => {
            events.push(json!({ "type": "agent_completed", "session": "abcdefghijklmno" }));
        }
    }
    events.iter().map(data).collect()
}
