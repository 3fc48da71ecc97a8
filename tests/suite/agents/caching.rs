//! What was read is given to others, and never after a change.

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

use super::{asked, change};
use crate::harness::World;

fn reads(world: &World) -> usize {
    let one = "GET /make/api/v2/ai-agents/v1/agents/ok";
    asked(world, "make").iter().filter(|call| *call == one).count()
}

#[tokio::test]
async fn many_who_read_at_a_time_ask_the_platform_once() {
    let world = World::start().await;
    let all =
        futures_util::future::join_all((0..40).map(|_| world.get("/v1/agents/support"))).await;
    for answer in all {
        assert_eq!(answer.expect(200).json()["id"], "make:ok");
    }
    assert_eq!(reads(&world), 1);
    world.get("/v1/agents/make:ok").await.expect(200);
    assert_eq!(reads(&world), 1);
    let lists = futures_util::future::join_all((0..40).map(|_| world.get("/v1/agents"))).await;
    assert!(lists.iter().all(|answer| answer.status == 200));
    let listed = asked(&world, "make");
    let list = "GET /make/api/v2/ai-agents/v1/agents";
    assert_eq!(listed.iter().filter(|call| *call == list).count(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_change_is_seen_by_whoever_asks_after_it() {
    let world = World::start().await;
    let path = "/v1/agents/support";
    let first = world.get(path).await.expect(200);
    world.get("/v1/agents").await.expect(200);
    change(&world, path, first.header("etag"), json!({ "name": "Renamed" })).await.expect(200);
    assert_eq!(world.get(path).await.expect(200).json()["name"], "Renamed");
    let list = world.get("/v1/agents?search=renamed").await.expect(200).json();
    assert_eq!(list["data"][0]["name"], "Renamed");
    world.finish().await;
}

#[tokio::test]
async fn a_condition_is_held_against_the_platform_and_not_against_what_was_read() {
    let world = World::start().await;
    let path = "/v1/agents/support";
    let tag = world.get(path).await.expect(200).header("etag").to_owned();
    // Somebody changes it there, without the gateway.
    let elsewhere =
        format!("http://{}/make/api/v2/ai-agents/v1/agents/ok?teamId=123", world.simulator.addr());
    let request = http::Request::builder()
        .method(Method::PATCH)
        .uri(elsewhere)
        .header("authorization", "Token 6f1e8d3a-1111-4222-8333-444455556666")
        .header("content-type", "application/json");
    let body = Full::from(json!({ "name": "Changed there" }).to_string());
    let answer = world.open(request.body(body).unwrap()).await;
    assert_eq!(answer.status(), 204);
    // What was read a moment ago is still given; the condition is not fooled by it.
    assert_eq!(world.get(path).await.expect(200).header("etag"), tag);
    change(&world, path, &tag, json!({ "model": "m" })).await.problem(412, "precondition_failed");
    world.finish().await;
}

#[tokio::test]
async fn of_changes_at_a_time_with_one_tag_none_is_lost_in_silence() {
    let world = World::start().await;
    let body = json!({ "upstream": "agentbase", "name": "Kept", "instructions": "0" });
    let made = world.post("/v1/agents", &body).await.expect(201);
    let tag = made.header("etag").to_owned();
    let path = format!("/v1/agents/{}", made.json()["id"].as_str().unwrap());
    let changes =
        (1..=10).map(|n| change(&world, &path, &tag, json!({ "instructions": n.to_string() })));
    let answers = futures_util::future::join_all(changes).await;
    let statuses = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((statuses(200), statuses(412)), (1, 9));
    world.finish().await;
}

#[tokio::test]
async fn who_has_an_agent_as_it_is_is_not_sent_it_again() {
    let world = World::start().await;
    let path = "/v1/agents/support";
    let tag = world.get(path).await.expect(200).header("etag").to_owned();
    let ask = |tag: String| {
        let request = world.request(Method::GET, path).header("if-none-match", tag);
        world.send(request.body(Full::default()).unwrap())
    };
    let same = ask(format!("\"x\", {tag}")).await.expect(304);
    assert_eq!((same.body.len(), same.header("etag")), (0, tag.as_str()));
    assert_ne!(ask("\"x\"".to_owned()).await.expect(200).json(), Value::Null);
    world.finish().await;
}
