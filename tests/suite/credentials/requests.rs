//! A good request for every row of the operation table, about things of one workspace or about
//! things that do not exist.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use switchyard::http::operation::{Listener, Needs, Operation};
use switchyard::model::scope::Scope;
use switchyard::simulator::script::Script;

use crate::callers::{make_key, run_as};
use crate::harness::{Answer, KEY, World};

/// What an operation is about. A row that is new in the table has to say it here.
pub enum About {
    Run,
    Thread,
    Agent,
    Managed,
    Key,
    Record,
    Itself,
}

impl About {
    pub fn of(operation: Operation) -> Self {
        match operation {
            Operation::GetRun | Operation::FollowRun | Operation::CancelRun => Self::Run,
            Operation::GetThread | Operation::ListThreadRuns => Self::Thread,
            Operation::CreateRun
            | Operation::CreateAgentRun
            | Operation::RunHook
            | Operation::RunAcp
            | Operation::GetAgent => Self::Agent,
            Operation::CreateAgent
            | Operation::ChangeAgent
            | Operation::DeleteAgent
            | Operation::AttachTool
            | Operation::DetachTool
            | Operation::AttachServer
            | Operation::DetachServer => Self::Managed,
            Operation::GetKey | Operation::RotateKey | Operation::RevokeKey => Self::Key,
            Operation::ProveRecord => Self::Record,
            // What is behind it has tests of its own.
            Operation::Proxy
            | Operation::ListRuns
            | Operation::ListAgents
            | Operation::ListUpstreams
            | Operation::GetOpenApi
            | Operation::GetMetrics
            | Operation::GetHealth
            | Operation::GetReadiness
            | Operation::CreateKey
            | Operation::ListKeys
            | Operation::RevokeToken
            | Operation::Explain
            | Operation::Reload
            | Operation::GetStatusPage
            | Operation::GetStatus
            | Operation::GetConfig
            | Operation::ListAudit
            | Operation::ListCheckpoints
            | Operation::TailAudit
            | Operation::Unknown => Self::Itself,
        }
    }
}

/// Things of `acme` that requests are about.
pub struct Things {
    pub run: String,
    pub live: String,
    pub thread: String,
    pub key: String,
}

