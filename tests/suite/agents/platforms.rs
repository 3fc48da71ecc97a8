//! An agent's life on each platform, with that platform's traps.

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchyard::simulator::script::{Act, Script};

use super::{asked, change, delete, finish};
use crate::callers::eventually;
use crate::harness::{PATIENCE, World};

/// A new agent by its upstream.
fn new(upstream: &str) -> Value {
    let options = match upstream {
        "make" => {
            json!({ "makeConnectionId": 7, "historyConfig": { "iterationsFromHistoryCount": 3 } })
        }
        "zaia" => json!({ "temperature": 0.5 }),
        "acp" => json!({ "maxToolCalls": 9 }),
        _ => json!({ "mode": "fast", "rules": ["Be brief."] }),
    };
    let mut body = json!({ "upstream": upstream, "name": "Clerk", "instructions": "You file.",
        "upstream_options": options });
    if upstream != "agentbase" {
        body["model"] = json!("gpt-5.4");
    }
    body
}

#[tokio::test]
async fn an_agent_lives_and_dies_on_every_platform() {
    let world = World::start().await;
    for upstream in ["make", "zaia", "acp", "agentbase"] {
        let made = world.post("/v1/agents", &new(upstream)).await.expect(201);
        let (tag, location) = (made.header("etag").to_owned(), made.header("location").to_owned());
        let made = made.json();
        let id = made["id"].as_str().unwrap();
        assert!(id.starts_with(&format!("{upstream}:")), "{id}");
        assert_eq!((&made["object"], &made["name"]), (&json!("agent"), &json!("Clerk")));
        assert_eq!(made["instructions"], "You file.");
        assert_eq!(made["upstream"], json!({ "name": upstream, "kind": upstream }));
        assert_eq!((&made["read_only"], &made["pii"]), (&json!(false), &json!([])));
        let path = format!("/v1/agents/{id}");
        let read = world.get(&path).await.expect(200);
        assert_eq!((read.header("etag"), read.json()), (tag.as_str(), made.clone()));
        assert_eq!(world.get(&location).await.expect(200).json(), made);
        let changed = change(&world, &path, &tag, json!({ "instructions": "You file neatly." }));
        let changed = changed.await.expect(200);
        let second = changed.header("etag").to_owned();
        assert_ne!(second, tag);
        let changed = changed.json();
        assert_eq!(changed["instructions"], "You file neatly.");
        assert_eq!((&changed["name"], &changed["native"]), (&made["name"], &made["native"]));
        // Who has not seen the change loses nothing of it.
        change(&world, &path, &tag, json!({ "name": "Other" }))
            .await
            .problem(412, "precondition_failed");
        delete(&world, &path, &tag).await.problem(412, "precondition_failed");
        assert_eq!(world.get(&path).await.expect(200).json(), changed);
        change(&world, &path, "*", json!({ "name": "Scribe" })).await.expect(200);
        let run = json!({ "input": "Hello" });
        world.post(&format!("{path}/runs"), &run).await.expect(200);
        let gone = delete(&world, &path, "").await.expect(200).json();
        assert_eq!(gone, json!({ "id": id, "object": "agent", "deleted": true }));
        world.get(&path).await.problem(404, "agent_not_found");
    }
    finish(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_the_same_time_one_is_made_and_the_others_hear_of_it() {
    let world = World::start().await;
    for upstream in ["make", "zaia", "acp", "agentbase"] {
        let made = world.post("/v1/agents", &new(upstream)).await.expect(201);
        let tag = made.header("etag").to_owned();
        let path = format!("/v1/agents/{}", made.json()["id"].as_str().unwrap());
        let asking =
            (0..8).map(|it| change(&world, &path, &tag, json!({ "name": format!("Clerk {it}") })));
        let mut statuses: Vec<u16> =
            join_all(asking).await.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412], "{upstream}");
        if upstream == "acp" {
            let path = format!("{path}/tools");
            let attach = (0..8).map(|it| {
                let (world, path) = (&world, &path);
                async move { world.post(path, &json!({ "id": format!("t{it}") })).await.expect(201) }
            });
            join_all(attach).await;
            let all = world.get(&path.replace("/tools", "")).await.expect(200).json();
            assert_eq!(all["tools"].as_array().unwrap().len(), 8, "{all}");
        }
    }
    finish(world).await;
}

