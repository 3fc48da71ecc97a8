//! Every face × {JSON, stream} × every platform, in adversarial cuttings.

use serde_json::{Value, json};

use crate::harness::{Event, VENDORS, World, assert_orderly, names};

/// How a platform's scenario is asked for: by agent, or, where there are no agents, in the text.
pub fn scenario(vendor: &str, name: &str) -> (String, String) {
    match vendor {
        "agentbase" => ("agentbase:any".to_owned(), format!("[scenario:{name}] Hello")),
        _ => (format!("{vendor}:{name}"), "Hello".to_owned()),
    }
}

#[tokio::test]
async fn every_platform_answers_whole() {
    let world = World::start().await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "ok");
        let run = world.run(&agent, json!({ "input": input })).await.expect(200).json();
        assert_eq!(run["status"], "completed", "{run}");
        assert_eq!(run["upstream"]["kind"], vendor);
        assert!(run["output"].as_str().unwrap().contains("Hello"), "{run}");
        assert_eq!(run["error"], Value::Null);
        assert!(run["started_at"].is_string() && run["ended_at"].is_string());
    }
    world.finish().await;
}

#[tokio::test]
async fn every_platform_answers_as_a_stream() {
    let world = World::start().await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "ok");
        let body = json!({ "input": input, "stream": true });
        let stream = world.stream(&format!("/v1/agents/{agent}/runs"), &body).await;
        assert_eq!(stream.headers["cache-control"], "no-cache");
        assert_eq!(stream.headers["x-accel-buffering"], "no");
        let events = stream.all().await;
        let end = assert_orderly(&events);
        assert_eq!(names(&events)[..2], ["run.created", "run.started"], "{vendor}");
        assert_eq!(end["type"], "run.completed", "{vendor}: {end}");
        assert!(end["run"]["output"].as_str().unwrap().contains("Hello"), "{vendor}: {end}");
        assert_eq!(last_message(&events), end["run"]["output"], "{vendor}");
    }
    world.finish().await;
}

/// What a caller that only reads messages would show.
fn last_message(events: &[Event]) -> String {
    let mut current = String::new();
    let mut last = String::new();
    for event in events {
        match event.name.as_str() {
            "message.delta" => current.push_str(event.data["text"].as_str().unwrap()),
            "message.completed" => {
                last = event.data["text"].as_str().unwrap().to_owned();
                current.clear();
            }
            name if name.starts_with("tool_call") && !current.is_empty() => {
                last = std::mem::take(&mut current);
            }
            _ => {}
        }
    }
    if current.is_empty() { last } else { current }
}

#[tokio::test]
async fn every_platform_shows_its_tool_calls_alike() {
    let world = World::start().await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "tools");
        let whole = world.run(&agent, json!({ "input": input })).await.expect(200).json();
        let body = json!({ "input": input, "stream": true });
        let events = world.stream(&format!("/v1/agents/{agent}/runs"), &body).await.all().await;
        let end = assert_orderly(&events);
        let called = events.iter().filter(|e| e.name == "tool_call.started").count();
        let answered = events.iter().filter(|e| e.name == "tool_call.completed").count();
        assert!(called > 0 && answered > 0, "{vendor}: {:?}", names(&events));
        assert_eq!(end["run"]["steps"].as_array().unwrap().len(), called, "{vendor}");
        if vendor == "acp" {
            assert!(names(&events).contains(&"governance.decision"));
            // Its whole answer names no tool, only their number.
            assert!(whole["usage"]["tool_calls"].as_u64().unwrap() > 0);
        } else {
            assert!(!whole["steps"].as_array().unwrap().is_empty(), "{vendor}: {whole}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn the_system_prompt_and_account_data_are_never_passed_on() {
    let world = World::start().await;
    for (vendor, secret) in [("make", "Current time (ISO)"), ("agentbase", "balance")] {
        for stream in [false, true] {
            let (agent, input) = scenario(vendor, "ok");
            let request = world.json(
                &format!("/v1/agents/{agent}/runs"),
                &json!({ "input": input, "stream": stream }),
            );
            let answer = world.send(request).await.expect(200);
            assert!(!answer.text().contains(secret), "{vendor} {stream}: {}", answer.text());
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn hooks_reach_every_platform() {
    let world = World::start().await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "ok");
        let answer = world.post(&format!("/v1/hooks/{agent}"), &json!({ "input": input })).await;
        let run = answer.expect(200).json();
        assert_eq!(run["status"], "completed", "{vendor}: {run}");
    }
    world.finish().await;
}

#[tokio::test]
async fn the_acp_face_answers_for_every_platform() {
    let world = World::start().await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "ok");
        let path = format!("/acp/acme/agents/{agent}/run");
        let whole = world.post(&path, &json!({ "input": input })).await.expect(200).json();
        assert_eq!(whole["status"], "completed");
        assert!(whole["output"].as_str().unwrap().contains("Hello"), "{vendor}: {whole}");
        assert!(whole["usage"]["durationMs"].is_u64(), "{vendor}: {whole}");
        assert_eq!(whole["stopReason"], "goal_complete");
        let request = world.json(&path, &json!({ "input": input, "stream": true }));
        let stream = world.send(request).await.expect(200).text();
        let events: Vec<Value> = stream
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        let is_data_only = |line: &str| line.is_empty() || line.starts_with("data: ");
        assert!(stream.lines().all(is_data_only), "{stream}");
        assert_eq!(events.last().unwrap()["type"], "done", "{vendor}: {stream}");
        let text: String = events
            .iter()
            .filter(|e| e["type"] == "text")
            .map(|e| e["text"].as_str().unwrap())
            .collect();
        assert!(text.contains("Hello"), "{vendor}: {stream}");
    }
    world.finish().await;
}
