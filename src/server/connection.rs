//! Speaks HTTP/1.1 and HTTP/2 on one connection, by hyper, and calls the service for each request.
//! `listen.rs` hands it accepted streams, TLS or not.
//!
//! What is wrong with a request's head is answered here by hyper alone, with a bare status and no
//! problem document, because there is no request yet: 400 (it cannot be read), 431 (it is larger
//! than `listen.header_bytes`, or has more than 100 fields), 414 (its target is over 64 KiB). A
//! head that does not arrive in time ends the connection without a word.
//!
//! Invariant: a caller that leaves drops its request's future, or its answer's body, at once. Over
//! HTTP/1.1 a caller that shuts down its sending side has left: a FIN is all that one sends who
//! goes, and who waits for an answer has no reason to send one.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::runtime::Handle as Runtime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::head_clock::{Arrived, HeadClock};
use super::stall::Watched;
use crate::config::Listen;
use crate::error::Error;
use crate::http::body::Body;
use crate::http::edge::address::Peer;
use crate::http::service::{HttpService, Served};
use crate::tasks::Tasks;

/// How a client begins that speaks HTTP/2 without having negotiated it (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// What edge proxies settle on: enough for any caller's requests, and nothing that one connection
// could make much memory of.
const STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// A peer that does not answer a ping has gone without saying so.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// hyper takes no smaller buffer.
const LEAST_BUFFER: usize = 8 * 1024;

/// The connections of one socket.
pub struct Connections {
    http1: http1::Builder,
    http2: http2::Builder<StreamTasks>,
    header_timeout: Duration,
    write_timeout: Duration,
    service: Served,
    closing: CancellationToken,
    leaving: CancellationToken,
    open: Tasks,
    /// What they are served on, from the first one on.
    runtime: Arc<OnceLock<Runtime>>,
}

impl Connections {
    /// Connections with these bounds, all calling `service`.
    pub fn new(listen: &Listen, service: Served, tasks: &Tasks) -> Arc<Self> {
        Arc::new(Self {
            http1: http1(listen),
            http2: http2(listen, tasks),
            header_timeout: listen.header_timeout,
            write_timeout: listen.write_timeout,
            service,
            closing: CancellationToken::new(),
            leaving: CancellationToken::new(),
            open: Tasks::default(),
            runtime: Arc::default(),
        })
    }

    /// Serves one connection from `peer` to its end, on a task of its own.
    pub fn serve<IO>(self: &Arc<Self>, io: IO, peer: Option<IpAddr>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.runtime.get_or_init(Runtime::current);
        let connections = Arc::clone(self);
        self.open.spawn("connection", async move { connections.speak(io, peer).await });
    }

    async fn speak<IO>(&self, mut io: IO, peer: Option<IpAddr>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let began = tokio::select! {
            began = tokio::time::timeout(self.header_timeout, beginning(&mut io)) => began,
            () = self.closing.cancelled() => return,
        };
        // Nothing was asked: nobody waits for an answer.
        let Ok(Ok(began)) = began else { return };
        let is_http2 = began.as_ref() == PREFACE;
        let arrived = Arrived::default();
        let io = TokioIo::new(Watched::new(io, began, self.write_timeout, arrived.clone()));
        let handle = Handle(self.service.clone(), peer.map(Peer), self.leaving.clone());
        // How a connection ends is the caller's affair: whatever it had asked has been answered,
        // logged and counted, or dropped.
        if is_http2 {
            let connection = self.http2.serve_connection(io, handle);
            let close = |c: Pin<&mut http2::Connection<_, _, _>>| c.graceful_shutdown();
            self.drive(Box::pin(connection), close, true).await.ok();
        } else {
            let clock = HeadClock { arrived, head: self.header_timeout };
            let connection = self.http1.clone().timer(clock).serve_connection(io, handle);
            let close = |c: Pin<&mut http1::Connection<_, _>>| c.graceful_shutdown();
            self.drive(Box::pin(connection), close, false).await.ok();
        }
    }