impl Things {
    pub async fn of(world: &World) -> Self {
        world.simulator.always("/get-messages", Script::json(200, "[]"));
        let run = run_as(world, KEY, "acp:ok", json!({})).await.expect(200).json();
        let live = run_as(world, KEY, "acp:head-stall", json!({ "background": true })).await;
        let live = live.expect(202).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            run: text(&run["id"]),
            live: text(&live["id"]),
            thread: text(&run["thread_id"]),
            key: make_key(world, "victim", json!({})).await.id,
        }
    }

    /// Ends the run that would go on for ever.
    pub async fn end(self, world: &World) {
        world.post(&format!("/v1/runs/{}/cancel", self.live), &json!({})).await.expect(200);
    }

    /// The same, of nobody: ids of the right form that stand for nothing.
    pub fn absent() -> Self {
        let id = |prefix: &str| format!("{prefix}_{}", "0198c2f0a1b27c3d8e4f5a6b7c8d9e0f");
        Self { run: id("run"), live: id("run"), thread: id("thr"), key: id("key") }
    }

    /// The path and the body of a request that would be good, and the id that stands in its path.
    pub fn request(&self, operation: Operation) -> (String, Value, String) {
        let input = json!({ "input": "Hello" });
        let (id, body) = match operation {
            Operation::CreateRun => ("support", json!({ "agent": "support", "input": "Hello" })),
            Operation::Proxy => ("agentbase", json!({})),
            Operation::CreateAgentRun | Operation::RunHook | Operation::RunAcp => {
                ("support", input)
            }
            Operation::GetRun | Operation::FollowRun => (self.run.as_str(), Value::Null),
            Operation::CancelRun => (self.live.as_str(), Value::Null),
            Operation::GetThread | Operation::ListThreadRuns => (self.thread.as_str(), Value::Null),
            Operation::GetKey | Operation::RotateKey | Operation::RevokeKey => {
                (self.key.as_str(), Value::Null)
            }
            Operation::CreateKey => {
                ("", json!({ "name": "made", "workspace": "acme", "scopes": ["runs:read"] }))
            }
            Operation::RevokeToken => {
                let expires_at = "2099-01-01T00:00:00Z";
                ("", json!({ "issuer": "corp", "token_id": "t1", "expires_at": expires_at }))
            }
            Operation::ProveRecord => ("0", Value::Null),
            Operation::CreateAgent => {
                ("clerk", json!({ "upstream": "acp", "name": "made", "model": "m" }))
            }
            Operation::GetAgent | Operation::DetachTool | Operation::DetachServer => {
                ("support", Value::Null)
            }
            Operation::ChangeAgent => ("support", json!({ "name": "changed" })),
            Operation::DeleteAgent => ("make:tools", Value::Null),
            Operation::AttachTool => ("support", json!({ "id": "scenario:9" })),
            Operation::AttachServer => ("support", json!({ "id": "72", "tools": [] })),
            Operation::Explain => ("", json!({ "key": "n8n", "agent": "support" })),
            Operation::ListRuns
            | Operation::ListAgents
            | Operation::ListUpstreams
            | Operation::GetOpenApi
            | Operation::GetMetrics
            | Operation::GetHealth
            | Operation::GetReadiness
            | Operation::ListKeys
            | Operation::Reload
            | Operation::GetStatusPage
            | Operation::GetStatus
            | Operation::GetConfig
            | Operation::ListAudit
            | Operation::ListCheckpoints
            | Operation::TailAudit
            | Operation::Unknown => ("", Value::Null),
        };
        let fill = |segment: &str| match segment {
            "{workspace}" => "acme".to_owned(),
            "{tool}" => "scenario:12".to_owned(),
            "{server}" => "71".to_owned(),
            "{path…}" => "get-messages".to_owned(),
            variable if variable.starts_with('{') => id.to_owned(),
            literal => literal.to_owned(),
        };
        let path: Vec<String> = operation.path().split('/').map(fill).collect();
        (path.join("/"), body, id.to_owned())
    }
}

fn listeners(operation: Operation) -> Vec<Listener> {
    match operation.listener() {
        Listener::Both => vec![Listener::Api, Listener::Admin],
        one @ (Listener::Api | Listener::Admin) => vec![one],
    }
}

/// The scope that an operation needs on a socket; none where it is open there.
pub fn scope(operation: Operation, listener: Listener) -> Option<Scope> {
    match operation.needs() {
        Needs::Nothing => None,
        Needs::OnApi(_) if listener == Listener::Admin => None,
        Needs::OnApi(scope) | Needs::Scope(scope) => Some(scope),
    }
}

/// Sends a good request for the operation with these headers.
pub async fn send(
    world: &World,
    (operation, listener): (Operation, Listener),
    things: &Things,
    headers: &[(&str, &str)],
) -> Answer {
    let (path, body, _) = things.request(operation);
    let address = if listener == Listener::Api { world.app.api() } else { world.app.admin() };
    let mut request = Request::builder().method(operation.method());
    request = request.uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.header("content-type", "application/json");
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.body(Full::from(body)).unwrap();
    if operation != Operation::TailAudit {
        return world.send(request).await;
    }
    // It does not end by itself: that it began is its answer.
    let (head, body) = world.open(request).await.into_parts();
    let body = if head.status.is_success() {
        Bytes::new()
    } else {
        body.collect().await.unwrap().to_bytes()
    };
    Answer { status: head.status, headers: head.headers, body }
}

/// Every row of the table, on each of its sockets.
pub fn rows() -> Vec<(Operation, Listener)> {
    let on = |operation: Operation| listeners(operation).into_iter().map(move |at| (operation, at));
    Operation::ALL.iter().copied().flat_map(on).collect()
}
