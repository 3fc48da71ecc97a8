//! Several gateways on one store: what one drives, the others read, follow and stop; what one
//! leaves behind, another closes.

use serde_json::json;

use super::{events, in_background, run, shared, until};
use crate::harness::{World, assert_orderly};
use crate::store::Place;

async fn together(section: &str) {
    let one = World::with(section).await;
    let two = World::with(section).await;
    // Followed elsewhere while it goes on, and resumed in its middle.
    let id = in_background(&one, "zaia:running").await;
    let here = events(&one, &id, None);
    let there = events(&two, &id, None);
    let (here, there) = tokio::join!(here, there);
    assert_orderly(&here);
    let all = |events: &[crate::harness::Event]| -> Vec<serde_json::Value> {
        events.iter().map(|event| event.data.clone()).collect()
    };
    assert_eq!(all(&there), all(&here));
    assert_eq!(all(&events(&two, &id, Some("2")).await), all(&here)[2..]);
    assert_eq!(run(&two, &id).await, run(&one, &id).await);
    // Stopped from elsewhere.
    let id = in_background(&one, "acp:head-stall").await;
    let cancelled = two.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(run(&one, &id).await["status"], "cancelled");
    let again = two.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await;
    again.problem(409, "conflict");
    // A conversation goes on elsewhere, with what was said.
    let first = one.run("acp:ok", json!({ "input": "one" })).await.expect(200).json();
    let more = json!({ "input": "two", "thread_id": first["thread_id"] });
    let second = two.run("acp:ok", more).await.expect(200).json();
    assert_eq!(second["thread_id"], first["thread_id"]);
    let thread = first["thread_id"].as_str().unwrap();
    let runs = one.get(&format!("/v1/threads/{thread}/runs")).await.expect(200).json();
    assert_eq!(runs["data"].as_array().unwrap().len(), 2, "{runs}");
    one.finish().await;
    two.finish().await;
}

#[tokio::test]
async fn what_one_gateway_drives_others_read_follow_and_stop() {
    let (folder, section) = shared();
    together(&section).await;
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn the_same_on_a_server() {
    let Some(place) = Place::postgres().await else { return };
    together(&place.section()).await;
    place.leave([]).await;
}

#[tokio::test]
async fn a_restart_keeps_what_can_be_come_back_to() {
    let (folder, section) = shared();
    let one = World::with(&section).await;
    let plain = one.run("acp:ok", json!({ "input": "Hello" })).await.expect(200).json();
    let kept = in_background(&one, "acp:tools").await;
    until("it ends", async || run(&one, &kept).await["status"] == "completed").await;
    let before = (run(&one, &kept).await, events(&one, &kept, None).await);
    one.finish().await;
    let two = World::with(&section).await;
    assert_eq!(run(&two, &kept).await, before.0);
    let after = events(&two, &kept, None).await;
    assert_eq!(after.len(), before.1.len());
    assert!(after.iter().zip(&before.1).all(|(a, b)| a.data == b.data && a.id == b.id));
    // Nobody can come back for the other one: its head and its usage stay.
    let id = plain["id"].as_str().unwrap();
    let head = run(&two, id).await;
    assert_eq!(head["status"], "completed");
    assert_eq!(head["usage"], plain["usage"]);
    assert!(head["output"].is_null());
    // Its conversation goes on all the same.
    let more = json!({ "input": "more", "thread_id": plain["thread_id"] });
    two.run("acp:ok", more).await.expect(200);
    let list = two.get("/v1/runs?limit=10").await.expect(200).json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&id) && ids.contains(&kept.as_str()), "{list}");
    two.finish().await;
    std::fs::remove_dir_all(folder).ok();
}
