//! Why would this caller be let in or not: the question that operators ask, and its answer. The
//! engines that know are asked by whoever implements [`Explains`]; nothing is run.

use std::net::IpAddr;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;
use crate::model::scope::Scope;

/// A question.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExplainRequest")]
pub struct Asked {
    /// Who: the id of a key, or its name (with `workspace`, where two have it).
    pub key: Option<String>,
    /// Or the subject of a token's bearer, `<issuer>|<sub>`, with what its token would say.
    pub subject: Option<String>,
    /// The caller's workspace; a key knows its own.
    pub workspace: Option<String>,
    /// The groups of a token's bearer.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The scopes of a token's bearer.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// The rate class of a token's bearer.
    pub class: Option<String>,
    /// What it wants to do: `run` (the default), `read`, `use_tool`, `manage_agents`, `proxy`,
    /// `administer`.
    pub action: Option<String>,
    /// The agent: an alias or a reference.
    pub agent: Option<String>,
    /// The model asked for.
    pub model: Option<String>,
    /// The tools asked for; for `use_tool`, the one.
    pub tools: Option<Vec<String>>,
    /// The URLs of the MCP servers that the run brings.
    #[serde(default)]
    pub mcp_servers: Vec<String>,
    /// The cap on the run's cost, in US dollars.
    pub max_cost_usd: Option<Micro>,
    /// The face; where it is left out, that of the operation, else the usual one of the action.
    pub face: Option<String>,
    /// The operation by which it is asked for, as limits name it; where it is left out, the usual
    /// one of the action on that face. To `read` a run or a thread, name one that does
    /// (`get_run`): it is the caller's own that is read.
    pub operation: Option<String>,
    /// How the answer is wanted: `whole` (the default), `stream` or `background`.
    pub mode: Option<String>,
    /// Where the call comes from; this machine where it is left out.
    pub address: Option<IpAddr>,
    /// When; now where it is left out.
    pub at: Option<Timestamp>,
}

/// An answer: every step that such a request would take, and the first that would refuse it.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub struct Explained {
    /// Whether it would be let in.
    pub allowed: bool,
    /// The step that refuses it first; null where none does.
    pub refused_by: Option<String>,
    /// The steps, in the order in which they are taken.
    pub steps: Vec<ExplainedStep>,
    /// How the access policies decide, in full.
    pub policy: Option<Value>,
    /// The limits that such a request is held against, and what is left of each.
    pub limits: Vec<ExplainedLimit>,
    /// The budgets that it is held against, and how each stands.
    pub budgets: Vec<ExplainedBudget>,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedStep {
    /// Its name: `identity`, `scope`, `agent`, `policy`, `pauses`, `limits`,
    /// `budgets`.
    pub step: &'static str,
    /// Whether it lets the request pass.
    pub passes: bool,
    /// Why.
    pub because: String,
}

/// One limit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedLimit {
    /// Its configured name.
    pub limit: String,
    /// How many requests its window allows, or how many may be at work at a time.
    pub quota: u32,
    /// How long the window is, in seconds; null where it is about how many at a time.
    pub window_seconds: Option<f64>,
    /// How many may follow at once.
    pub remaining: u32,
}

/// One budget.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedBudget {
    /// Its configured name.
    pub budget: String,
    /// Whose account it is.
    pub subject: String,
    /// What may be spent.
    pub ceilings: Ceilings,
    /// What has been spent.
    pub spent: Amounts,
    /// What runs in flight have reserved.
    pub reserved: Amounts,
    /// What this run would reserve.
    pub wanted: Amounts,
    /// When it begins anew; null for a budget in total.
    pub resets_at: Option<Timestamp>,
}

/// Answers such questions.
#[async_trait]
pub trait Explains: Send + Sync {
    /// The answer. Errors: the question names what there is not.
    async fn explain(&self, asked: &Asked) -> Result<Explained>;
}
