//! Redis servers for the tests, and a way to have one fall silent.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server: somebody else's, or a process of the test's own.
pub struct Server {
    url: String,
    port: u16,
    process: Option<Child>,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What all keys of one test begin with.
pub fn prefix() -> String {
    format!("test:{}:", uuid::Uuid::now_v7().simple())
}

/// The server that the environment names, else one of the test's own.
pub fn available() -> Option<Server> {
    match std::env::var("SWITCHYARD_TEST_REDIS") {
        Ok(url) => Some(Server { url, port: 0, process: None }),
        Err(_) => Server::start(),
    }
}

/// Waits until it is so.
pub async fn eventually(what: &str, so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

impl Server {
    /// A server of the test's own, if there is a program for it.
    pub fn start() -> Option<Self> {
        let port = free_port();
        let mut server = Self { url: format!("redis://127.0.0.1:{port}"), port, process: None };
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("skipped: there is no redis-server");
            return None;
        }
        server.restart();
        Some(server)
    }

    /// Starts it on the same port, with nothing kept, and waits until it listens.
    pub fn restart(&mut self) {
        let port = self.port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(child);
        let address = format!("127.0.0.1:{port}");
        for _ in 0..1_000 {
            if std::net::TcpStream::connect(&address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not listen");
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection of the test's own.
    pub async fn client(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Stands before a server and passes on what it hears, unless it is silenced.
pub struct Proxy {
    port: u16,
    silent: Arc<AtomicBool>,
    _passing: JoinSet<()>,
}

impl Proxy {
    pub async fn before(url: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = url.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let silent = Arc::new(AtomicBool::new(false));
        let mut passing = JoinSet::new();
        let hears = Arc::clone(&silent);
        passing.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(pass(near, server.clone(), Arc::clone(&hears)));
            }
        });
        Self { port, silent, _passing: passing }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

async fn pass(mut near: TcpStream, server: String, silent: Arc<AtomicBool>) {
    let mut far = TcpStream::connect(server).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let (to, bytes) = tokio::select! {
            read = near.read(&mut asked) => (&mut far, &asked[..read.unwrap_or(0)]),
            read = far.read(&mut answered) => (&mut near, &answered[..read.unwrap_or(0)]),
        };
        if bytes.is_empty() {
            return;
        }
        if !silent.load(Ordering::SeqCst) && to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
