//! Callers who do not give up: they ask in every way there is, and who has a key asks again under
//! it until there is an answer, of whichever gateway serves by then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use serde_json::{Value, json};
use switchyard::simulator::random::Random;

use super::journal::{ENDS, Journal};
use crate::harness::KEY;

/// Longer than any run takes, with the time until a gateway has closed it that was not killed before.
const PATIENCE: Duration = Duration::from_secs(45);
/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(15);

/// Where gateways are found, and what all clients share.
pub struct Town {
    pub api: Mutex<SocketAddr>,
    pub journal: Journal,
    /// No new request is begun; those under a key are brought to their end.
    pub closes: AtomicBool,
    next: AtomicUsize,
}

impl Town {
    pub fn new(api: SocketAddr) -> Self {
        let (journal, next) = (Journal::default(), AtomicUsize::new(0));
        Self { api: Mutex::new(api), journal, closes: AtomicBool::new(false), next }
    }

    fn api(&self) -> SocketAddr {
        *self.api.lock()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Whole,
    Stream,
    Background,
}

/// One caller.
pub struct Caller {
    town: Arc<Town>,
    http: Client<HttpConnector, Full<Bytes>>,
    random: Random,
    /// What it did last, for who wants to know why it waits.
    did: String,
}

impl Caller {
    pub fn new(town: Arc<Town>, seed: u64) -> Self {
        // What is sent again is sent again by this file alone.
        let http =
            Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        Self { town, http, random: Random::new(seed), did: String::new() }
    }

    /// Asks until the town closes.
    pub async fn live(mut self) {
        while !self.town.closes.load(Ordering::Relaxed) {
            let number = self.town.next.fetch_add(1, Ordering::Relaxed);
            let marker = format!("marker-{number:07}");
            let way = [Way::Whole, Way::Stream, Way::Background][self.below(3)];
            let key = (self.below(2) == 0).then(|| format!("key-{number:07}"));
            self.town.journal.asks(&marker, key.as_deref());
            let asking = self.ask(&marker, way, key.as_deref());
            if tokio::time::timeout(PATIENCE, asking).await.is_err() {
                let did = &self.did;
                let said = format!("{marker}, {way:?}, {key:?}: no end within {PATIENCE:?}; {did}");
                self.town.journal.fault(said);
            }
        }
    }

    fn below(&mut self, most: u64) -> usize {
        usize::try_from(self.random.number() % most).unwrap()
    }

