//! The status page and what it reads: who may, what is told, and that nothing is told which callers
//! have said.

mod browser;
mod driver;
mod page;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::callers::{ask, eventually, make_key, run_as};
use crate::harness::{Events, KEY, PATIENCE, World};

/// One platform that is well and is checked, one that is sick, one that nobody calls.
const BUSY: &str = r#"
upstreams:
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}", check: { path: /, every: 500ms, within: 500ms } }
  zaia: { kind: zaia, base_url: "http://SIM/zaia", credential: "${env:KEY}", breaker: { failures: 2, open: 1h } }
  make: { kind: make, base_url: "http://SIM/make/api/v2", team_id: 123, credential: "${env:KEY}" }
  lost: { kind: zaia, base_url: "http://127.0.0.1:1", credential: "${env:KEY}", breaker: { failures: 1000 } }
agents:
  support: { upstream: acp, id: ok }
  best: { eject: { failures: 1, rest: 1h, longest: 2h }, targets: [{ upstream: lost, id: a }, { upstream: acp, id: ok }] }
limits:
  - { name: per-key, by: principal, operations: [list_runs], requests: 10, per: 1h }
  - { name: wide, by: principal, requests: 100000, per: 1h }
  - { name: streams, by: principal, concurrent: 50 }
budgets:
  - { name: daily, by: workspace, runs: 10, per: day }
  - { name: plenty, by: workspace, runs: 100000, per: day }
pii: { rules: [{ entities: [email], direction: to_upstream, action: block }] }
"#;

/// What a caller says, which stands nowhere in what operators are shown.
const SAID: &str = "canary-of-the-caller";

/// A gateway at which something of everything has happened: the id of the run that goes on.
async fn busy() -> (World, String) {
    let world = World::configured(BUSY).await;
    let metadata = json!({ "ticket": SAID });
    for _ in 0..4 {
        let body = json!({ "input": format!("Hello {SAID}"), "metadata": metadata });
        world.run("support", body).await.expect(200);
    }
    let slow = json!({ "background": true, "input": SAID, "metadata": metadata });
    let live = run_as(&world, KEY, "acp:head-stall", slow).await.expect(202).json();
    // Two failures open its circuit.
    for _ in 0..2 {
        world.run("zaia:html-error", json!({ "input": SAID })).await.problem(502, "upstream_error");
    }
    world.run("zaia:ok", json!({ "input": SAID })).await.problem(503, "upstream_unavailable");
    world.run("best", json!({ "input": SAID })).await.expect(200);
    let secret = json!({ "input": format!("{SAID}@example.com") });
    world.run("support", secret).await.problem(422, "pii_blocked");
    let reader = make_key(&world, "reader", json!({ "scopes": ["runs:read"] })).await.secret;
    let body = json!({ "agent": "support", "input": SAID });
    ask(&world, &reader, Method::POST, "/v1/runs", &body).await.problem(403, "forbidden");
    for _ in 0..9 {
        world.get("/v1/runs").await.expect(200);
    }
    (world, live["id"].as_str().unwrap().to_owned())
}

async fn read(world: &World) -> Value {
    world.admin("/admin/status").await.expect(200).json()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).unwrap_or_else(|| panic!("{path} in {value}"))
}

fn named<'a>(list: &'a [Value], name: &str) -> &'a Value {
    list.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {list:?}"))
}

/// Opens the stream of snapshots.
async fn stream(world: &World) -> Events {
    let uri = format!("http://{}/admin/status", world.app.admin());
    let request = Request::get(uri).header("x-api-key", KEY).header("accept", "text/event-stream");
    Events::of(world.open(request.body(Full::<Bytes>::default()).unwrap()).await)
}

