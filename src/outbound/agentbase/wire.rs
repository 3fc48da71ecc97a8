//! What Agentbase's run API sends and takes, in its own spelling. Every member of an event may be
//! missing, and those that differ between event types stay loose, so that an event of a type we
//! do not know never breaks a stream.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::extras::Extras;

/// The body of a run request.
#[derive(Serialize)]
pub(super) struct RunBody<'a> {
    pub(super) message: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mcp_servers: Vec<McpServer<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) streaming_tokens: bool,
    #[serde(flatten)]
    pub(super) extras: Extras,
}

/// An MCP server: camel case inside a snake case body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct McpServer<'a> {
    pub(super) server_name: &'a str,
    pub(super) server_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth: Option<McpAuth<'a>>,
}

/// How the platform shows itself to an MCP server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum McpAuth<'a> {
    Bearer { token: &'a str },
}

/// One event of a stream, of any type.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    /// Raw, because it stands on every event and is read on the first.
    #[serde(borrow, default)]
    pub(super) session: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) content: Value,
    /// Raw, because a binary float would not be the number that was sent.
    #[serde(borrow, default)]
    pub(super) cost: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) error: Value,
    #[serde(default)]
    pub(super) message: Value,
}

/// An answer that is no stream: nothing that the platform documents.
#[derive(Deserialize)]
pub(super) struct Whole {
    #[serde(default, rename = "taskId")]
    pub(super) task_id: Value,
    #[serde(default)]
    pub(super) error: Value,
    #[serde(default)]
    pub(super) message: Value,
    #[serde(default)]
    pub(super) detail: Value,
}
