//! Runs that are answered before they are over: `background`, `Prefer`, `reply_within`.

use serde_json::json;

use crate::harness::{World, assert_orderly};

async fn until_ended(world: &World, id: &str) -> serde_json::Value {
    let request = world.request(http::Method::GET, &format!("/v1/runs/{id}/events"));
    let events = world.events(request.body(Default::default()).unwrap()).await.all().await;
    assert_orderly(&events)["run"].clone()
}

#[tokio::test]
async fn a_background_run_is_answered_at_once_and_goes_on() {
    let world = World::start().await;
    let answer = world.run("zaia:running", json!({ "input": "Hello", "background": true })).await;
    let answer = answer.expect(202);
    let run = answer.json();
    let id = run["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/runs/{id}"));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(["queued", "running"].contains(&run["status"].as_str().unwrap()));
    assert_eq!(until_ended(&world, id).await["status"], "completed");
    assert_eq!(
        world.get(&format!("/v1/runs/{id}")).await.expect(200).json()["status"],
        "completed"
    );
    world.finish().await;
}

#[tokio::test]
async fn preferences_are_applied_and_said() {
    let world = World::start().await;
    let content = ("content-type", "application/json");
    let body = r#"{"agent":"zaia:running","input":"Hello"}"#;
    let now = world.post_with("/v1/runs", &[content, ("prefer", "respond-async")], body).await;
    assert_eq!(now.expect(202).header("preference-applied"), "respond-async");
    let body = r#"{"agent":"acp:head-stall","input":"Hello"}"#;
    let later = world.post_with("/v1/runs", &[content, ("Prefer", "foo, WAIT=1")], body).await;
    let later = later.expect(202);
    assert_eq!(later.header("preference-applied"), "wait=1");
    let id = later.json()["id"].as_str().unwrap().to_owned();
    let run = world.get(&format!("/v1/runs/{id}")).await.json();
    assert!(["queued", "running"].contains(&run["status"].as_str().unwrap()), "it goes on: {run}");
    world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
    let body = r#"{"agent":"acp:ok","input":"Hello"}"#;
    let soon = world.post_with("/v1/runs", &[content, ("prefer", "wait=5")], body).await;
    assert_eq!(soon.expect(200).json()["status"], "completed");
    world.finish().await;
}

#[tokio::test]
async fn a_hook_answers_before_its_callers_clock_runs_out() {
    let world =
        World::with("hooks:\n  acp:head-stall: { input: /input, reply_within: 300ms }\n").await;
    let answer = world.post("/v1/hooks/acp:head-stall", &json!({ "input": "Hello" })).await;
    let id = answer.expect(202).json()["id"].as_str().unwrap().to_owned();
    world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_stream_is_resumed_after_the_last_event_id() {
    let world = World::start().await;
    let run = world.run("acp:tools", json!({ "input": "Hello", "stream": false })).await.json();
    let id = run["id"].as_str().unwrap();
    let path = format!("/v1/runs/{id}/events");
    let all = world.request(http::Method::GET, &path).body(Default::default()).unwrap();
    let all = world.events(all).await.all().await;
    assert_orderly(&all);
    let rest = world.request(http::Method::GET, &path).header("last-event-id", "2");
    let rest = world.events(rest.body(Default::default()).unwrap()).await.all().await;
    assert_eq!(rest.len(), all.len() - 2);
    assert_eq!(rest[0].data, all[2].data);
    for wrong in ["x", "-1", "999", "18446744073709551615"] {
        let wrong = world.request(http::Method::GET, &path).header("last-event-id", wrong);
        world.send(wrong.body(Default::default()).unwrap()).await.problem(400, "invalid_request");
    }
    world.finish().await;
}

#[tokio::test]
async fn background_with_stream_is_refused() {
    let world = World::start().await;
    let body = json!({ "input": "Hello", "background": true, "stream": true });
    world.run("acp:ok", body).await.problem(400, "invalid_request");
    world.finish().await;
}

#[tokio::test]
async fn what_a_platform_cannot_take_is_refused_before_202() {
    let world = World::start().await;
    let schema = json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/x" } }, "$defs": { "x": {} } });
    let body = json!({ "input": "Hello", "background": true, "output_schema": schema });
    let problem = world.run("make:ok", body).await.problem(422, "unsupported_by_upstream");
    assert!(problem["errors"][0]["path"].as_str().unwrap().starts_with("output_schema"));
    world.finish().await;
}
