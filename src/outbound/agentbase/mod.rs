//! Agentbase: no agents of its own (an agent is what each run carries) and no JSON answers (every
//! run is an event stream, which the gateway folds for callers that want none).
//!
//! Invariant: the account's balance, which comes with every cost, has no place in our types.

mod agents;
mod answer;
mod chunks;
mod errors;
mod extras;
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
use crate::outbound::{self, Exchange, Kind, Vendor, typed};
pub use extras::Preset;

/// This kind of platform.
pub const KIND: Kind = Kind {
    name: "agentbase",
    build: |upstream| Ok(Box::new(Agentbase::new(upstream)?)),
    settings: || schema_for!(Settings),
    preset: Some(outbound::Preset {
        schema: || schema_for!(Preset),
        check: |upstream, preset| {
            Preset::read(preset, upstream.native_callbacks).err().unwrap_or_default()
        },
    }),
};

/// What only Agentbase upstreams have in the configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The path of a run below the base URL: `/`, or `/run-agent` as some of its samples have it.
    #[serde(default = "root")]
    pub run_path: String,
}

impl Settings {
    /// Reads them, or says what is wrong; the places are below the upstream.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let settings: Self = typed::read(settings)?;
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
        if !settings.run_path.starts_with('/') || !settings.run_path.chars().all(is_plain) {
            let message = "must be a path that begins with `/`, without a query".to_owned();
            return Err(vec![FieldError { path: "run_path".to_owned(), message }]);
        }
        Ok(settings)
    }
}

fn root() -> String {
    "/".to_owned()
}

/// An Agentbase upstream.
pub struct Agentbase {
    name: String,
    settings: Settings,
    native_callbacks: bool,
    capabilities: Capabilities,
}

impl Agentbase {
    /// An upstream from its configuration.
    pub fn new(upstream: &Upstream) -> Result<Self, Vec<FieldError>> {
        let settings = Settings::read(&upstream.settings)?;
        Ok(Self {
            name: upstream.name.clone(),
            settings,
            native_callbacks: upstream.native_callbacks,
            capabilities: Capabilities::new(support),
        })
    }
}

impl Vendor for Agentbase {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn replays_history(&self) -> bool {
        false
    }

    fn authorization(&self, credential: &str) -> String {
        format!("Bearer {credential}")
    }

    fn start(&self, plan: &Plan) -> Result<Exchange> {
        let encoded = request::encode(&self.settings, self.native_callbacks, plan)?;
        let decoder = Box::new(stream::Decoder::new(stream::Expected {
            upstream: self.name.clone(),
            session: plan.thread.native.clone(),
            is_in_tokens: plan.request.stream,
            wants_json: encoded.wants_json,
        }));
        Ok(Exchange { request: encoded.request, decoder, warnings: Vec::new(), is_streamed: true })
    }

    fn agents(&self) -> Option<Manages<'_>> {
        Some(Manages::Gateway(self))
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
        Field::ThreadId
        | Field::InstructionsReplace
        | Field::OutputSchema
        | Field::McpServers
        | Field::Stream => Support::Native,
        Field::History => Support::Emulated("earlier messages are a transcript before the last"),
        Field::Context => Support::Emulated("given as lines of data before the message"),
        Field::Instructions => {
            Support::Emulated("added to the preset's instructions or, where it has none, as a rule")
        }
        Field::Tools => Support::Emulated(
            "MCP servers that none of them names are left out, and a call of another tool is denied",
        ),
        Field::Timeout => Support::Emulated("the gateway stops the run"),
        Field::MaxCost => {
            Support::Emulated("the gateway adds up the reported cost and stops the run")
        }
        Field::Attachments
        | Field::AttachmentUrls
        | Field::Model
        | Field::MaxOutputTokens
        | Field::MaxSteps => Support::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(preset: &Value, callbacks: bool) -> Vec<String> {
        let errors = Preset::read(preset.as_object().unwrap(), callbacks).err();
        errors.unwrap_or_default().into_iter().map(|error| error.path).collect()
    }

    #[test]
    fn the_run_path_is_a_path() {
        let wrong = |settings: Value| {
            Settings::read(settings.as_object().unwrap())
                .err()
                .map(|mut wrong| wrong.remove(0).path)
        };
        assert_eq!(wrong(json!({})), None);
        assert_eq!(wrong(json!({"run_path": "/run-agent"})), None);
        for path in ["run", "", "/a?b", "/a b", "/a#b"] {
            assert_eq!(wrong(json!({"run_path": path})).as_deref(), Some("run_path"), "{path}");
        }
        assert_eq!(wrong(json!({"path": "/"})).as_deref(), Some("path"));
    }

    #[test]
    fn a_preset_is_checked_before_a_run_needs_it() {
        assert_eq!(wrong(&json!({"instructions": "x", "mode": "fast"}), false), [""; 0]);
        assert_eq!(wrong(&json!({"instructions": 1}), false), ["instructions"]);
        assert_eq!(wrong(&json!({"system": "x", "session": "y"}), false), ["system", "session"]);
        assert_eq!(wrong(&json!({"agents": [{"name": "a"}]}), false), ["agents[0].description"]);
        assert_eq!(wrong(&json!({"background": true}), false), ["background"]);
        assert_eq!(wrong(&json!({"background": true}), true), [""; 0]);
        assert_eq!(wrong(&json!({"colour": "red"}), false), ["colour"]);
    }
}
