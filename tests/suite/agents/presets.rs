//! Agents of a platform that has none: the gateway's own.

use http::Method;
use serde_json::{Value, json};

use super::{ask, change, delete, ids};
use crate::callers::{self, make_key};
use crate::harness::World;

const WRITER: &str =
    "  writer: { upstream: agentbase, preset: { instructions: \"You write.\", mode: max } }\n";

#[tokio::test]
async fn a_preset_is_what_each_of_its_runs_is_given() {
    let world = World::start().await;
    let body = json!({ "upstream": "agentbase", "name": "Clerk", "instructions": "You file.",
        "mcp_servers": [{ "name": "files", "url": "https://mcp.example", "authorization": "s3cret-of-files" }],
        "upstream_options": { "mode": "max", "rules": ["Be brief."] } });
    let made = world.post("/v1/agents", &body).await.expect(201);
    assert!(!made.text().contains("s3cret"), "a credential is never shown");
    let made = made.json();
    assert_eq!(made["native"], json!({ "mode": "max", "rules": ["Be brief."] }));
    assert_eq!(made["mcp_servers"][0]["url"], "https://mcp.example");
    let id = made["id"].as_str().unwrap();
    world.run(id, json!({ "input": "Hello" })).await.expect(200);
    let sent = world.simulator.journal().last().unwrap().json().unwrap();
    assert_eq!((&sent["system"], &sent["mode"]), (&json!("You file."), &json!("max")));
    assert_eq!(sent["mcp_servers"][0]["auth"]["token"], "s3cret-of-files");
    let path = format!("/v1/agents/{id}");
    let server = json!({ "name": "mail", "url": "https://mail.example" });
    let attached = world.post(&format!("{path}/mcp_servers"), &server).await.expect(201);
    assert_eq!(attached.json()["id"], "mail");
    delete(&world, &format!("{path}/mcp_servers/files"), "").await.expect(200);
    world.run(id, json!({ "input": "Hello" })).await.expect(200);
    let sent = world.simulator.journal().last().unwrap().json().unwrap();
    assert_eq!(
        sent["mcp_servers"],
        json!([{ "serverName": "mail", "serverUrl": "https://mail.example" }])
    );
    for (body, place) in [
        (json!({ "model": "m" }), "model"),
        (json!({ "limits": { "max_steps": 3 } }), "limits.max_steps"),
        (json!({ "tools": [{ "id": "x" }] }), "tools"),
    ] {
        let refused = change(&world, &path, "", body).await;
        let refused = refused.problem(422, "unsupported_by_upstream");
        assert_eq!(refused["errors"][0]["path"], place);
    }
    for (options, place) in [
        (json!({ "system": "x" }), "upstream_options.system"),
        (json!({ "colour": 1 }), "upstream_options.colour"),
        (json!({ "rules": "x" }), "upstream_options.rules"),
    ] {
        let refused = change(&world, &path, "", json!({ "upstream_options": options })).await;
        let refused = refused.problem(400, "invalid_request");
        assert_eq!(refused["errors"][0]["path"], place);
    }
    delete(&world, &path, "").await.expect(200);
    world.run(id, json!({ "input": "Hello" })).await.problem(404, "agent_not_found");
    world.finish().await;
}

#[tokio::test]
async fn what_the_configuration_says_is_changed_there() {
    let world = World::with(WRITER).await;
    let agent = world.get("/v1/agents/writer").await.expect(200).json();
    assert_eq!((&agent["id"], &agent["read_only"]), (&json!("writer"), &json!(true)));
    assert_eq!(
        (&agent["instructions"], &agent["native"]),
        (&json!("You write."), &json!({ "mode": "max" }))
    );
    let list = world.get("/v1/agents?upstream=agentbase").await.expect(200).json();
    assert_eq!(ids(&list), ["writer"]);
    change(&world, "/v1/agents/writer", "", json!({ "name": "x" })).await.problem(409, "conflict");
    delete(&world, "/v1/agents/writer", "").await.problem(409, "conflict");
    world.finish().await;
}

#[tokio::test]
async fn a_preset_is_its_workspaces_alone() {
    let world = World::start().await;
    let body = json!({ "upstream": "agentbase", "name": "Ours", "instructions": "Ours." });
    let made = world.post("/v1/agents", &body).await.expect(201).json();
    let scopes = ["runs:read", "runs:write", "agents:read", "agents:write"];
    let other = make_key(&world, "other", json!({ "workspace": "other", "scopes": scopes })).await;
    let other = other.secret;
    let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
    let run = json!({ "input": "Hello" });
    for (method, path, body) in [
        (Method::GET, path.clone(), Value::Null),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::PATCH, path.clone(), json!({ "name": "Theirs" })),
        (Method::POST, format!("{path}/runs"), run),
    ] {
        let answer = callers::ask(&world, &other, method, &path, &body).await;
        answer.problem(404, "agent_not_found");
    }
    let list = callers::get(&world, &other, "/v1/agents?upstream=agentbase").await;
    assert_eq!(ids(&list.expect(200).json()), [""; 0]);
    ask(&world, Method::GET, &path, "", &Value::Null).await.expect(200);
    world.finish().await;
}
