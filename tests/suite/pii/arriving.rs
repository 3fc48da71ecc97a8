//! What a platform says, in its text, its thinking, its tools and its failures, on every face.

use std::time::Duration;

use serde_json::{Value, json};

use super::says::{self, Said};
use super::{read, world};
use crate::faces::scenario;
use crate::governed::{Way, cancel};
use crate::harness::{KEY, VENDORS, World};

const MAIL: &str = "jane.roe@example.com";
const SECRET: &str = "ghp_uO7UmKMhcfdedfu1gXztPUmqZLaq2vggeta3";

fn everything() -> Said {
    Said {
        text: format!("Write to {MAIL}, card 4111 1111 1111 1111, and use {SECRET}."),
        thinking: format!("The customer is {MAIL}"),
        arguments: json!({ "query": MAIL, "deep": json!({ "card": "4111111111111111" }).to_string() }),
        result: format!("found {MAIL}"),
        ..Said::default()
    }
}

fn is_clean(text: &str) -> bool {
    !["jane.roe", "4111 1111 1111 1111", "4111111111111111", "uO7UmKM"]
        .iter()
        .any(|value| text.contains(value))
}

#[tokio::test]
async fn no_value_comes_back_by_any_part_of_an_answer() {
    let world = world("redact").await;
    for vendor in VENDORS {
        for way in [Way::Json, Way::Stream, Way::Hook, Way::Acp, Way::AcpStream] {
            let streamed = matches!(way, Way::Stream | Way::AcpStream);
            says::once(&world, vendor, streamed, &everything());
            let (agent, input) = scenario(vendor, "ok");
            let answer = world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await;
            assert!(is_clean(&answer.text()), "{vendor} {way:?}: {}", answer.text());
            let run = world.get("/v1/runs").await.json()["data"][0].clone();
            assert!(is_clean(&run.to_string()), "{vendor} {way:?}: {run}");
            let output = "Write to [EMAIL], card [CREDIT_CARD], and use [";
            assert!(run["output"].as_str().unwrap().starts_with(output), "{vendor} {way:?}: {run}");
            let id = run["id"].as_str().unwrap();
            let events = world
                .events(
                    world
                        .request(http::Method::GET, &format!("/v1/runs/{id}/events"))
                        .body(http_body_util::Full::default())
                        .unwrap(),
                )
                .await;
            let (text, events) = read(events).await;
            assert!(
                events.iter().all(|event| is_clean(&event.data.to_string())),
                "{vendor} {way:?}"
            );
            if !text.is_empty() {
                assert_eq!(text, run["output"], "{vendor} {way:?}");
            }
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn what_a_platform_fails_with_is_treated() {
    let world = world("redact").await;
    // The value straddles the place at which the platform's sentence is cut.
    let long = format!("{} {MAIL} {SECRET}", "x".repeat(490));
    for failure in [format!("cannot reach {MAIL}"), long] {
        for vendor in VENDORS {
            for way in [Way::Json, Way::Stream, Way::Hook, Way::Acp, Way::AcpStream] {
                let streamed = matches!(way, Way::Stream | Way::AcpStream);
                let said = Said { failure: Some(failure.clone()), ..Said::default() };
                says::once(&world, vendor, streamed, &said);
                let (agent, input) = scenario(vendor, "ok");
                let answer =
                    world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await;
                let text = answer.text();
                let is_told =
                    text.contains("jane") || text.contains("roe@") || text.contains("ghp_");
                assert!(!is_told, "{vendor} {way:?}: {text}");
            }
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_streams_is_the_message_as_a_whole() {
    let world = world("mask").await;
    let text = everything().text;
    let mut outputs = Vec::new();
    for vendor in VENDORS {
        for streamed in [false, true] {
            says::once(&world, vendor, streamed, &Said::text(&text));
            let (agent, input) = scenario(vendor, "ok");
            if !streamed {
                let run = world.run(&agent, json!({ "input": input })).await.expect(200).json();
                outputs.push(run["output"].clone());
                continue;
            }
            let body = json!({ "input": input, "stream": true });
            let events = world.stream(&format!("/v1/agents/{agent}/runs"), &body).await;
            let (deltas, events) = read(events).await;
            let end = &events.last().unwrap().data["run"];
            assert!(deltas.is_empty() || deltas == end["output"], "{vendor}: {deltas}");
            outputs.push(end["output"].clone());
        }
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:?}");
    world.finish().await;
}

#[tokio::test]
async fn findings_are_counted_once_however_often_a_platform_repeats_them() {
    let world = world("redact").await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "ok");
        for streamed in [false, true] {
            says::once(&world, vendor, streamed, &Said::text(&format!("Write to {MAIL}.")));
            let way = if streamed { Way::Stream } else { Way::Json };
            world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await;
            let run = world.get("/v1/runs").await.json()["data"][0].clone();
            let found = json!([{ "entity": "email", "direction": "to_caller", "action": "redact", "count": 1 }]);
            assert_eq!(run["pii"], found, "{vendor} {streamed}");
        }
    }
    world.finish().await;
}

/// What was held back because more of it might have come is told before the end, treated.
#[tokio::test]
async fn what_is_held_back_is_told_at_a_cancel_and_at_a_deadline() {
    let world = world("redact").await;
    let said = Said { text: format!("Write to {MAIL}"), stalls: true, ..Said::default() };
    for by_deadline in [false, true] {
        says::once(&world, "acp", true, &said);
        let mut body = json!({ "input": "x", "stream": true });
        if by_deadline {
            body["limits"] = json!({ "timeout_seconds": 1 });
        }
        let mut events = world.stream("/v1/agents/acp:ok/runs", &body).await;
        let mut text = String::new();
        loop {
            let event = events.next().await.unwrap();
            text.push_str(event.data["text"].as_str().unwrap_or_default());
            if event.name == "governance.decision" {
                break;
            }
        }
        assert_eq!(text, "Write to ", "nothing of what may be a value is told before it is sure");
        if !by_deadline {
            let id =
                world.get("/v1/runs").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
            cancel(&world, &id).await;
        }
        let (rest, events) = read(events).await;
        assert_eq!(rest, "[EMAIL]", "by deadline: {by_deadline}");
        let run = &events.last().unwrap().data["run"];
        assert_eq!(run["output"], "Write to [EMAIL]", "{run}");
        assert_eq!(run["pii"][0]["count"], 1, "{run}");
        assert_eq!(run["status"], if by_deadline { "failed" } else { "cancelled" });
    }
    world.finish().await;
}

#[tokio::test]
async fn a_stream_that_stalls_in_a_value_keeps_its_heartbeats() {
    let text = format!("{}runs: {{ heartbeat: 1s }}\n", super::rules("redact"));
    let world = World::with(&text).await;
    says::once(&world, "acp", true, &Said { stalls: true, ..Said::text("card 4111 1111 ") });
    let mut events =
        world.stream("/v1/agents/acp:ok/runs", &json!({ "input": "x", "stream": true })).await;
    for _ in 0..50 {
        // Cut off while it waits: what has come stays in its buffer.
        let next = tokio::time::timeout(Duration::from_millis(200), events.next()).await;
        if let Ok(event) = next {
            assert!(!event.unwrap().data.to_string().contains("4111"));
        }
        if events.comments >= 2 {
            break;
        }
    }
    assert!(events.comments >= 2, "{} comments", events.comments);
    let id = world.get("/v1/runs").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    cancel(&world, &id).await;
    world.finish().await;
}

/// The layer hears of the stop as well, and has nothing to tell.
#[tokio::test]
async fn a_run_that_is_stopped_while_nothing_is_held_back_is_cancelled() {
    let world = world("redact").await;
    for agent in ["make:head-stall", "zaia:head-stall", "acp:head-stall", "acp:idle"] {
        let body = json!({ "agent": agent, "input": "x", "background": true });
        let run = world.post("/v1/runs", &body).await.expect(202).json();
        let id = run["id"].as_str().unwrap();
        let events = world.request(http::Method::GET, &format!("/v1/runs/{id}/events"));
        let mut events = world.events(events.body(Default::default()).unwrap()).await;
        while events.next().await.unwrap().name != "run.started" {}
        let path = format!("/v1/runs/{id}/cancel");
        let run = world.post(&path, &json!({})).await.expect(200).json();
        assert_eq!(run["status"], "cancelled", "{agent}: {run}");
    }
    world.finish().await;
}
