//! A graceful end: open streams end by themselves, new requests are refused, an idle process is
//! gone at once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{World, assert_orderly};

#[tokio::test]
async fn an_idle_gateway_is_gone_within_a_second() {
    let world = World::start().await;
    world.get("/v1/upstreams").await.expect(200);
    let began = Instant::now();
    world.finish().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_open_stream_ends_by_itself_and_new_requests_are_refused() {
    let world = World::start().await;
    world.get("/v1/upstreams").await.expect(200);
    let body = json!({ "input": "Hello", "stream": true });
    let mut stream = world.stream("/v1/agents/acp:slow/runs", &body).await;
    let mut events = vec![stream.next().await.unwrap()];
    world.app.begin_drain();
    let refused = world.get("/v1/upstreams").await;
    refused.problem(503, "draining");
    let unready = world.admin("/readyz").await.expect(503);
    assert!(unready.text().contains("drain"), "{}", unready.text());
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    assert_eq!(assert_orderly(&events)["type"], "run.completed");
    world.finish().await;
}

#[tokio::test]
async fn what_outlasts_the_grace_period_ends_as_interrupted() {
    let world = World::with("listen: { drain: 1s }\n").await;
    let body = json!({ "input": "Hello", "stream": true });
    let mut stream = world.stream("/v1/agents/acp:endless/runs", &body).await;
    let mut events = vec![stream.next().await.unwrap()];
    let reading = async {
        while let Some(event) = stream.next().await {
            events.push(event);
        }
        events
    };
    let (events, ()) = tokio::join!(reading, world.finish());
    let end = assert_orderly(&events);
    assert_eq!(end["run"]["error"]["code"], "interrupted");
}
