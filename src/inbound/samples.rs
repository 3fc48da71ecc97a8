//! Events and runs that the faces' tests render.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::error::{Error, Kind};
use crate::model::content::{Json, Text};
use crate::model::event::{Body, Recorded};
use crate::model::ids::{RunId, ThreadId};
use crate::model::micro::Micro;
use crate::model::run::{
    Decision, DecisionSource, Governance, Run, RunObject, RunStatus, RunUpstream, ToolStatus,
    Usage, Warning,
};

/// 2026-01-02T03:04:05.678Z.
pub const AT: Timestamp = Timestamp(1_767_323_045_678_000);

/// A run in this state.
pub fn run(status: RunStatus) -> Run {
    let is_over = status.is_terminal();
    Run {
        id: RunId::parse("run_00000000000000000000000000000001").unwrap(),
        object: RunObject::Run,
        status,
        agent: "support".to_owned(),
        upstream: RunUpstream {
            name: "make-eu".to_owned(),
            kind: "make".to_owned(),
            run_id: None,
            thread_id: None,
        },
        thread_id: ThreadId::parse("thr_00000000000000000000000000000002"),
        output: is_over.then(|| Text::from("Two are open.")),
        output_json: None,
        steps: Vec::new(),
        usage: usage(),
        stop_reason: None,
        governance: Vec::new(),
        pii: Vec::new(),
        warnings: Vec::new(),
        error: None,
        metadata: IndexMap::new(),
        created_at: AT,
        started_at: None,
        ended_at: is_over.then_some(AT),
        duration_ms: is_over.then_some(4200),
    }
}

/// A run that failed with `error`.
pub fn failed(error: &Error) -> Run {
    let mut run = run(RunStatus::Failed);
    let mut problem = error.problem("req_1");
    problem.run_id = Some(run.id.to_string());
    run.error = Some(problem);
    run.output = None;
    run
}

/// Some figures.
pub fn usage() -> Usage {
    Usage {
        input_tokens: Some(1500),
        output_tokens: Some(800),
        total_tokens: Some(2300),
        tool_calls: Some(1),
        cost_usd: Micro::parse("0.0245"),
        credits: None,
        model: Some("gpt-4o".to_owned()),
    }
}

/// An event with this body.
pub fn event(seq: u64, body: Body) -> Recorded {
    let run_id = RunId::parse("run_00000000000000000000000000000001").unwrap();
    Recorded { seq, at: AT, synthetic: false, run_id, body }
}

/// A tool is called.
pub fn called() -> Body {
    Body::ToolCallStarted {
        call_id: "call_1".to_owned(),
        name: "tickets.search".to_owned(),
        arguments: Json(json!({"q": "open"})),
    }
}

/// The tool answers.
pub fn answered(result: Value) -> Body {
    Body::ToolCallCompleted {
        call_id: "call_1".to_owned(),
        name: "tickets.search".to_owned(),
        status: ToolStatus::Ok,
        result: Json(result),
        duration_ms: Some(41),
    }
}

/// The call is let through.
pub fn governed(layers: Value) -> Body {
    Body::Governance(Governance {
        call_id: Some("call_1".to_owned()),
        tool: "tickets.search".to_owned(),
        decision: Decision::Allowed,
        layers: Json(layers),
        reason: None,
        source: DecisionSource::Upstream,
    })
}

/// One event of every type, in an order that may be.
pub fn every_body() -> Vec<Body> {
    let ended = |status| Body::Ended(Arc::new(run(status)));
    vec![
        Body::Created(Arc::new(run(RunStatus::Queued))),
        Body::Warning(Warning::emulated("context", "as text")),
        Body::Started(Arc::new(run(RunStatus::Running))),
        Body::ReasoningDelta("hm".into()),
        Body::MessageDelta("Let me\n\"see\" \u{2028}".into()),
        called(),
        governed(json!({"identity": "allow"})),
        answered(json!({"n": 2})),
        Body::MessageCompleted("Two are open.".into()),
        Body::Usage(usage()),
        ended(RunStatus::Completed),
        ended(RunStatus::Incomplete),
        ended(RunStatus::Cancelled),
        Body::Ended(Arc::new(failed(&Error::new(Kind::UpstreamTimeout, "too slow")))),
    ]
}
