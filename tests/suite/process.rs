//! The program itself, as an operator starts and stops it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use switchyard::simulator::server::Simulator;
use switchyard::simulator::stage::Options;
use switchyard::tasks::Tasks;

use crate::harness::{self, KEY, KEY_HASH, PATIENCE};

const SECRET: &str = "6f1e8d3a-5ec2-4222-8333-444455556666";

fn switchyard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.args(arguments).env("SWITCHYARD_TEST_KEY", SECRET).stdin(Stdio::null());
    command
}

/// The folder of this process's tests.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(harness::folder);
    &FOLDER
}

/// A configuration file of this text; the name is the test's.
fn file(name: &str, text: &str) -> PathBuf {
    let path = folder().join(format!("{name}.yaml"));
    std::fs::write(&path, text).unwrap();
    path
}

fn configuration(simulator: SocketAddr, more: &str) -> String {
    let store = folder().display();
    format!(
        r#"log: {{ json: true, filter: info }}
store: {{ url: "sqlite://{store}/store.db" }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: ["runs:read", "runs:write", "agents:read"], hash: "{KEY_HASH}" }}] }}
{more}
upstreams:
  acp: {{ kind: acp, base_url: "http://{simulator}/acp", workspace: acme, path_style: workspace, credential: "${{env:SWITCHYARD_TEST_KEY}}" }}
"#
    )
}

/// A gateway that serves. Killed when it is dropped.
pub struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
    api: SocketAddr,
    admin: SocketAddr,
}

impl Serving {
    fn start(name: &str, simulator: SocketAddr, more: &str) -> Self {
        Self::of(name, simulator, more, "")
    }

    /// With more of `listen`, and with more sections.
    pub fn of(name: &str, simulator: SocketAddr, listen: &str, more: &str) -> Self {
        let listen = format!("listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0, {listen} }}{more}");
        let path = file(name, &configuration(simulator, &listen));
        let mut child = switchyard(&["serve", "--config", path.to_str().unwrap()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            log.read_line(&mut line).unwrap();
            serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("{line}"))
        };
        let mut said = next();
        // It may find its counters before it serves.
        while said["message"] == "the shared counters are there" {
            said = next();
        }
        assert_eq!(said["message"], "serving", "{said}");
        let address = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        let (api, admin) = (address("api"), address("admin"));
        Self { child, log, api, admin }
    }

