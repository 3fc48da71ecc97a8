//! What is asked of an agent.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::content::{Json, Message, Role, Text};
use crate::model::ids::ThreadId;
use crate::model::micro::Micro;
use crate::model::run::Warning;

/// What a caller wants of an agent, checked, in no protocol's words. As JSON it is what makes two
/// requests the same one: without how the answer is wanted.
#[derive(Clone, Serialize)]
pub struct RunRequest {
    /// The conversation; never empty, the last message is the user's.
    pub input: Vec<Message>,
    /// A file was given by address.
    pub attachment_urls: bool,
    /// The conversation to continue.
    pub thread_id: Option<ThreadId>,
    /// Facts about this call: scalars only.
    pub context: IndexMap<String, Value>,
    /// Additions to the agent's own instructions, or their replacement.
    pub instructions: Option<Text>,
    /// Which of the two.
    pub instructions_mode: InstructionsMode,
    /// JSON Schema of the structured output wanted.
    pub output_schema: Option<Json>,
    /// The tools that the run may use.
    pub tools: Option<Vec<String>>,
    /// MCP servers for this run.
    pub mcp_servers: Vec<McpServer>,
    /// Another model than the agent's.
    pub model: Option<String>,
    /// Caps.
    pub limits: RunLimits,
    /// Whether the caller wants events while the run goes on.
    #[serde(skip)]
    pub stream: bool,
    /// Kept with the run.
    pub metadata: IndexMap<String, String>,
    /// The platform's own fields, in its own words.
    pub upstream_options: Map<String, Value>,
    /// What to do with what the platform cannot do.
    pub unsupported: Unsupported,
    /// What the face had to leave out; the run's warnings begin with them.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

impl fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.input.iter().map(|message| message.content.len()).sum();
        write!(f, "[request of {} messages, {bytes} bytes]", self.input.len())
    }
}

impl RunRequest {
    /// A request with one message and nothing else asked for.
    pub fn of(message: impl Into<Text>) -> Self {
        Self {
            input: vec![Message::new(Role::User, message)],
            attachment_urls: false,
            thread_id: None,
            context: IndexMap::new(),
            instructions: None,
            instructions_mode: InstructionsMode::Append,
            output_schema: None,
            tools: None,
            mcp_servers: Vec::new(),
            model: None,
            limits: RunLimits::default(),
            stream: false,
            metadata: IndexMap::new(),
            upstream_options: Map::new(),
            unsupported: Unsupported::Reject,
            warnings: Vec::new(),
        }
    }
}

/// Whether `instructions` add to the agent's own or stand in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstructionsMode {
    /// Add.
    #[default]
    Append,
    /// Stand in their place.
    Replace,
}

/// What to do with a field that the platform cannot take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// Refuse the run.
    #[default]
    Reject,
    /// Leave the field out and say so.
    Ignore,
}

/// An MCP server for one run.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct McpServer {
    /// What the agent calls it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// A bearer token for it.
    pub authorization: Option<String>,
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[mcp server of {} bytes]", self.url.len())
    }
}

/// Caps on one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunLimits {
    /// Tokens of the answer.
    pub max_output_tokens: Option<u64>,
    /// Steps of the agent.
    pub max_steps: Option<u64>,
    /// Time from admission to end.
    pub timeout: Option<Duration>,
    /// Cost in US dollars.
    pub max_cost_usd: Option<Micro>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::model::event::{Body, Ending, Happening};
    use crate::model::run::{Decision, DecisionSource, Governance};

    #[test]
    fn what_holds_text_prints_its_length_and_not_the_text() {
        const TEXT: &str = "jane@example.com";
        let mut request = RunRequest::of(TEXT);
        request.context.insert(TEXT.to_owned(), TEXT.into());
        request.metadata.insert(TEXT.to_owned(), TEXT.to_owned());
        request.upstream_options.insert(TEXT.to_owned(), TEXT.into());
        (request.tools, request.model) = (Some(vec![TEXT.to_owned()]), Some(TEXT.to_owned()));
        let (name, call_id) = (TEXT.to_owned(), "call_1".to_owned());
        let arguments = Json(serde_json::json!({ TEXT: TEXT }));
        let called = Happening::ToolCallStarted { call_id, name, arguments };
        let governance = Governance {
            call_id: None,
            tool: TEXT.to_owned(),
            decision: Decision::Denied,
            layers: Json(TEXT.into()),
            reason: Some(TEXT.to_owned()),
            source: DecisionSource::Upstream,
        };
        let said = format!("it said {TEXT}");
        let error = Error::new(Kind::UpstreamError, said.clone()).at(TEXT, said.clone()).upstream(
            "up",
            Some(500),
            Some(TEXT),
        );
        let warning = Warning::new("code", Some("field"), said);
        let problem = error.problem("req");
        let fault = problem.upstream.clone();
        let json = serde_json::from_str::<u64>(&format!("\"{TEXT}\"")).unwrap_err();
        let unread = Error::new(Kind::UpstreamProtocol, "no").caused_by(json);
        let ended = Happening::Ended(Ending::Failed(error.clone()));
        let body = Body::Governance(governance.clone());
        let printed = format!(
            "{request:?} {called:?} {governance:?} {error:?} {warning:?} {problem:?} {fault:?} \
             {unread:?} {ended:?} {body:?}"
        );
        assert!(!printed.contains("jane"), "{printed}");
        assert!(printed.contains("16 bytes"), "{printed}");
    }
}
