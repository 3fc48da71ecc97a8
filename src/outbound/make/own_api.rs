//! Make's own API: what its documents say of agents. Asked by the gateway's proxy.

use serde_json::{Map, Value};

use super::Make;
use super::response::Decoder;
use crate::error::{Error, Result};
use crate::outbound::Decode;
use crate::outbound::own_api::{Asked, OwnApi, OwnCall};

const CALLS: &[OwnCall] = &[
    OwnCall::plain("GET", "/ai-agents/v1/agents"),
    OwnCall::plain("POST", "/ai-agents/v1/agents"),
    OwnCall::plain("GET", "/ai-agents/v1/agents/{agent}"),
    OwnCall::plain("PATCH", "/ai-agents/v1/agents/{agent}"),
    OwnCall::plain("DELETE", "/ai-agents/v1/agents/{agent}"),
    OwnCall::run("/ai-agents/v1/agents/{agent}/run"),
    OwnCall::run("/ai-agents/v1/agents/{agent}/run/stream"),
    OwnCall::plain("GET", "/ai-agents/v1/llm-providers"),
];

impl OwnApi for Make {
    fn calls(&self) -> Vec<OwnCall> {
        CALLS.to_vec()
    }

    fn read(&self, body: &Map<String, Value>) -> Result<Asked> {
        if body.contains_key("callbackUrl") && !self.native_callbacks {
            let why = "this upstream does not allow native callbacks";
            return Err(Error::invalid("callbackUrl", why));
        }
        let model = body.get("config").and_then(|config| config.pointer("/llmConfig/llmModel"));
        let model = model.and_then(Value::as_str).map(str::to_owned);
        Ok(Asked { model, ..Asked::default() })
    }

    fn decoder(&self) -> Box<dyn Decode> {
        let mut decoder = Decoder::new(&self.name, "", false, self.native_callbacks);
        // The caller's thread is its own affair; the platform names it in its answer.
        decoder.thread_id = None;
        Box::new(decoder)
    }
}
