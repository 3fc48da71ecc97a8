//! An admitted run on its way to a platform: the RUN stack's request.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::call::Call;
use crate::model::content::Message;
use crate::model::ids::{RunId, ThreadId};
use crate::model::run::RunRequest;

/// What the RUN stack is called with.
#[derive(Clone, Debug)]
pub struct RunCall {
    /// The call that asked for it.
    pub call: Arc<Call>,
    /// What is to be run.
    pub plan: Arc<Plan>,
}

/// What is to be run, where, and with which memory.
#[derive(Debug)]
pub struct Plan {
    /// The run.
    pub run_id: RunId,
    /// The upstream's configured name.
    pub upstream: String,
    /// The platform's own id of the agent.
    pub agent: String,
    /// The agent's configured preset; empty where it has none.
    pub preset: Map<String, Value>,
    /// What the caller asked, without what was ignored.
    pub request: RunRequest,
    /// The conversation.
    pub thread: PlannedThread,
}

/// The conversation that a run continues or opens.
#[derive(Debug)]
pub struct PlannedThread {
    /// Our id of it.
    pub id: ThreadId,
    /// Whether an earlier run was in it.
    pub is_continued: bool,
    /// The platform's id of it, if it has one yet.
    pub native: Option<String>,
    /// What was said before, for platforms without a memory of their own.
    pub history: Vec<Message>,
}

impl Plan {
    /// The run's last message: the one to answer. Empty only for a request that was never checked.
    pub fn question(&self) -> &str {
        self.request.input.last().map_or("", |message| message.content.as_str())
    }

    /// All that was said before the last message: the thread's history, then the request's own.
    pub fn earlier(&self) -> impl Iterator<Item = &Message> {
        let own = &self.request.input[..self.request.input.len().saturating_sub(1)];
        self.thread.history.iter().chain(own)
    }

    /// Everything that was said, the last message included.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.thread.history.iter().chain(&self.request.input)
    }
}
