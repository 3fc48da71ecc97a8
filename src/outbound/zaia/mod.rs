//! Zaia: one call, one whole answer, no memory of conversations and no stream.
//!
//! Invariant: an execution's own `input` (the agent's prompt and the conversation) is never read.

mod agents;
mod attachments;
mod errors;
mod options;
mod own_api;
mod request;
mod response;
mod schema;
mod trace;
mod wire;

use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use crate::config::Upstream;
use crate::error::{Error, FieldError, Result};
use crate::model::capability::{Capabilities, Field, Support};
use crate::model::plan::Plan;
use crate::outbound::agents::Manages;
use crate::outbound::own_api::OwnApi;
use crate::outbound::{Exchange, Kind, Vendor, typed};

/// This kind of platform.
pub const KIND: Kind = Kind {
    name: "zaia",
    build: |upstream| Ok(Box::new(Zaia::new(upstream)?)),
    settings: || schema_for!(Settings),
    preset: None,
};

/// What only upstreams of this kind have in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What stands before the credential; by default nothing.
    #[serde(default)]
    pub credential_scheme: CredentialScheme,
}

/// What stands before the credential.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialScheme {
    /// Nothing: the key alone.
    #[default]
    Raw,
    /// The word `Bearer`.
    Bearer,
}

/// One Zaia workspace, as an upstream is configured to reach it.
#[derive(Debug)]
pub struct Zaia {
    name: String,
    settings: Settings,
    capabilities: Capabilities,
}

impl Zaia {
    /// Reads an upstream's settings.
    pub fn new(upstream: &Upstream) -> Result<Self, Vec<FieldError>> {
        Ok(Self {
            name: upstream.name.clone(),
            settings: typed::read(&upstream.settings)?,
            capabilities: Capabilities::new(support),
        })
    }
}

fn support(field: Field) -> Support {
    match field {
        Field::History | Field::Attachments | Field::Context | Field::OutputSchema => {
            Support::Native
        }
        Field::ThreadId => Support::Emulated("the gateway keeps the conversation and replays it"),
        Field::Instructions => Support::Emulated("given to the agent in its context"),
        Field::Timeout => Support::Emulated("the gateway stops the run"),
        Field::Tools => {
            Support::Emulated("the stream is watched: a call of another tool is denied")
        }
        Field::Stream => Support::Emulated("one synthetic message at the end"),
        Field::AttachmentUrls
        | Field::InstructionsReplace
        | Field::McpServers
        | Field::Model
        | Field::MaxOutputTokens
        | Field::MaxSteps
        | Field::MaxCost => Support::Unsupported,
    }
}

impl Vendor for Zaia {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn replays_history(&self) -> bool {
        true
    }

    fn authorization(&self, credential: &str) -> String {
        match self.settings.credential_scheme {
            CredentialScheme::Raw => credential.to_owned(),
            CredentialScheme::Bearer => format!("Bearer {credential}"),
        }
    }

    fn start(&self, plan: &Plan) -> Result<Exchange> {
        request::start(&self.name, plan)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_alone_unless_it_is_configured() {
        for (settings, expected) in [
            (serde_json::json!({}), "k"),
            (serde_json::json!({"credential_scheme": "raw"}), "k"),
            (serde_json::json!({"credential_scheme": "bearer"}), "Bearer k"),
        ] {
            let zaia = Zaia {
                name: "zaia".to_owned(),
                settings: typed::read(settings.as_object().unwrap()).unwrap(),
                capabilities: Capabilities::new(support),
            };
            assert_eq!(zaia.authorization("k"), expected);
        }
    }
}
