//! A platform on a raw socket: it reads requests by RFC 9112 alone, fails on whatever is framed in
//! two ways, and keeps the exact bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Request line and fields, each line without its end.
    pub head: Vec<String>,
    /// Its body, unframed.
    pub body: Vec<u8>,
    /// How that was framed: `none`, `length` or `chunked`.
    pub framing: &'static str,
}

impl Seen {
    pub fn line(&self) -> &str {
        &self.head[0]
    }

    /// The values of a field, in order.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        let fields = self.head[1..].iter().map(|line| line.split_once(':').unwrap());
        let own = fields.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.trim()).collect()
    }
}

/// How it answers a request.
pub type Answers = Arc<dyn Fn(&Seen) -> Vec<u8> + Send + Sync>;

pub struct Peer {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Peer {
    /// One that answers each request with these bytes.
    pub async fn answering(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer): (_, Answers) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(speak(socket, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self { address, seen, task }
    }

    /// One that answers everything with 200 and `ok`.
    pub async fn start() -> Self {
        Self::answering(|_| ok("text/plain", "ok")).await
    }

    /// What came since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock())
    }

    /// The only request since the last time.
    #[track_caller]
    pub fn only(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with its length.
pub fn ok(media_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An answer in chunks, cut at these borders.
pub fn chunked(media_type: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\n");
    let mut bytes = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

async fn speak(mut socket: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Answers) {
    let mut buffer = Vec::new();
    while let Some(seen) = request(&mut socket, &mut buffer).await {
        let bytes = answer(&seen);
        log.lock().push(seen);
        if socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    let read = socket.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&chunk[..read]);
    Some(())
}

async fn line(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(at) = buffer.windows(2).position(|two| two == b"\r\n") {
            let line: Vec<u8> = buffer.drain(..at + 2).take(at).collect();
            return Some(String::from_utf8(line).expect("a head is text"));
        }
        more(socket, buffer).await?;
    }
}

async fn exactly(socket: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        more(socket, buffer).await?;
    }
    Some(buffer.drain(..length).collect())
}

/// The next request. What is framed in two ways is the gateway's fault.
async fn request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let mut head = Vec::new();
    loop {
        let line = line(socket, buffer).await?;
        if line.is_empty() {
            break;
        }
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(!line.starts_with([' ', '\t']), "a folded line: {line:?}");
        head.push(line);
    }
    let mut seen = Seen { head, body: Vec::new(), framing: "none" };
    let lengths: Vec<usize> =
        seen.fields("content-length").iter().map(|length| length.parse().unwrap()).collect();
    let codings: Vec<String> =
        seen.fields("transfer-encoding").into_iter().map(str::to_owned).collect();
    assert!(lengths.len() + codings.len() <= 1, "framed in two ways: {:?}", seen.head);
    if let [length] = lengths[..] {
        (seen.framing, seen.body) = ("length", exactly(socket, buffer, length).await?);
    } else if let [coding] = &codings[..] {
        assert_eq!(coding, "chunked");
        seen.framing = "chunked";
        loop {
            let size = line(socket, buffer).await?;
            let size = usize::from_str_radix(&size, 16).expect("a size and no extension");
            let chunk = exactly(socket, buffer, size).await?;
            seen.body.extend(chunk);
            let end = line(socket, buffer).await?;
            if size == 0 {
                assert_eq!(end, "", "a trailer");
                break;
            }
            assert_eq!(end, "");
        }
    }
    Some(seen)
}