#[tokio::test]
async fn make_is_written_from_what_was_just_read() {
    let world = World::start().await;
    let mut body = new("make");
    body["tools"] =
        json!([{ "id": "scenario:5", "native": { "approvalMode": "approval-required" } }]);
    body["mcp_servers"] = json!([{ "id": "71", "tools": ["search"] }]);
    body["limits"] = json!({ "max_output_tokens": 900, "max_steps": 12 });
    body["upstream_options"]["outputParserFormat"] = json!({ "type": "text" });
    let made = world.post("/v1/agents", &body).await.expect(201).json();
    // The steps can be said only of an agent that is there.
    assert_eq!(made["limits"]["max_steps"], 12);
    assert_eq!(made["limits"]["max_output_tokens"], 900);
    assert_eq!(made["native"]["outputParserFormat"], json!({ "type": "text" }));
    assert_eq!(made["native"]["historyConfig"]["iterationsFromHistoryCount"], 3);
    assert!(!made.to_string().contains("told before"), "what it was before is not shown");
    let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
    let tool = world.post(&format!("{path}/tools"), &json!({ "id": "scenario:6" })).await;
    assert_eq!(tool.expect(201).json()["id"], "scenario:6");
    let server = json!({ "id": "72", "tools": ["a", "b"] });
    let server = world.post(&format!("{path}/mcp_servers"), &server).await.expect(201).json();
    assert_eq!((&server["id"], &server["tools"]), (&json!("72"), &json!(["a", "b"])));
    let agent = delete(&world, &format!("{path}/tools/scenario:6"), "").await.expect(200).json();
    // What else is in the lists stays as it was, in the words that are written and not read.
    assert_eq!(agent["tools"], made["tools"]);
    assert_eq!(agent["tools"][0]["native"]["approvalMode"], "approval-required");
    let servers: Vec<_> =
        agent["mcp_servers"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(servers, ["71", "72"]);
    assert_eq!(agent["mcp_servers"][0]["tools"], json!(["search"]));
    for (path, body, status, code) in [
        (format!("{path}/tools"), json!({ "id": "scenario:5" }), 409, "conflict"),
        (format!("{path}/tools"), json!({ "id": "5" }), 400, "invalid_request"),
        (
            format!("{path}/tools"),
            json!({ "id": "scenario:7", "name": "x" }),
            422,
            "unsupported_by_upstream",
        ),
        (format!("{path}/mcp_servers"), json!({ "id": "71", "tools": [] }), 409, "conflict"),
        (
            format!("{path}/mcp_servers"),
            json!({ "url": "https://a.example" }),
            400,
            "invalid_request",
        ),
    ] {
        world.post(&path, &body).await.problem(status, code);
    }
    delete(&world, &format!("{path}/tools/scenario:9"), "").await.problem(404, "not_found");
    delete(&world, &format!("{path}/mcp_servers/9"), "").await.problem(404, "not_found");
    finish(world).await;
}

#[tokio::test]
async fn zaia_is_given_all_its_keys_and_its_tools_one_by_one() {
    let world = World::start().await;
    let mut body = new("zaia");
    body["description"] = json!("Files things");
    body["tools"] = json!([{ "name": "web", "description": "Looks it up",
        "native": { "type": "agentic-web-search", "allowedDomains": [], "effort": "low",
            "execution": "eligible", "llmProviderId": null, "prompt": null } }]);
    let made = world.post("/v1/agents", &body).await.expect(201).json();
    assert_eq!(made["description"], "Files things");
    assert_eq!((&made["tools"], &made["native"]["toolCount"]), (&Value::Null, &json!(1)));
    let journal = world.simulator.journal();
    let create = journal.iter().find(|one| one.method == "POST").unwrap();
    assert_eq!(create.json().unwrap().as_object().unwrap().len(), 13);
    let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
    let toolkit =
        json!({ "name": "mail", "tools": ["send"], "native": { "type": "composio-gmail" } });
    let server = world.post(&format!("{path}/mcp_servers"), &toolkit).await.expect(201).json();
    let server = format!("{path}/mcp_servers/{}", server["id"].as_str().unwrap());
    delete(&world, &server, "").await.expect(200);
    delete(&world, &server, "").await.problem(404, "not_found");
    let known = json!({ "id": "00000000-0000-4000-8000-00000000aaaa" });
    let tool = world.post(&format!("{path}/tools"), &known).await.expect(201).json();
    assert_eq!(tool["id"], known["id"]);
    world.post(&format!("{path}/tools"), &known).await.problem(409, "conflict");
    let url = json!({ "name": "any", "url": "https://mcp.example" });
    let refused = world.post(&format!("{path}/mcp_servers"), &url).await;
    let refused = refused.problem(422, "unsupported_by_upstream");
    assert_eq!(refused["errors"][0]["path"], "url");
    change(&world, &path, "", json!({ "tools": [] })).await.problem(422, "unsupported_by_upstream");
    delete(&world, "/v1/agents/zaia:running", "").await.problem(409, "conflict");
    // An agent that was removed is there no more, though it can still be read.
    world
        .get("/v1/agents/zaia:00000000-0000-4000-8000-000000005200")
        .await
        .problem(404, "agent_not_found");
    world.finish().await;
}

#[tokio::test]
async fn half_an_agent_is_deleted_again_and_refusals_say_why() {
    let world = World::start().await;
    let mut body = new("zaia");
    body["mcp_servers"] = json!([{ "name": "mail", "tools": ["send"],
        "native": { "type": "no-such-toolkit" } }]);
    world.post("/v1/agents", &body).await.problem(400, "invalid_request");
    let last = asked(&world, "zaia").pop().unwrap();
    assert!(last.starts_with("DELETE /zaia/api/v1/agents/"), "{last}");
    // What the platform itself refuses is told with its reason.
    let path = "/v1/agents/zaia:ok";
    let short = change(&world, path, "", json!({ "name": "x" })).await;
    let short = short.problem(400, "invalid_request");
    assert_eq!(short["upstream"]["message"], "name: invalid");
    world.finish().await;
}

#[tokio::test]
async fn acp_is_changed_by_the_verb_that_it_takes() {
    let world = World::start().await;
    let path = "/v1/agents/acp:put-only";
    let before = world.get(path).await.expect(200).json();
    let change_it = json!({ "limits": { "max_cost_usd": "2.5", "timeout_seconds": 60 } });
    let after = change(&world, path, "", change_it).await.expect(200).json();
    assert_eq!(after["limits"]["max_cost_usd"], "2.5");
    assert_eq!(after["limits"]["timeout_seconds"], 60);
    for same in ["name", "tools", "instructions", "native", "created_at"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    let calls = asked(&world, "acp");
    let verbs: Vec<_> = calls.iter().map(|call| call.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["GET", "GET", "PATCH", "PUT", "GET"]);
    world.post(&format!("{path}/tools"), &json!({ "id": "crm.lookup" })).await.expect(201);
    let agent = delete(&world, &format!("{path}/tools/tickets.search"), "").await.expect(200);
    let tools: Vec<_> =
        agent.json()["tools"].as_array().unwrap().iter().map(|t| t["id"].clone()).collect();
    assert_eq!(tools, ["crm.lookup"]);
    let cents = json!({ "limits": { "max_cost_usd": "0.001" } });
    change(&world, path, "", cents).await.problem(400, "invalid_request");
    let server = json!({ "name": "a", "url": "https://a.example" });
    world
        .post(&format!("{path}/mcp_servers"), &server)
        .await
        .problem(422, "unsupported_by_upstream");
    world.finish().await;
}

#[tokio::test]
async fn who_hangs_up_leaves_no_half_agent() {
    let world = World::start().await;
    let refusal = json!({ "name": "E", "message": "no", "feedback": {} }).to_string();
    let late = Script::default()
        .then(Act::WaitForSignal("go".into(), PATIENCE))
        .append(Script::json(400, refusal));
    world.simulator.on("/mcps", late);
    let mut body = new("zaia");
    body["mcp_servers"] = json!([{ "id": "00000000-0000-4000-8000-00000000aaaa" }]);
    let attaching =
        || async { asked(&world, "zaia").last().is_some_and(|call| call.ends_with("/mcps")) };
    tokio::select! {
        answer = world.open(world.json("/v1/agents", &body)) => panic!("{}", answer.status()),
        () = eventually("a tool is attached", PATIENCE, attaching) => {}
    }
    // The caller is gone by now.
    world.simulator.signal("go");
    let deleted =
        || async { asked(&world, "zaia").last().is_some_and(|call| call.starts_with("DELETE ")) };
    eventually("the half is deleted", PATIENCE, deleted).await;
    finish(world).await;
}
