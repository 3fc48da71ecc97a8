//! Callers for the tests of who may do what: keys made by the admin API, requests with any
//! credential, and patience with what takes effect soon.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::harness::{Answer, World, folder};
use crate::tokens::forge::with;

/// Within which a change of keys and tokens is in force on every node.
pub const IN_FORCE: Duration = Duration::from_secs(1);

/// Asks again until it holds.
#[track_caller]
pub fn eventually<'a>(
    what: &'a str,
    within: Duration,
    mut holds: impl AsyncFnMut() -> bool + 'a,
) -> impl Future<Output = ()> + 'a {
    let place = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < within, "{place}: not within {within:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A key that was made.
pub struct Made {
    pub id: String,
    pub secret: String,
}

/// Makes a key by the admin API and waits until it is known. It may read and write runs and read
/// agents, unless `changes` says otherwise.
pub async fn make_key(world: &World, name: &str, changes: Value) -> Made {
    let scopes = ["runs:read", "runs:write", "agents:read"];
    let usual = json!({ "name": name, "workspace": "acme", "scopes": scopes });
    let made = world.operate(Method::POST, "/admin/keys", &with(&usual, &changes)).await;
    let made = made.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let made = Made { id: text("id"), secret: text("secret") };
    eventually("the new key is known", IN_FORCE, async || {
        status(world, &made.secret, "/v1/runs").await != 401
    })
    .await;
    made
}

/// Sends a request with this credential, on the callers' socket; without a body where it is null.
pub async fn ask(world: &World, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = world.request_as(key, method, path).header("content-type", "application/json");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.send(request.body(Full::from(body)).unwrap()).await
}

/// Reads something with this credential.
pub async fn get(world: &World, key: &str, path: &str) -> Answer {
    ask(world, key, Method::GET, path, &Value::Null).await
}

/// The status with which something is read.
pub async fn status(world: &World, key: &str, path: &str) -> u16 {
    get(world, key, path).await.status.as_u16()
}

/// Runs an agent with this credential.
pub async fn run_as(world: &World, key: &str, agent: &str, changes: Value) -> Answer {
    let body = with(&json!({ "agent": agent, "input": "Hello" }), &changes);
    ask(world, key, Method::POST, "/v1/runs", &body).await
}

/// What a caller can tell two answers apart by, but for the id that it sent itself.
pub fn seen(answer: &Answer, id: &str) -> (u16, Vec<(String, String)>, String) {
    const OWN: [&str; 4] = ["x-request-id", "traceparent", "server-timing", "date"];
    let text = |headers: &HeaderMap| -> Vec<(String, String)> {
        let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        headers.iter().map(field).filter(|(name, _)| !OWN.contains(&name.as_str())).collect()
    };
    let own = answer.header("x-request-id");
    let body = answer.text().replace(id, "ID").replace(own, "REQUEST");
    (answer.status.as_u16(), text(&answer.headers), body)
}

/// The hash under which a foreign secret is registered.
pub fn sha256(secret: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// The value of `webhook-signature` for a message, as its sender makes it.
pub fn sign_webhook(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let secret = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
    let tag = ring::hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

/// A folder that is gone with its test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        Self(folder())
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A folder with the starter policies and one file more.
pub fn policies(more: &str) -> Folder {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    let folder = Folder::new();
    for file in std::fs::read_dir(starter).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "cedar") {
            std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
    }
    write_policies(&folder, more);
    folder
}

/// Puts other policies beside the starter's.
pub fn write_policies(folder: &Path, more: &str) {
    // Moved into place, so that no half of it is read.
    std::fs::write(folder.join(".more"), more).unwrap();
    std::fs::rename(folder.join(".more"), folder.join("more.cedar")).unwrap();
}
