//! A run happens once, outlives the gateway that drives it, and tells its end: keys, restarts,
//! several gateways on one store, callbacks, and the records that all of it leaves.

mod asked_again;
mod callbacks;
mod keys;
mod nodes;
mod records;

use std::time::Duration;

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::harness::{Answer, Event, PATIENCE, World};

/// A store that gateways of one test share.
pub fn shared() -> (std::path::PathBuf, String) {
    let folder = crate::harness::folder();
    let section = format!("store: {{ url: \"sqlite://{}/shared.db\" }}\n", folder.display());
    (folder, section)
}

/// Starts a run under a key.
pub async fn keyed(world: &World, key: &str, agent: &str, body: Value) -> Answer {
    let mut body = body;
    body["agent"] = agent.into();
    if body["input"].is_null() {
        body["input"] = "Hello".into();
    }
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    world.post_with("/v1/runs", &headers, &body.to_string()).await
}

/// Whether an answer says that an earlier request began its run.
pub fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|it| it == "true")
}

/// All events of a run from the beginning.
pub async fn events(world: &World, id: &str, after: Option<&str>) -> Vec<Event> {
    let mut request = world.request(Method::GET, &format!("/v1/runs/{id}/events"));
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    world.events(request.body(Full::default()).unwrap()).await.all().await
}

/// A run as it stands.
pub async fn run(world: &World, id: &str) -> Value {
    world.get(&format!("/v1/runs/{id}")).await.expect(200).json()
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A run that goes on by itself.
pub async fn in_background(world: &World, agent: &str) -> String {
    let body = json!({ "input": "Hello", "background": true });
    let run = world.run(agent, body).await.expect(202).json();
    run["id"].as_str().unwrap().to_owned()
}
