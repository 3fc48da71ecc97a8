//! Zaia's agents: read, made, changed and deleted. The vendor hands it out.
//!
//! Traps handled here: a new agent needs all of thirteen keys, those too that are null; a list is a
//! bare array in pages that say nothing of the next one, with removed agents among them; tools and
//! MCP servers have calls of their own, only known toolkits can be attached, and nothing tells
//! which an agent has.

use form_urlencoded::Serializer;
use http::Method;
use serde_json::{Map, Value, json};

use super::Zaia;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::agent::AgentRef;
use crate::model::profile::{Agent, AgentDraft, Edit, Profile, ServerDraft, ToolDraft};
use crate::outbound::agents::{
    Agents, Creation, Faults, Page, Turn, Wanted, ask, below, broken, object, send, text,
};
use crate::outbound::target;

/// Agents on a page: as many as Zaia gives at once.
const PAGE: usize = 100;
/// What of a draft Zaia takes, but for the name.
const TAKEN: &[&str] = &["description", "instructions", "model", "limits.max_steps"];
/// Zaia's own fields of a new agent, with what they are where nobody says.
const NEW: &[(&str, Value)] = &[
    ("codeRuntime", Value::Bool(false)),
    ("internalName", Value::Null),
    ("llmProviderId", Value::Null),
    ("picture", Value::Null),
    ("planning", Value::Bool(false)),
    ("reasoningMode", Value::Null),
    ("timezone", Value::Null),
];
/// Zaia's own fields that can be changed.
const CHANGED: &[&str] = &[
    "codeRuntime",
    "internalName",
    "llmProviderId",
    "picture",
    "planning",
    "reasoningMode",
    "timezone",
    "temperature",
    "superIdentityId",
    "toolCount",
    "voiceId",
];
/// Zaia's fields that have a unified name, and that name.
const UNIFIED: &[(&str, &str)] = &[
    ("name", "name"),
    ("role", "description"),
    ("prompt", "instructions"),
    ("llm", "model"),
    ("iterations", "limits.max_steps"),
    ("tools", "tools"),
    ("mcps", "mcp_servers"),
];
/// Steps and warmth of an agent of which nobody says them.
const STEPS: u64 = 20;
const WARMTH: u64 = 1;

impl Agents for Zaia {
    fn list(&self, wanted: &Wanted) -> Result<Turn<Page>> {
        let number = match &wanted.cursor {
            None => 1,
            Some(cursor) => {
                cursor.parse::<u64>().map_err(|_| Error::invalid("cursor", "broken"))?
            }
        };
        let mut query = Serializer::new(String::new());
        query.append_pair("pageNumber", &number.to_string());
        query.append_pair("pageSize", &PAGE.to_string());
        if let Some(search) = &wanted.search {
            query.append_pair("search", search);
        }
        for (name, value) in &wanted.filters {
            query.append_pair(name, value);
        }
        let target = format!("/api/v1/agents?{}", query.finish());
        let upstream = self.name.clone();
        Ok(Turn::new(ask(Method::GET, target), move |body| page(&upstream, body, number)))
    }

    fn read(&self, id: &str) -> Result<Turn<Profile>> {
        let (upstream, request) = (self.name.clone(), ask(Method::GET, path(id, "")?));
        Ok(Turn::new(request, move |body| {
            let raw = object(body)?;
            // It can still be read, but no run can be started with it.
            if is_removed(&raw) { Err(Error::no_such_agent()) } else { profile(&upstream, raw) }
        }))
    }

    fn create(&self, draft: &AgentDraft) -> Result<Creation> {
        let mut faults = Faults::default();
        faults.beyond("", draft.given(), &[TAKEN, &["tools", "mcp_servers"]].concat());
        let own: Vec<&str> = NEW.iter().map(|(key, _)| *key).chain(["temperature"]).collect();
        faults.options(&draft.upstream_options, &own, UNIFIED);
        faults.needed("instructions", draft.instructions.is_some());
        faults.needed("model", draft.model.is_some());
        let then = attachments(draft, &mut faults);
        faults.settle(&self.name)?;
        let mut body: Map<String, Value> =
            NEW.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        body.insert("temperature".to_owned(), json!(WARMTH));
        body.insert("iterations".to_owned(), json!(STEPS));
        // What it is for is asked of every agent; its name says as much as was said.
        body.insert("role".to_owned(), json!(draft.name));
        body.extend(fields(draft));
        let turn = Turn::new(send(Method::POST, "/api/v1/agents".to_owned(), &body)?, |body| {
            text(&mut object(body)?, "id").ok_or_else(|| broken("the new agent has no id"))
        });
        Ok(Creation { turn, then })
    }

