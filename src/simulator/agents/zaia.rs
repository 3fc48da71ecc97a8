//! Zaia's agents as its published API shows them.
//!
//! Invariant: the traps of the real one are here: thirteen keys that a new agent needs, pages of a
//! bare array with removed agents among them, every success a 200, and no way to read which tools
//! an agent has.

use serde_json::{Value, json};

use super::super::platform::uuid;
use super::super::request::Received;
use super::super::script::Script;
use super::super::zaia::{admit, invalid, not_found, refused};
use super::{Shelf, at, merge};

/// What a new agent needs, those too that may be null.
const NEEDED: &[&str] = &[
    "codeRuntime",
    "internalName",
    "iterations",
    "llm",
    "llmProviderId",
    "name",
    "picture",
    "planning",
    "prompt",
    "reasoningMode",
    "role",
    "temperature",
    "timezone",
];
/// What can be written of an agent that is there besides.
const MORE: &[&str] = &["superIdentityId", "toolCount", "voiceId"];

pub(super) fn seeds() -> Vec<Value> {
    let agent = |id: String, name: String, removed: bool| {
        json!({ "id": id, "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:00.000Z", "isRemoved": removed, "referenceId": null,
            "versionId": uuid(0x5000), "codeRuntime": false, "internalName": null,
            "iterations": 20, "llm": "gpt-5.4", "llmProviderId": null, "name": name,
            "picture": null, "planning": false, "prompt": "You are kind.", "reasoningMode": null,
            "role": "Answers questions", "temperature": 1, "timezone": null,
            "superIdentityId": uuid(0x5001), "toolCount": 0, "voiceId": null,
            "workspaceId": uuid(3) })
    };
    let named = |id: &str, name: &str| agent(id.to_owned(), name.to_owned(), false);
    let mut all = vec![named("ok", "Concierge"), named("running", "Researcher")];
    all.extend((1..=11).map(|n| agent(uuid(0x5100 + n), format!("Helper {n}"), false)));
    all.push(agent(uuid(0x5200), "Former helper".to_owned(), true));
    all
}

/// Zaia's answer, where the path is about agents.
pub(super) fn answer(received: &Received, shelf: &Shelf) -> Option<Result<Script, Script>> {
    let segments = received.segments();
    let ["api", "v1", "agents", rest @ ..] = segments.as_slice() else { return None };
    let answer = match (received.method.as_str(), rest) {
        ("POST", [_, "execute"]) => return None,
        ("GET", []) => list(received, shelf),
        ("POST", []) => create(received, shelf),
        ("GET", [id]) => shelf.get(id).map(|agent| good(&agent)).ok_or_else(|| not_found("Agent")),
        ("PATCH", [id]) => change(received, id, shelf),
        // A squad needs it.
        ("DELETE", ["running"]) => {
            Err(refused(412, "AgentInUseError", "A squad still uses this agent."))
        }
        ("DELETE", [id]) if shelf.remove(id) => Ok(good(&json!({ "message": "Agent deleted" }))),
        ("POST", [id, "tools"]) => attach(received, id, shelf, "tool"),
        ("POST", [id, "mcps"]) => attach(received, id, shelf, "mcp"),
        ("DELETE", [id, "tools", tool]) => detach(id, tool, shelf, "tool"),
        ("DELETE", [id, "mcps", mcp]) => detach(id, mcp, shelf, "mcp"),
        _ => Err(not_found("Agent")),
    };
    Some(admit(received).and(answer))
}

fn good(body: &Value) -> Script {
    let mut shown = body.clone();
    // What it has is kept here and told nowhere.
    shown.as_object_mut().map(|agent| agent.shift_remove("attached"));
    Script::json(200, shown.to_string())
}

fn list(received: &Received, shelf: &Shelf) -> Result<Script, Script> {
    let number = |name: &str, default: usize, most: usize| match received.query(name) {
        None => Ok(default),
        Some(text) => {
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| invalid(&format!("{name}: out of range")))
        }
    };
    let (page, size) = (number("pageNumber", 1, usize::MAX)?, number("pageSize", 10, 100)?);
    let search = received.query("search").unwrap_or_default().to_lowercase();
    let version = received.query("versionIds");
    let all = shelf.all().into_iter().filter(|agent| {
        let name = agent["name"].as_str().unwrap_or_default().to_lowercase();
        name.contains(&search)
            && version.as_ref().is_none_or(|version| agent["versionId"] == *version)
    });
    let mut page: Vec<Value> = all.skip((page - 1) * size).take(size).collect();
    for agent in &mut page {
        agent.as_object_mut().map(|agent| agent.shift_remove("attached"));
    }
    Ok(Script::json(200, Value::Array(page).to_string()))
}

