//! A gateway in front of simulated platforms, over real sockets on ports of their own.
//!
//! Invariant: every answer that a test gets has been held against the OpenAPI document, and
//! [`World::finish`] asserts that no task is left behind.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use serde_json::Value;
use switchyard::app::{App, Surrounding, Surroundings, load_text};
use switchyard::config::{Config, ConfiguredKey, Report, Secret};
use switchyard::model::scope::Scope;
use switchyard::simulator::server::{Running, Simulator};
use switchyard::simulator::stage::Options;
use switchyard::tasks::Tasks;

use crate::contract;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The four upstreams by name; `SIM` stands for the simulator's address.
const UPSTREAMS: &str = r#"
upstreams:
  make: { kind: make, base_url: "http://SIM/make/api/v2", team_id: 123, credential: "${env:KEY}" }
  zaia: { kind: zaia, base_url: "http://SIM/zaia", credential: "${env:KEY}" }
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}" }
  agentbase: { kind: agentbase, base_url: "http://SIM/agentbase", credential: "${env:KEY}" }
agents:
  support: { upstream: make, id: ok }
"#;

/// The key that tests call with unless they say otherwise, and its hash.
pub const KEY: &str = "test-key-of-the-suite-0123456789";
pub const KEY_HASH: &str =
    "sha256:ee32b6dd217b2597966c6f81021993c5b0d612308bdc616775b15484ef2d37a8";

/// What `${env:HOOK_SECRET}` and `${env:OLD_HOOK_SECRET}` stand for.
pub const HOOK_SECRET: &str = "whsec_bmV3ZXIgc2VjcmV0IG9mIGFsbCB0aGUgaG9va3Mh";
/// What seals the stores that several gateways share.
pub const STORE_KEY: &str = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE=";
pub const OLD_HOOK_SECRET: &str = "whsec_b2xkZXIgc2VjcmV0IG9mIGFsbCB0aGUgaG9va3Mh";

/// The names of the four upstreams.
pub const VENDORS: [&str; 4] = ["make", "zaia", "acp", "agentbase"];

/// A pretend environment.
pub struct Pretend;

impl Surroundings for Pretend {
    fn env(&self, name: &str) -> Option<String> {
        let secret = match name {
            "HOOK_SECRET" => HOOK_SECRET,
            "OLD_HOOK_SECRET" => OLD_HOOK_SECRET,
            "STORE_KEY" => STORE_KEY,
            _ => "6f1e8d3a-1111-4222-8333-444455556666",
        };
        Some(secret.to_owned())
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// A running gateway and what stands behind it.
pub struct World {
    pub simulator: Running,
    pub app: App,
    tasks: Tasks,
    client: Client<HttpConnector, Full<Bytes>>,
    folder: PathBuf,
    /// What a reload reads.
    written: Arc<Mutex<String>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Asserts a problem document of this code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let json = answer.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["request_id"], answer.header("x-request-id"));
        json
    }
}

/// An event of a stream.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

/// A stream that is being read, comment lines included.
pub struct Events {
    pub headers: HeaderMap,
    body: Incoming,
    buffer: BytesMut,
    pub comments: usize,
}

impl World {
    /// The default world.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// The default world with more configuration: whole sections that it does not have.
    pub async fn with(more: &str) -> Self {
        Self::configured(&format!("{UPSTREAMS}{more}")).await
    }

    /// A world of this configuration; `SIM` stands for the simulator's address.
    pub async fn configured(text: &str) -> Self {
        Self::cut(text, Some(seed()), Surrounding::system()).await
    }

    /// The same, at a time and with ids of the test's own.
    pub async fn surrounded(text: &str, surrounding: Surrounding) -> Self {
        Self::cut(text, Some(seed()), surrounding).await
    }

    /// The default world's configuration with more sections.
    pub fn text(more: &str) -> String {
        format!("{UPSTREAMS}{more}")
    }

    /// The same, with answers that are not cut at random borders, where speed matters.
    pub async fn uncut(text: &str) -> Self {
        Self::cut(text, None, Surrounding::system()).await
    }

    async fn cut(text: &str, seed: Option<u64>, surrounding: Surrounding) -> Self {
        let tasks = Tasks::default();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let simulator = Simulator::start(loopback, &tasks, Options { seed, ..Options::default() })
            .await
            .unwrap();
        let text = text.replace("SIM", &simulator.addr().to_string());
        let folder = folder();
        let written = Arc::new(Mutex::new(text));
        let source = {
            let (written, folder) = (Arc::clone(&written), folder.clone());
            move || {
                let text = written.lock();
                let mut config = load_text("test.yaml", &text, &Pretend)?;
                // A machine that is busy with other tests is no overload of this gateway.
                if !text.contains("overload:") {
                    config.overload.delay = PATIENCE;
                }
                furnish(&mut config, &folder);
                Ok(config)
            }
        };
        let config: Result<Config, Report> = source();
        let config = config.unwrap_or_else(|report| panic!("{report}"));
        let app =
            App::start_from(&config, Some(Box::new(source)), None, surrounding).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { simulator, app, tasks, client, folder, written }
    }

    /// Writes the configuration anew, for a reload; what it was.
    pub fn rewrite(&self, write: impl FnOnce(&str) -> String) -> String {
        let mut written = self.written.lock();
        let new = write(&written);
        std::mem::replace(&mut *written, new)
    }

