//! Conversations: ours maps to theirs, or is replayed.

use serde_json::json;

use crate::faces::scenario;
use crate::harness::{VENDORS, World};

#[tokio::test]
async fn a_thread_is_continued_on_every_platform() {
    for vendor in VENDORS {
        let world = World::start().await;
        let (agent, input) = scenario(vendor, "ok");
        let first = world.run(&agent, json!({ "input": input })).await.expect(200).json();
        let thread = first["thread_id"].as_str().unwrap();
        let again = json!({ "input": "And then?", "thread_id": thread });
        let second = world.run(&agent, again).await.expect(200).json();
        assert_eq!(second["thread_id"], thread);
        let sent = world.simulator.journal();
        let (one, two) = (&sent[0], &sent[1]);
        let body = two.json().unwrap();
        match vendor {
            "make" => {
                let native = one.json().unwrap()["threadId"].clone();
                assert!(native.is_string());
                assert_eq!(body["threadId"], native);
                assert_eq!(body["messages"].as_array().unwrap().len(), 1);
            }
            "zaia" => {
                let roles: Vec<_> = body["messages"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|m| m["role"].as_str().unwrap())
                    .collect();
                assert_eq!(roles, ["user", "assistant", "user"]);
            }
            "acp" => {
                let input = body["input"].as_str().unwrap();
                assert!(input.contains("Hello") && input.ends_with("And then?"), "{input}");
            }
            _ => {
                assert_eq!(one.query("session"), None);
                assert!(two.query("session").is_some());
            }
        }
        let runs = world.get(&format!("/v1/threads/{thread}/runs")).await.expect(200).json();
        assert_eq!(runs["data"].as_array().unwrap().len(), 2);
        let head = world.get(&format!("/v1/threads/{thread}")).await.expect(200).json();
        assert_eq!(head["agent"], agent.as_str());
        world.finish().await;
    }
}

#[tokio::test]
async fn a_thread_has_one_run_at_a_time_and_one_agent() {
    let world = World::start().await;
    let body = json!({ "input": "Hello", "stream": true });
    let mut stream = world.stream("/v1/agents/acp:endless/runs", &body).await;
    let created = stream.next().await.unwrap();
    let thread = created.data["run"]["thread_id"].as_str().unwrap();
    let busy = json!({ "input": "And?", "thread_id": thread });
    world.run("acp:endless", busy.clone()).await.problem(409, "conflict");
    world.run("acp:ok", busy).await.problem(400, "invalid_request");
    for nobodys in ["thr_00000000000000000000000000000000", "thr_x", "x"] {
        let body = json!({ "input": "And?", "thread_id": nobodys });
        world.run("acp:ok", body).await.problem(404, "thread_not_found");
        world.get(&format!("/v1/threads/{nobodys}")).await.problem(404, "thread_not_found");
    }
    drop(stream);
    world.finish().await;
}

#[tokio::test]
async fn a_thread_that_outgrows_its_bound_says_so() {
    let world = World::with("runs: { history_bytes: 4KiB }\n").await;
    let long = "x".repeat(3_000);
    let first = world.run("zaia:ok", json!({ "input": long })).await.expect(200).json();
    let thread = first["thread_id"].as_str().unwrap();
    let again = json!({ "input": "And then?", "thread_id": thread });
    let run = world.run("zaia:ok", again).await.expect(200).json();
    let warned =
        run["warnings"].as_array().unwrap().iter().any(|w| w["code"] == "history_truncated");
    assert!(warned, "{run}");
    world.finish().await;
}
