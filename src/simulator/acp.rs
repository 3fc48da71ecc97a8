//! ACP's trigger as its published samples show it: run, whole and streamed, in both path styles.
//! The platform table asks here.
//!
//! Invariant: a refusal is plain JSON, also where a stream was asked for.

use serde_json::{Value, json};

use super::faults::{self, Events};
use super::platform::{data_event, error, words};
use super::request::Received;
use super::script::Script;
use super::{sample, scenarios};

/// ACP's answer.
pub fn answer(received: &Received) -> Result<Script, Script> {
    let segments = received.segments();
    let (workspace, agent) = match (received.method.as_str(), segments.as_slice()) {
        ("POST", ["api", "v1", "agents", agent, "run"]) => (None, agent),
        ("POST", [workspace, "agents", agent, "run"]) => (Some(*workspace), agent),
        _ => return Err(refused(404, "Not found")),
    };
    authorize(received, workspace)?;
    let body = received.json().unwrap_or_default();
    let input = body["input"].as_str().filter(|input| !input.is_empty());
    let input = input.ok_or_else(|| refused(400, "Missing required field: input"))?;
    if body.get("context").is_some_and(|context| !context.is_object()) {
        return Err(refused(400, "context must be a key-value object"));
    }
    let scenario = scenarios::of_agent(agent);
    let scenario = scenario.ok_or_else(|| refused(404, "Agent profile not found"))?;
    let streamed = body["stream"].as_bool().unwrap_or(false);
    if let Some(refusal) = refusal(scenario, streamed) {
        return Err(refusal);
    }
    let text = text_of(input, &body["context"]);
    let conversation = format!("conv_{:08x}", received.at);
    Ok(match streamed {
        true => faults::stream(scenario, &events(scenario, &text, &conversation)),
        false => {
            faults::whole(scenario, &run(scenario, &text, &conversation, received.at).to_string())
        }
    })
}

/// A key names its workspace, which must be the path's; it may come without its scheme word.
/// Tokens of other issuers name none.
pub(super) fn authorize(received: &Received, workspace: Option<&str>) -> Result<(), Script> {
    let key = received.credential("Bearer ").or_else(|| received.credential("gsk_"));
    let key = key.ok_or_else(|| refused(401, "Unauthorized"))?;
    let slug = match received.header("authorization") {
        Some(bare) if bare.starts_with("gsk_") => Some(key),
        _ => key.strip_prefix("gsk_"),
    };
    let ours = |slug: &str| workspace.is_none_or(|ours| slug.starts_with(&format!("{ours}_")));
    match slug.is_none_or(ours) {
        true => Ok(()),
        false => Err(refused(401, "Unauthorized: key belongs to another workspace")),
    }
}

/// There is no field for a schema, but a model that is asked in words obeys.
fn text_of(input: &str, context: &Value) -> String {
    let said = format!("You said: {input}");
    let facts = context.as_object().into_iter().flat_map(|facts| facts.values());
    let mut asked = facts.filter_map(Value::as_str).chain([input]);
    let schema = asked.find_map(sample::schema_in);
    schema.map_or(said, |schema| sample::of_json_schema(&schema, "sample").to_string())
}

fn run(scenario: &str, text: &str, conversation: &str, at: u64) -> Value {
    let tools = if matches!(scenario, "tools" | "denied") { 2 } else { 0 };
    let reason = if scenario == "stopped" { "max_rounds" } else { "goal_complete" };
    json!({
        "id": format!("run_{at:08x}"), "status": "completed", "output": text,
        "conversationId": conversation,
        "usage": { "promptTokens": 150, "completionTokens": 80, "toolCallCount": tools,
            "estimatedCostCents": 2.45, "model": "gpt-4o", "durationMs": 4200 },
        "stopReason": reason })
}

fn events(scenario: &str, text: &str, conversation: &str) -> Events {
    let done = json!({ "type": "done", "conversationId": conversation,
        "usage": { "promptTokens": 150, "completionTokens": 80 } });
    let mut answer = match scenario {
        "tools" | "denied" => tools(scenario == "denied"),
        _ => Vec::new(),
    };
    answer.extend(words(text).map(text_event));
    let mut closing = vec![data_event(&done)];
    if scenario == "failed" {
        answer.truncate(1);
        let failure = json!({ "type": "error", "error": "The model provider failed." });
        closing.insert(0, data_event(&failure));
    }
    Events { opening: Vec::new(), answer, closing }
}

