//! Lists over all platforms.

use std::collections::HashSet;

use http::Method;
use serde_json::json;
use switchyard::simulator::script::{Act, Script};

use super::{asked, ids};
use crate::callers::{self, make_key};
use crate::harness::World;

/// What the four platforms have in all: 3, 13 that are not removed, 3, and the configuration's.
const ALL: usize = 3 + 13 + 3 + 1;
const WRITER: &str =
    "  writer: { upstream: agentbase, preset: { instructions: \"You write.\" } }\n";

#[tokio::test]
async fn a_list_followed_to_its_end_shows_every_agent_once() {
    let world = World::with(WRITER).await;
    for limit in [1, 3, 7, 20, 100] {
        let (mut seen, mut path, mut pages) = (Vec::new(), format!("/v1/agents?limit={limit}"), 0);
        loop {
            let list = world.get(&path).await.expect(200).json();
            assert_eq!(list["partial_failures"], json!([]));
            let page = ids(&list);
            assert!(page.len() <= limit);
            seen.extend(page);
            pages += 1;
            let Some(cursor) = list["next_cursor"].as_str() else { break };
            path = format!("/v1/agents?limit={limit}&cursor={cursor}");
        }
        assert_eq!((seen.len(), pages), (ALL, ALL.div_ceil(limit)), "{limit}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), ALL, "{limit}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_whatever_comes_and_goes() {
    let world = World::start().await;
    let first = world.get("/v1/agents?upstream=acp&limit=1").await.expect(200).json();
    assert_eq!(ids(&first), ["acp:ok"]);
    let path = "/v1/agents/acp:ok";
    super::delete(&world, path, "").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = format!("/v1/agents?upstream=acp&limit=9&cursor={cursor}");
    assert_eq!(ids(&world.get(&rest).await.expect(200).json()), ["acp:put-only", "acp:tools"]);
    world.finish().await;
}

#[tokio::test]
async fn a_platform_that_fails_is_named_and_the_others_are_shown() {
    let world = World::with("profiles: { list_within: 500ms }\n").await;
    let html = Script::text(500, "text/html", "<html>no</html>");
    world.simulator.always("/make/api/v2/ai-agents/v1/agents?", html);
    // One that never answers holds up nobody for longer than was configured.
    world.simulator.always("/zaia/api/v1/agents", Script::default().then(Act::Stall));
    let list = world.get("/v1/agents").await.expect(200).json();
    assert_eq!(ids(&list), ["acp:ok", "acp:put-only", "acp:tools"]);
    let failed = list["partial_failures"].as_array().unwrap();
    let failed: Vec<_> = failed
        .iter()
        .map(|one| (one["upstream"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!(failed, [("make", "upstream_error"), ("zaia", "upstream_timeout")]);
    assert_eq!(list["next_cursor"], json!(null));
    // Of one platform alone nothing is partial.
    world.get("/v1/agents?upstream=make").await.problem(502, "upstream_error");
    world.finish().await;
}

#[tokio::test]
async fn agents_are_found_by_what_they_are_called() {
    let world = World::start().await;
    let found = |path: &'static str| {
        let world = &world;
        async move { ids(&world.get(path).await.expect(200).json()) }
    };
    assert_eq!(found("/v1/agents?search=invoices").await.len(), 1);
    assert_eq!(found("/v1/agents?search=SUPPORT").await, ["make:ok"]);
    assert_eq!(found("/v1/agents?upstream=zaia&search=concierge").await, ["zaia:ok"]);
    // Zaia searches by itself.
    let calls = world.simulator.journal();
    assert!(calls.iter().any(|call| call.target.contains("search=concierge")));
    let list = world.get("/v1/agents?search=support").await.json();
    assert_eq!(list["data"][0]["aliases"], json!(["support"]));
    world.finish().await;
}

#[tokio::test]
async fn a_platforms_own_filters_are_passed_on_to_it_alone() {
    let world = World::start().await;
    let version = "00000000-0000-4000-8000-000000005000";
    let path = format!("/v1/agents?upstream=zaia&native.versionIds={version}&limit=100");
    assert_eq!(ids(&world.get(&path).await.expect(200).json()).len(), 13);
    let two = "/v1/agents?upstream=zaia&native.squadIds=a&native.squadIds=b";
    world.get(two).await.expect(200);
    let calls = world.simulator.journal();
    let target = &calls.last().unwrap().target;
    assert!(target.contains("squadIds=a&squadIds=b"), "{target}");
    for (query, place) in [
        ("native.versionIds=x", "native.versionIds"),
        ("upstream=make&native.versionIds=x", "native.versionIds"),
        ("upstream=zaia&native.pageSize=5", "native.pageSize"),
        ("upstream=nowhere", "upstream"),
        ("cursor=e30", "cursor"),
        ("limit=0", "limit"),
        ("colour=red", "colour"),
    ] {
        let refused = world.get(&format!("/v1/agents?{query}")).await;
        let refused = refused.problem(400, "invalid_request");
        assert_eq!(refused["errors"][0]["path"], place, "{query}");
    }
    // A cursor goes with the list that it is of.
    let first = world.get("/v1/agents?upstream=zaia&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    world.get(&format!("/v1/agents?limit=2&cursor={cursor}")).await.problem(400, "invalid_request");
    world.finish().await;
}

#[tokio::test]
async fn a_full_page_of_zaia_is_followed_by_the_next_one() {
    let world = World::start().await;
    for n in 0..90 {
        let body = json!({ "upstream": "zaia", "name": format!("More {n}"), "model": "gpt-5.4",
            "instructions": "x" });
        world.post("/v1/agents", &body).await.expect(201);
    }
    let (mut seen, mut path) = (HashSet::new(), "/v1/agents?upstream=zaia&limit=60".to_owned());
    loop {
        let list = world.get(&path).await.expect(200).json();
        for id in ids(&list) {
            assert!(seen.insert(id.clone()), "{id} twice");
        }
        let Some(cursor) = list["next_cursor"].as_str() else { break };
        path = format!("/v1/agents?upstream=zaia&limit=60&cursor={cursor}");
    }
    assert_eq!(seen.len(), 13 + 90);
    let pages = asked(&world, "zaia");
    assert!(pages.iter().filter(|call| *call == "GET /zaia/api/v1/agents").count() >= 2);
    world.finish().await;
}

#[tokio::test]
async fn a_list_has_what_its_caller_may_see() {
    let world = World::start().await;
    let scopes = ["runs:read", "agents:read", "agents:write"];
    let few = json!({ "scopes": scopes, "agents": ["support", "acp:tools"] });
    let few = make_key(&world, "few", few).await.secret;
    let get = |path: &'static str| callers::get(&world, &few, path);
    let list = get("/v1/agents").await.expect(200).json();
    // One is known by its alias alone.
    assert_eq!(ids(&list), ["support", "acp:tools"]);
    get("/v1/agents/support").await.expect(200);
    get("/v1/agents/make:ok").await.problem(404, "agent_not_found");
    get("/v1/agents/acp:ok").await.problem(404, "agent_not_found");
    let body = json!({ "upstream": "acp", "name": "x", "model": "m" });
    let made = callers::ask(&world, &few, Method::POST, "/v1/agents", &body).await;
    made.problem(403, "forbidden");
    world.finish().await;
}
