//! A run: what is asked of an agent, and what came of it.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Problem;
use crate::model::content::{Json, Text};
use crate::model::ids::{RunId, ThreadId};
use crate::model::micro::Micro;
use crate::model::pii::PiiCount;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Admitted, not yet sent.
    Queued,
    /// The platform has it.
    Running,
    /// Ended well.
    Completed,
    /// The platform stopped early: a step, tool or budget limit.
    Incomplete,
    /// Ended badly.
    Failed,
    /// Stopped by the caller.
    Cancelled,
}

impl RunStatus {
    /// Every status.
    pub const ALL: &'static [RunStatus] = &[
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Incomplete,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing more can happen.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }

    /// As callers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A run and what came of it, as every caller reads it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Always `run`.
    pub object: RunObject,
    /// Where it stands.
    pub status: RunStatus,
    /// The agent, as the caller named it.
    pub agent: String,
    /// Where it runs.
    pub upstream: RunUpstream,
    /// The conversation it belongs to.
    pub thread_id: Option<ThreadId>,
    /// The answer; null until there is one.
    pub output: Option<Text>,
    /// The structured answer, where one was asked for.
    pub output_json: Option<Json>,
    /// What the agent did on the way.
    pub steps: Vec<Step>,
    /// What it used.
    pub usage: Usage,
    /// Why the platform stopped, in its words.
    pub stop_reason: Option<String>,
    /// Decisions over tool calls.
    pub governance: Vec<Governance>,
    /// What PII policy found, counted.
    pub pii: Vec<PiiCount>,
    /// What was emulated, ignored or worth knowing.
    pub warnings: Vec<Warning>,
    /// Why it failed.
    pub error: Option<Problem>,
    /// As given.
    pub metadata: IndexMap<String, String>,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When the platform had it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// From admission to end, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} {}]", self.id, self.status.as_str())
    }
}

/// The word `run`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunObject {
    /// The word.
    #[default]
    #[serde(rename = "run")]
    Run,
}

/// Where a run runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunUpstream {
    /// The upstream's configured name.
    pub name: String,
    /// The kind of platform.
    pub kind: String,
    /// The platform's id of the run.
    pub run_id: Option<String>,
    /// The platform's id of the conversation.
    pub thread_id: Option<String>,
}

/// One thing the agent did.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its place, from 0.
    pub index: u32,
    /// Always `tool_call` for now.
    pub r#type: StepType,
    /// The call's id.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// What it was given.
    pub arguments: Json,
    /// How it went; null while it has not answered.
    pub status: Option<ToolStatus>,
    /// What it answered.
    pub result: Json,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[step {} {:?}]", self.index, self.status)
    }
}

/// What kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepType {
    /// A tool was called.
    ToolCall,
}

/// How a tool call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Well.
    Ok,
    /// Badly.
    Failed,
    /// It was not allowed.
    Denied,
}

/// What a run used. A figure that the platform does not give is null, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens in.
    pub input_tokens: Option<u64>,
    /// Tokens out.
    pub output_tokens: Option<u64>,
    /// Both.
    pub total_tokens: Option<u64>,
    /// Tool calls.
    pub tool_calls: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<Micro>,
    /// The platform's own credits; never converted.
    pub credits: Option<Micro>,
    /// The model that answered.
    pub model: Option<String>,
}

/// A decision over a tool call.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Governance {
    /// The call it is about; null when it cannot be told.
    pub call_id: Option<String>,
    /// The tool.
    pub tool: String,
    /// What was decided.
    pub decision: Decision,
    /// Which layers of policy said what.
    pub layers: Json,
    /// Why.
    pub reason: Option<String>,
    /// Who decided.
    pub source: DecisionSource,
}

impl fmt::Debug for Governance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?} by {:?}]", self.decision, self.source)
    }
}

/// What was decided over a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may run.
    Allowed,
    /// It may not.
    Denied,
    /// It may run, changed.
    Transformed,
}

/// Who decided over a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionSource {
    /// The gateway.
    Gateway,
    /// The platform.
    Upstream,
}

/// Something the caller should know.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// `emulated`, `unsupported_ignored`, or another stable word.
    pub code: String,
    /// The field of the request it is about.
    pub field: Option<String>,
    /// What is the matter.
    pub detail: String,
}

impl fmt::Debug for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[warning {} of {} bytes]", self.code, self.detail.len())
    }
}

impl Warning {
    /// A warning of this code.
    pub fn new(code: &str, field: Option<&str>, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), field: field.map(str::to_owned), detail: detail.into() }
    }

    /// The gateway gave a field its meaning.
    pub fn emulated(field: &str, how: &str) -> Self {
        Self::new("emulated", Some(field), how)
    }

    /// A field was left out, as the request allowed.
    pub fn ignored(field: &str) -> Self {
        Self::new(
            "unsupported_ignored",
            Some(field),
            "the upstream cannot do this; it was left out",
        )
    }
}
