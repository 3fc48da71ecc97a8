//! Zaia's own API: what its documents say of agents and executions. Asked by the gateway's proxy.

use serde_json::{Map, Value};

use super::Zaia;
use super::response::Decoder;
use crate::error::Result;
use crate::outbound::Decode;
use crate::outbound::own_api::{Asked, OwnApi, OwnCall};

const CALLS: &[OwnCall] = &[
    OwnCall::plain("GET", "/api/v1/agents"),
    OwnCall::plain("POST", "/api/v1/agents"),
    OwnCall::plain("GET", "/api/v1/agents/{agent}"),
    OwnCall::plain("PATCH", "/api/v1/agents/{agent}"),
    OwnCall::plain("DELETE", "/api/v1/agents/{agent}"),
    OwnCall::plain("POST", "/api/v1/agents/{agent}/tools"),
    OwnCall::plain("DELETE", "/api/v1/agents/{agent}/tools/*"),
    OwnCall::plain("POST", "/api/v1/agents/{agent}/mcps"),
    OwnCall::plain("DELETE", "/api/v1/agents/{agent}/mcps/*"),
    OwnCall::run("/api/v1/agents/{agent}/execute"),
    OwnCall::plain("GET", "/api/v1/executions"),
    OwnCall::plain("GET", "/api/v1/executions/*"),
    OwnCall::plain("GET", "/api/v1/chat-messages"),
    OwnCall::plain("GET", "/api/v1/squads"),
    OwnCall::plain("POST", "/api/v1/squads"),
    OwnCall::plain("GET", "/api/v1/versions"),
    OwnCall::plain("GET", "/api/v1/llm-providers"),
    OwnCall::plain("GET", "/api/v1/llm-providers/options"),
    OwnCall::plain("GET", "/api/v1/mcps"),
    OwnCall::plain("GET", "/api/v1/mcps/options"),
];

impl OwnApi for Zaia {
    fn calls(&self) -> Vec<OwnCall> {
        CALLS.to_vec()
    }

    fn read(&self, _: &Map<String, Value>) -> Result<Asked> {
        Ok(Asked::default())
    }

    fn decoder(&self) -> Box<dyn Decode> {
        Box::new(Decoder::new(&self.name, false))
    }
}
