//! Agentbase's own fields, as a run's `upstream_options` and an agent's preset give them; the
//! encoder merges the two, configuration and runs are checked against the same types.
//!
//! Invariant: a field that has a unified name is refused here, and so is one that nobody knows.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::error::FieldError;
use crate::outbound::typed;

/// What an agent is on a platform without agents.
#[derive(Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Preset {
    /// Its system prompt.
    pub instructions: Option<String>,
    /// Its MCP servers.
    #[schemars(default)]
    pub mcp_servers: Vec<PresetServer>,
    /// The rest.
    #[schemars(flatten)]
    pub extras: Extras,
}

impl Preset {
    /// Reads a configured preset, or says what is wrong with it; the places are below it.
    pub fn read(preset: &Map<String, Value>, callbacks: bool) -> Result<Self, Vec<FieldError>> {
        let is_own = |key: &str| matches!(key, "instructions" | "mcp_servers");
        let (own, rest): (Map<_, _>, Map<_, _>) =
            preset.clone().into_iter().partition(|(key, _)| is_own(key));
        match (typed::read::<Own>(&own), Extras::read(&rest, callbacks)) {
            (Ok(own), Ok(extras)) => Ok(Self {
                instructions: own.instructions,
                mcp_servers: own.mcp_servers.unwrap_or_default(),
                extras,
            }),
            (own, extras) => Err(own.err().into_iter().chain(extras.err()).flatten().collect()),
        }
    }
}

/// The keys of a preset that have the names of the unified run request.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Own {
    instructions: Option<String>,
    mcp_servers: Option<Vec<PresetServer>>,
}

/// An MCP server of a preset, as the unified run request names one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PresetServer {
    /// What the agent calls it.
    pub(super) name: String,
    /// Where it is.
    pub(super) url: String,
    /// A bearer token for it.
    pub(super) authorization: Option<String>,
}

/// The run fields of Agentbase that have no unified name.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extras {
    /// How much the agent thinks: `flash`, `fast` or `base`, `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What the agent must hold to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<String>>,
    /// Agents it may hand over to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<SubAgent>>,
    /// Fixed ways of doing things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflows: Option<Vec<Workflow>>,
    /// Stored data that it may search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datastores: Option<Vec<Datastore>>,
    /// Prepared SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<Vec<Query>>,
    /// Messages to be sent to it later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<Schedule>>,
    /// The structured answer wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_output: Option<FinalOutput>,
    /// Answer at once and go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<bool>,
    /// Where the platform posts what happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
}

/// An agent to hand over to.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubAgent {
    name: String,
    description: String,
}

/// A fixed way of doing something.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    id: String,
    name: String,
    description: String,
    steps: Vec<WorkflowStep>,
}

/// A step of a workflow.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkflowStep {
    id: String,
    name: String,
    description: String,
    /// Agentbase wants it even where it is empty.
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    optional: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<Map<String, Value>>,
}

/// How often a step is tried.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryPolicy {
    max_attempts: u32,
    backoff: String,
}

/// Stored data.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Datastore {
    id: String,
    name: String,
}

/// Prepared SQL.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    name: String,
    description: String,
    query: String,
}

/// A message to be sent later.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    schedule: When,
    message: String,
}

/// When: seconds from now, a date or a cron line.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number of seconds, a date or a cron line")]
pub(super) enum When {
    /// Seconds from now.
    Seconds(#[schemars(with = "f64")] Number),
    /// A date or a cron line.
    Text(String),
}

/// The structured answer wanted.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalOutput {
    /// What it is called.
    pub name: String,
    /// Its JSON Schema.
    pub schema: Map<String, Value>,
    /// Whether the platform holds the model to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Where the platform posts what happens.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    url: String,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    headers: IndexMap<String, String>,
}

impl Extras {
    /// Reads them, or says what is wrong; the places are below the map.
    pub fn read(map: &Map<String, Value>, callbacks: bool) -> Result<Self, Vec<FieldError>> {
        let (mut rest, mut refused) = (map.clone(), Vec::new());
        for key in map.keys() {
            if let Some(why) = refusal(key, callbacks) {
                rest.shift_remove(key);
                refused.push(wrong(key, why));
            }
        }
        match typed::read(&rest) {
            Ok(extras) if refused.is_empty() => Ok(extras),
            read => Err(refused.into_iter().chain(read.err().unwrap_or_default()).collect()),
        }
    }

    /// These over those of a preset, key by key; rules add up, the preset's first.
    pub fn over(self, preset: Self) -> Self {
        let rules = match (preset.rules, self.rules) {
            (Some(mut rules), Some(more)) => {
                rules.extend(more);
                Some(rules)
            }
            (rules, more) => rules.or(more),
        };
        Self {
            mode: self.mode.or(preset.mode),
            rules,
            agents: self.agents.or(preset.agents),
            workflows: self.workflows.or(preset.workflows),
            datastores: self.datastores.or(preset.datastores),
            queries: self.queries.or(preset.queries),
            schedules: self.schedules.or(preset.schedules),
            final_output: self.final_output.or(preset.final_output),
            background: self.background.or(preset.background),
            callback: self.callback.or(preset.callback),
        }
    }
}

/// Why a key may not stand here.
fn refusal(key: &str, callbacks: bool) -> Option<String> {
    let unified = match key {
        "message" => "input",
        "system" => "instructions",
        "mcp_servers" | "mcpServers" => "mcp_servers",
        "streaming_tokens" | "streaming" => "stream",
        "session" => "thread_id",
        "background" | "callback" if !callbacks => {
            return Some("needs `native_callbacks: allow` on the upstream".to_owned());
        }
        _ => return None,
    };
    Some(format!("say it as `{unified}` of the run"))
}

fn wrong(path: &str, message: String) -> FieldError {
    FieldError { path: path.to_owned(), message }
}
