//! The caller who leaves: the platform is let go within 100 ms, unless the run is to go on.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Version;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::harness::{PATIENCE, World, assert_orderly};

/// Waits until the platform has seen so many peers leave before their answer was over.
async fn broken_off(world: &World, count: u64) {
    let waited = tokio::time::timeout(PATIENCE, world.simulator.wait_for_broken_off(count)).await;
    waited.expect("the platform was not let go");
}

#[tokio::test]
async fn a_stream_whose_reader_leaves_is_cancelled_within_100_ms() {
    let world = World::start().await;
    for (count, agent) in (1..).zip(["make:endless", "acp:endless", "agentbase:x"]) {
        let input = if agent == "agentbase:x" { "[scenario:endless] Hello" } else { "Hello" };
        let body = json!({ "input": input, "stream": true });
        let mut stream = world.stream(&format!("/v1/agents/{agent}/runs"), &body).await;
        stream.next().await.unwrap();
        stream.next().await.unwrap();
        drop(stream);
        let left = Instant::now();
        broken_off(&world, count).await;
        let took = left.elapsed();
        assert!(took < Duration::from_millis(100), "{agent}: {took:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_stream_over_http_2_is_cancelled_within_100_ms_and_its_connection_stays() {
    let world = World::start().await;
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    for count in 1..=2 {
        let body = json!({ "input": "Hello", "stream": true });
        let mut answer =
            client.request(world.json("/v1/agents/acp:endless/runs", &body)).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        answer.body_mut().frame().await.unwrap().unwrap();
        drop(answer);
        let left = Instant::now();
        broken_off(&world, count).await;
        assert!(left.elapsed() < Duration::from_millis(100), "{:?}", left.elapsed());
    }
    drop(client);
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_waits_and_leaves_is_cancelled_within_100_ms() {
    let world = World::start().await;
    let request = world.json("/v1/agents/acp:head-stall/runs", &json!({ "input": "Hello" }));
    let pending = tokio::time::timeout(Duration::from_millis(300), world.open(request)).await;
    assert!(pending.is_err(), "it should still be waiting");
    let left = Instant::now();
    broken_off(&world, 1).await;
    assert!(left.elapsed() < Duration::from_millis(100), "{:?}", left.elapsed());
    // Its end is told when it is recorded.
    crate::durable::until("it is cancelled", async || {
        let runs = world.get("/v1/runs?status=cancelled").await.json();
        runs["data"].as_array().unwrap().len() == 1
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn the_first_event_does_not_wait_for_the_second() {
    let world = World::start().await;
    let body = json!({ "input": "Hello", "stream": true });
    let mut stream = world.stream("/v1/agents/acp:two-events/runs", &body).await;
    let began = Instant::now();
    while stream.next().await.unwrap().name != "message.delta" {}
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    drop(stream);
    broken_off(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn cancel_ends_the_stream_of_who_reads_it() {
    let world = World::start().await;
    let body = json!({ "input": "Hello", "stream": true });
    let mut stream = world.stream("/v1/agents/acp:endless/runs", &body).await;
    let created = stream.next().await.unwrap();
    let id = created.data["run_id"].as_str().unwrap().to_owned();
    let run = world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200).json();
    assert_eq!(run["status"], "cancelled");
    let mut events = vec![created];
    events.extend(stream.all().await);
    assert_eq!(assert_orderly(&events)["type"], "run.cancelled");
    world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.problem(409, "conflict");
    broken_off(&world, 1).await;
    world.finish().await;
}
