//! A little identity provider with faults, over raw sockets: it answers what it is told to and
//! counts what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered to a request for keys.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: String,
    body: Arc<[u8]>,
    chunked: bool,
    after: Duration,
}

impl Answer {
    /// A set of keys.
    pub fn keys(set: &Value) -> Self {
        Self::text(200, &set.to_string())
    }

    /// Any text.
    pub fn text(status: u16, body: &str) -> Self {
        let body = body.as_bytes().into();
        Self { status, headers: String::new(), body, chunked: false, after: Duration::ZERO }
    }

    /// So many bytes of JSON that does not end.
    pub fn huge(length: usize) -> Self {
        let mut body = br#"{"keys":[""#.to_vec();
        body.resize(length, b'a');
        Self { body: body.into(), ..Self::text(200, "") }
    }

    /// Nothing at all, for longer than anybody waits.
    pub fn hang() -> Self {
        Self::text(200, "{}").after(Duration::from_secs(600))
    }

    /// A header field more, with its line end; a `content-length` replaces the right one.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self
    }

    /// Does not say how long it is.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Comes so late.
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }

    async fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        tokio::time::sleep(self.after).await;
        let mut head = format!("HTTP/1.1 {} Status\r\nconnection: close\r\n", self.status);
        head.push_str(&self.headers);
        if self.chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else if !self.headers.contains("content-length") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        if !self.chunked {
            return stream.write_all(&self.body).await;
        }
        for piece in self.body.chunks(64 * 1024) {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            stream.write_all(piece).await?;
            stream.write_all(b"\r\n").await?;
        }
        stream.write_all(b"0\r\n\r\n").await
    }
}

struct State {
    answer: Mutex<Answer>,
    document: Mutex<Value>,
    fetches: AtomicUsize,
    discoveries: AtomicUsize,
}

/// The provider.
pub struct Provider {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Provider {
    /// Starts on a free port.
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let document = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let state = Arc::new(State {
            answer: Mutex::new(answer),
            document: Mutex::new(document),
            fetches: AtomicUsize::new(0),
            discoveries: AtomicUsize::new(0),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, serving }
    }

    /// Goes away.
    pub fn stop(&mut self) {
        self.serving.abort();
    }

    /// Comes back, at the same address.
    pub async fn restart(&mut self, answer: Answer) {
        self.serving.abort();
        self.answer(answer);
        let listener = loop {
            // The old listener is dropped when its task is.
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.serving = tokio::spawn(serve(listener, Arc::clone(&self.state)));
    }

    /// The issuer's name.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its keys are.
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url())
    }

    /// From now on, answers so.
    pub fn answer(&self, answer: Answer) {
        *self.state.answer.lock() = answer;
    }

    /// From now on, this is the discovery document.
    pub fn document(&self, document: &Value) {
        *self.state.document.lock() = document.clone();
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// How often it was asked where its keys are.
    pub fn discoveries(&self) -> usize {
        self.state.discoveries.load(Ordering::SeqCst)
    }

    /// Waits until its keys were asked for so often, and not longer than any test should take.
    pub async fn fetched(&self, count: usize) {
        let waiting = async {
            while self.fetches() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropped with the task, and with it every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        connections.spawn(async move {
            // A peer that leaves early is the tested part's right.
            let _left = converse(stream, &state).await;
        });
    }
}

async fn converse(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let answer = if head.starts_with(b"GET /.well-known/openid-configuration ") {
        state.discoveries.fetch_add(1, Ordering::SeqCst);
        Answer::keys(&state.document.lock())
    } else {
        state.fetches.fetch_add(1, Ordering::SeqCst);
        state.answer.lock().clone()
    };
    answer.write(&mut stream).await
}
