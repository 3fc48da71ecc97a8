//! The one outgoing HTTP client: HTTP/1.1 and h2 over TCP or TLS, with a bounded pool. It is the
//! innermost of every UPSTREAM stack, one for each upstream.
//!
//! Invariant: a request is sent once. The pool tries again only where a kept connection was gone
//! before a byte of the request was written.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::{BoxError, Service};

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;

/// Kept connections that serve nobody; more are closed after their answer.
const IDLE_CONNECTIONS: usize = 128;
/// How long they are kept: below the time after which platforms and their CDNs close them.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// An answer's head, and the most that is read ahead of a slow reader. HTTP/1 only.
const READ_BUFFER: usize = 64 * 1024;
/// What h2 lets a platform send ahead of a slow reader.
const H2_WINDOW: u32 = 64 * 1024;

/// What the system takes of a platform ahead of a slow reader. Left alone it grows to tens of
/// megabytes a connection; this is enough for more than 1 MB/s at a round trip of 100 ms.
const SOCKET_BUFFER: usize = 128 * 1024;

/// The client of one upstream.
#[derive(Clone, Debug)]
pub struct Client {
    upstream: Arc<str>,
    inner: legacy::Client<Timed<HttpsConnector<HttpConnector>>, Body>,
}

impl Client {
    /// A client for the upstream of this name; `connect` is the connect clock: name resolution,
    /// TCP and TLS together.
    pub fn new(upstream: &str, connect: Duration) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_recv_buffer_size(Some(SOCKET_BUFFER));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|cause| Error::new(Kind::Internal, "TLS cannot be set up").caused_by(cause))?
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(READ_BUFFER)
            .http2_initial_stream_window_size(H2_WINDOW)
            .build(Timed { inner: tls, within: connect });
        Ok(Self { upstream: upstream.into(), inner })
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let upstream = Arc::clone(&self.upstream);
        let answer = self.inner.request(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => {
                    Ok(response.map(|body| Body::stream(UpstreamBody { body, upstream })))
                }
                Err(cause) => Err(failure(&upstream, cause)),
            }
        })
    }
}

/// The cause of an [`Error`] when there was no connection, so that nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("not connected")]
struct NotConnected(#[source] legacy::Error);

/// Whether an error of [`Client`] says that the platform was not reached: nothing was sent.
pub fn is_not_connected(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<NotConnected>())
}

/// The error of the request's body, where that is why it could not be sent.
fn of_the_body(cause: &legacy::Error) -> Option<Error> {
    let mut next = std::error::Error::source(cause);
    while let Some(cause) = next {
        if let Some(own) = cause.downcast_ref::<Error>() {
            return Some(own.clone());
        }
        next = cause.source();
    }
    None
}

fn failure(upstream: &str, cause: legacy::Error) -> Error {
    if cause.is_connect() {
        let message = format!("upstream `{upstream}` cannot be connected to");
        return Error::new(Kind::UpstreamUnavailable, message)
            .upstream(upstream, None, None)
            .caused_by(NotConnected(cause));
    }
    // A request whose own body broke off is no fault of the platform's, and must not look like one:
    // a caller could have the platform left alone.
    if let Some(own) = of_the_body(&cause) {
        return own;
    }
    let inner = std::error::Error::source(&cause).and_then(|inner| inner.downcast_ref());
    let what = match inner.map(hyper::Error::is_parse) {
        Some(true) => "answered with what is not HTTP",
        _ => "closed the connection before it answered",
    };
    Error::new(Kind::UpstreamProtocol, format!("upstream `{upstream}` {what}"))
        .upstream(upstream, None, None)
        .caused_by(cause)
}

/// A platform's answer as it arrives.
struct UpstreamBody {
    body: hyper::body::Incoming,
    upstream: Arc<str>,
}

impl http_body::Body for UpstreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx).map_err(|cause| {
            let message = format!("upstream `{}` broke its answer off", self.upstream);
            Error::new(Kind::UpstreamProtocol, message)
                .upstream(&self.upstream, None, None)
                .caused_by(cause)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A connector with a clock over all that it does.
#[derive(Clone, Debug)]
struct Timed<C> {
    inner: C,
    within: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.within, self.inner.call(uri));
        Box::pin(async move { connecting.await?.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    /// A platform that takes one request, answers with these bytes and closes.
    fn platform(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0u8; 4096];
            let _read = stream.read(&mut head).unwrap();
            stream.write_all(answer).unwrap();
        });
        address
    }

    async fn get(uri: String) -> Result<Response<Body>> {
        let client = Client::new("up", Duration::from_millis(200)).unwrap();
        client.oneshot(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn an_answer_comes_with_its_body() {
        let at = platform(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
        let response = get(format!("http://{at}/")).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hi");
    }

    #[tokio::test]
    async fn a_refused_connection_says_that_nothing_was_sent() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = get(format!("http://{free}/")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamUnavailable);
        assert_eq!(error.upstream_fault().unwrap().name, "up");
        assert!(is_not_connected(&error));
    }

    #[tokio::test]
    async fn a_tls_handshake_without_answer_runs_into_the_connect_clock() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let error = get(format!("https://{at}/")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamUnavailable);
        assert!(is_not_connected(&error));
    }

    #[tokio::test]
    async fn what_breaks_after_sending_is_told_from_what_breaks_before() {
        let cases: [(&[u8], &str); 3] = [
            (b"", "closed the connection"),
            (b"SSH-2.0-x\r\n\r\n", "not HTTP"),
            (b"HTTP/1.1 200 OK\r\nx", "closed the connection"),
        ];
        for (answer, expected) in cases {
            let error = get(format!("http://{}/", platform(answer))).await.unwrap_err();
            assert_eq!(error.kind(), Kind::UpstreamProtocol);
            assert!(error.message().contains(expected), "{error:?}");
            assert!(!is_not_connected(&error));
        }
    }

    #[tokio::test]
    async fn a_request_whose_body_breaks_off_is_not_the_platforms_fault() {
        let broken = Err(Error::new(Kind::RequestTimeout, "late"));
        let pieces = [Ok(http_body::Frame::data(Bytes::from("a"))), broken];
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let client = Client::new("up", Duration::from_secs(1)).unwrap();
        let request = Request::post(format!("http://{at}/")).body(Body::stream(body)).unwrap();
        let error = client.oneshot(request).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RequestTimeout);
        assert!(!is_not_connected(&error));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_platforms_fault() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            let response = get(format!("http://{}/", platform(answer))).await.unwrap();
            let error = response.into_body().collect().await.unwrap_err();
            assert_eq!(error.kind(), Kind::UpstreamProtocol);
            assert!(error.message().contains("`up` broke its answer off"));
        }
    }

    #[tokio::test]
    async fn a_dropped_answer_closes_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0u8; 4096];
            let _read = stream.read(&mut head).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
                .unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.read(&mut head).map(|read| read == 0)
        });
        let client = Client::new("up", Duration::from_secs(1)).unwrap();
        let service = crate::http::service::UpstreamService::new(client);
        let request = Request::get(format!("http://{at}/")).body(Body::empty()).unwrap();
        let mut response = service.oneshot(request).await.unwrap();
        assert!(response.body_mut().frame().await.unwrap().is_ok());
        drop(response);
        let closed = tokio::task::spawn_blocking(move || peer.join().unwrap()).await.unwrap();
        assert!(matches!(closed, Ok(true)), "the platform heard nothing of it");
    }
}
