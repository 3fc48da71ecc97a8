//! ACP's agent profiles as its API document shows them.
//!
//! Invariant: the traps of the real one are here: writes that answer `{"ok":true}`, a list in an
//! envelope, and a verb for changes that is not the same everywhere.

use serde_json::{Value, json};

use super::super::acp::{authorize, refused};
use super::super::platform::uuid;
use super::super::request::Received;
use super::super::script::Script;
use super::{Shelf, at, merge};

/// The profile that takes no PATCH.
const PUT_ONLY: &str = "put-only";

pub(super) fn seeds() -> Vec<Value> {
    ["ok", "tools", PUT_ONLY]
        .map(|id| {
            json!({ "id": id, "name": format!("Profile {id}"),
        "model": "gpt-4o", "systemPrompt": "You are a helpful autonomous agent.",
        "description": "Looks things up", "enabledTools": ["tickets.search"], "scopes": [],
        "maxToolCalls": 50, "maxBudgetCents": 1_000, "maxDurationMs": 1_800_000,
        "maxToolRounds": 10, "delegatable": true, "canDelegate": false,
        "createdAt": "2026-01-01T00:00:00.000Z" })
        })
        .to_vec()
}

/// ACP's answer, where the path is about profiles.
pub(super) fn answer(received: &Received, shelf: &Shelf) -> Option<Result<Script, Script>> {
    let segments = received.segments();
    let ["api", "v1", "agents", rest @ ..] = segments.as_slice() else { return None };
    let missing = || refused(404, "Agent profile not found");
    let answer = match (received.method.as_str(), rest) {
        (_, [_, _, ..]) => return None,
        ("GET", []) => {
            let newest = shelf.all().into_iter().rev().collect::<Vec<_>>();
            Ok(good(&json!({ "profiles": newest })))
        }
        ("POST", []) => create(received, shelf),
        ("GET", [id]) => shelf.get(id).map(|profile| good(&profile)).ok_or_else(missing),
        ("PATCH", [PUT_ONLY]) => Err(refused(405, "Method not allowed")),
        ("PATCH", [id]) => written(received).and_then(|body| {
            let changed = shelf.change(id, |profile| merge(profile, &body));
            changed.map(|_| good(&json!({ "ok": true, "id": id }))).ok_or_else(missing)
        }),
        ("PUT", [id]) => written(received).and_then(|body| {
            whole(&body)?;
            let changed = shelf.change(id, |profile| {
                let (id, made) = (profile["id"].clone(), profile["createdAt"].clone());
                *profile = body;
                (profile["id"], profile["createdAt"]) = (id, made);
            });
            changed.map(|_| good(&json!({ "ok": true, "id": id }))).ok_or_else(missing)
        }),
        ("DELETE", [id]) => {
            if shelf.remove(id) {
                Ok(good(&json!({ "ok": true })))
            } else {
                Err(missing())
            }
        }
        _ => Err(refused(405, "Method not allowed")),
    };
    Some(authorize(received, None).and(answer))
}

fn create(received: &Received, shelf: &Shelf) -> Result<Script, Script> {
    let body = written(received)?;
    whole(&body)?;
    let id = uuid(0x8_0000_0000 + received.at);
    // A profile without tools of its own has none.
    let mut profile = json!({ "id": id, "createdAt": at(received), "enabledTools": [],
        "systemPrompt": "You are a helpful autonomous agent.", "maxToolCalls": 50,
        "maxBudgetCents": 1_000, "maxDurationMs": 1_800_000, "maxToolRounds": 10 });
    merge(&mut profile, &body);
    shelf.add(profile);
    Ok(Script::json(201, json!({ "ok": true, "id": id }).to_string()))
}

fn written(received: &Received) -> Result<Value, Script> {
    let body = received.json().filter(Value::is_object);
    let body = body.ok_or_else(|| refused(400, "Body must be a JSON object"))?;
    match body.get("enabledTools") {
        Some(tools) if !tools.is_array() => Err(refused(400, "enabledTools must be an array")),
        _ => Ok(body),
    }
}

fn whole(body: &Value) -> Result<(), Script> {
    match ["name", "model"].into_iter().find(|key| !body[*key].is_string()) {
        Some(missing) => Err(refused(400, &format!("Missing required field: {missing}"))),
        None => Ok(()),
    }
}

fn good(body: &Value) -> Script {
    Script::json(200, body.to_string())
}
