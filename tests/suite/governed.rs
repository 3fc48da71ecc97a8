//! What the tests of limits, pauses, budgets and tools share: a clock that stands, callers beside
//! the suite's own, one run on every face, and how the counters and accounts stand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use switchyard::app::Surrounding;
use switchyard::clock::{ManualClock, Timestamp};

use crate::harness::{Answer, KEY, PATIENCE, World};

/// Another caller of the suite's workspace.
pub const OTHER: &str = "another-key-of-the-suite-0123456789";
/// A caller of the rate class `trial`, in the same workspace.
pub const TRIAL: &str = "trial-key-of-the-suite-0123456789ab";
/// A caller of the workspace `umbrella`.
pub const UMBRELLA: &str = "umbrella-key-of-the-suite-012345678";

/// The keys above, as a section of the configuration.
pub const CALLERS: &str = r#"
identity:
  keys:
    - { name: other, workspace: acme, scopes: ["runs:read", "runs:write", "agents:read"], hash: "sha256:f369891d8bfa2c19a4e76cf602bb1faff701b11415995c1623bdb04d7f7af459" }
    - { name: trial, workspace: acme, class: trial, scopes: ["runs:read", "runs:write", "agents:read"], hash: "sha256:f739c7b3a7dc016b3df64b8325d95e4b5ff5b25bfff3571afb16296cd20fdaed" }
    - { name: umbrella, workspace: umbrella, scopes: ["runs:read", "runs:write", "agents:read"], hash: "sha256:214c83322c3f8240951e3e7f0e1c38851b6fa2a12892e048111dbc15a41cac4f" }
"#;

/// Noon of a day in the middle of a month, at which the clock of [`held`] stands.
pub const NOON: &str = "2026-03-10T12:00:00Z";

/// A clock that stands at noon until it is told to move, and a world's surrounding with it.
pub fn held() -> (ManualClock, Surrounding) {
    let clock = ManualClock::at(Timestamp::parse(NOON).unwrap());
    let surrounding = Surrounding { clock: Arc::new(clock.clone()), ..Surrounding::system() };
    (clock, surrounding)
}

/// The default world with more configuration and with time at a standstill.
pub async fn still(more: &str) -> (World, ManualClock) {
    let (clock, surrounding) = held();
    (World::surrounded(&World::text(more), surrounding).await, clock)
}

/// A way in which a run can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Json,
    Stream,
    Background,
    Hook,
    Acp,
    AcpStream,
}

/// All of them.
pub const WAYS: [Way; 6] =
    [Way::Json, Way::Stream, Way::Background, Way::Hook, Way::Acp, Way::AcpStream];

impl Way {
    /// Whether refusals on it have the bodies of ACP.
    pub fn is_acp(self) -> bool {
        matches!(self, Self::Acp | Self::AcpStream)
    }

    /// The request for a run, with more members in its body.
    pub fn request(
        self,
        world: &World,
        key: &str,
        (agent, input): (&str, &str),
        more: Value,
    ) -> Request<Full<Bytes>> {
        let path = match self {
            Self::Json | Self::Background => "/v1/runs".to_owned(),
            Self::Stream => format!("/v1/agents/{agent}/runs"),
            Self::Hook => format!("/v1/hooks/{agent}"),
            Self::Acp | Self::AcpStream => format!("/acp/acme/agents/{agent}/run"),
        };
        let mut body = if more.is_object() { more } else { json!({}) };
        body["input"] = input.into();
        match self {
            Self::Json => body["agent"] = agent.into(),
            Self::Background => {
                body["agent"] = agent.into();
                body["background"] = true.into();
            }
            Self::Stream | Self::AcpStream => body["stream"] = true.into(),
            Self::Hook | Self::Acp => {}
        }
        let request = world.request_as(key, Method::POST, &path);
        let request = request.header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    }

    /// Asks for a run and reads the whole answer.
    pub async fn ask(self, world: &World, key: &str, agent: &str) -> Answer {
        world.send(self.request(world, key, (agent, "Hello"), Value::Null)).await
    }
}

/// The refusal of a run, whatever the face: the sentence of an ACP body, else the problem.
#[track_caller]
pub fn refusal(way: Way, answer: Answer, status: u16, code: &str) -> Value {
    if way.is_acp() {
        let body = answer.expect(status).json();
        assert!(body["error"].is_string() && body.as_object().unwrap().len() == 1, "{body}");
        return body;
    }
    answer.problem(status, code)
}

/// Waits until it is so.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// The count of a metric's series: its name with its labels.
pub async fn counted(world: &World, series: &str) -> f64 {
    let text = world.admin("/metrics").await.expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().unwrap())
}

/// What would become of a run of this agent by the key of this name.
pub async fn explained(world: &World, key: &str, agent: &str) -> Value {
    let question = json!({ "key": key, "agent": agent });
    world.operate(Method::POST, "/admin/explain", &question).await.expect(200).json()
}

/// How the budget of this name stands for the suite's own caller.
pub async fn account(world: &World, budget: &str, agent: &str) -> Value {
    let explained = explained(world, "n8n", agent).await;
    let budgets = explained["budgets"].as_array().unwrap();
    let found = budgets.iter().find(|one| one["budget"] == budget);
    found.unwrap_or_else(|| panic!("no budget `{budget}` in {explained}")).clone()
}

/// Cancels the run of this id.
pub async fn cancel(world: &World, id: &str) {
    world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
}

/// Opens the stream of a run of the suite's own caller and reads its first events, so that its
/// platform has it for sure.
pub async fn opened(world: &World, agent: &str, input: &str) -> crate::harness::Events {
    let request = Way::Stream.request(world, KEY, (agent, input), Value::Null);
    let mut stream = world.events(request).await;
    while stream.next().await.expect("an end").name != "message.delta" {}
    stream
}