async fn with_key(world: &World, key: &str) -> crate::harness::Answer {
    let uri = format!("http://{}/admin/status", world.app.admin());
    let mut request = Request::get(uri);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    world.send(request.body(Full::<Bytes>::default()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_administer_reads_the_status() {
    let world = World::start().await;
    with_key(&world, "").await.problem(401, "unauthenticated");
    with_key(&world, "test-key-of-nobody-0123456789").await.problem(401, "unauthenticated");
    let changes = json!({ "scopes": ["runs:read", "audit:read", "agents:write"] });
    let auditor = make_key(&world, "auditor", changes).await.secret;
    with_key(&world, &auditor).await.problem(403, "forbidden");
    let answer = with_key(&world, KEY).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    world.get("/admin/status").await.problem(404, "not_found");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_what_an_operator_looks_for_and_nothing_that_callers_said() {
    let (world, live) = busy().await;
    // Records get their place in the log within a second, and the store is asked once a second.
    let is_told = async || {
        let status = read(&world).await;
        let is_signed = status["audit"]["checkpoint_at"].is_string();
        let refused = list(&status, "/refusals").len();
        is_signed && refused >= 2 && list(&status, "/runs/recent").len() >= 8
    };
    eventually("the newest records are told", PATIENCE, is_told).await;
    let checked = async || {
        let status = read(&world).await;
        !named(list(&status, "/upstreams"), "acp")["check"].is_null()
    };
    eventually("the check is told", PATIENCE, checked).await;
    let answer = world.admin("/admin/status").await.expect(200);
    let (text, status) = (answer.text(), answer.json());
    assert!(!text.contains(SAID), "{text}");

    let upstreams = list(&status, "/upstreams");
    assert_eq!(upstreams.len(), 4);
    let (acp, zaia) = (named(upstreams, "acp"), named(upstreams, "zaia"));
    assert_eq!((&zaia["health"], &zaia["check"]), (&json!("unavailable"), &Value::Null));
    assert!(zaia["rests_until"].as_str() > status["at"].as_str(), "{zaia}");
    assert_eq!((&acp["health"], &acp["rests_until"]), (&json!("healthy"), &Value::Null));
    assert!(acp["check"]["status"].is_u64() && acp["check"]["code"].is_null(), "{acp}");
    assert_eq!((&acp["calls"], &acp["waiting"]), (&json!(1), &json!(0)), "{acp}");
    let left_out = list(&status, "/left_out");
    assert_eq!((&left_out[0]["name"], &left_out[0]["target"]), (&json!("best"), &json!("lost:a")));

    assert_eq!(status["runs"]["in_flight"], 1);
    let running = &list(&status, "/runs/oldest")[0];
    assert_eq!((&running["id"], &running["agent"]), (&json!(live), &json!("acp:head-stall")));
    let recent = list(&status, "/runs/recent");
    assert!(recent.windows(2).all(|two| two[0]["seq"].as_u64() > two[1]["seq"].as_u64()));
    let failed = recent.iter().find(|run| run["code"] == "upstream_error").unwrap();
    assert_eq!(
        (&failed["code"], &failed["target"]),
        (&json!("upstream_error"), &json!("zaia:html-error"))
    );
    assert!(recent.iter().any(|run| run["status"] == "completed" && run["agent"] == "support"));

    let refusals = list(&status, "/refusals");
    let of = |code: &str| {
        let found = refusals.iter().find(|one| one["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {refusals:?}"))
    };
    let forbidden = of("forbidden");
    assert_eq!(
        (&forbidden["caller"], &forbidden["operation"]),
        (&json!("reader"), &json!("create_run"))
    );
    assert_eq!((&forbidden["address"], &forbidden["count"]), (&json!("127.0.0.1"), &json!(1)));
    assert_ne!(forbidden["reason"], "");
    assert_eq!(of("pii_blocked")["target"], "acp:ok");

    let near: Vec<_> = list(&status, "/bounds/near")
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    assert!(
        near.contains(&("limit", "per-key")) && near.contains(&("budget", "daily")),
        "{near:?}"
    );
    assert_eq!(near.len(), 2, "{near:?}");
    let used = list(&status, "/bounds/near").iter().map(|one| one["used"].as_f64().unwrap());
    assert!(used.into_iter().all(|used| (0.8..=1.0).contains(&used)));
    assert_eq!((&status["bounds"]["limits"], &status["bounds"]["budgets"]), (&json!(2), &json!(2)));

    let audit = &status["audit"];
    assert!(audit["failing_since"].is_null() && audit["signed"].as_u64() > Some(0), "{audit}");
    assert!(audit["checkpoint_at"].is_string() && audit["covered_at"].is_string(), "{audit}");
    assert_eq!(status["gateway"]["draining"], false);
    world.post(&format!("/v1/runs/{live}/cancel"), &json!({})).await.expect(200);
    let is_over = async || read(&world).await["runs"]["in_flight"] == 0;
    eventually("the run is no longer in flight", PATIENCE, is_over).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_again_and_again_in_one_call_and_says_when_the_gateway_goes() {
    let world = World::start().await;
    let mut stream = stream(&world).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["object"]), ("status", &json!("status")));
    // What has happened meanwhile stands in the next one.
    world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    let mut told = stream.next().await.unwrap().data;
    while list(&told, "/runs/recent").is_empty() {
        let next = stream.next().await.unwrap().data;
        assert!(next["at"].as_str() > told["at"].as_str());
        told = next;
    }
    let is_one = async || {
        let log = world.admin("/admin/audit?operation=get_status").await.expect(200).json();
        list(&log, "/data").len() == 1
    };
    eventually("the call is recorded once", Duration::from_secs(3), is_one).await;
    assert!(is_one().await);
    world.app.begin_drain();
    let mut last = stream.next().await.unwrap().data;
    while let Some(event) = stream.next().await {
        last = event.data;
    }
    assert_eq!(last["gateway"]["draining"], true);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_of_the_configuration_in_force() {
    let world = World::start().await;
    let mut stream = stream(&world).await;
    let before = stream.next().await.unwrap().data;
    world.rewrite(|text| text.replace("  zaia: {", "  other: {"));
    world.operate(Method::POST, "/admin/reload", &Value::Null).await.expect(200);
    let after = stream.next().await.unwrap().data;
    assert_ne!(before["gateway"]["configuration"], after["gateway"]["configuration"]);
    named(list(&before, "/upstreams"), "zaia");
    named(list(&after, "/upstreams"), "other");
    world.finish().await;
}
