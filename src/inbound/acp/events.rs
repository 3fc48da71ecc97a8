//! A run's events as ACP streams them: `data:` lines only, told apart by `type`. Called by the
//! stream body.
//!
//! Invariant: no text is sent twice. A whole message is sent only where its deltas were not.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::inbound::acp::errors;
use crate::inbound::stream::Encode;
use crate::inbound::text;
use crate::model::content::Json;
use crate::model::event::{Body, Recorded};
use crate::model::run::{Decision, Run, RunStatus, ToolStatus};

/// One event.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "AcpEvent")]
pub enum AcpEvent<'a> {
    /// More text.
    Text {
        /// The text.
        text: &'a str,
    },
    /// Tools were called.
    ToolCalls {
        /// The calls.
        #[serde(rename = "toolCalls")]
        tool_calls: [AcpToolCall<'a>; 1],
    },
    /// Policy decided over a tool call.
    Governance {
        /// The tool.
        tool: &'a str,
        /// What was decided.
        decision: Decision,
        /// Which layers of policy said what.
        layers: &'a Json,
    },
    /// A tool answered.
    #[serde(rename_all = "camelCase")]
    ToolResult {
        /// The call's id.
        tool_call_id: &'a str,
        /// The tool.
        name: &'a str,
        /// What it answered, as text.
        result: String,
    },
    /// The run failed; nothing follows.
    Error {
        /// Why.
        error: String,
    },
    /// The end.
    #[serde(rename_all = "camelCase")]
    Done {
        /// The conversation's id.
        conversation_id: Option<&'a str>,
        /// What the run used.
        usage: AcpStreamUsage,
    },
}

/// A tool call.
#[derive(Serialize, JsonSchema)]
pub struct AcpToolCall<'a> {
    /// The call's id.
    id: &'a str,
    /// The tool.
    name: &'a str,
    /// What it was given, as JSON in a string.
    arguments: String,
}

/// What a run used, as streams say it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcpStreamUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// Writes events for ACP's callers.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Deltas of the current message were sent.
    has_deltas: bool,
    /// The last message that was sent, or its deltas so far.
    last: String,
}

impl Encode for Encoder {
    fn encode(&mut self, event: &Recorded) -> Option<Bytes> {
        match &event.body {
            Body::MessageDelta(text) => self.delta(text),
            Body::MessageCompleted(text) => self.message(text),
            Body::ToolCallStarted { call_id, name, arguments } => {
                self.has_deltas = false;
                let arguments = arguments_text(arguments);
                line(&AcpEvent::ToolCalls {
                    tool_calls: [AcpToolCall { id: call_id, name, arguments }],
                })
            }
            Body::ToolCallCompleted { call_id, name, status, result, .. } => {
                self.has_deltas = false;
                let result = result_text(*status, result);
                line(&AcpEvent::ToolResult { tool_call_id: call_id, name, result })
            }
            Body::Governance(made) => {
                let none = Json(Value::Object(serde_json::Map::new()));
                let layers = if made.layers.0.is_null() { &none } else { &made.layers };
                line(&AcpEvent::Governance { tool: &made.tool, decision: made.decision, layers })
            }
            Body::Ended(run) => self.end(run),
            // ACP has no word for these; the run that `GET /v1/runs/{id}` shows has them.
            Body::Created(_)
            | Body::Started(_)
            | Body::ReasoningDelta(_)
            | Body::Usage(_)
            | Body::Warning(_) => None,
        }
    }
}

impl Encoder {
    fn delta(&mut self, text: &str) -> Option<Bytes> {
        if !self.has_deltas {
            self.has_deltas = true;
            self.last.clear();
        }
        self.last.push_str(text);
        line(&AcpEvent::Text { text })
    }

    fn message(&mut self, text: &str) -> Option<Bytes> {
        if std::mem::take(&mut self.has_deltas) {
            return None;
        }
        text.clone_into(&mut self.last);
        line(&AcpEvent::Text { text })
    }

    fn end(&mut self, run: &Run) -> Option<Bytes> {
        match run.status {
            RunStatus::Completed | RunStatus::Incomplete => {}
            RunStatus::Cancelled => {
                return line(&AcpEvent::Error { error: "the run was cancelled".to_owned() });
            }
            RunStatus::Failed | RunStatus::Queued | RunStatus::Running => {
                let error = run.error.as_ref().map(|problem| errors::words(problem).1);
                return line(&AcpEvent::Error { error: error.unwrap_or_default() });
            }
        }
        let done = line(&AcpEvent::Done {
            conversation_id: run.thread_id.as_ref().map(|thread| thread.as_str()),
            usage: AcpStreamUsage {
                prompt_tokens: run.usage.input_tokens,
                completion_tokens: run.usage.output_tokens,
            },
        })?;
        // An answer that only the end brought: `done` has no place for it.
        let answer = run.output.as_ref().map_or("", |output| output.as_str());
        if answer.is_empty() || answer == self.last {
            return Some(done);
        }
        let mut both = line(&AcpEvent::Text { text: answer })?.to_vec();
        both.extend_from_slice(&done);
        Some(both.into())
    }
}

/// None never happens: every key of these types is text.
fn line(event: &AcpEvent<'_>) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(192);
    bytes.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut bytes, event).ok()?;
    bytes.extend_from_slice(b"\n\n");
    Some(bytes.into())
}

