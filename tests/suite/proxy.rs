//! The reverse proxy: callers who speak a platform's own API, in front of a peer that writes down
//! every byte that it gets, and of the simulated platforms.

mod allowed;
mod manners;
mod peer;
mod private;
mod runs;
mod sdks;
mod smuggling;
mod streams;

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::harness::{Answer, PATIENCE, World};
use peer::Peer;

/// The credential that the platform is to see.
pub const CREDENTIAL: &str = "6f1e8d3a-1111-4222-8333-444455556666";

/// A gateway in front of the peer, whose API is below `/base`; everything below `/open` passes
/// besides the documented calls.
pub async fn world_before(peer: &Peer, more: &str) -> World {
    let upstream = format!(
        "upstreams:\n  up: {{ kind: acp, base_url: \"http://{}/base\", workspace: acme, \
         credential: \"${{env:KEY}}\", proxy: {{ allow: [documented, \"* /open/**\"] }} }}\n",
        peer.address
    );
    World::configured(&format!("{upstream}{more}")).await
}

/// Sends a request and reads its whole answer, whatever it is.
pub async fn send(world: &World, request: Request<Full<bytes::Bytes>>) -> Answer {
    whole(world.open(request).await).await
}

/// Reads a whole answer.
pub async fn whole(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap();
    Answer { status: head.status, headers: head.headers, body: body.to_bytes() }
}

/// Asks for something by the proxy, with JSON unless it is null.
pub async fn ask(world: &World, method: Method, path: &str, body: &Value) -> Answer {
    let request = world.request(method, path).header("content-type", "application/json");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(world, request.body(Full::from(body)).unwrap()).await
}

/// The records of the audit that fit, newest first.
pub async fn records(world: &World, query: &str) -> Vec<Value> {
    let page = world.admin(&format!("/admin/audit?{query}")).await.expect(200).json();
    let data = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
    data.iter().map(|item| item["record"].clone()).collect()
}

/// Nothing.
pub fn none() -> Value {
    json!(null)
}
