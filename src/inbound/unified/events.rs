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
