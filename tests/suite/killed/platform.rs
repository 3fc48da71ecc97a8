//! A platform that outlives every gateway: it answers as ACP does, after a while, and keeps a
//! journal of every run that it was asked for.
//!
//! Invariant: a run is in the journal before any byte of its answer is sent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use switchyard::simulator::random::Random;
use switchyard::tasks::Tasks;
use tokio_util::sync::CancellationToken;

/// Of so many runs one takes long, so that there is always one in flight.
const ONE_IS_SLOW: u64 = 40;

/// The platform.
pub struct Platform {
    pub addr: SocketAddr,
    stage: Arc<Stage>,
    stop: CancellationToken,
}

struct Stage {
    /// How often each run was asked for, by its marker.
    asked: Mutex<HashMap<String, usize>>,
    random: Mutex<Random>,
}

impl Platform {
    pub async fn start(seed: u64, tasks: &Tasks) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let random = Mutex::new(Random::new(seed));
        let stage = Arc::new(Stage { asked: Mutex::default(), random });
        let stop = CancellationToken::new();
        let (serving, until, within) = (Arc::clone(&stage), stop.clone(), tasks.clone());
        tasks.spawn("platform", async move {
            let accept = async {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    socket.set_nodelay(true).unwrap();
                    let (stage, stop) = (Arc::clone(&serving), until.clone());
                    let answer = service_fn(move |request| answer(Arc::clone(&stage), request));
                    within.spawn("platform's connection", async move {
                        let served =
                            http1::Builder::new().serve_connection(TokioIo::new(socket), answer);
                        // A gateway that is killed breaks its connections off.
                        stop.run_until_cancelled(served).await.map(Result::ok);
                    });
                }
            };
            until.run_until_cancelled(accept).await;
        });
        Self { addr, stage, stop }
    }

    /// How often each run was asked for, by its marker.
    pub fn asked(&self) -> HashMap<String, usize> {
        self.stage.asked.lock().clone()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    stage: Arc<Stage>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let body: Value =
        serde_json::from_slice(&request.into_body().collect().await?.to_bytes()).unwrap();
    let marker = body["input"].as_str().unwrap().to_owned();
    *stage.asked.lock().entry(marker.clone()).or_default() += 1;
    let (pause, gap) = stage.pauses();
    tokio::time::sleep(pause).await;
    let (media_type, pieces) = match body["stream"].as_bool() {
        Some(true) => ("text/event-stream", events(&marker)),
        Some(false) | None => ("application/json", vec![whole(&marker)]),
    };
    let body = stream::unfold((pieces.into_iter(), gap), |(mut left, gap)| async move {
        let next = left.next()?;
        tokio::time::sleep(gap).await;
        Some((Ok(Frame::data(Bytes::from(next))), (left, gap)))
    });
    let body = StreamBody::new(Box::pin(body)).boxed_unsync();
    Ok(Response::builder().header("content-type", media_type).body(body).unwrap())
}

impl Stage {
    /// How long until the answer begins, and between its parts.
    fn pauses(&self) -> (Duration, Duration) {
        let mut random = self.random.lock();
        let mut below = |most: u64| Duration::from_millis(random.number() % most);
        let is_slow = below(ONE_IS_SLOW).is_zero();
        (below(if is_slow { 2_000 } else { 60 }), below(if is_slow { 300 } else { 20 }))
    }
}

/// What a run answers: its marker, so that no caller can take another's answer for its own.
pub fn said(marker: &str) -> String {
    format!("done with {marker}")
}

fn whole(marker: &str) -> String {
    json!({ "id": format!("native-{marker}"), "status": "completed", "output": said(marker),
        "conversationId": "c", "stopReason": "goal_complete",
        "usage": { "promptTokens": 3, "completionTokens": 4 } })
    .to_string()
}

fn events(marker: &str) -> Vec<String> {
    let event = |data: Value| format!("data: {data}\n\n");
    let mut events: Vec<String> = said(marker)
        .split_inclusive(' ')
        .map(|word| event(json!({ "type": "text", "text": word })))
        .collect();
    let usage = json!({ "promptTokens": 3, "completionTokens": 4 });
    events.push(event(json!({ "type": "done", "conversationId": "c", "usage": usage })));
    events
}