fn create(received: &Received, shelf: &Shelf) -> Result<Script, Script> {
    let body = written(received, &[])?;
    if let Some(missing) = NEEDED.iter().find(|key| body.get(**key).is_none()) {
        return Err(invalid(&format!("{missing}: required")));
    }
    let mut agent = json!({ "id": uuid(0x6_0000_0000 + received.at), "createdAt": at(received),
        "updatedAt": at(received), "isRemoved": false, "referenceId": null,
        "versionId": uuid(0x5000), "superIdentityId": uuid(0x5001), "toolCount": 0,
        "voiceId": null, "workspaceId": uuid(3) });
    merge(&mut agent, &body);
    shelf.add(agent.clone());
    Ok(good(&agent))
}

fn change(received: &Received, id: &str, shelf: &Shelf) -> Result<Script, Script> {
    let mut body = written(received, MORE)?;
    body["updatedAt"] = json!(at(received));
    let changed = shelf.change(id, |agent| merge(agent, &body));
    changed.map(|agent| good(&agent)).ok_or_else(|| not_found("Agent"))
}

/// The body, once it is found in order.
fn written(received: &Received, more: &[&str]) -> Result<Value, Script> {
    let body = received.json().filter(Value::is_object);
    let body = body.ok_or_else(|| invalid("body: expected object"))?;
    for (key, value) in body.as_object().into_iter().flatten() {
        let within = |least: usize, most: usize| {
            let length = value.as_str().map(|text| text.chars().count());
            length.is_some_and(|length| (least..=most).contains(&length))
        };
        let is_right = match key.as_str() {
            "name" => within(3, 50),
            "internalName" => value.is_null() || within(3, 50),
            "prompt" => within(1, 10_000),
            "role" => within(1, 250),
            "llm" => within(1, 100),
            "codeRuntime" | "planning" => value.is_boolean(),
            "iterations" => value.as_f64().is_some_and(|n| (2.0..=100.0).contains(&n)),
            "temperature" => value.as_f64().is_some_and(|n| (0.0..=2.0).contains(&n)),
            other => NEEDED.contains(&other) || more.contains(&other),
        };
        if !is_right {
            return Err(invalid(&format!("{key}: invalid")));
        }
    }
    Ok(body)
}

/// Links a tool or an MCP server that is there, or makes one and links it.
fn attach(received: &Received, id: &str, shelf: &Shelf, what: &str) -> Result<Script, Script> {
    let body = received.json().unwrap_or_default();
    let link = format!("{what}Id");
    let (linked, thing) = match (body[&link].as_str(), body.get(what)) {
        (Some(linked), None) => (linked.to_owned(), json!({ "id": linked })),
        (None, Some(new)) => {
            let kind = new["detail"]["type"].as_str().unwrap_or_default();
            let is_right = match what {
                "tool" => !kind.is_empty() && new["description"].is_string(),
                _ => kind.starts_with("composio-") && new.get("connectionId").is_some(),
            };
            if !is_right || !new["name"].is_string() {
                return Err(invalid(&format!("{what}: invalid configuration")));
            }
            let made = uuid(0x7_0000_0000 + received.at);
            let mut new = new.clone();
            new["id"] = json!(made);
            (made, new)
        }
        _ => return Err(invalid(&format!("{what}: expected one of {what}, {link}"))),
    };
    let mut is_new = true;
    let agent = shelf.change(id, |agent| {
        let mark = json!(format!("{what}:{linked}"));
        let all = agent["attached"].as_array().cloned().unwrap_or_default();
        is_new = !all.contains(&mark);
        if is_new {
            agent["attached"] = Value::Array([all, vec![mark]].concat());
            count(agent);
        }
    });
    agent.ok_or_else(|| not_found("Agent"))?;
    if !is_new {
        return Err(refused(412, "AlreadyAttachedError", "The agent has this already."));
    }
    Ok(good(&json!({ "createdAt": at(received), "updatedAt": at(received), "agentId": id,
        link: linked, what: thing })))
}

fn detach(id: &str, thing: &str, shelf: &Shelf, what: &str) -> Result<Script, Script> {
    let mark = json!(format!("{what}:{thing}"));
    let mut was_there = false;
    shelf.change(id, |agent| {
        let mut all = agent["attached"].as_array().cloned().unwrap_or_default();
        was_there = all.contains(&mark);
        all.retain(|one| *one != mark);
        agent["attached"] = Value::Array(all);
        count(agent);
    });
    if was_there { Ok(good(&json!({ "message": "Detached" }))) } else { Err(not_found("Tool")) }
}

fn count(agent: &mut Value) {
    let all = agent["attached"].as_array().into_iter().flatten();
    let tools = all.filter(|mark| mark.as_str().is_some_and(|mark| mark.starts_with("tool:")));
    agent["toolCount"] = json!(tools.count());
}
