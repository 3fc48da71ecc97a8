//! Ten thousand planted values, through every face, platform and way of answering, by callers and
//! by platforms, in what goes well and in what fails. Afterwards they are nowhere: not in what the
//! platforms received, not in the log at its most talkative, not in metrics, not in the store's
//! files, not in the text of an error.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use switchyard::simulator::server::Running;

use super::says::{self, Said};
use crate::harness::{KEY, KEY_HASH, PATIENCE, VENDORS};
use crate::process::simulator;

/// How many are planted.
const PLANTED: usize = 10_000;

/// A value that no other text holds, of a kind by its number.
fn planted(number: usize) -> String {
    match number % 4 {
        0 => format!("cnry{number:05}@leak.example.com"),
        1 => {
            let payload = format!("4{:09}{number:05}", 100_000_007 + number * 7_919);
            format!("{payload}{}", luhn(&payload))
        }
        2 => format!("3{:02}-{:02}-{:04}", number % 97, 1 + number % 98, 1 + number / 2),
        _ => format!("ghp_{}", scrambled(number)),
    }
}

/// The digit that makes a card's number right (ISO/IEC 7812-1).
fn luhn(payload: &str) -> u32 {
    let doubled = |(place, digit): (usize, char)| {
        let digit = digit.to_digit(10).unwrap();
        let twice = digit * 2;
        if place % 2 == 0 { twice / 10 + twice % 10 } else { digit }
    };
    let sum: u32 = payload.chars().rev().enumerate().map(doubled).sum();
    (10 - sum % 10) % 10
}

/// Thirty-six letters and digits that look like a key.
fn scrambled(number: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = number as u64 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
    };
    (0..36).map(|_| next()).collect()
}

/// Hands out planted values.
#[derive(Default)]
struct Plants {
    made: usize,
}

impl Plants {
    /// A sentence with the next value in it.
    fn next(&mut self) -> String {
        self.made += 1;
        format!("see {} there", planted(self.made - 1))
    }
}

/// What is sought, and what it was found in.
struct Search {
    values: aho_corasick::AhoCorasick,
    found: Vec<String>,
}

impl Search {
    fn new() -> Self {
        let values: Vec<String> = (0..PLANTED).map(planted).collect();
        let distinct: HashSet<&String> = values.iter().collect();
        assert_eq!(distinct.len(), PLANTED, "two planted values are the same");
        let built = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(values);
        Self { values: built.unwrap(), found: Vec::new() }
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.look_but(place, bytes, &[]);
    }

    /// The same, where these values may be.
    fn look_but(&mut self, place: &str, bytes: &[u8], allowed: &[usize]) {
        let is_found = |found: &aho_corasick::Match| !allowed.contains(&found.pattern().as_usize());
        for found in self.values.find_iter(bytes).filter(is_found).take(5) {
            let from = bytes[..found.start()].len().saturating_sub(120);
            let text = String::from_utf8_lossy(&bytes[from..found.end()]);
            self.found.push(format!("{place}: {text}"));
        }
    }
}

/// A face and whether it streams.
const WAYS: [(&str, bool); 6] = [
    ("unified", false),
    ("unified", true),
    ("hooks", false),
    ("hooks as text", false),
    ("acp", false),
    ("acp", true),
];

const RULES: &str = r#"
pii:
  rules:
    - { entities: [email], direction: to_upstream, action: tokenize }
    - { entities: [us_ssn], action: hash }
    - { entities: [card], action: mask }
    - { entities: ["*"], action: redact }
"#;

struct Client {
    http: hyper_util::client::legacy::Client<
        hyper_util::client::legacy::connect::HttpConnector,
        Full<bytes::Bytes>,
    >,
    serving: Serving,
}

/// The program, with a log at its most talkative, in a folder of its own.
struct Serving {
    child: Child,
    folder: PathBuf,
    api: SocketAddr,
    admin: SocketAddr,
}