    /// The runtime that they are served on, known from the first one on.
    pub fn runtime(&self) -> Arc<OnceLock<Runtime>> {
        Arc::clone(&self.runtime)
    }

    /// Asks callers to come again elsewhere. An idle connection over HTTP/1.1 is kept for its next
    /// request, which would be lost if it met the end of the connection on its way.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Waits until none is open.
    pub async fn left(&self) {
        while !self.open.drained(self.header_timeout).await {}
    }

    /// Idle connections end now, others after the request that they are at. Waits for them, at
    /// most `within`.
    pub async fn close(&self, within: Duration) {
        self.closing.cancel();
        if !self.open.drained(within).await {
            tracing::debug!(connections = self.open.len(), "connections are cut off");
        }
    }

    async fn drive<C: Future>(
        &self,
        mut connection: Pin<Box<C>>,
        close: impl FnOnce(Pin<&mut C>),
        leaves_at_once: bool,
    ) -> C::Output {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.closing.cancelled() => {}
            () = self.leaving.cancelled(), if leaves_at_once => {}
        }
        close(connection.as_mut());
        connection.await
    }
}

fn http1(listen: &Listen) -> http1::Builder {
    let mut http1 = http1::Builder::new();
    http1
        // A head that has begun has another time, which each connection's own timer knows.
        .header_read_timeout(listen.idle_timeout)
        // Bounds the head, and what is buffered of an answer. (100 fields are hyper's default;
        // naming the number would move them to the heap.) Flushes are not put together for
        // pipelined requests: that holds a stream back while a next request waits behind it.
        .max_buf_size(listen.header_bytes.max(LEAST_BUFFER))
        .half_close(false);
    http1
}

fn http2(listen: &Listen, tasks: &Tasks) -> http2::Builder<StreamTasks> {
    let mut http2 = http2::Builder::new(StreamTasks(tasks.clone()));
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(listen.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http2
}

/// Reads until it is clear which protocol is spoken: the whole preface of HTTP/2, or the first
/// bytes that are not of it.
async fn beginning<IO: AsyncRead + Unpin>(io: &mut IO) -> std::io::Result<Bytes> {
    let mut seen = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() && seen.get(..length) == PREFACE.get(..length) {
        let Some(rest) = seen.get_mut(length..) else { break };
        match io.read(rest).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
    Ok(Bytes::copy_from_slice(seen.get(..length).unwrap_or_default()))
}

/// hyper's view of the service.
struct Handle(Served, Option<Peer>, CancellationToken);

impl hyper::service::Service<Request<Incoming>> for Handle {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::incoming);
        if let Some(peer) = self.1 {
            request.extensions_mut().insert(peer);
        }
        // Over HTTP/2 the connection itself says so.
        let leaving = (request.version() < Version::HTTP_2).then(|| self.2.clone());
        Answering { answer: self.0.now().oneshot(request), leaving }
    }
}

/// An answer that asks its caller to come again elsewhere, where this process is being left.
struct Answering {
    answer: Oneshot<HttpService, Request<Body>>,
    leaving: Option<CancellationToken>,
}

impl Future for Answering {
    type Output = Result<http::Response<Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut answered = ready!(Pin::new(&mut this.answer).poll(cx));
        if this.leaving.as_ref().is_some_and(CancellationToken::is_cancelled)
            && let Ok(answer) = &mut answered
        {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(answered)
    }
}

/// Where the streams of HTTP/2 connections run.
#[derive(Clone)]
struct StreamTasks(Tasks);

impl<F> hyper::rt::Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn("http2 stream", stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::gateway::listen;

    #[tokio::test]
    async fn what_waits_for_a_connection_is_small() {
        let service = HttpService::new(tower::service_fn(|_| async {
            Ok(http::Response::new(Body::empty()))
        }));
        let connections = Connections::new(&listen(), service.into(), &Tasks::default());
        let (near, _far) = tokio::io::duplex(1);
        let task = connections.speak(near, None);
        assert!(std::mem::size_of_val(&task) < 1_024, "{}", std::mem::size_of_val(&task));
    }
}