    fn change(&self, fresh: &Profile, edit: &Edit) -> Result<Turn<String>> {
        let id = &fresh.reference.native;
        let mut faults = Faults::default();
        match edit {
            Edit::Fields(draft) => {
                for key in draft.given() {
                    if matches!(key, "tools" | "mcp_servers") {
                        let why = "its agents do not tell what they have: attach and detach";
                        faults.unsupported(key, why);
                    } else {
                        faults.beyond("", vec![key], TAKEN);
                    }
                }
                faults.options(&draft.upstream_options, CHANGED, UNIFIED);
                faults.settle(&self.name)?;
                let request = send(Method::PATCH, path(id, "")?, &fields(draft))?;
                Ok(Turn::new(request, |_| Ok(String::new())))
            }
            Edit::AttachTool(draft) => {
                let body = tool("", draft, &mut faults);
                faults.settle(&self.name)?;
                let request = send(Method::POST, path(id, "/tools")?, &body)?;
                Ok(Turn::new(request, |body| attached(body, "toolId", "tool")))
            }
            Edit::AttachServer(draft) => {
                let body = server("", draft, &mut faults);
                faults.settle(&self.name)?;
                let request = send(Method::POST, path(id, "/mcps")?, &body)?;
                Ok(Turn::new(request, |body| attached(body, "mcpId", "mcp")))
            }
            Edit::DetachTool(tool) => {
                let path = path(id, &format!("/tools/{}", target::agent_segment(tool)?))?;
                Ok(Turn::new(ask(Method::DELETE, path), |_| Ok(String::new())))
            }
            Edit::DetachServer(server) => {
                let path = path(id, &format!("/mcps/{}", target::agent_segment(server)?))?;
                Ok(Turn::new(ask(Method::DELETE, path), |_| Ok(String::new())))
            }
        }
    }

    fn remove(&self, id: &str) -> Result<Turn<()>> {
        Ok(Turn::new(ask(Method::DELETE, path(id, "")?), |_| Ok(())))
    }

    fn searches(&self) -> bool {
        true
    }

    fn filters(&self) -> &'static [&'static str] {
        &["joins", "referenceIds", "squadIds", "versionIds"]
    }
}

fn path(id: &str, rest: &str) -> Result<String> {
    Ok(format!("/api/v1/agents/{}{rest}", target::agent_segment(id)?))
}

/// What is said of an agent, in Zaia's words.
fn fields(draft: &AgentDraft) -> Map<String, Value> {
    let mut body = draft.upstream_options.clone();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("name", draft.name.as_ref().map(|name| json!(name)));
    put("role", draft.description.as_ref().map(|text| json!(text)));
    put("prompt", draft.instructions.as_ref().map(|text| json!(text)));
    put("llm", draft.model.as_ref().map(|model| json!(model)));
    put("iterations", draft.limits.max_steps.map(|most| json!(most)));
    body
}

/// What a new agent is given once it is there.
fn attachments(draft: &AgentDraft, faults: &mut Faults) -> Vec<Edit> {
    let mut then = Vec::new();
    for (at, draft) in draft.tools.iter().flatten().enumerate() {
        tool(&format!("tools[{at}]"), draft, faults);
        then.push(Edit::AttachTool(draft.clone()));
    }
    for (at, draft) in draft.mcp_servers.iter().flatten().enumerate() {
        server(&format!("mcp_servers[{at}]"), draft, faults);
        then.push(Edit::AttachServer(draft.clone()));
    }
    then
}

