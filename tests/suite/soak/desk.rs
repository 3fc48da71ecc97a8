//! How the callers of a soak ask: each answer must come in time and is held against the OpenAPI
//! document, each stream must be whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::ledger::Ledger;
use crate::contract;
use crate::harness::{Answer, Event, Events, KEY, PATIENCE, assert_orderly};

/// Connections of callers' own, all gone when it is dropped.
pub struct Desk {
    pub api: SocketAddr,
    admin: SocketAddr,
    /// Where callbacks are received.
    pub receiver: SocketAddr,
    pub ledger: Arc<Ledger>,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Desk {
    pub fn new(
        api: SocketAddr,
        admin: SocketAddr,
        receiver: SocketAddr,
        ledger: &Arc<Ledger>,
    ) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { api, admin, receiver, ledger: Arc::clone(ledger), http }
    }

    pub fn request(&self, key: &str, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.api);
        let request = Request::builder().method(method).uri(uri).header("x-api-key", key);
        request.header("content-type", "application/json")
    }

    /// A request with a body of JSON.
    pub fn json(&self, path: &str, body: &Value) -> Request<Full<Bytes>> {
        let request = self.request(KEY, Method::POST, path);
        request.body(Full::from(body.to_string())).unwrap()
    }

    /// Sends a request and reads the head of its answer.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let asked = format!("{} {}", request.method(), request.uri());
        let sent = tokio::time::timeout(2 * PATIENCE, self.http.request(request)).await;
        let sent = sent.unwrap_or_else(|_| panic!("no answer: {asked}"));
        sent.unwrap_or_else(|error| {
            panic!("{asked}: {error}: {:?}", std::error::Error::source(&error))
        })
    }

    /// Sends a request and reads its whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = whole(self.open(request).await).await;
        contract::hold(&method, &path, &answer);
        answer
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.json(path, body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(KEY, Method::GET, path).body(Full::default()).unwrap()).await
    }

    /// A request to the operators' socket, without a body where it is null.
    pub fn operation(&self, method: Method, path: &str, body: &Value) -> Request<Full<Bytes>> {
        let uri = format!("http://{}{path}", self.admin);
        let request = Request::builder().method(method).uri(uri).header("x-api-key", KEY);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request.header("content-type", "application/json").body(Full::from(body)).unwrap()
    }

    pub async fn metrics(&self) -> String {
        let request = self.operation(Method::GET, "/metrics", &Value::Null);
        self.send(request).await.expect(200).text()
    }
}

/// Reads a whole answer, which must come to its end.
pub async fn whole(answer: Response<Incoming>) -> Answer {
    let (head, body) = answer.into_parts();
    let body = tokio::time::timeout(2 * PATIENCE, body.collect()).await;
    let body = body.expect("an answer has no end").expect("an answer broke off").to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

/// How a run ended that was answered as a stream, or refused before it began. Its reader pauses
/// after each of the first events; some streams have thousands.
pub async fn end_of_stream(answer: Response<Incoming>, pause: Duration) -> String {
    if answer.status() != 200 {
        return outcome(&whole(answer).await);
    }
    let mut stream = Events::of(answer);
    let mut events: Vec<Event> = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
        if events.len() < 40 {
            tokio::time::sleep(pause).await;
        }
    }
    of_run(&assert_orderly(&events)["run"])
}

/// How a run ended that was answered whole, or with a problem.
pub fn outcome(answer: &Answer) -> String {
    let json = answer.json();
    if answer.status.is_success() {
        return of_run(&json);
    }
    let code = json["code"].as_str();
    code.map_or_else(|| answer.status.as_u16().to_string(), str::to_owned)
}

/// The status of a run, or the code of its failure.
pub fn of_run(run: &Value) -> String {
    let status = run["status"].as_str().unwrap();
    run["error"]["code"].as_str().unwrap_or(status).to_owned()
}
