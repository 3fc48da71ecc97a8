//! ACP (Agentic Control Plane): agents behind a trigger API, JSON or server-sent events, with
//! decisions of its own over each tool call.
//!
//! What it cannot do: it continues no conversation (its conversation id is output only), and a
//! run takes neither a prompt nor a model nor tools. Invariant: nothing of a caller's reaches the
//! system prompt, where ACP puts the context, on more than one line.

mod agents;
mod errors;
mod own_api;
mod request;
mod response;
mod stream;
mod tools;
mod wire;

use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Upstream;
use crate::error::{Error, FieldError, Result};
use crate::model::capability::{Capabilities, Field, Support};
use crate::model::plan::Plan;
use crate::outbound::agents::Manages;
use crate::outbound::own_api::OwnApi;
use crate::outbound::{Exchange, Kind, Vendor, typed};

/// This kind of platform.
pub const KIND: Kind = Kind {
    name: "acp",
    build: |upstream| Ok(Box::new(Acp::new(upstream)?)),
    settings: || schema_for!(Settings),
    preset: None,
};

/// What only ACP upstreams have in the configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The workspace's slug; needed where the path has it.
    pub workspace: Option<String>,
    /// Which of ACP's two surfaces is called.
    #[serde(default)]
    pub path_style: PathStyle,
    /// Where profiles are managed, below the base URL; the trigger surface does not show it.
    #[serde(default = "agents_path")]
    pub agents_path: String,
}

fn agents_path() -> String {
    "/api/v1/agents".to_owned()
}

/// Which of ACP's two surfaces is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathStyle {
    /// The trigger surface: `/{workspace}/agents/{id}/run`.
    #[default]
    Workspace,
    /// The API surface: `/api/v1/agents/{id}/run`; the key says the workspace.
    SlugFree,
}

impl Settings {
    /// Reads them, or says what is wrong; the places are below the upstream.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let settings: Self = typed::read(settings)?;
        let has_workspace = settings.workspace.as_ref().is_some_and(|slug| !slug.is_empty());
        if settings.path_style == PathStyle::Workspace && !has_workspace {
            let message = "needed where path_style is `workspace`".to_owned();
            return Err(vec![FieldError { path: "workspace".to_owned(), message }]);
        }
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
        if !settings.agents_path.starts_with('/') || !settings.agents_path.chars().all(is_plain) {
            let message = "must be a path that begins with `/`, without a query".to_owned();
            return Err(vec![FieldError { path: "agents_path".to_owned(), message }]);
        }
        Ok(settings)
    }
}

/// An ACP upstream.
pub struct Acp {
    name: String,
    settings: Settings,
    capabilities: Capabilities,
}

impl Acp {
    /// An upstream from its configuration.
    pub fn new(upstream: &Upstream) -> Result<Self, Vec<FieldError>> {
        let settings = Settings::read(&upstream.settings)?;
        let capabilities = Capabilities::new(support);
        Ok(Self { name: upstream.name.clone(), settings, capabilities })
    }
}

impl Vendor for Acp {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn replays_history(&self) -> bool {
        true
    }

    fn governs_tools(&self) -> bool {
        true
    }

    fn authorization(&self, credential: &str) -> String {
        format!("Bearer {credential}")
    }

    fn start(&self, plan: &Plan) -> Result<Exchange> {
        let (request, warnings) = request::encode(&self.settings, plan)?;
        let wants_json = plan.request.output_schema.is_some();
        let decoder = Box::new(stream::Decoder::new(&self.name, wants_json));
        Ok(Exchange { request, decoder, warnings, is_streamed: request::is_streamed(plan) })
    }

    fn agents(&self) -> Option<Manages<'_>> {
        Some(Manages::Platform(self))
    }

    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        errors::failure(&self.name, status, headers, body)
    }

    fn own_api(&self) -> Option<&dyn OwnApi> {
        Some(self)
    }
}

fn support(field: Field) -> Support {
    match field {
        Field::Context | Field::Stream => Support::Native,
        Field::History => Support::Emulated("earlier messages are a transcript before the last"),
        Field::ThreadId => Support::Emulated("the gateway keeps the thread and repeats it"),
        Field::Instructions => Support::Emulated("given as the context entry `instructions`"),
        Field::OutputSchema => Support::Emulated("asked for in the message, checked afterwards"),
        Field::Tools => {
            Support::Emulated("the stream is watched: a call of another tool is denied")
        }
        Field::Timeout => Support::Emulated("the gateway stops the run"),
        Field::Attachments
        | Field::AttachmentUrls
        | Field::InstructionsReplace
        | Field::McpServers
        | Field::Model
        | Field::MaxOutputTokens
        | Field::MaxSteps
        | Field::MaxCost => Support::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workspace_is_needed_where_the_path_has_it() {
        let wrong = |settings: Value| {
            Settings::read(settings.as_object().unwrap())
                .err()
                .map(|mut wrong| wrong.remove(0).path)
        };
        assert_eq!(wrong(json!({"workspace": "acme"})), None);
        assert_eq!(wrong(json!({"path_style": "slug_free"})), None);
        assert_eq!(wrong(json!({})).as_deref(), Some("workspace"));
        assert_eq!(wrong(json!({"workspace": ""})).as_deref(), Some("workspace"));
        assert_eq!(wrong(json!({"path_style": "both"})).as_deref(), Some("path_style"));
        assert_eq!(wrong(json!({"team_id": 1})).as_deref(), Some("team_id"));
    }
}
