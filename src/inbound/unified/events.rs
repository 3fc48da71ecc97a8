//! A run's events as the unified API streams them: one server-sent event each, whose data is one
//! JSON object. Called by the stream body.
//!
//! Invariant: pure and without state: the same event has the same bytes for every reader.

use std::io::Write;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::inbound::stream::Encode;
use crate::model::content::{Json, Text};
use crate::model::event::{Body, Recorded};
use crate::model::ids::RunId;
use crate::model::run::{Run, ToolStatus, Usage};

/// The data of an event: what all have, around what this one carries.
#[derive(Serialize, JsonSchema)]
pub struct Data<'a, F> {
    /// Its name, as in the `event:` line.
    pub r#type: &'static str,
    /// The run.
    pub run_id: &'a RunId,
    /// Its place in the run, from 1, as in the `id:` line.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it carries.
    #[serde(flatten)]
    pub fields: F,
    /// Present and true where the gateway derived it afterwards.
    #[serde(skip_serializing_if = "is_false")]
    pub synthetic: bool,
}

/// `run.created`, `run.started` and the terminal events.
#[derive(Serialize, JsonSchema)]
pub struct RunFields<'a> {
    /// The run as it stands.
    pub run: &'a Run,
}

/// `message.delta`, `message.completed` and `reasoning.delta`.
#[derive(Serialize, JsonSchema)]
pub struct TextFields<'a> {
    /// The text.
    pub text: &'a Text,
}

/// `tool_call.started`.
#[derive(Serialize, JsonSchema)]
pub struct CallFields<'a> {
    /// The call's id.
    pub call_id: &'a str,
    /// The tool.
    pub name: &'a str,
    /// What it was given.
    pub arguments: &'a Json,
}

/// `tool_call.completed`.
#[derive(Serialize, JsonSchema)]
pub struct ResultFields<'a> {
    /// The call's id.
    pub call_id: &'a str,
    /// The tool.
    pub name: &'a str,
    /// How it went.
    pub status: ToolStatus,
    /// What it answered.
    pub result: &'a Json,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

/// `usage.updated`.
#[derive(Serialize, JsonSchema)]
pub struct UsageFields<'a> {
    /// The usage so far.
    pub usage: &'a Usage,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Writes events for the unified API.
#[derive(Clone, Copy, Debug)]
pub struct Encoder;

impl Encode for Encoder {
    fn encode(&mut self, event: &Recorded) -> Option<Bytes> {
        encode(event)
    }
}

/// The bytes of one event. None never happens: every key of a model's type is text.
pub fn encode(event: &Recorded) -> Option<Bytes> {
    match &event.body {
        Body::Created(run) | Body::Started(run) | Body::Ended(run) => {
            write(event, RunFields { run })
        }
        Body::MessageDelta(text) | Body::MessageCompleted(text) | Body::ReasoningDelta(text) => {
            write(event, TextFields { text })
        }
        Body::ToolCallStarted { call_id, name, arguments } => {
            write(event, CallFields { call_id, name, arguments })
        }
        Body::ToolCallCompleted { call_id, name, status, result, duration_ms } => {
            let (status, duration_ms) = (*status, *duration_ms);
            write(event, ResultFields { call_id, name, status, result, duration_ms })
        }
        Body::Governance(decision) => write(event, decision),
        Body::Usage(usage) => write(event, UsageFields { usage }),
        Body::Warning(warning) => write(event, warning),
    }
}

