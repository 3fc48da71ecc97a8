//! What happens in a run. The set is closed: every platform's stream is translated into these,
//! every face renders these, and every policy reads these.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::content::{Json, Text};
use crate::model::ids::RunId;
use crate::model::pii::PiiCount;
use crate::model::run::{Governance, Run, ToolStatus, Usage, Warning};

/// One thing that happens in a run, as it flows from platform to journal.
#[derive(Clone, Debug)]
pub struct RunEvent {
    /// Derived afterwards by the gateway, because the platform gives no live one.
    pub synthetic: bool,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Clone)]
pub enum Happening {
    /// The platform has the run. Always first.
    Started,
    /// What the platform calls the run or the conversation. Folded into the run, shown there only.
    Upstream {
        /// Its id of the run.
        run_id: Option<String>,
        /// Its id of the conversation.
        thread_id: Option<String>,
    },
    /// More text of the current message.
    MessageDelta(Text),
    /// One whole message.
    MessageCompleted(Text),
    /// More of the agent's thinking.
    ReasoningDelta(Text),
    /// A tool was called.
    ToolCallStarted {
        /// The call's id, unique in the run.
        call_id: String,
        /// The tool.
        name: String,
        /// What it was given.
        arguments: Json,
    },
    /// A tool answered.
    ToolCallCompleted {
        /// The call's id.
        call_id: String,
        /// The tool.
        name: String,
        /// How it went.
        status: ToolStatus,
        /// What it answered.
        result: Json,
        /// How long it took.
        duration_ms: Option<u64>,
    },
    /// Policy decided over a tool call.
    Governance(Governance),
    /// The usage so far, whole: it replaces what was known.
    Usage(Usage),
    /// The structured answer. Folded into the run, shown there only.
    Structured(Json),
    /// What PII policy found in what the platform said. Folded into the run, shown there only.
    Pii(Vec<PiiCount>),
    /// Something the caller should know.
    Warning(Warning),
    /// The end. Always last, exactly once.
    Ended(Ending),
}

/// How a run ended.
#[derive(Clone)]
pub enum Ending {
    /// Well.
    Completed {
        /// The whole answer, where the platform says it; else what the deltas made.
        output: Option<Text>,
        /// Why the platform stopped, in its words.
        stop_reason: Option<String>,
    },
    /// The platform stopped early.
    Incomplete {
        /// As in `Completed`.
        output: Option<Text>,
        /// As in `Completed`.
        stop_reason: Option<String>,
    },
    /// Badly.
    Failed(Error),
    /// Stopped by the caller.
    Cancelled,
}

/// Names and lengths: what was said is nobody's to read in a log.
impl fmt::Debug for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("Started"),
            Self::Upstream { .. } => f.write_str("Upstream"),
            Self::MessageDelta(text) => write!(f, "MessageDelta({text:?})"),
            Self::MessageCompleted(text) => write!(f, "MessageCompleted({text:?})"),
            Self::ReasoningDelta(text) => write!(f, "ReasoningDelta({text:?})"),
            Self::ToolCallStarted { arguments, .. } => write!(f, "ToolCallStarted({arguments:?})"),
            Self::ToolCallCompleted { status, result, .. } => {
                write!(f, "ToolCallCompleted({status:?}, {result:?})")
            }
            Self::Governance(decision) => write!(f, "Governance({decision:?})"),
            Self::Usage(_) => f.write_str("Usage"),
            Self::Structured(json) => write!(f, "Structured({json:?})"),
            Self::Pii(found) => write!(f, "Pii({found:?})"),
            Self::Warning(warning) => write!(f, "Warning({warning:?})"),
            Self::Ended(ending) => write!(f, "Ended({ending:?})"),
        }
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed { output, .. } => write!(f, "Completed({output:?})"),
            Self::Incomplete { output, .. } => write!(f, "Incomplete({output:?})"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
            Self::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl RunEvent {
    /// An event that the platform gave live.
    pub fn live(what: Happening) -> Self {
        Self { synthetic: false, what }
    }

    /// An event that the gateway derived afterwards.
    pub fn synthetic(what: Happening) -> Self {
        Self { synthetic: true, what }
    }
}

/// An event as the journal keeps it and readers render it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place in the run, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Derived afterwards by the gateway.
    pub synthetic: bool,
    /// The run.
    pub run_id: RunId,
    /// What readers see.
    pub body: Body,
}

/// What readers see of an event.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Body {
    /// The run was admitted; its head.
    Created(Arc<Run>),
    /// The platform has it; its head.
    Started(Arc<Run>),
    /// More text of the current message.
    MessageDelta(Text),
    /// One whole message.
    MessageCompleted(Text),
    /// More of the agent's thinking.
    ReasoningDelta(Text),
    /// A tool was called.
    ToolCallStarted {
        /// The call's id.
        call_id: String,
        /// The tool.
        name: String,
        /// What it was given.
        arguments: Json,
    },
    /// A tool answered.
    ToolCallCompleted {
        /// The call's id.
        call_id: String,
        /// The tool.
        name: String,
        /// How it went.
        status: ToolStatus,
        /// What it answered.
        result: Json,
        /// How long it took.
        duration_ms: Option<u64>,
    },
    /// Policy decided over a tool call.
    Governance(Governance),
    /// The usage so far.
    Usage(Usage),
    /// Something the caller should know.
    Warning(Warning),
    /// The end: the whole run, whose status says how.
    Ended(Arc<Run>),
}

impl Body {
    /// Its name, as callers switch on it.
    pub fn name(&self) -> &'static str {
        use crate::model::run::RunStatus::{
            Cancelled, Completed, Failed, Incomplete, Queued, Running,
        };
        match self {
            Self::Created(_) => "run.created",
            Self::Started(_) => "run.started",
            Self::MessageDelta(_) => "message.delta",
            Self::MessageCompleted(_) => "message.completed",
            Self::ReasoningDelta(_) => "reasoning.delta",
            Self::ToolCallStarted { .. } => "tool_call.started",
            Self::ToolCallCompleted { .. } => "tool_call.completed",
            Self::Governance(_) => "governance.decision",
            Self::Usage(_) => "usage.updated",
            Self::Warning(_) => "warning",
            Self::Ended(run) => match run.status {
                Completed => "run.completed",
                Incomplete => "run.incomplete",
                Cancelled => "run.cancelled",
                Failed | Queued | Running => "run.failed",
            },
        }
    }

    /// Whether it is the last of its run.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Ended(_))
    }
}