    pub fn api(&self) -> SocketAddr {
        self.api
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for its end: the exit code, and what is left of the log.
    pub async fn end(mut self) -> (i32, Vec<Value>) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let mut text = String::new();
        self.log.read_to_string(&mut text).unwrap();
        assert!(!text.contains(SECRET), "{text}");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        (status.code().unwrap_or(-1), lines)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, but for a test that failed.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A kept connection.
pub struct Kept {
    sender: http1::SendRequest<http_body_util::Full<bytes::Bytes>>,
    _tasks: Tasks,
}

impl Kept {
    pub async fn to(address: SocketAddr) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let tasks = Tasks::default();
        tasks.spawn("connection", async move { connection.await.unwrap_or_default() });
        Self { sender, _tasks: tasks }
    }

    pub async fn get(&mut self, path: &str) -> http::Response<hyper::body::Incoming> {
        self.ask(http::Method::GET, path, "").await
    }

    pub async fn send(&mut self, path: &str, body: &str) -> http::Response<hyper::body::Incoming> {
        self.ask(http::Method::POST, path, body).await
    }

    async fn ask(
        &mut self,
        method: http::Method,
        path: &str,
        body: &str,
    ) -> http::Response<hyper::body::Incoming> {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost").header("x-api-key", KEY);
        let request = request.header("content-type", "application/json");
        let body = http_body_util::Full::from(body.to_owned());
        self.sender.send_request(request.body(body).unwrap()).await.unwrap()
    }
}

pub async fn simulator() -> switchyard::simulator::server::Running {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Simulator::start(loopback, &Tasks::default(), Options::default()).await.unwrap()
}

#[tokio::test]
async fn who_looks_after_containers_is_told_whether_it_is_ready() {
    let simulator = simulator().await;
    let serving = Serving::start("ready", simulator.addr(), "");
    let admin = serving.admin().to_string();
    let code = || switchyard(&["ready", "--admin", &admin]).status().unwrap().code();
    assert_eq!(code(), Some(0));
    serving.signal("-TERM");
    assert_eq!(serving.end().await.0, 0);
    assert_eq!(code(), Some(1));
}

const RUN: &str = "/v1/agents/acp:slow/runs";
const STREAM: &str = r#"{"input":"the prompt of nobody else","stream":true}"#;

#[tokio::test]
async fn sigterm_lets_open_streams_end_and_refuses_new_requests() {
    let simulator = simulator().await;
    let serving = Serving::start("drain", simulator.addr(), "drain: 20s");
    let (mut streaming, mut old) = (Kept::to(serving.api).await, Kept::to(serving.api).await);
    assert_eq!(old.send("/v1/agents/acp:ok/runs", r#"{"input":"Hello"}"#).await.status(), 200);
    let stream = streaming.send(RUN, STREAM).await;
    assert_eq!(stream.status(), 200);
    serving.signal("-TERM");
    let mut refused = old.send("/v1/runs", "{}").await;
    let mut connection = old;
    // The signal takes a moment to be seen.
    while refused.status() != 503 {
        connection = Kept::to(serving.api).await;
        refused = connection.send("/v1/runs", "{}").await;
    }
    drop(connection);
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "draining");
    let refused = Kept::to(serving.api).await.send("/v1/runs", "{}").await;
    assert_eq!(refused.status(), 503, "on a new connection");
    let text = stream.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("event: run.completed"), "{text}");
    let (code, log) = serving.end().await;
    assert_eq!(code, 0);
    let said: Vec<_> = log.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(said.contains(&"draining") && said.ends_with(&["stopped"]), "{said:?}");
    let ends: Vec<_> = log.iter().filter(|line| line["message"] == "run ended").collect();
    assert_eq!(ends.len(), 2, "each run is told once: {log:?}");
    for end in ends {
        assert_eq!(end["level"], "INFO");
        assert_eq!((&end["upstream"], &end["kind"]), (&"acp".into(), &"acp".into()));
        assert_eq!(end["outcome"], "completed");
        assert_eq!(end["trace_id"].as_str().unwrap().len(), 32);
        assert!(end["run_id"].as_str().unwrap().starts_with("run_"));
        assert!(end["duration_ms"].is_u64());
    }
    assert!(!format!("{log:?}").contains("the prompt of nobody else"));
}

#[tokio::test]
async fn an_idle_process_is_gone_within_a_second_of_either_signal() {
    let simulator = simulator().await;
    for signal in ["-TERM", "-INT"] {
        let serving = Serving::start(&format!("idle{signal}"), simulator.addr(), "drain: 20s");
        let mut kept = Kept::to(serving.api).await;
        kept.send("/v1/agents/acp:ok/runs", r#"{"input":"Hello"}"#).await;
        let began = Instant::now();
        serving.signal(signal);
        let (code, _) = serving.end().await;
        assert_eq!(code, 0);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let simulator = simulator().await;
    let serving = Serving::start("twice", simulator.addr(), "drain: 60s");
    let mut streaming = Kept::to(serving.api).await;
    let stream = streaming.send("/v1/agents/acp:endless/runs", STREAM).await;
    assert_eq!(stream.status(), 200);
    serving.signal("-TERM");
    let refused =
        async { while Kept::to(serving.api).await.send("/v1/runs", "{}").await.status() != 503 {} };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    let began = Instant::now();
    serving.signal("-TERM");
    let (code, _) = serving.end().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // As asked, though not in order: the log says `Forced`.
    assert_eq!(code, 0);
}

fn output(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn what_check_refuses_does_not_serve_and_both_say_where() {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let wrong = configuration(address, "listen: { api: 5, colour: red }\nruns: { kept: many }");
    let wrong = file("wrong", &wrong);
    for command in ["serve", "check"] {
        let (code, out, err) = output(switchyard(&[command, "--config", wrong.to_str().unwrap()]));
        assert_eq!((code, out.as_str()), (64, ""), "{command}: {err}");
        for path in ["listen.api", "listen.colour", "runs.kept"] {
            assert!(err.contains(path), "{path} is not in {err}");
        }
    }
}

#[test]
fn check_tells_what_would_be_served_and_no_secret() {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let good = file("good", &configuration(address, ""));
    let (code, out, err) = output(switchyard(&["check", "--config", good.to_str().unwrap()]));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("is valid") && out.contains("upstream   acp (acp)"), "{out}");
    assert!(!out.contains(SECRET), "{out}");
    // A missing secret is named, not shown.
    let mut command = switchyard(&["check", "--config", good.to_str().unwrap()]);
    command.env_remove("SWITCHYARD_TEST_KEY");
    let (code, _, err) = output(command);
    assert_eq!(code, 64);
    assert!(err.contains("SWITCHYARD_TEST_KEY"), "{err}");
}

#[test]
fn an_address_in_use_is_told_with_its_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|at| (taken, at)).unwrap();
    let listen = format!("listen: {{ api: {}, admin: 127.0.0.1:0 }}", taken.1);
    let path = file("taken", &configuration(taken.1, &listen));
    let (code, _, err) = output(switchyard(&["serve", "--config", path.to_str().unwrap()]));
    assert_eq!(code, 1);
    assert!(err.contains(&format!("cannot listen on {}", taken.1)), "{err}");
}

#[test]
fn the_demo_ends_well_whatever_holds_its_ports() {
    // Whoever holds them by now holds them too.
    let _held = ["127.0.0.1:8080", "127.0.0.1:9090"].map(std::net::TcpListener::bind);
    let (code, out, err) = output(switchyard(&["demo", "--once"]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("curl -sN") && out.contains("event: run.completed"), "{out}");
}

#[test]
fn what_the_platforms_can_play_is_listed() {
    let (code, out, err) = output(switchyard(&["simulate", "--list"]));
    assert_eq!((code, err.as_str()), (0, ""));
    for name in ["ok", "head-stall", "big-line"] {
        assert!(out.lines().any(|line| line.split(' ').next() == Some(name)), "{name}\n{out}");
    }
}
