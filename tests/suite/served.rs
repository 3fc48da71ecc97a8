//! The program itself on a store that outlives it, as often as a test starts it: killed, started
//! again, beside another one on the same store.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::harness::{KEY, KEY_HASH, PATIENCE, STORE_KEY, folder};

/// Where the program works, and how it is configured.
pub struct Place {
    /// Configuration and logs.
    pub folder: PathBuf,
    /// The store's file; empty where it is on a server.
    pub store: PathBuf,
    /// What the program is started with, such as a clock that is not the machine's.
    pub environment: Vec<(String, String)>,
    starts: AtomicUsize,
}

impl Place {
    /// A place in a folder of its own, its store too.
    pub fn new(platform: SocketAddr, durability: &str) -> Self {
        let folder = folder();
        let store = folder.join("store.db");
        Self::with_store(folder, store, platform, durability)
    }

    /// The same, with a store elsewhere.
    pub fn with_store(
        folder: PathBuf,
        store: PathBuf,
        platform: SocketAddr,
        durability: &str,
    ) -> Self {
        let section = format!(r#"{{ url: "sqlite://{}" }}"#, store.display());
        Self { store, ..Self::configured(folder, &section, platform, durability) }
    }

    /// The same, with its store on a server, which others may share.
    pub fn on_server(url: &str, platform: SocketAddr, durability: &str) -> Self {
        // A budget that has room is one more thing that the server is asked for before a run.
        let budgets = "budgets: [{ name: roomy, by: workspace, runs: 1000000, per: day }]";
        let section = format!("{{ url: \"{url}\", key: \"${{env:STORE_KEY}}\" }}\n{budgets}");
        let mut place = Self::configured(folder(), &section, platform, durability);
        place.environment.push(("STORE_KEY".to_owned(), STORE_KEY.to_owned()));
        place
    }

    fn configured(folder: PathBuf, store: &str, platform: SocketAddr, durability: &str) -> Self {
        let text = format!(
            r#"log: {{ json: true, filter: info }}
listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0 }}
store: {store}
audit: {{ durability: {durability} }}
runs: {{ kept: 1000000, max_background: 100000 }}
overload: {{ delay: 10s }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: ["runs:read", "runs:write", "admin"], hash: "{KEY_HASH}" }}] }}
upstreams:
  acp: {{ kind: acp, base_url: "http://{platform}/acp", workspace: acme, path_style: workspace, breaker: {{ failures: 1000 }}, credential: "${{env:SWITCHYARD_TEST_KEY}}" }}
