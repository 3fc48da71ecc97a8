//! `Idempotency-Key`: the same request under the same key is the same run.

use futures_util::future::join_all;
use http::Method;
use http_body_util::Full;
use serde_json::json;

use super::{is_replayed, keyed, run, shared};
use crate::harness::{Events, World, assert_orderly};
use crate::store::Place;

#[tokio::test]
async fn a_key_is_one_run_as_json_and_as_a_stream() {
    let world = World::start().await;
    let first = keyed(&world, "k1", "acp:tools", json!({})).await.expect(200);
    assert!(!is_replayed(&first));
    let again = keyed(&world, "k1", "acp:tools", json!({})).await.expect(200);
    assert!(is_replayed(&again));
    assert_eq!(again.json(), first.json());
    let body = json!({ "agent": "acp:tools", "input": "Hello", "stream": true }).to_string();
    let request = world.request(Method::POST, "/v1/runs").header("idempotency-key", "k1");
    let request = request.header("content-type", "application/json");
    let answer = world.open(request.body(Full::from(body)).unwrap()).await;
    assert_eq!(answer.headers()["idempotent-replayed"], "true");
    let streamed = Events::of(answer).all().await;
    assert_eq!(assert_orderly(&streamed)["run"], first.json());
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let world = World::start().await;
    keyed(&world, "k1", "acp:ok", json!({})).await.expect(200);
    for other in [json!({ "input": "Bye" }), json!({ "metadata": { "a": "b" } })] {
        let refused = keyed(&world, "k1", "acp:ok", other).await;
        let problem = refused.problem(422, "idempotency_key_reused");
        assert_eq!(problem["errors"][0]["path"], "Idempotency-Key");
    }
    keyed(&world, "k1", "acp:tools", json!({})).await.problem(422, "idempotency_key_reused");
    // How the answer is wanted makes no other request of it.
    let background = keyed(&world, "k1", "acp:ok", json!({ "background": true })).await;
    assert!(is_replayed(&background.expect(200)));
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_its_callers_and_its_operations() {
    let world = World::start().await;
    let first = keyed(&world, "k1", "acp:ok", json!({})).await.expect(200).json();
    let hook = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let body = json!({ "input": "Hello" }).to_string();
    let by_hook = world.post_with("/v1/hooks/acp:ok", &hook, &body).await.expect(200);
    assert_ne!(by_hook.json()["id"], first["id"]);
    let again = world.post_with("/v1/hooks/acp:ok", &hook, &body).await.expect(200);
    assert!(is_replayed(&again));
    assert_eq!(again.json()["id"], by_hook.json()["id"]);
    let acp = json!({ "input": "Hello" }).to_string();
    let path = "/acp/acme/agents/acp:ok/run";
    let one = world.post_with(path, &hook, &acp).await.expect(200);
    let two = world.post_with(path, &hook, &acp).await.expect(200);
    assert!(!is_replayed(&one) && is_replayed(&two));
    assert_eq!(world.simulator.journal().len(), 3);
    world.finish().await;
}

#[tokio::test]
async fn many_requests_at_once_are_one_run() {
    let world = World::start().await;
    let all = join_all((0..20).map(|_| keyed(&world, "k1", "acp:slow", json!({})))).await;
    let ids: std::collections::HashSet<String> =
        all.iter().map(|it| it.json()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(all.iter().filter(|answer| !is_replayed(answer)).count(), 1);
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_does_not_bind_a_key_and_neither_does_a_run_that_never_was_sent() {
    let world = World::start().await;
    let refused = json!({ "model": "gpt-4o" });
    keyed(&world, "k1", "acp:ok", refused).await.problem(422, "unsupported_by_upstream");
    keyed(&world, "k1", "acp:ok", json!({})).await.expect(200);
    // The platform said that it has too much to do, and took nothing.
    keyed(&world, "k2", "acp:rate-limited", json!({})).await.expect(429);
    let again = keyed(&world, "k2", "zaia:ok", json!({})).await.expect(200);
    assert!(!is_replayed(&again));
    // This one may have been accepted: it is the run of its key for good.
    let failed = keyed(&world, "k3", "make:failed", json!({})).await;
    let status = failed.status;
    let replayed = keyed(&world, "k3", "make:failed", json!({})).await;
    assert_eq!(replayed.status, status);
    assert!(is_replayed(&replayed));
    world.finish().await;
}

#[tokio::test]
async fn a_run_with_a_key_goes_on_when_its_caller_hangs_up() {
    let world = World::start().await;
    let body = json!({ "agent": "zaia:running", "input": "Hello", "stream": true }).to_string();
    let request = world.request(Method::POST, "/v1/runs").header("idempotency-key", "k1");
    let request = request.header("content-type", "application/json");
    let answer = world.open(request.body(Full::from(body)).unwrap()).await;
    let mut stream = Events::of(answer);
    let created = stream.next().await.unwrap();
    let id = created.data["run"]["id"].as_str().unwrap().to_owned();
    drop(stream);
    let again = keyed(&world, "k1", "zaia:running", json!({})).await.expect(200);
    assert_eq!(again.json()["id"], id.as_str());
    assert_eq!(again.json()["status"], "completed");
    world.finish().await;
}

/// The same key on another gateway, and on one that is started anew.
async fn across(section: &str) {
    let one = World::with(section).await;
    let two = World::with(section).await;
    let first = keyed(&one, "k1", "acp:tools", json!({})).await.expect(200);
    let other = keyed(&two, "k1", "acp:tools", json!({})).await.expect(200);
    assert!(is_replayed(&other));
    assert_eq!(other.json(), first.json());
    let both = tokio::join!(
        keyed(&one, "k2", "acp:slow", json!({})),
        keyed(&two, "k2", "acp:slow", json!({}))
    );
    assert_eq!(both.0.json()["id"], both.1.json()["id"]);
    let sent = one.simulator.journal().len() + two.simulator.journal().len();
    assert_eq!(sent, 2, "each key was sent once");
    one.finish().await;
    two.finish().await;
    let three = World::with(section).await;
    let later = keyed(&three, "k1", "acp:tools", json!({})).await.expect(200);
    assert!(is_replayed(&later));
    assert_eq!(later.json(), first.json());
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(run(&three, &id).await, first.json());
    three.finish().await;
}

#[tokio::test]
async fn a_key_holds_across_gateways_and_restarts() {
    let (folder, section) = shared();
    across(&section).await;
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn a_key_holds_across_gateways_on_a_server() {
    let Some(place) = Place::postgres().await else { return };
    across(&place.section()).await;
    place.leave([]).await;
}
