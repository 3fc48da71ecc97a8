//! One record of the audit: what was asked, by whom, what was decided and why, and what came of
//! it. Whoever decides or ends something makes one; the store keeps it; anyone may verify it.
//!
//! Invariant: a record holds no text of a caller or an agent and no value that PII policy looks
//! for; of such text only keyed digests and sizes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::ids::{BootId, RecordId, RunId, ThreadId};
use crate::model::pii::PiiCount;
use crate::model::principal::Principal;
use crate::model::run::{Decision, DecisionSource, RunStatus, ToolStatus, Usage};

/// Where in the life of what it is about a record was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A run was let in; nobody has answered yet.
    Admitted,
    /// Something was refused.
    Refused,
    /// A tool was seen to be called in a run.
    ToolCall,
    /// A run ended.
    Ended,
    /// A call that is no run was answered.
    Answered,
    /// Refusals of callers that nobody knows, counted.
    Unknown,
    /// The gateway did something by itself, or an operator did by the command line.
    Operated,
}

impl Stage {
    /// Every stage.
    pub const ALL: &'static [Self] = &[
        Self::Admitted,
        Self::Refused,
        Self::ToolCall,
        Self::Ended,
        Self::Answered,
        Self::Unknown,
        Self::Operated,
    ];

    /// Its name in records and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::ToolCall => "tool_call",
            Self::Ended => "ended",
            Self::Answered => "answered",
            Self::Unknown => "unknown",
            Self::Operated => "operated",
        }
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be.
    Allow,
    /// It may not.
    Deny,
}

impl Verdict {
    /// Its name in records and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// A record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// When it was made, by the wall clock.
    pub at: Timestamp,
    /// The life of the process that made it.
    pub boot: BootId,
    /// Microseconds of that life on a clock that never goes back.
    pub uptime_us: u64,
    /// The version of the program.
    pub build: String,
    /// Where in the life of what it is about.
    pub stage: Stage,
    /// What was decided.
    pub decision: Verdict,
    /// The call that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallFacts>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Who>,
    /// The run that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunFacts>,
    /// What decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyFacts>,
    /// What PII policy found, counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pii: Vec<PiiCount>,
    /// The tool that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolFacts>,
    /// How it came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How many things a counting record stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What it was done to, `key_…`; what the gateway did by itself, `configuration sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was said, sealed under the workspace's own key; only where that is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// Of the call that asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CallFacts {
    /// Its id.
    pub request_id: String,
    /// The trace it belongs to.
    pub trace_id: String,
    /// The operation.
    pub operation: String,
    /// The face that it came in by.
    pub face: String,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl CallFacts {
    /// Of this call.
    pub fn of(call: &Call) -> Self {
        Self {
            request_id: call.id.clone(),
            trace_id: call.trace.trace_id().to_owned(),
            operation: call.operation.to_owned(),
            face: call.face.to_owned(),
            address: Some(call.address),
        }
    }
}

/// Of who asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Who {
    /// The workspace.
    pub workspace: String,
    /// By what it was known: `key`, `token`, `webhook`.
    pub kind: String,
    /// Who it is: `key:<key id>`, `<issuer>|<sub>`, `hook:<agent>`.
    pub subject: String,
    /// What people call it.
    pub name: String,
}

impl Who {
    /// Of this caller; none of one that is not known.
    pub fn of(who: &Principal) -> Option<Self> {
        (!who.subject.is_empty()).then(|| Self {
            workspace: who.workspace.clone(),
            kind: who.kind.name().to_owned(),
            subject: who.subject.clone(),
            name: who.name.clone(),
        })
    }
}

/// Of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run; none where there never was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RunId>,
    /// Its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// The agent, as the caller named it.
    pub agent: String,
    /// What that name stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The kind of its platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The platform's own id of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_run_id: Option<String>,
    /// How its caller waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The run that it is a copy of, for comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<RunId>,
    /// The keyed digest of the caller's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<String>,
    /// What was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Digest>,
}

impl RunFacts {
    /// Of a run of this agent.
    pub fn of(agent: &str, target: &AgentRef) -> Self {
        Self {
            agent: agent.to_owned(),
            target: Some(format!("{}:{}", target.upstream, target.native)),
            ..Self::default()
        }
    }
}

/// A text that is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// HMAC-SHA256 under the gateway's own key, in hex: whoever has the text and the gateway can
    /// find out whether it is this one, and nobody can by guessing.
    pub hmac: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Of what decided.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PolicyFacts {
    /// The version of the policies.
    pub version: String,
    /// The rules that decided: policies, limits, budgets, rules of PII.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// Of a tool that was called.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolFacts {
    /// The call's id in the run.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// How it went; none where it has not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ToolStatus>,
    /// What was decided over it; none where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<DecisionSource>,
}

/// How something came out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// How the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The stable word of a failure or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the platform says was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Milliseconds from the head of the call, or from the admission of the run, to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Milliseconds from the admission of the run until the platform had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
}
