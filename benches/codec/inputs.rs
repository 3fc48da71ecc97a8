//! What platforms answer, composed here after their published shapes, in realistic sizes: a whole
//! answer of a few KiB, and a stream of a hundred pieces of text around one tool call.

use serde_json::{Value, json};

/// Pieces of text in a stream.
const PIECES: usize = 100;
const CONVERSATION: &str = "b2f4ce0e-6f5b-4a8e-8d63-2f3f2f6f3f10";

/// Text as agents write it, with a quote and a line break here and there.
pub(crate) fn prose(length: usize) -> String {
    const SENTENCES: &str = "Two tickets of \"Nordwind GmbH\" are open since Monday – one of them \
        waits for us.\nThe older one is about an invoice, the other about a delivery. ";
    SENTENCES.chars().cycle().take(length).collect()
}

fn pieces() -> impl Iterator<Item = String> {
    let text: Vec<char> = prose(PIECES * 20).chars().collect();
    let pieces: Vec<String> = text.chunks(20).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}

fn data(event: &Value) -> String {
    format!("data: {event}\n\n")
}

/// Make's steps: the system prompt, the question, a tool call, its result, the answer.
fn make_steps() -> Vec<Value> {
    let step = |role: &str, content: String| {
        json!({ "id": CONVERSATION, "role": role, "content": content, "index": 0,
            "executionTimeMs": 812, "agentIterationId": CONVERSATION })
    };
    let mut call = step("assistant", String::new());
    call["toolCalls"] = json!([{ "id": "call_1", "name": "search_tickets",
        "toolType": "scenario", "arguments": { "customer": "Nordwind GmbH", "state": "open" } }]);
    let mut result = step("tool", prose(300));
    result["toolResponse"] = json!({ "name": "search_tickets", "status": "ok",
        "toolType": "scenario", "result": { "count": 2, "tickets": [prose(120), prose(120)] } });
    let question = step("user", prose(1_000));
    vec![step("system", prose(1_200)), question, call, result, step("assistant", prose(2_000))]
}

/// Make's whole answer.
pub(crate) fn make_answer() -> String {
    json!({
        "response": prose(2_000), "executionSteps": make_steps(), "threadId": CONVERSATION,
        "tokenUsageSummary": {
            "promptTokens": 1_812, "completionTokens": 440, "totalTokens": 2_252 },
        "executionTimeMs": 4_211, "lastAgentIterationId": CONVERSATION,
    })
    .to_string()
}

/// Make's stream: a few whole steps, not pieces of text.
pub(crate) fn make_stream() -> String {
    let frame = |step: &Value| format!("event:step\nid:{CONVERSATION}\ndata:{step}\n\n");
    make_steps().iter().map(frame).collect()
}

/// Zaia's whole answer; it has no stream.
pub(crate) fn zaia_answer() -> String {
    let at = "2026-01-05T09:30:00.000Z";
    let event = |id: &str, kind: &str, more: Value| {
        let mut event = json!({ "id": id, "type": kind, "label": "step", "status": "completed",
            "startedAt": at, "endedAt": at, "creditsUsed": 0.4, "input": {}, "output": null });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    };
    let iteration = json!({ "llm": "gpt-4o", "llmProvider": { "id": null, "name": "openai" } });
    let call = json!({ "label": "search_tickets", "toolType": "custom", "childExecutionId": null,
        "input": { "customer": "Nordwind GmbH", "state": "open" },
        "output": { "count": 2, "tickets": [prose(120), prose(120)] } });
    json!({
        "attachmentsUrls": [], "content": prose(2_000),
        "execution": {
            "id": CONVERSATION, "createdAt": at, "updatedAt": at, "startedAt": at, "endedAt": at,
            "creditsUsed": 1.2, "isAgentic": true, "isPurged": false, "parentId": null,
            "responderId": CONVERSATION, "workspaceId": CONVERSATION, "status": "completed",
            "detail": {
                "type": "agent-execution", "agentId": CONVERSATION,
                "input": { "messages": [{ "role": "user", "content": prose(1_000) }] },
                "output": prose(2_000),
                "events": [
                    event("evt_1", "iteration", iteration.clone()),
                    event("evt_2", "tool-call", call),
                    event("evt_3", "iteration", iteration),
                ],
                "origin": { "type": "api", "apiKeyId": CONVERSATION },
            },
        },
    })
    .to_string()
}

/// ACP's whole answer.
pub(crate) fn acp_answer() -> String {
    json!({
        "id": "run_7c1d5e0a42b84b6c", "status": "completed", "output": prose(2_000),
        "conversationId": "conv_5f1c8a9e",
        "usage": { "promptTokens": 1_812, "completionTokens": 440, "toolCallCount": 1,
            "estimatedCostCents": 0.42, "model": "gpt-4o", "durationMs": 4_211 },
        "stopReason": "goal_complete",
    })
    .to_string()
}

/// ACP's stream.
pub(crate) fn acp_stream() -> String {
    let arguments = json!({ "customer": "Nordwind GmbH", "state": "open" }).to_string();
    let call = json!({ "id": "call_1", "name": "search_tickets", "arguments": arguments });
    let layers = json!({ "identity": "allow", "policy": "allow", "rate_limit": "allow" });
    let result = json!({ "count": 2, "tickets": [prose(120), prose(120)] }).to_string();
    let mut stream = data(&json!({ "type": "tool_calls", "toolCalls": [call] }));
    stream += &data(&json!({ "type": "governance", "tool": "search_tickets",
        "decision": "allowed", "layers": layers }));
    stream += &data(&json!({ "type": "tool_result", "toolCallId": "call_1",
        "name": "search_tickets", "result": result }));
    stream.extend(pieces().map(|text| data(&json!({ "type": "text", "text": text }))));
    stream
        + &data(&json!({ "type": "done", "conversationId": "conv_5f1c8a9e",
            "usage": { "promptTokens": 1_812, "completionTokens": 440 } }))
}

/// Agentbase's stream, token by token; it has no whole answer.
pub(crate) fn agentbase_stream() -> String {
    let event = |kind: &str, more: Value| {
        let mut event = json!({ "type": kind, "session": "abc123def456ghi" });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        data(&event)
    };
    let input = json!({ "customer": "Nordwind GmbH", "state": "open" }).to_string();
    let call = json!({ "tool": "search_tickets", "input": input }).to_string();
    let answer = json!({ "tool": "search_tickets", "response": prose(300) }).to_string();
    let cost = json!({ "cost": "0.0021", "balance": 12.35, "deductionSuccess": true,
        "lowBalance": false });
    let mut stream = event("agent_started", json!({}));
    stream += &event("agent_tool_use_start", json!({}));
    stream += &event("agent_tool_use", json!({ "content": call }));
    stream += &event("agent_tool_response", json!({ "content": answer }));
    stream += &event("agent_response_start", json!({}));
    stream.extend(pieces().map(|text| event("agent_response", json!({ "content": text }))));
    stream += &event("agent_cost", cost);
    stream += &event("agent_step", json!({ "stepNumber": 1 }));
    stream + &event("agent_completed", json!({}))
}