    async fn ask(&mut self, marker: &str, way: Way, key: Option<&str>) {
        while self.attempt(marker, way, key).await.is_none() {
            self.town.journal.broke_off();
            // Who has no key cannot know whether the run happens: it is not asked for again.
            if key.is_none() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a request once. None where its answer broke off.
    async fn attempt(&mut self, marker: &str, way: Way, key: Option<&str>) -> Option<()> {
        let mut body =
            json!({ "agent": "acp:a", "input": marker, "metadata": { "marker": marker } });
        match way {
            Way::Whole => {}
            Way::Stream => body["stream"] = true.into(),
            Way::Background => body["background"] = true.into(),
        }
        let mut request = self.request(Method::POST, "/v1/runs");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json");
        self.did = format!("asked {}", self.town.api());
        let answer = self.send(request, body.to_string()).await?;
        self.did += &format!(", was answered {}", answer.status());
        match answer.status().as_u16() {
            200 if is_stream(&answer) => match self.read(marker, answer).await {
                Ok(()) => Some(()),
                Err(Some(place)) if self.below(2) == 0 => self.resume(marker, place).await,
                Err(_) => None,
            },
            200 => {
                let run = whole(answer).await?;
                if !self.town.journal.shown(marker, &run) {
                    self.town.journal.fault(format!("{marker} was answered half a run: {run}"));
                }
                Some(())
            }
            202 => {
                let run = whole(answer).await?;
                let has_ended = self.town.journal.shown(marker, &run);
                if has_ended || self.below(2) == 0 {
                    return Some(());
                }
                self.await_end(marker, run["id"].as_str()?).await;
                Some(())
            }
            status => {
                let problem = whole(answer).await?;
                self.town.journal.refused(marker, status, &problem);
                // Such refusals are told to be tried again; a run that failed so has ended.
                (status != 503 || problem["run_id"].is_string()).then_some(())
            }
        }
    }

    /// Looks at a run in the background until it has ended, whichever gateway answers.
    async fn await_end(&mut self, marker: &str, id: &str) {
        loop {
            tokio::time::sleep(4 * PAUSE).await;
            let request = self.request(Method::GET, &format!("/v1/runs/{id}"));
            let Some(answer) = self.send(request, String::new()).await else { continue };
            let status = answer.status().as_u16();
            let Some(run) = whole(answer).await else { continue };
            match status {
                200 if self.town.journal.shown(marker, &run) => return,
                200 | 503 => {}
                _ => return self.town.journal.fault(format!("{id} is answered {status}: {run}")),
            }
        }
    }

    /// Goes on reading a stream where it broke off, on whichever gateway.
    async fn resume(&mut self, marker: &str, place: (String, String)) -> Option<()> {
        let (run, mut last) = place;
        loop {
            tokio::time::sleep(PAUSE).await;
            let request = self.request(Method::GET, &format!("/v1/runs/{run}/events"));
            let request = request.header("last-event-id", &last);
            self.did = format!("read {run} on after {last} of {}", self.town.api());
            let Some(answer) = self.send(request, String::new()).await else { continue };
            self.did += &format!(", was answered {}", answer.status());
            match answer.status().as_u16() {
                200 => match self.read(marker, answer).await {
                    Ok(()) => return Some(()),
                    Err(place) => last = place.map_or(last, |(_, last)| last),
                },
                503 => {}
                // A run without a key is gone from the memory that had it: it is found as ended.
                status => {
                    let problem = whole(answer).await?;
                    self.town.journal.refused(marker, status, &problem);
                    return None;
                }
            }
        }
    }

    /// Reads a stream to its end; else the run and the last event that was read.
    async fn read(
        &self,
        marker: &str,
        answer: Response<Incoming>,
    ) -> Result<(), Option<(String, String)>> {
        let mut body = answer.into_body();
        let (mut buffer, mut place) = (BytesMut::new(), None);
        while let Some(Ok(frame)) = body.frame().await {
            buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block = String::from_utf8(buffer[..end].to_vec()).unwrap();
                buffer.advance(end + 2);
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = field("data: ") else { continue };
                let data: Value = serde_json::from_str(data).unwrap();
                let run = data["run_id"].as_str().unwrap().to_owned();
                self.town.journal.named(marker, &run);
                let name = data["type"].as_str().unwrap().strip_prefix("run.");
                if name.is_some_and(|name| ENDS.contains(&name)) {
                    self.town.journal.shown(marker, &data["run"]);
                    return Ok(());
                }
                place = Some((run, field("id: ").unwrap_or("0").to_owned()));
            }
        }
        Err(place)
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.town.api());
        Request::builder().method(method).uri(uri).header("x-api-key", KEY)
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: String,
    ) -> Option<Response<Incoming>> {
        self.http.request(request.body(Full::from(body)).unwrap()).await.ok()
    }
}

/// Whether an answer is a stream: a run that has failed before its first event is answered whole,
/// also to who asked for a stream.
fn is_stream(answer: &Response<Incoming>) -> bool {
    answer.headers().get("content-type").is_some_and(|it| it == "text/event-stream")
}

/// A whole answer, which is JSON. None where it broke off.
async fn whole(answer: Response<Incoming>) -> Option<Value> {
    let bytes = answer.into_body().collect().await.ok()?.to_bytes();
    Some(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}
