//! What ACP's run API sends and takes. Every member may be missing and what is not needed for
//! every event stays raw, so that an event of a type we do not know never breaks a stream.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::outbound::nested;

/// The body of a run request.
#[derive(Serialize)]
pub(super) struct RunBody<'a> {
    pub(super) input: Cow<'a, str>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(super) context: IndexMap<String, String>,
    pub(super) stream: bool,
}

/// One event of a stream, of any type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(default)]
    pub(super) text: Value,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) tool: Value,
    #[serde(default)]
    pub(super) decision: Value,
    #[serde(default)]
    pub(super) layers: Value,
    #[serde(default)]
    pub(super) reason: Value,
    #[serde(default)]
    pub(super) tool_call_id: Value,
    #[serde(default)]
    pub(super) name: Value,
    #[serde(default)]
    pub(super) result: Value,
    #[serde(default)]
    pub(super) error: Value,
    #[serde(default)]
    pub(super) message: Value,
}

/// One of the calls that a `tool_calls` event announces.
#[derive(Deserialize)]
pub(super) struct ToolCall {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default)]
    pub(super) name: Value,
    #[serde(default)]
    pub(super) arguments: Value,
}

/// How a run came out: a whole answer, or what a `done` event has of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) output: Value,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) conversation_id: Option<String>,
    #[serde(borrow, default)]
    pub(super) usage: Option<Usage<'a>>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) stop_reason: Option<String>,
    #[serde(default)]
    pub(super) error: Value,
}

/// What a run used. Streams give only the tokens.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage<'a> {
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) tool_call_count: Option<u64>,
    /// Raw, because a binary float would not be the number that was sent.
    #[serde(borrow, default)]
    pub(super) estimated_cost_cents: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub(super) model: Option<String>,
}
