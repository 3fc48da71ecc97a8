//! Agentbase has no agents: the gateway keeps presets of runs in their place, made and read here.
//! The vendor hands it out.
//!
//! Invariant: a preset that is kept is one that a run can be started with, and the credential of an
//! MCP server in it is never shown.

use serde_json::{Map, Value, json};

use super::Agentbase;
use super::extras::Preset;
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::profile::{
    Agent, AgentDraft, AgentServer, Edit, Profile, ServerDraft, StoredPreset,
};
use crate::outbound::agents::{Faults, Presets, attached, below, no_such, text};
use crate::outbound::typed;

/// What of a draft a preset has.
const TAKEN: &[&str] = &["description", "instructions", "mcp_servers"];

impl Presets for Agentbase {
    fn create(&self, draft: &AgentDraft) -> Result<StoredPreset> {
        let name = draft.name.clone().unwrap_or_default();
        self.with(StoredPreset { name, ..StoredPreset::default() }, draft)
    }

    fn change(&self, stored: &StoredPreset, edit: &Edit) -> Result<(StoredPreset, String)> {
        let mut faults = Faults::default();
        let mut stored = stored.clone();
        let mut all = servers(&stored.preset);
        let id = match edit {
            Edit::Fields(draft) => return Ok((self.with(stored, draft)?, String::new())),
            Edit::AttachTool(_) | Edit::DetachTool(_) => {
                faults.unsupported("tools", "its agents have MCP servers alone");
                String::new()
            }
            Edit::AttachServer(draft) => {
                let new = server("", draft, &mut faults);
                std::mem::take(&mut faults).settle(&self.name)?;
                let id = draft.name.clone().unwrap_or_default();
                if all.iter().any(|one| one["name"] == new["name"]) {
                    return Err(attached("MCP server"));
                }
                all.push(new);
                id
            }
            Edit::DetachServer(id) => {
                let before = all.len();
                all.retain(|one| one["name"].as_str() != Some(id));
                if all.len() == before {
                    return Err(no_such("MCP server"));
                }
                String::new()
            }
        };
        faults.settle(&self.name)?;
        stored.preset.insert("mcp_servers".to_owned(), Value::Array(all));
        Ok((stored, id))
    }

    fn profile(&self, reference: &AgentRef, stored: &StoredPreset) -> Profile {
        let mut agent = Agent::new(reference, super::KIND.name);
        let mut rest = stored.preset.clone();
        agent.name.clone_from(&stored.name);
        agent.description.clone_from(&stored.description);
        agent.instructions = text(&mut rest, "instructions").map(Into::into);
        rest.shift_remove("mcp_servers");
        let all = servers(&stored.preset);
        agent.mcp_servers = Some(all.iter().map(shown).collect());
        agent.native = rest;
        Profile { reference: reference.clone(), agent, raw: stored.preset.clone() }
    }
}

impl Agentbase {
    /// A preset with what a draft says of it.
    fn with(&self, mut stored: StoredPreset, draft: &AgentDraft) -> Result<StoredPreset> {
        let mut faults = Faults::default();
        faults.beyond("", draft.given(), TAKEN);
        if let Some(name) = &draft.name {
            stored.name.clone_from(name);
        }
        if draft.description.is_some() {
            stored.description.clone_from(&draft.description);
        }
        let preset = &mut stored.preset;
        if let Some(instructions) = &draft.instructions {
            preset.insert("instructions".to_owned(), json!(instructions));
        }
        if let Some(given) = &draft.mcp_servers {
            let each = given.iter().enumerate();
            let each =
                each.map(|(at, one)| server(&format!("mcp_servers[{at}]"), one, &mut faults));
            preset.insert("mcp_servers".to_owned(), each.collect());
        }
        for (key, value) in &draft.upstream_options {
            match key.as_str() {
                "instructions" | "mcp_servers" => {
                    faults.wrong(format!("upstream_options.{key}"), format!("use {key}"));
                }
                _ => drop(preset.insert(key.clone(), value.clone())),
            }
        }
        // What a run would be refused for is refused now.
        if let Err(wrong) = Preset::read(preset, self.native_callbacks) {
            for field in wrong {
                faults.wrong(typed::below("upstream_options", &field.path), field.message);
            }
        }
        faults.settle(&self.name)?;
        Ok(stored)
    }
}

/// An MCP server as a preset has it.
fn server(at: &str, draft: &ServerDraft, faults: &mut Faults) -> Value {
    faults.beyond(at, draft.given(), &["name", "url", "authorization"]);
    for (key, is_there) in [("name", draft.name.is_some()), ("url", draft.url.is_some())] {
        if !is_there {
            faults.wrong(below(at, key), "is required by this upstream");
        }
    }
    let mut server = json!({ "name": draft.name.clone().unwrap_or_default(),
        "url": draft.url.clone().unwrap_or_default() });
    if let Some(authorization) = &draft.authorization {
        server["authorization"] = json!(authorization);
    }
    server
}

fn servers(preset: &Map<String, Value>) -> Vec<Value> {
    preset.get("mcp_servers").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn shown(server: &Value) -> AgentServer {
    let text = |key: &str| server[key].as_str().map(str::to_owned);
    let name = text("name");
    let id = name.clone().unwrap_or_default();
    AgentServer { id, name, url: text("url"), tools: None, native: Map::new() }
}
