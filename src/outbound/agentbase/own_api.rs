//! Agentbase's own API: every call that its documents and its SDK know. Asked by the gateway's
//! proxy.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Agentbase;
use super::stream::{Decoder, Expected};
use crate::error::{Error, Result};
use crate::http::passage::PieceIn;
use crate::model::request::McpServer;
use crate::outbound::Decode;
use crate::outbound::own_api::{Asked, OwnApi, OwnCall};

const CALLS: &[OwnCall] = &[
    // Its samples have both.
    OwnCall::run("/"),
    OwnCall::run("/run-agent"),
    OwnCall::plain("POST", "/get-messages"),
    OwnCall::plain("POST", "/clear-messages"),
    OwnCall::plain("POST", "/create-datastore"),
    OwnCall::plain("POST", "/index-document"),
];

impl OwnApi for Agentbase {
    fn calls(&self) -> Vec<OwnCall> {
        let mut calls = CALLS.to_vec();
        let path = &self.settings.run_path;
        if !calls.iter().any(|call| call.path == path.as_str()) {
            calls.push(OwnCall { path: Cow::Owned(path.clone()), ..OwnCall::run("/") });
        }
        calls
    }

    fn read(&self, body: &Map<String, Value>) -> Result<Asked> {
        for key in ["callback", "background"] {
            // What a platform does after its answer passes no policy.
            let is_asked = body.get(key).is_some_and(|value| *value != Value::Bool(false));
            if is_asked && !self.native_callbacks {
                return Err(Error::invalid(key, "this upstream does not allow native callbacks"));
            }
        }
        let servers = ["mcp_servers", "mcpServers"].iter().filter_map(|key| body.get(*key));
        let mut mcp_servers = Vec::new();
        for server in servers.filter_map(Value::as_array).flatten() {
            let text = |key: &str| server.get(key).and_then(Value::as_str).map(str::to_owned);
            let Some(url) = text("serverUrl") else {
                return Err(Error::invalid("mcp_servers", "each needs its `serverUrl`"));
            };
            let name = text("serverName").unwrap_or_default();
            mcp_servers.push(McpServer { name, url, authorization: None });
        }
        Ok(Asked { mcp_servers, ..Asked::default() })
    }

    fn decoder(&self) -> Box<dyn Decode> {
        Box::new(Decoder::new(Expected {
            upstream: self.name.clone(),
            session: None,
            // A message in one piece is one of one chunk.
            is_in_tokens: true,
            wants_json: false,
        }))
    }

    fn piece_in(&self) -> PieceIn {
        |event| match event.get("type").and_then(Value::as_str) {
            Some("agent_response" | "agent_thinking") => Some("/content"),
            Some(_) | None => None,
        }
    }
}
