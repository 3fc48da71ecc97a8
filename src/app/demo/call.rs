//! Makes one call of the demo over a connection of its own and prints the answer: a stream line by
//! line as it comes, anything else when it is whole.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::print::{self, say};
use super::script::Shown;

/// What later calls need of an answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) run_id: Option<String>,
    pub(super) thread_id: Option<String>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(super) async fn call(
    to: SocketAddr,
    shown: &Shown,
    key: &str,
    path: &str,
    body: String,
) -> Result<Answer, Failure> {
    let stream = tokio::net::TcpStream::connect(to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let method = if shown.is_post { Method::POST } else { Method::GET };
    let mut request = Request::builder().method(method).uri(path).header("host", to.to_string());
    if !key.is_empty() {
        request = request.header("x-api-key", key);
    }
    if let Some(media_type) = shown.media_type {
        request = request.header("content-type", media_type);
    }
    for (name, value) in shown.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body)))?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        say(&head.status.to_string());
        if head.headers.contains_key("idempotent-replayed") {
            say("idempotent-replayed: true");
        }
        let media_type = head.headers.get("content-type").map(|value| value.as_bytes());
        if media_type == Some(b"text/event-stream") {
            show_stream(body).await?;
            return Ok(Answer { status: head.status, run_id: None, thread_id: None });
        }
        let body = body.collect().await?.to_bytes();
        say(&print::whole(&body, shown.only));
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Answer { status: head.status, run_id: id("id"), thread_id: id("thread_id") })
    };
    // The connection is driven here, beside the exchange, and ends with it.
    tokio::pin!(connection);
    tokio::select! {
        answer = exchange => answer,
        gone = &mut connection => Err(format!("the connection ended: {gone:?}").into()),
    }
}

async fn show_stream(mut body: Incoming) -> Result<(), Failure> {
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        rest.extend_from_slice(&data);
        // Only whole lines, so that no letter is cut in two.
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        let after = rest.split_off(end + 1);
        String::from_utf8_lossy(&rest).lines().for_each(|line| say(&print::line(line)));
        rest = after;
    }
    Ok(())
}
