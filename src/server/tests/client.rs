//! Clients that show bytes and frames as they come.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP/1.1 connection as text.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until what was read ends with `end`.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.expect("in time");
            let seen = String::from_utf8_lossy(&text);
            text.push(byte.unwrap_or_else(|error| panic!("{error} after {seen:?}")));
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads what comes until the other side closes, a reset included.
    pub(super) async fn rest(&mut self) -> String {
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = timeout(PATIENCE, self.0.read(&mut chunk)).await.unwrap() {
            text.extend_from_slice(&chunk[..read]);
        }
        String::from_utf8(text).unwrap()
    }

    /// Asks for `path` and gives head and body of the answer, which has a length.
    pub(super) async fn get(&mut self, path: &str) -> (String, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        let head = self.until("\r\n\r\n").await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        timeout(PATIENCE, self.0.read_exact(&mut body)).await.unwrap().unwrap();
        (head, String::from_utf8(body).unwrap())
    }
}

/// HTTP/2 with prior knowledge over any stream.
pub(super) async fn http2<IO>(io: IO) -> SendRequest<Full<Bytes>>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .unwrap();
    crate::tasks::Tasks::default().spawn("client", async { connection.await.unwrap_or_default() });
    send
}

pub(super) fn post(path: &str, body: &'static str) -> http::Request<Full<Bytes>> {
    let uri = format!("http://localhost{path}");
    http::Request::post(uri).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}
