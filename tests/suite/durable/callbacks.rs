//! Signed callbacks, sent for real to a receiver of the test's own.

use std::time::Duration;

use serde_json::json;

use super::{in_background, keyed, run, until};
use crate::harness::{HOOK_SECRET, World};
use crate::receiver::{is_signed, receiver};

const CALLBACKS: &str = r#"
callbacks:
  secrets: { acme: { secret: "${env:HOOK_SECRET}", previous: "${env:OLD_HOOK_SECRET}" } }
  allow_networks: [127.0.0.0/8]
  allow_http: true
"#;

#[tokio::test]
async fn the_end_of_a_run_is_told_signed_by_both_secrets() {
    let world = World::with(CALLBACKS).await;
    let (address, seen) = receiver(&[]).await;
    let url = format!("http://{address}/resume?signature=abc");
    let body = json!({ "input": "Hello", "callback": { "url": url }, "background": true });
    let id = world.run("acp:tools", body).await.expect(202).json()["id"].clone();
    until("it is told", async || !seen.lock().is_empty()).await;
    let delivery = seen.lock()[0].clone();
    assert_eq!(delivery.json()["type"], "run.completed");
    assert_eq!(delivery.json()["data"], run(&world, id.as_str().unwrap()).await);
    assert_eq!(delivery.json()["timestamp"], delivery.json()["data"]["ended_at"]);
    assert!(delivery.header("webhook-id").starts_with("evt_"));
    assert!(is_signed(&delivery, HOOK_SECRET));
    assert!(is_signed(&delivery, crate::harness::OLD_HOOK_SECRET));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(seen.lock().len(), 1, "it is told once");
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_with_the_same_id() {
    let world = World::with(CALLBACKS).await;
    let (address, seen) = receiver(&[409]).await;
    let url = format!("http://{address}/");
    let body = json!({ "input": "Hello", "callback": { "url": url, "events": ["run.completed"] } });
    world.run("acp:ok", body).await.expect(200);
    until("it is tried again", async || seen.lock().len() == 2).await;
    let ids: Vec<String> =
        seen.lock().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
    world.finish().await;
}

#[tokio::test]
async fn only_the_ends_that_are_wanted_are_told() {
    let world = World::with(CALLBACKS).await;
    let (address, seen) = receiver(&[]).await;
    let url = format!("http://{address}/");
    let quiet = json!({ "input": "Hello", "callback": { "url": url, "events": ["run.failed"] } });
    world.run("acp:ok", quiet).await.expect(200);
    let told = json!({ "input": "Hello", "callback": { "url": url, "events": ["run.completed"] } });
    let second = world.run("acp:ok", told).await.expect(200).json();
    until("the second is told", async || !seen.lock().is_empty()).await;
    assert_eq!(seen.lock().len(), 1);
    assert_eq!(seen.lock()[0].json()["data"]["id"], second["id"]);
    world.finish().await;
}

#[tokio::test]
async fn a_hook_tells_the_end_only_to_whom_it_answered_too_soon() {
    let hooks = "hooks:\n  zaia:running: { input: /input, reply_within: 100ms }\n";
    let world = World::with(&format!("{CALLBACKS}{hooks}")).await;
    let (address, seen) = receiver(&[]).await;
    let url = format!("http://{address}/");
    let hook =
        |agent: &str| (format!("/v1/hooks/{agent}"), json!({ "input": "x", "callback": url }));
    let (path, body) = hook("acp:ok");
    world.post(&path, &body).await.expect(200);
    let (path, body) = hook("zaia:running");
    let late = world.post(&path, &body).await.expect(202).json();
    until("the late one is told", async || !seen.lock().is_empty()).await;
    assert_eq!(seen.lock().len(), 1);
    assert_eq!(seen.lock()[0].json()["data"]["id"], late["id"]);
    world.finish().await;
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused_before_there_is_a_run() {
    let world = World::start().await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://user:pass@example.com/",
        "https://10.1.2.3/",
        "https://[::ffff:10.1.2.3]/",
        "https://[64:ff9b::a01:203]/",
        "https://100.64.0.1/",
    ] {
        let body = json!({ "input": "Hello", "callback": { "url": url } });
        let problem = world.run("acp:ok", body).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], "callback.url", "{url}");
        assert!(!problem.to_string().contains("pass@"), "{problem}");
    }
    assert!(world.simulator.journal().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_callback_survives_a_restart_and_is_sent_once_by_several_gateways() {
    let (folder, section) = super::shared();
    let more = format!("{CALLBACKS}{section}");
    let one = World::with(&more).await;
    let two = World::with(&more).await;
    let (address, seen) = receiver(&[503]).await;
    let url = format!("http://{address}/");
    for n in 0..10 {
        let body = json!({ "callback": { "url": url } });
        keyed(&one, &format!("k{n}"), "acp:ok", body).await.expect(200);
    }
    until("nine are told", async || seen.lock().len() >= 10).await;
    one.finish().await;
    two.finish().await;
    // One of them failed, and is due in some seconds: another process sends it.
    let three = World::with(&more).await;
    until("the last one is told", async || seen.lock().len() == 11).await;
    let mut ids: Vec<String> =
        seen.lock().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    let id = in_background(&three, "acp:ok").await;
    until("it ends", async || run(&three, &id).await["status"] == "completed").await;
    three.finish().await;
    std::fs::remove_dir_all(folder).ok();
}