    /// Sends a request and reads its whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.open(request).await;
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap();
        let body = body.unwrap().to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        contract::hold(&method, &path, &answer);
        answer
    }

    /// Sends a request and reads only the head of its answer.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let sent = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        sent.expect("no answer in time").unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Full::default()).unwrap()).await
    }

    pub async fn admin(&self, path: &str) -> Answer {
        let uri = format!("http://{}{path}", self.app.admin());
        let request = Request::get(uri).header("x-api-key", KEY);
        self.send(request.body(Full::default()).unwrap()).await
    }

    /// A request to the operators' socket, without a body where it is null.
    pub async fn operate(&self, method: Method, path: &str, body: &Value) -> Answer {
        let uri = format!("http://{}{path}", self.app.admin());
        let request = Request::builder().method(method).uri(uri).header("x-api-key", KEY);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header("content-type", "application/json");
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.json(path, body)).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::from(body.to_owned())).unwrap()).await
    }

    /// Opens a stream; it must be one.
    pub async fn stream(&self, path: &str, body: &Value) -> Events {
        self.events(self.json(path, body)).await
    }

    /// Opens a stream; it must be one.
    pub async fn events(&self, request: Request<Full<Bytes>>) -> Events {
        Events::of(self.open(request).await)
    }

    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        self.request_as(KEY, method, path)
    }

    /// A request with another credential; without any where it is empty.
    pub fn request_as(&self, key: &str, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.app.api());
        let request = Request::builder().method(method).uri(uri);
        if key.is_empty() {
            request
        } else {
            request.header("authorization", format!("Bearer {key}"))
        }
    }

    pub fn json(&self, path: &str, body: &Value) -> Request<Full<Bytes>> {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    }

    /// Runs an agent and waits for the whole answer.
    pub async fn run(&self, agent: &str, mut body: Value) -> Answer {
        body["agent"] = agent.into();
        self.post("/v1/runs", &body).await
    }

    /// Ends the world and asserts that nothing is left running.
    pub async fn finish(self) {
        drop(self.client);
        self.app.drain().await;
        self.simulator.shutdown();
        assert!(self.tasks.drained(PATIENCE).await, "the simulator has tasks left");
        std::fs::remove_dir_all(self.folder).ok();
    }
}

impl Events {
    /// Reads an answer that must be a stream.
    pub fn of(answer: Response<Incoming>) -> Self {
        let (head, body) = answer.into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["content-type"], "text/event-stream");
        Events { headers: head.headers, body, buffer: BytesMut::new(), comments: 0 }
    }

    /// The next event; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.take() {
                return Some(event);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.expect("no event in time")?;
            self.buffer.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }

    /// All events to the end of the stream.
    pub async fn all(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        assert!(self.buffer.is_empty(), "half an event is left: {:?}", self.buffer);
        events
    }

    /// A splitter of our own, so that a fault of the product's is not hidden by its twin here.
    fn take(&mut self) -> Option<Event> {
        loop {
            let text = std::str::from_utf8(&self.buffer).ok()?;
            let end = text.find("\n\n")?;
            let block = text[..end].to_owned();
            bytes::Buf::advance(&mut self.buffer, end + 2);
            let mut event = Event { name: String::new(), id: String::new(), data: Value::Null };
            let mut is_event = false;
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("event", name)) => event.name = name.to_owned(),
                    Some(("id", id)) => event.id = id.to_owned(),
                    Some(("data", data)) => {
                        is_event = true;
                        event.data = serde_json::from_str(data).unwrap();
                    }
                    _ if line.starts_with(':') => self.comments += 1,
                    _ => panic!("a line that is no field: {line}"),
                }
            }
            if is_event {
                return Some(event);
            }
        }
    }
}

/// A folder of a world's own, that no other process has left anything in.
pub fn folder() -> PathBuf {
    tempfile::tempdir().unwrap().keep()
}

/// Ports of its own, a store of its own, and the key that tests call with.
pub fn furnish(config: &mut Config, folder: &Path) {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    config.listen.api = loopback;
    config.listen.admin = loopback;
    let is_default = config.store.url.reveal() == "sqlite://data/switchyard.db";
    if is_default {
        config.store.url = Secret::new(format!("sqlite://{}/store.db", folder.display()));
    }
    config.identity.keys.push(ConfiguredKey {
        name: "n8n".to_owned(),
        workspace: "acme".to_owned(),
        hash: KEY_HASH.to_owned(),
        scopes: Scope::ALL.iter().copied().collect(),
        groups: Vec::new(),
        agents: None,
        class: None,
        expires_at: None,
    });
}

/// Where the simulator cuts its answers; printed, so that a failure can be had again.
pub fn seed() -> u64 {
    static SEED: LazyLock<u64> = LazyLock::new(|| {
        let given = std::env::var("SWITCHYARD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("SWITCHYARD_SEED={seed}");
        seed
    });
    *SEED
}

/// The names of events, in order.
pub fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// Asserts what holds for every unified stream: numbered from 1 without a gap, one end, last.
#[track_caller]
pub fn assert_orderly(events: &[Event]) -> &Value {
    const ENDS: [&str; 4] = ["run.completed", "run.incomplete", "run.failed", "run.cancelled"];
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.data["seq"], at + 1, "{:?}", names(events));
        assert_eq!(event.id, (at + 1).to_string());
        assert_eq!(event.data["type"], event.name.as_str());
        let is_last = at + 1 == events.len();
        assert_eq!(ENDS.contains(&event.name.as_str()), is_last, "{:?}", names(events));
    }
    &events.last().expect("an empty stream").data
}
