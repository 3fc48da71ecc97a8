//! Zaia's JSON, as it goes over the wire. Requests borrow from the plan; of answers only what a
//! run is told is read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::content::Role;
use crate::outbound::nested;

/// The body of an execution.
#[derive(Serialize)]
pub(super) struct ExecuteBody<'a> {
    pub messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub role: Role,
    pub content: &'a str,
    /// Required even where it is empty.
    pub attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
pub(super) struct Attachment<'a> {
    /// A data URL, whatever the name says.
    pub base64: String,
    pub extension: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

/// The answer to an execution.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub execution: Option<Execution<'a>>,
    /// A string, an object, or whatever else comes.
    pub content: Option<Value>,
    #[serde(deserialize_with = "nested::loose")]
    pub attachments_urls: Option<Vec<Value>>,
}

/// An execution; its `detail.input` is left unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Execution<'a> {
    pub id: Option<String>,
    pub status: String,
    /// Kept as it is written: credits are decimals.
    #[serde(borrow, default)]
    pub credits_used: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "nested::loose")]
    pub detail: Option<Detail>,
}

#[derive(Default, Deserialize)]
pub(super) struct Detail {
    #[serde(default)]
    pub output: Option<Value>,
    /// An event of unknown form does not cost the answer.
    #[serde(default, deserialize_with = "nested::each")]
    pub events: Vec<Event>,
}

/// One thing that an agent did; tool calls are the ones that a run is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default)]
    pub r#type: String,
    pub id: Option<String>,
    pub label: Option<String>,
    pub tool_type: Option<String>,
    pub status: Option<String>,
    pub input: Option<Value>,
    pub output: Option<Value>,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
}

/// A failure.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub name: Option<String>,
    pub message: Option<String>,
    #[serde(deserialize_with = "nested::loose")]
    pub code: Option<String>,
    #[serde(deserialize_with = "nested::loose")]
    pub feedback: Option<Feedback>,
}

/// A failure's sentence for people, in up to three languages.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Feedback {
    pub en_us: Option<String>,
    pub es_es: Option<String>,
    pub pt_br: Option<String>,
}
