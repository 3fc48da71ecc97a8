//! What is answered about agents.

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::agents::{AgentPage, PartialFailure};
use crate::inbound::unified::list::ListObject;
use crate::model::profile::{Agent, AgentObject};

/// A page of agents.
#[derive(Serialize, JsonSchema)]
pub struct AgentList {
    /// Always `list`.
    pub object: ListObject,
    /// The agents.
    pub data: Vec<Agent>,
    /// What `cursor` takes for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// What could not be listed, and why.
    pub partial_failures: Vec<PartialFailure>,
}

impl From<AgentPage> for AgentList {
    fn from(page: AgentPage) -> Self {
        let AgentPage { agents, next_cursor, partial_failures } = page;
        Self { object: ListObject::List, data: agents, next_cursor, partial_failures }
    }
}

/// An agent that is there no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletedAgent {
    /// As it was named.
    pub id: String,
    /// Always `agent`.
    pub object: AgentObject,
    /// Always true.
    pub deleted: bool,
}