impl Serving {
    async fn start(simulator: SocketAddr) -> Self {
        let folder = crate::harness::folder();
        let credential = r#"breaker: { failures: 1000 }, credential: "${env:SWITCHYARD_TEST_KEY}""#;
        let text = format!(
            r#"log: {{ json: true, filter: trace }}
listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0 }}
store: {{ url: "sqlite://{folder}/store.db" }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: ["runs:read", "runs:write", "agents:read"], hash: "{KEY_HASH}" }}] }}
upstreams:
  make: {{ kind: make, base_url: "http://{simulator}/make/api/v2", team_id: 123, {credential} }}
  zaia: {{ kind: zaia, base_url: "http://{simulator}/zaia", {credential} }}
  acp: {{ kind: acp, base_url: "http://{simulator}/acp", workspace: acme, path_style: workspace, {credential} }}
  agentbase: {{ kind: agentbase, base_url: "http://{simulator}/agentbase", {credential} }}
{RULES}"#,
            folder = folder.display(),
        );
        let (file, log) = (folder.join("leak.yaml"), folder.join("log"));
        std::fs::write(&file, text).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["serve", "--config", file.to_str().unwrap()])
            .env("SWITCHYARD_TEST_KEY", "6f1e8d3a-5ec2-4222-8333-444455556666")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let said = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains("\"serving\"")) {
                break serde_json::from_str::<Value>(line).unwrap();
            }
            assert!(began.elapsed() < PATIENCE, "it does not serve: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let at = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        Self { child, folder, api: at("api"), admin: at("admin") }
    }

    /// All that its folder holds: the store's files and the log.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = std::fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.is_file());
        files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
    }

    async fn stop(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, but for a test that failed.
        let _ended = self.child.kill();
        let _status = self.child.wait();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl Client {
    async fn post(&self, path: &str, body: String, media_type: &str) -> (u16, Vec<u8>) {
        let request = http::Request::post(format!("http://{}{path}", self.serving.api))
            .header("x-api-key", KEY)
            .header("content-type", media_type);
        let answer = self.http.request(request.body(Full::from(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn metrics(&self) -> Vec<u8> {
        let uri = format!("http://{}/metrics", self.serving.admin).parse().unwrap();
        let answer = self.http.get(uri).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes().to_vec()
    }
}

/// The request of one face, full of planted values.
fn asked(face: &str, agent: &str, streamed: bool, plants: &mut Plants) -> (String, Value) {
    let mut body =
        json!({ "input": plants.next(), "context": { "a": plants.next(), "b": plants.next() } });
    let path = match face {
        "unified" => {
            body["input"] = json!([{ "role": "user", "content": plants.next() },
                { "role": "assistant", "content": plants.next() },
                { "role": "user", "content": json!({ "q": plants.next() }).to_string() }]);
            body["metadata"] = json!({ "m": plants.next(), "n": plants.next() });
            body["instructions"] = json!(plants.next());
            if agent.starts_with("agentbase") {
                body["upstream_options"] = json!({ "rules": [plants.next()] });
            }
            body["output_schema"] = json!({ "type": "object", "description": plants.next() });
            body["unsupported"] = json!("ignore");
            format!("/v1/agents/{agent}/runs")
        }
        "hooks" => format!("/v1/hooks/{agent}"),
        "hooks as text" => format!("/v1/hooks/{agent}?reply=text"),
        _ => format!("/acp/acme/agents/{agent}/run"),
    };
    if streamed {
        body["stream"] = json!(true);
    }
    (path, body)
}

fn said(plants: &mut Plants, fails: bool) -> Said {
    Said {
        text: format!("{} and {}", plants.next(), plants.next()),
        thinking: plants.next(),
        arguments: json!({ "q": plants.next(), "deep": json!({ "r": plants.next() }).to_string() }),
        result: plants.next(),
        failure: fails.then(|| plants.next()),
        stalls: false,
    }
}

/// Requests that are refused, and platforms that talk nonsense, with values in them.
async fn wrong(client: &Client, simulator: &Running, plants: &mut Plants, search: &mut Search) {
    for vendor in VENDORS {
        let path = format!("/v1/agents/{vendor}:ok/runs");
        for body in [
            format!("{{\"input\": \"{}\", ", plants.next()),
            json!({ "input": plants.next(), "limits": plants.next() }).to_string(),
            json!({ "input": [plants.next()] }).to_string(),
            json!({ "input": "x", "context": { "a": [plants.next()] } }).to_string(),
            json!({ "input": "x", "thread_id": plants.next() }).to_string(),
            json!({ "input": "x", "unsupported": plants.next() }).to_string(),
            json!({ "input": "x", "output_schema": { "type": plants.next() } }).to_string(),
            json!({ "input": "x", "callback": { "url": plants.next() } }).to_string(),
            json!({ "input": "x", "mcp_servers": [{ "name": "a", "url": plants.next() }] })
                .to_string(),
        ] {
            let (status, answer) = client.post(&path, body, "application/json").await;
            assert!(status >= 400, "{status}: {}", String::from_utf8_lossy(&answer));
            search.look("an error", &answer);
        }
        // A field that nobody knows is named in the refusal, to the caller who wrote it, alone.
        let unknown = json!({ "input": "x", plants.next(): 1, "context": { plants.next(): [] } });
        client.post(&path, unknown.to_string(), "application/json").await;
        let (_, answer) = client.post(&path, plants.next(), "text/plain").await;
        search.look("an error", &answer);
        let needle = format!("/{vendor}");
        let odd = |value: String| {
            vec![
                switchyard::simulator::script::Script::json(200, json!({ "response": { "a": value }, "content": [value], "output": { "a": value }, "executionSteps": value, "execution": value }).to_string()),
                switchyard::simulator::script::Script::json(200, format!("{{\"response\": {value}")),
                switchyard::simulator::script::Script::text(502, "text/html", format!("<html>{value}</html>")),
                switchyard::simulator::script::Script::text(500, "text/plain", value.clone()),
                switchyard::simulator::script::Script::json(400, json!({ "error": value, "message": value, "detail": value }).to_string()),
                switchyard::simulator::script::Script::sse().event(format!("data: {{\"type\":\"{value}\",\"session\":\"x\"}}\n\n")).event(format!("event: {value}\ndata: {value}\n\n")).end(),
            ]
        };
        for script in odd(plants.next()) {
            for streamed in [false, true] {
                simulator.on(needle.clone(), script.clone());
                let body = json!({ "input": "x", "stream": streamed }).to_string();
                let (_, answer) = client.post(&path, body, "application/json").await;
                search.look("an answer to nonsense", &answer);
            }
        }
    }
}

#[tokio::test]
async fn ten_thousand_planted_values_are_nowhere_afterwards() {
    let simulator = simulator().await;
    let mut search = Search::new();
    let serving = Serving::start(simulator.addr()).await;
    let client = Client {
        http: hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .build_http(),
        serving,
    };
    let mut plants = Plants::default();
    wrong(&client, &simulator, &mut plants, &mut search).await;
    let mut rounds = 0;
    while plants.made < PLANTED - 20 {
        let (face, streamed) = WAYS[rounds % WAYS.len()];
        let vendor = VENDORS[rounds / WAYS.len() % VENDORS.len()];
        let fails = rounds % 5 == 4;
        rounds += 1;
        let from = plants.made;
        let (path, body) = asked(face, &format!("{vendor}:ok"), streamed, &mut plants);
        // A caller gets its own mail addresses back, which a rule allows; not the platform's.
        let own: Vec<usize> = (from..plants.made).filter(|number| number % 4 == 0).collect();
        let said = said(&mut plants, fails);
        simulator.on(format!("/{vendor}"), says::script(vendor, streamed, &said));
        let (status, answer) = client.post(&path, body.to_string(), "application/json").await;
        let text = String::from_utf8_lossy(&answer);
        assert!(fails || status == 200, "{face} {vendor}: {status} {text}");
        search.look_but(&format!("an answer of {vendor} by {face}"), &answer, &own);
    }
    for request in simulator.journal() {
        search.look("a platform", request.target.as_bytes());
        search.look("a platform", &request.body);
    }
    search.look("metrics", &client.metrics().await);
    let Client { mut serving, http } = client;
    drop(http);
    serving.files().iter().for_each(|(name, bytes)| search.look(name, bytes));
    serving.stop().await;
    let files = serving.files();
    files.iter().for_each(|(name, bytes)| search.look(name, bytes));
    let (_, log) = files.iter().find(|(name, _)| name.ends_with("log")).unwrap();
    let log = String::from_utf8_lossy(log);
    assert!(log.contains("run ended") && log.contains("TRACE"), "the log says little");
    assert!(rounds > 24 * 10, "{rounds} rounds");
    assert!(
        search.found.is_empty(),
        "{}: {:#?}",
        search.found.len(),
        &search.found[..search.found.len().min(40)]
    );
    simulator.shutdown();
}