"#
        );
        std::fs::write(folder.join("gateway.yaml"), text).unwrap();
        let (store, environment) = (PathBuf::new(), Vec::new());
        Self { folder, store, environment, starts: AtomicUsize::new(0) }
    }

    /// The program with these arguments.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).stdin(Stdio::null());
        command.env("SWITCHYARD_TEST_KEY", "6f1e8d3a-5ec2-4222-8333-444455556666");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Writes its configuration anew.
    pub fn rewrite(&self, write: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.configuration()).unwrap();
        std::fs::write(self.configuration(), write(text)).unwrap();
    }

    /// The file that the program is configured by.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("gateway.yaml")
    }

    /// What a command that must go well prints.
    pub fn prints(&self, arguments: &[&str]) -> Vec<u8> {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{arguments:?}: {said} {}", self.folder.display());
        stdout
    }

    /// What a command that must fail says, and says where errors are said.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(
            (status.code(), stdout.as_slice()),
            (Some(1), &b""[..]),
            "{arguments:?}: {said}"
        );
        said
    }

    /// Starts the program; it need not serve yet.
    pub fn spawn(&self) -> Spawned {
        self.spawn_with(&[])
    }

    /// The same, with more arguments.
    pub fn spawn_with(&self, more: &[&str]) -> Spawned {
        let number = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.join(format!("log-{number:05}"));
        let child = self
            .command(&["serve", "--config", self.configuration().to_str().unwrap()])
            .args(more)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Spawned { child, log, began: Instant::now() }
    }

    /// Starts the program and waits until it serves.
    pub async fn start(&self) -> Served {
        self.spawn().serving().await
    }

    /// Reads the store beside the program. SQLite lets go of all locks of a process on a file when
    /// one handle on it is closed: the program's own are another process's, and stay.
    pub fn read(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.store, flags).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    /// Lines of all logs that tell of an error.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        for file in std::fs::read_dir(&self.folder).unwrap() {
            let path = file.unwrap().path();
            let is_log = path.file_name().unwrap().to_string_lossy().starts_with("log-");
            if is_log {
                let text = std::fs::read_to_string(path).unwrap();
                let wrong = text
                    .lines()
                    .filter(|line| line.contains(r#""level":"ERROR""#) || !line.starts_with('{'));
                errors.extend(wrong.map(str::to_owned));
            }
        }
        errors
    }

    /// Forgets the place, after a test that went well.
    pub fn remove(self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The program that is tested: the suite's own, or one that was built otherwise.
pub fn program() -> PathBuf {
    let given = std::env::var_os("SWITCHYARD_PROGRAM");
    given.map_or_else(|| Path::new(env!("CARGO_BIN_EXE_switchyard")).to_owned(), PathBuf::from)
}

/// The program, started. Killed when it is dropped.
pub struct Spawned {
    child: Child,
    log: PathBuf,
    began: Instant,
}

impl Spawned {
    /// Waits until it serves.
    pub async fn serving(self) -> Served {
        loop {
            let text = std::fs::read_to_string(&self.log).unwrap();
            let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = lines.into_iter().find(|line| line.contains("\"serving\"")) {
                let said: Value = serde_json::from_str(line).unwrap();
                let at = |name: &str| said[name].as_str().unwrap().parse().unwrap();
                let took = self.began.elapsed();
                let http = Client::builder(TokioExecutor::new()).build_http();
                let (api, admin) = (at("api"), at("admin"));
                return Served { api, admin, took, spawned: self, http };
            }
            assert!(self.began.elapsed() < 2 * PATIENCE, "it does not serve: {text}");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// Ends it at once, as a lack of memory would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The program, serving.
pub struct Served {
    /// Where callers reach it.
    pub api: SocketAddr,
    /// Where operators reach it.
    pub admin: SocketAddr,
    /// How long it took to begin.
    pub took: Duration,
    spawned: Spawned,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// A whole answer, and how long it took.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    pub took: Duration,
}

impl Served {
    /// Sends a request, without a body where it is null, and reads its whole answer.
    pub async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Told {
        let began = Instant::now();
        let (head, body) = self.open(method, path, key, body).await.into_parts();
        let body = tokio::time::timeout(2 * PATIENCE, body.collect()).await.unwrap();
        let json = serde_json::from_slice(&body.unwrap().to_bytes()).unwrap();
        let took = began.elapsed();
        Told { status: head.status.as_u16(), headers: head.headers, json, took }
    }

    /// Sends a request and reads only the head of its answer.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Response<Incoming> {
        let uri = format!("http://{}{path}", self.api);
        let mut request = Request::builder().method(method).uri(uri).header("x-api-key", KEY);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header("content-type", "application/json").body(Full::from(body));
        let sent = tokio::time::timeout(2 * PATIENCE, self.http.request(request.unwrap())).await;
        sent.expect("no answer in time").unwrap()
    }

    /// How it says it is doing, and how long that took.
    pub async fn status(&self) -> (Value, Duration) {
        let began = Instant::now();
        let uri = format!("http://{}/admin/status", self.admin);
        let request = Request::get(uri).header("x-api-key", KEY).body(Full::default()).unwrap();
        let asked = async {
            let answer = self.http.request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap().to_bytes()
        };
        let body = tokio::time::timeout(2 * PATIENCE, asked).await.expect("no answer in time");
        (serde_json::from_slice(&body).unwrap(), began.elapsed())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.spawned.log).unwrap()
    }

    /// Sends its process a signal.
    pub fn signal(&self, name: &str) {
        assert!(
            Command::new("kill").args([name, &self.id().to_string()]).status().unwrap().success()
        );
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.spawned.child.id()
    }

    /// Ends it at once.
    pub fn kill(self) {
        self.spawned.kill();
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(self) -> ExitStatus {
        self.signal("-TERM");
        self.ended().await
    }

    /// Waits until it has ended.
    pub async fn ended(self) -> ExitStatus {
        // Whoever keeps a connection keeps the process.
        let Self { mut spawned, http, .. } = self;
        drop(http);
        let began = Instant::now();
        loop {
            if let Some(status) = spawned.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < 2 * PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
