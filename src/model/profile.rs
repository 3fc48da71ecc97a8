//! Agents as callers read and change them: one shape for every platform. Vendors make profiles of
//! what their platforms say; the gateway lists, compares and changes them.
//!
//! Invariant: what a platform does not tell is null, never an empty list.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::content::Text;
use crate::model::micro::Micro;
use crate::model::pii::PiiCount;

/// An agent.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its reference, `<upstream>:<native id>`; of one that lives in the configuration, its alias.
    pub id: String,
    /// Always `agent`.
    pub object: AgentObject,
    /// Its short names, as far as the caller may use them.
    pub aliases: Vec<String>,
    /// Where it lives.
    pub upstream: AgentUpstream,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<Text>,
    /// Its system prompt.
    pub instructions: Option<Text>,
    /// The model that it thinks with.
    pub model: Option<String>,
    /// What it can use; null where the platform does not tell.
    pub tools: Option<Vec<AgentTool>>,
    /// The MCP servers that it can use; null where the platform does not tell.
    pub mcp_servers: Option<Vec<AgentServer>>,
    /// Caps on each of its runs.
    pub limits: AgentLimits,
    /// Whether it lives in the configuration alone, and cannot be changed here.
    pub read_only: bool,
    /// What only its platform has of it, by the names that `upstream_options` takes.
    pub native: Map<String, Value>,
    /// What PII policy found in what was sent or is answered here.
    pub pii: Vec<PiiCount>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
}

/// The word `agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AgentObject {
    /// The word.
    #[serde(rename = "agent")]
    Agent,
}

/// Where an agent lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentUpstream {
    /// The upstream's configured name.
    pub name: String,
    /// Its kind of platform.
    pub kind: String,
}

/// Something that an agent can use.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentTool {
    /// Its id, as detaching takes it and, where a run can choose tools, as a run does.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// What it does.
    pub description: Option<Text>,
    /// What only the platform has of it.
    pub native: Map<String, Value>,
}

/// An MCP server that an agent can use. Never with its credential.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentServer {
    /// Its id, as detaching takes it.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// Which of its tools the agent has; null for all, or where that is not told.
    pub tools: Option<Vec<String>>,
    /// What only the platform has of it.
    pub native: Map<String, Value>,
}

/// Caps on each run of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AgentLimits {
    /// Tokens of an answer.
    pub max_output_tokens: Option<u64>,
    /// Steps of the agent.
    pub max_steps: Option<u64>,
    /// Seconds of a run.
    pub timeout_seconds: Option<u64>,
    /// US dollars of a run.
    pub max_cost_usd: Option<Micro>,
}

/// What a caller says of an agent that is to be, or of what is to be other. Nothing where it says
/// nothing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentDraft {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Text>,
    /// Its system prompt.
    pub instructions: Option<Text>,
    /// The model that it thinks with.
    pub model: Option<String>,
    /// All that it can use.
    pub tools: Option<Vec<ToolDraft>>,
    /// All MCP servers that it can use.
    pub mcp_servers: Option<Vec<ServerDraft>>,
    /// Caps on each of its runs.
    pub limits: AgentLimits,
    /// What only its platform has.
    pub upstream_options: Map<String, Value>,
}

/// A tool that a caller wants an agent to have.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolDraft {
    /// Its id, where it is there already.
    pub id: Option<String>,
    /// What it is to be called.
    pub name: Option<String>,
    /// What it does.
    pub description: Option<Text>,
    /// What only the platform has of it.
    pub native: Map<String, Value>,
}

/// An MCP server that a caller wants an agent to have.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerDraft {
    /// Its id, where the platform knows it already.
    pub id: Option<String>,
    /// What it is to be called.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// A bearer token for it.
    pub authorization: Option<String>,
    /// Which of its tools the agent is to have.
    pub tools: Option<Vec<String>>,
    /// What only the platform has of it.
    pub native: Map<String, Value>,
}

/// One change of an agent.
#[derive(Clone, Debug)]
pub enum Edit {
    /// These fields are to be other.
    Fields(Box<AgentDraft>),
    /// It gets a tool.
    AttachTool(ToolDraft),
    /// It loses one.
    DetachTool(String),
    /// It gets an MCP server.
    AttachServer(ServerDraft),
    /// It loses one.
    DetachServer(String),
}

/// An agent with what its platform has said of it, so that it can be written back whole.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it is named by.
    pub reference: AgentRef,
    /// As callers read it.
    pub agent: Agent,
    /// As its platform says it.
    pub raw: Map<String, Value>,
}

/// An agent that the gateway keeps, for a platform that has none.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredPreset {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<Text>,
    /// What each of its runs is given.
    pub preset: Map<String, Value>,
}

impl Agent {
    /// An agent of which nothing is known but where it lives.
    pub fn new(reference: &AgentRef, kind: &str) -> Self {
        Self {
            id: reference.to_string(),
            object: AgentObject::Agent,
            aliases: Vec::new(),
            upstream: AgentUpstream { name: reference.upstream.clone(), kind: kind.to_owned() },
            name: String::new(),
            description: None,
            instructions: None,
            model: None,
            tools: None,
            mcp_servers: None,
            limits: AgentLimits::default(),
            read_only: false,
            native: Map::new(),
            pii: Vec::new(),
            created_at: None,
            updated_at: None,
        }
    }
}

impl AgentDraft {
    /// The fields that it says something of, by their places, but for the name and
    /// `upstream_options`.
    pub fn given(&self) -> Vec<&'static str> {
        let limits = &self.limits;
        let all = [
            ("description", self.description.is_some()),
            ("instructions", self.instructions.is_some()),
            ("model", self.model.is_some()),
            ("tools", self.tools.is_some()),
            ("mcp_servers", self.mcp_servers.is_some()),
            ("limits.max_output_tokens", limits.max_output_tokens.is_some()),
            ("limits.max_steps", limits.max_steps.is_some()),
            ("limits.timeout_seconds", limits.timeout_seconds.is_some()),
            ("limits.max_cost_usd", limits.max_cost_usd.is_some()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(path, _)| path).collect()
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.upstream_options.is_empty() && self.given().is_empty()
    }
}

impl ToolDraft {
    /// The fields that it says something of.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("id", self.id.is_some()),
            ("name", self.name.is_some()),
            ("description", self.description.is_some()),
            ("native", !self.native.is_empty()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(path, _)| path).collect()
    }
}

impl ServerDraft {
    /// The fields that it says something of.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("id", self.id.is_some()),
            ("name", self.name.is_some()),
            ("url", self.url.is_some()),
            ("authorization", self.authorization.is_some()),
            ("tools", self.tools.is_some()),
            ("native", !self.native.is_empty()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(path, _)| path).collect()
    }
}

// What callers and platforms wrote is not printed.
macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )*};
}
hidden! { Agent AgentTool AgentServer AgentDraft ToolDraft ServerDraft StoredPreset }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_tells_what_it_says_something_of() {
        let mut draft = AgentDraft::default();
        assert!(draft.is_empty());
        draft.instructions = Some("x".into());
        draft.limits.max_steps = Some(3);
        assert_eq!(draft.given(), ["instructions", "limits.max_steps"]);
        let server = ServerDraft { authorization: Some("x".to_owned()), ..Default::default() };
        assert_eq!(server.given(), ["authorization"]);
        assert!(!draft.is_empty() && ToolDraft::default().given().is_empty());
    }
}