fn write(event: &Recorded, fields: impl Serialize) -> Option<Bytes> {
    let name = event.body.name();
    let data = Data {
        r#type: name,
        run_id: &event.run_id,
        seq: event.seq,
        at: event.at,
        fields,
        synthetic: event.synthetic,
    };
    // Room for a delta of some words without growing.
    let mut bytes = Vec::with_capacity(320);
    write!(bytes, "id: {}\nevent: {name}\ndata: ", event.seq).ok()?;
    // Compact JSON has no line break of its own.
    serde_json::to_writer(&mut bytes, &data).ok()?;
    bytes.extend_from_slice(b"\n\n");
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::{samples, unified::openapi};
    use serde_json::{Value, json};

    fn encoded(seq: u64, body: Body) -> String {
        let bytes = encode(&samples::event(seq, body)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    const HEAD: &str = "\"run_id\":\"run_00000000000000000000000000000001\"";

    #[test]
    fn each_event_is_one_frame_of_three_lines() {
        for (seq, body) in samples::every_body().into_iter().enumerate() {
            let name = body.name();
            let frame = encoded(seq as u64, body);
            let lines: Vec<_> = frame.split('\n').collect();
            assert_eq!(lines.len(), 5, "{frame}");
            assert_eq!(lines[0], format!("id: {seq}"));
            assert_eq!(lines[1], format!("event: {name}"));
            let data: Value =
                serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!((&data["type"], &data["seq"]), (&json!(name), &json!(seq)));
            assert_eq!((lines[3], lines[4]), ("", ""));
        }
    }

    #[test]
    fn events_carry_what_the_contract_says() {
        let at = "\"at\":\"2026-01-02T03:04:05.678Z\"";
        for (body, name, fields) in [
            (Body::MessageDelta("a\n\"b\"".into()), "message.delta", r#""text":"a\n\"b\"""#),
            (Body::MessageCompleted("ab".into()), "message.completed", r#""text":"ab""#),
            (Body::ReasoningDelta("hm".into()), "reasoning.delta", r#""text":"hm""#),
            (
                samples::called(),
                "tool_call.started",
                r#""call_id":"call_1","name":"tickets.search","arguments":{"q":"open"}"#,
            ),
            (
                samples::answered(json!({"n": 2})),
                "tool_call.completed",
                r#""call_id":"call_1","name":"tickets.search","status":"ok","result":{"n":2},"duration_ms":41"#,
            ),
            (
                samples::governed(json!({"identity": "allow"})),
                "governance.decision",
                r#""call_id":"call_1","tool":"tickets.search","decision":"allowed","layers":{"identity":"allow"},"reason":null,"source":"upstream""#,
            ),
            (
                Body::Usage(samples::usage()),
                "usage.updated",
                r#""usage":{"input_tokens":1500,"output_tokens":800,"total_tokens":2300,"tool_calls":1,"cost_usd":"0.0245","credits":null,"model":"gpt-4o"}"#,
            ),
            (
                Body::Warning(crate::model::run::Warning::emulated("context", "as text")),
                "warning",
                r#""code":"emulated","field":"context","detail":"as text""#,
            ),
        ] {
            let expected = format!(
                "id: 7\nevent: {name}\ndata: {{\"type\":\"{name}\",{HEAD},\"seq\":7,{at},{fields}}}\n\n"
            );
            assert_eq!(encoded(7, body), expected);
        }
    }

    #[test]
    fn an_end_carries_the_whole_run() {
        let frame = encoded(9, samples::every_body().pop().unwrap());
        let data: Value = serde_json::from_str(frame.split("data: ").nth(1).unwrap()).unwrap();
        assert_eq!(data["type"], "run.failed");
        assert_eq!(data["run"]["status"], "failed");
        assert_eq!(data["run"]["error"]["code"], "upstream_timeout");
    }

    #[test]
    fn a_derived_event_says_so() {
        let mut event = samples::event(1, Body::MessageDelta("x".into()));
        event.synthetic = true;
        let bytes = encode(&event).unwrap();
        assert!(bytes.ends_with(b",\"text\":\"x\",\"synthetic\":true}\n\n"));
    }

    #[test]
    fn each_event_is_of_the_published_schema() {
        let follow = crate::http::operation::Operation::FollowRun;
        let schema = openapi::response_schema(follow, 200, "text/event-stream");
        let schema = jsonschema::validator_for(&schema).unwrap();
        for body in samples::every_body() {
            let frame = encoded(1, body);
            let data: Value = serde_json::from_str(frame.split("data: ").nth(1).unwrap()).unwrap();
            assert!(schema.is_valid(&data), "{frame}");
            let mut unknown = data.clone();
            unknown["type"] = json!("message.unknown");
            assert!(!schema.is_valid(&unknown));
        }
    }
}