/// A span of text, then two calls at once with their decisions and results.
fn tools(denied: bool) -> Vec<String> {
    let decision = if denied { "denied" } else { "allowed" };
    let result = if denied { "Denied by policy" } else { "{\"name\":\"Ada\"}" };
    let layers =
        |policy| json!({ "identity": "allowed", "policy": policy, "rate_limit": "allowed" });
    let events = [
        json!({ "type": "text", "text": "Searching… " }),
        json!({ "type": "tool_calls", "toolCalls": [
            { "id": "call_1", "name": "tickets.search", "arguments": "{\"q\":\"open\"}" },
            { "id": "call_2", "name": "crm.lookup", "arguments": "{\"id\":42}" } ] }),
        json!({ "type": "governance", "tool": "tickets.search", "decision": "allowed",
            "layers": layers("allowed") }),
        json!({ "type": "governance", "tool": "crm.lookup", "decision": decision,
            "layers": layers(decision) }),
        json!({ "type": "tool_result", "toolCallId": "call_1", "name": "tickets.search",
            "result": "{\"open\":2}" }),
        json!({ "type": "tool_result", "toolCallId": "call_2", "name": "crm.lookup",
            "result": result }),
    ];
    events.iter().map(data_event).collect()
}

fn text_event(text: &str) -> String {
    data_event(&json!({ "type": "text", "text": text }))
}

/// What a scenario answers instead of running.
fn refusal(scenario: &str, streamed: bool) -> Option<Script> {
    let (status, reason) = match scenario {
        "rate-limited" | "quota" => (429, "Daily AI usage limit reached. Try again tomorrow."),
        "forbidden" => (403, "Forbidden"),
        "model-missing" => (400, "Model \"gpt-9\" from profile is not enabled for this workspace"),
        "key-missing" => (400, "No API key for provider \"openai\""),
        "too-large" => (413, "Request too large"),
        "failed" if !streamed => (500, "The model provider failed."),
        _ => return None,
    };
    Some(refused(status, reason))
}

pub(super) fn refused(status: u16, reason: &str) -> Script {
    error(status, &json!({ "error": reason }))
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

    fn run(agent: &str, body: &Value) -> (u16, String) {
        let target = format!("/acp/acme/agents/{agent}/run");
        answered(&Received::post(&target, "Bearer gsk_acme_1", body))
    }

    #[test]
    fn a_run_answers_what_was_said_in_both_path_styles() {
        let body = json!({ "input": "hi", "context": { "region": "EMEA" } });
        let (status, whole) = run("ok", &body);
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!((status, &whole["output"]), (200, &json!("You said: hi")));
        assert_eq!(whole["stopReason"], "goal_complete");
        let slug_free = "/acp/api/v1/agents/stopped/run";
        let (status, whole) = answered(&Received::post(slug_free, "Bearer gsk_acme_1", &body));
        assert_eq!((status, whole.contains("\"stopReason\":\"max_rounds\"")), (200, true));
    }

    #[test]
    fn a_stream_reports_each_call_its_decision_and_its_result() {
        let (status, body) = run("denied", &json!({ "input": "a b", "stream": true }));
        assert_eq!(status, 200);
        let types = ["text", "tool_calls", "governance", "tool_result", "done"]
            .map(|kind| body.matches(&format!("data: {{\"type\":\"{kind}\"")).count());
        assert_eq!(types, [5, 1, 2, 2, 1]);
        assert!(body.contains("\"tool\":\"crm.lookup\",\"decision\":\"denied\""));
    }

    #[test]
    fn a_schema_in_words_is_obeyed() {
        let schema = r#"Answer by {"type":"object","properties":{"n":{"type":"integer"}}}"#;
        for body in
            [json!({ "input": schema }), json!({ "input": "x", "context": { "a": schema } })]
        {
            let whole: Value = serde_json::from_str(&run("ok", &body).1).unwrap();
            assert_eq!(whole["output"], "{\"n\":1}");
        }
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        let hello = json!({ "input": "hi" });
        let target = "/acp/acme/agents/ok/run";
        for (credential, status) in [
            ("gsk_acme_1", 200),
            ("Bearer a.b.c", 200),
            ("Bearer gsk_other_1", 401),
            ("Bearer wrong", 401),
            ("Bearer swy_acme_1", 401),
            ("", 401),
        ] {
            let received = Received::post(target, credential, &hello);
            assert_eq!(answered(&received).0, status, "{credential}");
        }
        for (agent, body, status, reason) in [
            ("ok", json!({}), 400, "Missing required field: input"),
            ("ok", json!({ "input": "x", "context": "y" }), 400, "context must be a key-value"),
            ("nobody", hello.clone(), 404, "Agent profile not found"),
            ("quota", hello.clone(), 429, "Daily AI usage limit reached"),
            (
                "model-missing",
                hello.clone(),
                400,
                "Model \\\"gpt-9\\\" from profile is not enabled",
            ),
            ("key-missing", hello.clone(), 400, "No API key for provider"),
        ] {
            let (answered, text) = run(agent, &body);
            assert_eq!(answered, status, "{agent}");
            assert!(text.starts_with(&format!("{{\"error\":\"{reason}")), "{text}");
        }
    }

    #[test]
    fn a_stream_that_fails_still_says_done() {
        let (_, body) = run("failed", &json!({ "input": "hi", "stream": true }));
        let (error, done) = (body.find("\"type\":\"error\""), body.find("\"type\":\"done\""));
        assert!(error.is_some() && error < done, "{body}");
    }
}
