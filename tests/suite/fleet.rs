//! Three gateways on one Redis: the same limits hold over all of them together, and a Redis that
//! says nothing makes no answer slow. Needs `SWITCHYARD_TEST_REDIS` or a `redis-server`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http_body_util::BodyExt;
use serde_json::json;

use crate::counters::redis::{Proxy, Server, available, prefix};
use crate::governed::{Way, counted, opened, until};
use crate::harness::{KEY, World};
use crate::process::{Kept, Serving};

/// The limits of every gateway here, and the counters that they share. The time-out is as long as
/// it may be, so that a busy machine changes nothing, where Redis is to answer.
fn shared(url: &str, prefix: &str, more: &str) -> String {
    format!(
        r#"
limits:
  - {{ name: hourly, by: principal, requests: 60, per: 1h, operations: [list_upstreams] }}
  - {{ name: two, by: principal, concurrent: 2, operations: [create_agent_run, create_run] }}
  - {{ name: one-each, by: agent, concurrent: 1 }}
counters: {{ url: "{url}", prefix: "{prefix}", nodes: 3, {more} }}
"#
    )
}

async fn three(url: &str, prefix: &str, more: &str) -> [World; 3] {
    let text = shared(url, prefix, more);
    [World::with(&text).await, World::with(&text).await, World::with(&text).await]
}

async fn finish(worlds: [World; 3]) {
    for world in worlds {
        world.finish().await;
    }
}

/// Redis, as soon as all of these have found it: none of their decisions is made alone.
async fn found(worlds: &[World; 3]) {
    for world in worlds {
        until("Redis is found", async || {
            let before = counted(world, "switchyard_counters_away_total").await;
            Way::Json.ask(world, KEY, "acp:ok").await;
            (counted(world, "switchyard_counters_away_total").await - before).abs() < 0.5
        })
        .await;
    }
}

#[tokio::test]
async fn three_processes_let_through_what_one_would() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let simulator = crate::process::simulator().await;
    let more = shared(server.url(), &prefix, "when_away: refuse, timeout: 1s");
    let nodes = ["one", "two", "three"]
        .map(|name| Serving::of(&format!("fleet-{name}"), simulator.addr(), "drain: 1s", &more));
    for node in &nodes {
        // A run is refused only for want of Redis, which it takes a node a moment to find.
        until("Redis is found", async || {
            let run = r#"{"agent":"acp:ok","input":"x"}"#;
            Kept::to(node.api()).await.send("/v1/runs", run).await.status() == 200
        })
        .await;
    }
    let ask = async |at: usize| {
        let mut connection = Kept::to(nodes[at % 3].api()).await;
        let (mut passed, mut refused) = (0, 0);
        for _ in 0..12 {
            let answer = connection.get("/v1/upstreams").await;
            match answer.status().as_u16() {
                200 => passed += 1,
                429 => refused += 1,
                other => panic!("{other}"),
            }
            answer.into_body().collect().await.unwrap();
        }
        (passed, refused)
    };
    let counts = join_all((0..12).map(ask)).await;
    let (passed, refused) =
        counts.iter().fold((0, 0), |sum, (passed, refused)| (sum.0 + passed, sum.1 + refused));
    // One comes back each minute, so that a slow machine may see one or two more.
    assert!((60..=62).contains(&passed), "{counts:?}");
    assert_eq!(passed + refused, 144, "{counts:?}");
}

#[tokio::test]
async fn permits_are_counted_over_all_gateways() {
    let Some(server) = available() else { return };
    let worlds = three(server.url(), &prefix(), "when_away: refuse, timeout: 1s").await;
    found(&worlds).await;
    let free = async || Way::Json.ask(&worlds[2], KEY, "zaia:ok").await.status == 200;
    until("the permits of the beginning are back", free).await;
    let first = opened(&worlds[0], "acp:two-events", "Hello").await;
    // The agent's one permit is out, on whichever gateway.
    let refused = Way::Hook.ask(&worlds[1], KEY, "acp:two-events").await;
    assert_eq!(refused.problem(429, "concurrency_limited")["rules"], json!(["one-each"]));
    let second = opened(&worlds[1], "acp:endless", "Hello").await;
    let refused = Way::Json.ask(&worlds[2], KEY, "acp:ok").await;
    assert_eq!(refused.problem(429, "concurrency_limited")["rules"], json!(["two"]));
    drop(second);
    until("who left gave its permits back", free).await;
    worlds[0].simulator.signal("second");
    first.all().await;
    until("the stream gave its permits back", async || {
        Way::Hook.ask(&worlds[1], KEY, "acp:two-events").await.status == 200
    })
    .await;
    finish(worlds).await;
}

/// Asks each gateway so often, one after the other; statuses, and the longest wait.
async fn asked(worlds: &[World; 3], times: usize) -> (Vec<u16>, Duration) {
    let (mut statuses, mut longest) = (Vec::new(), Duration::ZERO);
    for world in worlds {
        for _ in 0..times {
            let began = Instant::now();
            statuses.push(world.get("/v1/upstreams").await.status.as_u16());
            longest = longest.max(began.elapsed());
        }
    }
    (statuses, longest)
}

#[tokio::test]
async fn a_redis_that_never_answers_costs_milliseconds_and_each_gateway_counts_its_share() {
    let Some(server) = available() else { return };
    let proxy = Proxy::before(server.url()).await;
    proxy.silence(true);
    let worlds = three(&proxy.url(), &prefix(), "when_away: local, timeout: 5ms").await;
    let (statuses, longest) = asked(&worlds, 25).await;
    // A third of 60 on each of three.
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 60, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 15, "{statuses:?}");
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    for world in &worlds {
        assert!(counted(world, "switchyard_counters_away_total").await >= 25.0);
        Way::Json.ask(world, KEY, "acp:ok").await.expect(200);
    }
    finish(worlds).await;
    drop::<Server>(server);
}

#[tokio::test]
async fn where_so_configured_a_redis_that_is_away_refuses_what_it_would_count() {
    let Some(server) = available() else { return };
    let proxy = Proxy::before(server.url()).await;
    let worlds = three(&proxy.url(), &prefix(), "when_away: refuse, timeout: 200ms").await;
    found(&worlds).await;
    assert_eq!(asked(&worlds, 2).await.0, [200; 6]);
    proxy.silence(true);
    let (statuses, longest) = asked(&worlds, 10).await;
    assert_eq!(statuses, [503; 30]);
    assert!(longest < Duration::from_millis(1_000), "{longest:?}");
    for world in &worlds {
        let answer = world.get("/v1/upstreams").await;
        assert_eq!(answer.header("retry-after"), "1");
        answer.problem(503, "policy_unavailable");
        Way::Acp.ask(world, KEY, "acp:ok").await.expect(503);
        // What no limit counts goes on.
        world.get("/v1/runs").await.expect(200);
    }
    proxy.silence(false);
    // One after the other: those that have it back would use up what all may ask for meanwhile.
    for world in &worlds {
        until("Redis is let back", async || world.get("/v1/upstreams").await.status == 200).await;
    }
    finish(worlds).await;
}

#[tokio::test]
async fn headers_tell_what_is_left_over_all_gateways() {
    let Some(server) = available() else { return };
    let worlds = three(server.url(), &prefix(), "when_away: refuse, timeout: 1s").await;
    found(&worlds).await;
    for (used, world) in (1..).zip(worlds.iter().chain(&worlds)) {
        let answer = world.get("/v1/upstreams").await.expect(200);
        let left = (60 - used).to_string();
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left, "{used}");
    }
    finish(worlds).await;
}
