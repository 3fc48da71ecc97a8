//! Make's JSON, as it goes over the wire. Requests borrow from the plan; answers are read with
//! every member optional, because their schema is published for whole answers only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::content::Role;
use crate::model::run::Usage;
use crate::outbound::nested;

/// The body of a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunBody<'a> {
    pub messages: Vec<Message<'a>>,
    pub thread_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Required even where it is empty.
    pub config: Config<'a>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub role: Role,
    pub content: &'a str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_system_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<Vec<Scenario>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_config: Option<HistoryConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llm_config: Option<LlmConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation_config: Option<InvocationConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_configs: Option<Vec<McpConfig>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_parser: Option<OutputParser>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scenario {
    pub make_scenario_id: std::num::NonZeroU64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HistoryConfig {
    pub iterations_from_history_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LlmConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llm_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<LlmSettings>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LlmSettings {
    pub max_tokens: u64,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvocationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursion_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct McpConfig {
    pub mcp_connection_id: u64,
    pub tool_ids: Vec<String>,
}

/// The structured answer wanted: Make's own schema, which is not JSON Schema.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct OutputParser {
    pub r#type: &'static str,
    pub schema: Vec<SchemaField>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SchemaField {
    /// None only within an array's `spec`, whose elements have no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
}

/// What a field holds: the one kind of an array's elements, or a collection's members.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Spec {
    Element(Box<SchemaField>),
    Members(Vec<SchemaField>),
}

/// Any object that Make answers with: a whole run, a step, an error, or parts of them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    pub response: Option<String>,
    pub json_response: Option<Value>,
    /// A step of unknown form does not cost the answer.
    #[serde(deserialize_with = "nested::each")]
    pub execution_steps: Vec<Answer>,
    #[serde(deserialize_with = "nested::loose")]
    pub thread_id: Option<String>,
    #[serde(deserialize_with = "nested::loose")]
    pub token_usage_summary: Option<TokenUsage>,
    /// Of no published shape.
    pub token_usage: Option<Value>,
    pub role: Option<String>,
    pub content: Option<String>,
    #[serde(deserialize_with = "nested::loose")]
    pub execution_time_ms: Option<u64>,
    pub tool_calls: Option<Vec<ToolCall>>,
    pub tool_response: Option<ToolResponse>,
    pub message: Option<Value>,
    pub detail: Option<Value>,
    pub code: Option<Value>,
    pub error: Option<Value>,
    pub suberrors: Option<Value>,
}

impl Answer {
    /// Reads an object; none for whatever else it is. (Serde would also take an array.)
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let data = data.trim_ascii();
        data.starts_with(b"{").then(|| serde_json::from_slice(data).ok())?
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TokenUsage {
    #[serde(deserialize_with = "nested::loose")]
    pub prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "nested::loose")]
    pub completion_tokens: Option<u64>,
    #[serde(deserialize_with = "nested::loose")]
    pub total_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct ToolCall {
    #[serde(default, deserialize_with = "nested::loose")]
    pub id: Option<String>,
    pub name: String,
    #[serde(default)]
    pub arguments: Value,
}

#[derive(Deserialize)]
pub(super) struct ToolResponse {
    #[serde(default, deserialize_with = "nested::loose")]
    pub name: Option<String>,
    #[serde(default)]
    pub result: Value,
    #[serde(default, deserialize_with = "nested::loose")]
    pub status: Option<String>,
}

impl TokenUsage {
    /// As callers read it; what Make does not say stays unknown.
    pub(super) fn into_usage(self) -> Usage {
        Usage {
            input_tokens: self.prompt_tokens,
            output_tokens: self.completion_tokens,
            total_tokens: self.total_tokens,
            ..Usage::default()
        }
    }
}