/// A tool that is there, by its id; or one that is to be made.
fn tool(at: &str, draft: &ToolDraft, faults: &mut Faults) -> Value {
    if let Some(id) = &draft.id {
        faults.beyond(at, draft.given(), &["id"]);
        return json!({ "toolId": id });
    }
    for (key, is_there) in [
        ("name", draft.name.is_some()),
        ("description", draft.description.is_some()),
        ("native", draft.native.contains_key("type")),
    ] {
        if !is_there {
            let why = "give the id of a tool, or name, description and native with its type";
            faults.wrong(below(at, key), why);
        }
    }
    json!({ "tool": { "name": draft.name, "description": draft.description,
        "detail": draft.native } })
}

/// An MCP server that is there, by its id; or a toolkit. No other server can be attached.
fn server(at: &str, draft: &ServerDraft, faults: &mut Faults) -> Value {
    if let Some(id) = &draft.id {
        faults.beyond(at, draft.given(), &["id"]);
        return json!({ "mcpId": id });
    }
    if draft.url.is_some() {
        faults.unsupported(below(at, "url"), "only its own toolkits can be attached");
    }
    faults.beyond(at, draft.given(), &["name", "tools", "native", "url"]);
    for (key, is_there) in [
        ("name", draft.name.is_some()),
        ("tools", draft.tools.as_ref().is_some_and(|tools| !tools.is_empty())),
        ("native", draft.native.contains_key("type")),
    ] {
        if !is_there && draft.url.is_none() {
            let why = "give the id of a server, or name, tools and native with the toolkit's type";
            faults.wrong(below(at, key), why);
        }
    }
    for key in draft.native.keys() {
        if !matches!(key.as_str(), "type" | "connectionId" | "description") {
            faults.wrong(below(at, &format!("native.{key}")), "unknown here");
        }
    }
    let native = |key: &str| draft.native.get(key).cloned().unwrap_or_default();
    json!({ "mcp": { "name": draft.name, "connectionId": native("connectionId"),
        "description": native("description"),
        "detail": { "type": native("type"), "tools": draft.tools } } })
}

/// The id of what was attached, by which it is detached.
fn attached(body: &[u8], key: &str, inner: &str) -> Result<String> {
    let mut answer = object(body)?;
    let id = text(&mut answer, key);
    let inner = || answer.get(inner)?.get("id")?.as_str().map(str::to_owned);
    id.or_else(inner).ok_or_else(|| broken("what was attached has no id"))
}

fn page(upstream: &str, body: &[u8], number: u64) -> Result<Page> {
    const WRONG: &str = "the answer is not the list that its API promises";
    let Ok(items) = serde_json::from_slice::<Vec<Map<String, Value>>>(body) else {
        return Err(broken(WRONG));
    };
    // A full page may be the last one: only an empty one after it tells.
    let next = (items.len() >= PAGE).then(|| (number + 1).to_string());
    let there = items.into_iter().filter(|item| !is_removed(item));
    Ok(Page { agents: there.map(|raw| profile(upstream, raw)).collect::<Result<_>>()?, next })
}

fn is_removed(raw: &Map<String, Value>) -> bool {
    raw.get("isRemoved") == Some(&Value::Bool(true))
}

fn profile(upstream: &str, raw: Map<String, Value>) -> Result<Profile> {
    let mut rest = raw.clone();
    let native = text(&mut rest, "id").filter(|id| !id.is_empty());
    let native = native.ok_or_else(|| broken("an agent has no id"))?;
    let reference = AgentRef { upstream: upstream.to_owned(), native };
    let mut agent = Agent::new(&reference, super::KIND.name);
    agent.name = text(&mut rest, "name").unwrap_or_default();
    agent.description = text(&mut rest, "role").map(Into::into);
    agent.instructions = text(&mut rest, "prompt").map(Into::into);
    agent.model = text(&mut rest, "llm");
    let steps = rest.shift_remove("iterations");
    agent.limits.max_steps = steps.and_then(|steps| steps.as_f64()).map(|steps| steps as u64);
    agent.created_at = text(&mut rest, "createdAt").and_then(|at| Timestamp::parse(&at));
    agent.updated_at = text(&mut rest, "updatedAt").and_then(|at| Timestamp::parse(&at));
    rest.shift_remove("isRemoved");
    agent.native = rest;
    Ok(Profile { reference, agent, raw })
}
