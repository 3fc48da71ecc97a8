//! ACP's own API: both of its surfaces, without the admin's calls and without the one that hands
//! out keys. Asked by the gateway's proxy.

use serde_json::{Map, Value};

use super::Acp;
use super::stream::Decoder;
use crate::error::Result;
use crate::http::passage::PieceIn;
use crate::outbound::Decode;
use crate::outbound::own_api::{Asked, OwnApi, OwnCall};

const CALLS: &[OwnCall] = &[
    OwnCall::run("/*/agents/{agent}/run"),
    OwnCall::run("/api/v1/agents/{agent}/run"),
    OwnCall::plain("GET", "/api/v1/agents"),
    OwnCall::plain("POST", "/api/v1/agents"),
    OwnCall::plain("GET", "/api/v1/agents/{agent}"),
    OwnCall::plain("PATCH", "/api/v1/agents/{agent}"),
    OwnCall::plain("PUT", "/api/v1/agents/{agent}"),
    OwnCall::plain("DELETE", "/api/v1/agents/{agent}"),
    OwnCall::plain("GET", "/api/v1/runs"),
];

impl OwnApi for Acp {
    fn calls(&self) -> Vec<OwnCall> {
        CALLS.to_vec()
    }

    fn read(&self, body: &Map<String, Value>) -> Result<Asked> {
        // A whole answer only says how many tools were called.
        let hides_tools = body.get("stream") != Some(&Value::Bool(true));
        Ok(Asked { hides_tools, ..Asked::default() })
    }

    fn decoder(&self) -> Box<dyn Decode> {
        Box::new(Decoder::new(&self.name, false))
    }

    fn piece_in(&self) -> PieceIn {
        |event| (event.get("type").and_then(Value::as_str) == Some("text")).then_some("/text")
    }
}
