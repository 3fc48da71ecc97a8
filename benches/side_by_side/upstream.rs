//! The canned upstream: answers at once what an agent platform answers, in the shapes of the
//! simplest of them, a POST to `/bench/agents/{variant}/run`. A process of its own.
//!
//! Invariant: answers are made once, before the first request; a request costs reading it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use switchyard::tasks::Tasks;
use tokio::net::TcpListener;

use crate::Outcome;

/// What the one event of a held stream says; who opens streams waits for it.
pub(crate) const HELD: &str = "held open from here";

/// Text events of a `stream-100`, and all events with its end.
const TEXTS: u32 = 100;
pub(crate) const EVENTS_OF_A_STREAM: u64 = TEXTS as u64 + 1;

/// Serves until the process is ended.
#[tokio::main]
pub(crate) async fn serve(listen: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind(listen).await?;
    let answers = Arc::new(Answers::new());
    let tasks = Tasks::default();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        tasks.spawn("upstream connection", async move {
            let service = service_fn(move |request| {
                let answers = Arc::clone(&answers);
                async move { Ok::<_, Infallible>(answers.answer(request).await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service);
            // A peer that leaves in the middle is how held streams end.
            drop(served.await);
        });
    }
}

struct Answers {
    small: Bytes,
    large: Bytes,
    text: Bytes,
    end: Bytes,
    held: Bytes,
}

impl Answers {
    fn new() -> Self {
        Self {
            small: answer_of(800),
            large: answer_of(10_000),
            text: event(&json!({ "type": "text", "text": "and so it goes" })),
            end: event(&json!({
                "type": "done", "conversationId": "conv_5f1c",
                "usage": { "promptTokens": 812, "completionTokens": 240 },
            })),
            held: event(&json!({ "type": "text", "text": HELD })),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Canned> {
        let variant = request.uri().path().split('/').nth(3).unwrap_or_default().to_owned();
        let Ok(body) = request.into_body().collect().await else {
            return refusal("the body broke off");
        };
        let wants_stream = memchr::memmem::find(&body.to_bytes(), br#""stream":true"#).is_some();
        match (variant.as_str(), wants_stream) {
            ("small", false) => whole(self.small.clone()),
            ("large", false) => whole(self.large.clone()),
            ("delay-10ms", false) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                whole(self.large.clone())
            }
            ("stream-100", true) => stream(Canned::Events {
                text: self.text.clone(),
                left: TEXTS,
                end: Some(self.end.clone()),
                pause: false,
            }),
            ("hold", true) => stream(Canned::Held(Some(self.held.clone()))),
            _ => refusal("no such variant, or `stream` is not as it should be"),
        }
    }
}

fn answer_of(length: usize) -> Bytes {
    let body = json!({
        "id": "run_7c1d5e0a42b84b6c", "status": "completed",
        "output": crate::requests::prose(length), "conversationId": "conv_5f1c8a9e",
        "usage": {
            "promptTokens": 812, "completionTokens": 240, "toolCallCount": 0,
            "estimatedCostCents": 0.42, "model": "gpt-4o", "durationMs": 1250,
        },
        "stopReason": "goal_complete",
    });
    Bytes::from(body.to_string())
}

fn event(data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn respond(status: StatusCode, content_type: &'static str, body: Canned) -> Response<Canned> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn whole(body: Bytes) -> Response<Canned> {
    respond(StatusCode::OK, "application/json", Canned::Whole(Some(body)))
}

fn stream(body: Canned) -> Response<Canned> {
    respond(StatusCode::OK, "text/event-stream", body)
}

fn refusal(why: &str) -> Response<Canned> {
    let body = Bytes::from(json!({ "error": why }).to_string());
    respond(StatusCode::BAD_REQUEST, "application/json", Canned::Whole(Some(body)))
}

/// A canned body.
enum Canned {
    Whole(Option<Bytes>),
    /// Each event leaves by itself, as an agent's do: the body pauses after each, and hyper sends
    /// what it has when a body pauses.
    Events {
        text: Bytes,
        left: u32,
        end: Option<Bytes>,
        pause: bool,
    },
    Held(Option<Bytes>),
}

impl http_body::Body for Canned {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Whole(body) => body.take(),
            Self::Held(event) => match event.take() {
                None => return Poll::Pending,
                some => some,
            },
            Self::Events { text, left, end, pause } => {
                *pause = !*pause;
                if !*pause {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if *left == 0 {
                    end.take()
                } else {
                    *left -= 1;
                    Some(text.clone())
                }
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(Some(body)) => http_body::SizeHint::with_exact(body.len() as u64),
            Self::Whole(None) => http_body::SizeHint::with_exact(0),
            Self::Events { .. } | Self::Held(_) => http_body::SizeHint::default(),
        }
    }
}
