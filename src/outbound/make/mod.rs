//! Make AI Agents: whole steps over JSON or server-sent events, threads by any string, structured
//! answers by Make's own kind of schema.
//!
//! Invariant: the system step, which holds the agent's whole prompt, is never passed on.

mod agents;
mod errors;
mod options;
mod own_api;
mod request;
mod response;
mod schema;
mod steps;
mod stream;
mod tools;
mod wire;

use std::num::NonZeroU64;

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
    name: "make",
    build: |upstream| Ok(Box::new(Make::new(upstream)?)),
    settings: || schema_for!(Settings),
    preset: None,
};

/// What only upstreams of this kind have in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The team whose agents these are; Make wants it on every call.
    pub team_id: NonZeroU64,
    /// The word before the credential; by default `token` for an API token (a UUIDv4), else
    /// `bearer`.
    pub credential_scheme: Option<CredentialScheme>,
}

/// The word before the credential.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialScheme {
    /// `Token`, for API tokens.
    Token,
    /// `Bearer`, for OAuth.
    Bearer,
}

/// One Make team, as an upstream is configured to reach it.
#[derive(Debug)]
pub struct Make {
    name: String,
    settings: Settings,
    native_callbacks: bool,
    capabilities: Capabilities,
}

impl Make {
    /// Reads an upstream's settings.
    pub fn new(upstream: &Upstream) -> Result<Self, Vec<FieldError>> {
        Ok(Self {
            name: upstream.name.clone(),
            settings: typed::read(&upstream.settings)?,
            native_callbacks: upstream.native_callbacks,
            capabilities: Capabilities::new(support),
        })
    }
}

fn support(field: Field) -> Support {
    match field {
        Field::History
        | Field::ThreadId
        | Field::Instructions
        | Field::InstructionsReplace
        | Field::OutputSchema
        | Field::Tools
        | Field::Model
        | Field::MaxOutputTokens
        | Field::MaxSteps
        | Field::Stream => Support::Native,
        Field::Context => Support::Emulated("given as data in an addition to the system prompt"),
        Field::Timeout => Support::Emulated("the gateway stops the run"),
        Field::Attachments | Field::AttachmentUrls | Field::McpServers | Field::MaxCost => {
            Support::Unsupported
        }
    }
}

impl Vendor for Make {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn replays_history(&self) -> bool {
        false
    }

    fn authorization(&self, credential: &str) -> String {
        // Make's own SDK tells API tokens from OAuth by their form.
        let is_token = || {
            credential.len() == 36
                && uuid::Uuid::try_parse(credential).is_ok_and(|id| id.get_version_num() == 4)
        };
        match self.settings.credential_scheme {
            Some(CredentialScheme::Token) => format!("Token {credential}"),
            None if is_token() => format!("Token {credential}"),
            Some(CredentialScheme::Bearer) | None => format!("Bearer {credential}"),
        }
    }

    fn start(&self, plan: &Plan) -> Result<Exchange> {
        request::start(self, plan)
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

    fn made(settings: &serde_json::Value) -> Make {
        Make {
            name: "make".to_owned(),
            settings: typed::read(settings.as_object().unwrap()).unwrap(),
            native_callbacks: false,
            capabilities: Capabilities::new(support),
        }
    }

    #[test]
    fn settings_are_held_to_their_form() {
        let settings = serde_json::json!({"team_id": 0, "zone": "eu1", "credential_scheme": "x"});
        let errors = typed::read::<Settings>(settings.as_object().unwrap()).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["team_id", "zone", "credential_scheme"]);
        let errors = typed::read::<Settings>(&serde_json::Map::new()).unwrap_err();
        assert_eq!(
            (errors[0].path.as_str(), errors[0].message.as_str()),
            ("team_id", "is missing")
        );
    }

    #[test]
    fn the_scheme_follows_the_credential_unless_it_is_configured() {
        let (uuid, jwt) = ("0d2f8c36-5c9e-4b7a-9f10-2a3b4c5d6e7f", "eyJhbGciOi.x.y");
        let by_form = made(&serde_json::json!({"team_id": 1}));
        assert_eq!(by_form.authorization(uuid), format!("Token {uuid}"));
        assert_eq!(by_form.authorization(jwt), format!("Bearer {jwt}"));
        let token = made(&serde_json::json!({"team_id": 1, "credential_scheme": "token"}));
        assert_eq!(token.authorization(jwt), format!("Token {jwt}"));
        let bearer = made(&serde_json::json!({"team_id": 1, "credential_scheme": "bearer"}));
        assert_eq!(bearer.authorization(uuid), format!("Bearer {uuid}"));
    }
}
