//! Agents over all four platforms: one API, whatever each of them makes of it.

use http::Method;
use http_body_util::Full;
use serde_json::Value;

use crate::harness::{Answer, World};
use crate::platform_contract;

mod caching;
mod lists;
mod platforms;
mod presets;
mod refused;

/// A request with a body and a condition, as far as there are any.
async fn ask(world: &World, method: Method, path: &str, if_match: &str, body: &Value) -> Answer {
    let mut request = world.request(method, path);
    if !if_match.is_empty() {
        request = request.header("if-match", if_match);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    world.send(request.body(Full::from(body)).unwrap()).await
}

async fn change(world: &World, path: &str, if_match: &str, body: Value) -> Answer {
    ask(world, Method::PATCH, path, if_match, &body).await
}

async fn delete(world: &World, path: &str, if_match: &str) -> Answer {
    ask(world, Method::DELETE, path, if_match, &Value::Null).await
}

/// The methods and paths that a platform was asked for, oldest first.
fn asked(world: &World, platform: &str) -> Vec<String> {
    let journal = world.simulator.journal();
    let of = journal.iter().filter(|received| received.platform == platform);
    of.map(|received| format!("{} {}", received.method, received.path())).collect()
}

/// Ends a world, once all that was sent about agents is found to be what the platforms publish.
async fn finish(world: World) {
    let mut held = 0;
    for received in world.simulator.journal() {
        let base = if received.platform == "make" { "/make/api/v2" } else { "/zaia" };
        let Some(target) = received.target.strip_prefix(base) else { continue };
        if target.contains("/execute") || target.contains("/run") {
            continue;
        }
        held += 1;
        let broken =
            platform_contract::broken(&received.platform, &received.method, target, &received.body);
        assert_eq!(broken, None);
    }
    assert!(held > 0, "nothing was held against what is published");
    world.finish().await;
}

fn ids(list: &Value) -> Vec<String> {
    let agents = list["data"].as_array().unwrap().iter();
    agents.map(|agent| agent["id"].as_str().unwrap().to_owned()).collect()
}
