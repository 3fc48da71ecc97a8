//! The canned upstream: after 10 ms it answers what an agent platform or a model's API answers,
//! each in its own shape, with 10 KiB of text. A process of its own.
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
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use switchyard::tasks::Tasks;
use tokio::net::TcpListener;

use crate::Outcome;
use crate::requests::prose;

/// What a held stream says first; who opens streams waits for it.
pub(crate) const HELD: &str = "held open from here";
/// Text events of a stream.
pub(crate) const TEXTS: usize = 100;
/// Characters of text in all, of a stream too.
pub(crate) const TEXT: usize = 10_000;
/// How long an agent thinks.
const THINKS: Duration = Duration::from_millis(10);

/// Serves until the process is ended.
#[tokio::main]
pub(crate) async fn serve(listen: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind(listen).await?;
    let agent = Arc::new(Answers::of_an_agent());
    let model = Arc::new(Answers::of_a_model());
    let tasks = Tasks::default();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (agent, model) = (Arc::clone(&agent), Arc::clone(&model));
        tasks.spawn("upstream connection", async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let is_model = request.uri().path().ends_with("/chat/completions");
                let answers = Arc::clone(if is_model { &model } else { &agent });
                async move { answers.answer(request).await }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service);
            // A peer that leaves in the middle is how held streams end.
            drop(served.await);
        });
    }
}

struct Answers {
    whole: Bytes,
    stream: Vec<Bytes>,
    held: Bytes,
}

impl Answers {
    fn of_an_agent() -> Self {
        let whole = json!({
            "id": "run_7c1d5e0a42b84b6c", "status": "completed",
            "output": prose(TEXT), "conversationId": "conv_5f1c8a9e",
            "usage": { "promptTokens": 812, "completionTokens": 2400 },
        });
        let text = |text: &str| json!({ "type": "text", "text": text });
        let mut stream: Vec<Bytes> = pieces().iter().map(|it| event(&text(it))).collect();
        stream.push(event(&json!({
            "type": "done", "conversationId": "conv_5f1c8a9e",
            "usage": { "promptTokens": 812, "completionTokens": 2400 },
        })));
        Self { whole: whole.to_string().into(), stream, held: event(&text(&held())) }
    }

    fn of_a_model() -> Self {
        let usage =
            json!({ "prompt_tokens": 812, "completion_tokens": 2400, "total_tokens": 3212 });
        let whole = json!({
            "id": "chatcmpl-7c1d5e0a", "object": "chat.completion", "created": 1_760_000_000,
            "model": "canned", "usage": usage,
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": { "role": "assistant", "content": prose(TEXT) },
            }],
        });
        let chunk = |delta: Value, reason: Value| {
            event(&json!({
                "id": "chatcmpl-7c1d5e0a", "object": "chat.completion.chunk",
                "created": 1_760_000_000, "model": "canned",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
            }))
        };
        let text = |text: &str| chunk(json!({ "role": "assistant", "content": text }), Value::Null);
        let mut stream: Vec<Bytes> = pieces().iter().map(|it| text(it)).collect();
        stream.push(chunk(json!({}), json!("stop")));
        stream.push(Bytes::from_static(b"data: [DONE]\n\n"));
        Self { whole: whole.to_string().into(), stream, held: text(&held()) }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Canned>, Infallible> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.map(|it| it.to_bytes()).unwrap_or_default();
        let has = |what: &str| {
            path.contains(what) || memchr::memmem::find(&body, what.as_bytes()).is_some()
        };
        tokio::time::sleep(THINKS).await;
        let (content_type, left, stays) = if has("hold") {
            ("text/event-stream", vec![self.held.clone()], true)
        } else if has("stream-100") {
            ("text/event-stream", self.stream.clone(), false)
        } else {
            ("application/json", vec![self.whole.clone()], false)
        };
        let length = (content_type == "application/json").then_some(self.whole.len() as u64);
        let body = Canned { left: left.into_iter(), stays, pause: false, length };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Ok(response)
    }
}

/// The text of a stream, cut.
fn pieces() -> Vec<String> {
    let text: Vec<char> = prose(TEXT).chars().collect();
    text.chunks(TEXT / TEXTS).map(|piece| piece.iter().collect()).collect()
}

/// What follows is more than a gateway holds back to look at it.
fn held() -> String {
    format!("{HELD}. {}", prose(400))
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// A canned body. Each event leaves by itself, as an agent's do: the body pauses after each, and
/// hyper sends what it has when a body pauses.
struct Canned {
    left: std::vec::IntoIter<Bytes>,
    stays: bool,
    pause: bool,
    length: Option<u64>,
}

impl http_body::Body for Canned {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.pause = self.length.is_none() && !self.pause;
        if self.pause {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.left.next() {
            None if self.stays => Poll::Pending,
            next => Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map(http_body::SizeHint::with_exact).unwrap_or_default()
    }
}
