//! A conversation: whose it is, with which agent, and what the platform calls it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::content::Message;
use crate::model::ids::ThreadId;
use crate::model::principal::Principal;

/// A conversation as the gateway keeps it.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Our id of it.
    pub id: ThreadId,
    /// The caller that opened it; nobody else may continue or read it.
    pub owner: Principal,
    /// The agent it is with, as the opener named it.
    pub agent: String,
    /// What that name stands for.
    pub target: AgentRef,
    /// The platform's id of it, once it has given or been given one.
    pub native: Option<String>,
    /// What was said, kept only for platforms that have no memory of their own.
    pub history: Vec<Message>,
    /// Messages that were dropped from the front of `history` to keep it within its bound.
    pub dropped: usize,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its last run began.
    pub updated_at: Timestamp,
}

/// A conversation as a caller reads it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ThreadHead {
    /// Its id.
    pub id: ThreadId,
    /// Always `thread`.
    pub object: &'static str,
    /// The agent it is with.
    pub agent: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its last run began.
    pub updated_at: Timestamp,
}

impl Thread {
    /// What a caller is shown.
    pub fn head(&self) -> ThreadHead {
        ThreadHead {
            id: self.id.clone(),
            object: "thread",
            agent: self.agent.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}