fn arguments_text(arguments: &Json) -> String {
    if arguments.0.is_null() { "{}".to_owned() } else { arguments.0.to_string() }
}

fn result_text(status: ToolStatus, result: &Json) -> String {
    match (&result.0, status) {
        (Value::Null, ToolStatus::Denied) => "The tool call was denied".to_owned(),
        (Value::Null, ToolStatus::Failed) => "The tool call failed".to_owned(),
        (value, _) => text::of(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::inbound::samples::{answered, called, event, every_body, failed, governed, run};
    use serde_json::json;
    use std::sync::Arc;

    fn encoded(bodies: Vec<Body>) -> String {
        let mut encoder = Encoder::default();
        let mut text = String::new();
        for body in bodies {
            if let Some(bytes) = encoder.encode(&event(1, body)) {
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        }
        text
    }

    /// The texts of a stream, joined by bars.
    fn texts(bodies: Vec<Body>) -> String {
        let lines = encoded(bodies);
        let events = lines.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = events.map(|data| serde_json::from_str::<Value>(data).unwrap());
        let texts: Vec<_> =
            events.filter_map(|event| event["text"].as_str().map(str::to_owned)).collect();
        texts.join("|")
    }

    fn ended(output: &str) -> Body {
        let mut run = run(RunStatus::Completed);
        run.output = Some(output.into());
        Body::Ended(Arc::new(run))
    }

    #[test]
    fn a_stream_is_the_one_that_acp_sends() {
        let expected = r#"data: {"type":"text","text":"Let me\n\"see\" "#;
        let expected = format!("{expected}\u{2028}\"}}\n\n");
        let mut bodies = every_body();
        bodies.truncate(11);
        assert_eq!(
            encoded(bodies),
            expected
                + r#"data: {"type":"tool_calls","toolCalls":[{"id":"call_1","name":"tickets.search","arguments":"{\"q\":\"open\"}"}]}

data: {"type":"governance","tool":"tickets.search","decision":"allowed","layers":{"identity":"allow"}}

data: {"type":"tool_result","toolCallId":"call_1","name":"tickets.search","result":"{\"n\":2}"}

data: {"type":"text","text":"Two are open."}

data: {"type":"done","conversationId":"thr_00000000000000000000000000000002","usage":{"promptTokens":1500,"completionTokens":800}}

"#
        );
    }

    #[test]
    fn no_text_is_sent_twice_and_none_is_lost() {
        let delta = |text: &str| Body::MessageDelta(text.into());
        let whole = |text: &str| Body::MessageCompleted(text.into());
        let tool = || [called(), answered(json!("ok"))];
        for (bodies, expected) in [
            (vec![delta("a"), delta("b"), whole("ab"), ended("ab")], "a|b"),
            (vec![delta("a"), delta("b"), ended("ab")], "a|b"),
            (vec![whole("ab"), ended("ab")], "ab"),
            (vec![ended("ab")], "ab"),
            (vec![whole("a"), whole("b"), ended("b")], "a|b"),
            (vec![delta("a"), whole("a"), delta("b"), ended("b")], "a|b"),
        ] {
            assert_eq!(texts(bodies), expected);
        }
        let with_tool = |before: Vec<Body>, after: Vec<Body>| -> Vec<Body> {
            before.into_iter().chain(tool()).chain(after).collect()
        };
        for (bodies, expected) in [
            (with_tool(vec![delta("a")], vec![whole("b"), ended("b")]), "a|b"),
            (with_tool(vec![delta("a")], vec![ended("b")]), "a|b"),
            (with_tool(vec![delta("a")], vec![ended("a")]), "a"),
            (with_tool(vec![delta("a")], vec![delta("b"), whole("b"), ended("b")]), "a|b"),
        ] {
            assert_eq!(texts(bodies), expected);
        }
    }

    #[test]
    fn an_end_that_is_none_is_an_error_and_nothing_follows() {
        let ended = |run| encoded(vec![Body::Ended(Arc::new(run))]);
        let broke = failed(&Error::new(Kind::BudgetExhausted, "used up"));
        assert_eq!(
            ended(broke),
            "data: {\"type\":\"error\",\"error\":\"Daily AI usage limit reached. used up\"}\n\n"
        );
        let cancelled = "data: {\"type\":\"error\",\"error\":\"the run was cancelled\"}\n\n";
        assert_eq!(ended(run(RunStatus::Cancelled)), cancelled);
        let incomplete = encoded(vec![Body::Ended(Arc::new(run(RunStatus::Incomplete)))]);
        assert!(incomplete.contains(r#""type":"done""#));
    }

    #[test]
    fn shapes_hold_where_the_platform_gave_nothing() {
        let call = Body::ToolCallStarted {
            call_id: "c".to_owned(),
            name: "t".to_owned(),
            arguments: Json::default(),
        };
        assert!(encoded(vec![call]).contains(r#""arguments":"{}""#));
        assert!(encoded(vec![governed(Value::Null)]).contains(r#""layers":{}"#));
        let denied = Body::ToolCallCompleted {
            call_id: "c".to_owned(),
            name: "t".to_owned(),
            status: ToolStatus::Denied,
            result: Json::default(),
            duration_ms: None,
        };
        assert!(encoded(vec![denied]).contains(r#""result":"The tool call was denied""#));
    }
}
