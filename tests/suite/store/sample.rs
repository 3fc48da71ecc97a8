//! Runs, conversations, callbacks and records to keep, told apart by a number. What is said in
//! them is said in every place that can hold it.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;
use switchyard::clock::Timestamp;
use switchyard::model::agent::AgentRef;
use switchyard::model::content::{Json, Message, Role, Text};
use switchyard::model::event::{Body, Recorded};
use switchyard::model::ids::{BootId, CallbackId, RecordId, RunId, ThreadId};
use switchyard::model::principal::{Identity, Principal, PrincipalKind};
use switchyard::model::record::{CallFacts, RunFacts, Stage, Verdict};
use switchyard::model::run::{
    Run, RunObject, RunStatus, RunUpstream, Step, StepType, ToolStatus, Usage, Warning,
};
use switchyard::model::thread::Thread;
use switchyard::store::Store;
use switchyard::store::log::Entry;
use switchyard::store::rows::{Binding, CallbackRow, CallbackState};
use switchyard::store::runs::{
    CallbackContent, CallbackTo, EndedRun, Events, KeptCallback, KeptRun, KeptThread, More, NewRun,
    NewTurn, Runs,
};
use switchyard::store::seal::Sealer;

use super::{NOW, later};

/// What a caller said, in all samples.
pub const SAID: &str = "Zebulon owes doubloons";

pub fn runs_of(store: &Store) -> Runs {
    Runs { rows: store.rows.clone(), sealer: Sealer::new(&[7; 32], &[]) }
}

pub fn run_id(number: u32) -> RunId {
    RunId::parse(&format!("run_{number:032x}")).unwrap()
}

pub fn thread_id(number: u32) -> ThreadId {
    ThreadId::parse(&format!("thr_{number:032x}")).unwrap()
}

pub fn callback_id(number: u32) -> CallbackId {
    CallbackId::parse(&format!("evt_{number:032x}")).unwrap()
}

pub fn boot(number: u32) -> BootId {
    BootId::parse(&format!("boot_{number:032x}")).unwrap()
}

pub fn owner() -> Principal {
    Principal::new(Identity {
        workspace: "acme".to_owned(),
        subject: "key:key_1".to_owned(),
        name: SAID.to_owned(),
        kind: PrincipalKind::Key,
        ..Identity::default()
    })
}

fn target() -> AgentRef {
    AgentRef { upstream: "make".to_owned(), native: SAID.to_owned() }
}

/// A run as everybody reads it, in this state. Admitted as many seconds after `NOW` as its number.
pub fn run(number: u32, status: RunStatus) -> Run {
    let created_at = later(i64::from(number));
    Run {
        id: run_id(number),
        object: RunObject::Run,
        status,
        agent: "support".to_owned(),
        upstream: RunUpstream {
            name: "make".to_owned(),
            kind: "make".to_owned(),
            run_id: Some(SAID.to_owned()),
            thread_id: None,
        },
        thread_id: None,
        output: Some(Text::from(SAID.to_owned())),
        output_json: Some(Json(json!({ "said": SAID }))),
        steps: vec![Step {
            index: 0,
            r#type: StepType::ToolCall,
            call_id: "call_1".to_owned(),
            name: SAID.to_owned(),
            arguments: Json(json!([SAID])),
            status: Some(ToolStatus::Ok),
            result: Json(json!(SAID)),
            duration_ms: Some(3),
        }],
        usage: Usage { input_tokens: Some(7), ..Usage::default() },
        stop_reason: Some(SAID.to_owned()),
        governance: Vec::new(),
        pii: Vec::new(),
        warnings: vec![Warning::new("worth_knowing", None, SAID)],
        error: None,
        metadata: IndexMap::from([("note".to_owned(), SAID.to_owned())]),
        created_at,
        started_at: Some(created_at),
        ended_at: status.is_terminal().then(|| Timestamp(created_at.0 + 500_000)),
        duration_ms: None,
    }
}

/// Driven by the life of number 1.
pub fn kept(run: Run) -> KeptRun {
    KeptRun {
        boot: boot(1),
        owner: owner(),
        more: More {
            run: Arc::new(run),
            target: target(),
            name: SAID.to_owned(),
            kind: PrincipalKind::Key,
            call: CallFacts { request_id: "req_1".to_owned(), ..CallFacts::default() },
            facts: RunFacts::of("support", &target()),
            callback: Some(CallbackTo {
                url: format!("https://hooks/{SAID}"),
                events: vec!["run.completed".to_owned()],
                only_late: false,
            }),
            vault: json!({ "<NAME_1>": SAID }),
        },
    }
}

/// A run that is to be admitted, with nothing else.
pub fn new(number: u32) -> NewRun {
    let run = kept(run(number, RunStatus::Queued));
    NewRun { run, thread: None, binding: None, entries: Vec::new() }
}

/// The same in a conversation.
pub fn turn(number: u32, thread: NewTurn) -> NewRun {
    let id = match &thread {
        NewTurn::Opens(kept) => kept.thread.id.clone(),
        NewTurn::Resumes(id, _) => id.clone(),
    };
    let run = Run { thread_id: Some(id), ..run(number, RunStatus::Queued) };
    NewRun { run: kept(run), thread: Some(thread), ..new(number) }
}

/// A run that ends, with nothing else.
pub fn ended(number: u32) -> EndedRun {
    EndedRun {
        run: kept(run(number, RunStatus::Completed)),
        events: None,
        thread: None,
        callback: None,
        frees_key: false,
        entries: Vec::new(),
    }
}

pub fn thread(number: u32, version: i64, busy: Option<u32>) -> KeptThread {
    KeptThread {
        thread: Thread {
            id: thread_id(number),
            owner: owner(),
            agent: "support".to_owned(),
            target: target(),
            native: Some(SAID.to_owned()),
            history: vec![Message::new(Role::User, Text::from(SAID.to_owned()))],
            dropped: 2,
            created_at: NOW,
            updated_at: NOW,
        },
        version,
        busy: busy.map(run_id),
        vault: json!({ "<NAME_1>": SAID }),
    }
}

/// Events of a run, from this number to that.
pub fn events(run: u32, numbers: std::ops::RangeInclusive<u64>) -> Events {
    let event = |seq| {
        Arc::new(Recorded {
            seq,
            at: NOW,
            synthetic: false,
            run_id: run_id(run),
            body: Body::MessageDelta(Text::from(format!("{SAID} {seq}"))),
        })
    };
    Events { vault: json!({ "<LAST>": numbers.end() }), events: numbers.map(event).collect() }
}

/// A callback of the run of this number, which is due when that ends.
pub fn callback(number: u32) -> KeptCallback {
    let run = run(number, RunStatus::Completed);
    let created_at = run.ended_at.unwrap();
    KeptCallback {
        row: CallbackRow {
            id: callback_id(number),
            run_id: run.id.clone(),
            workspace: "acme".to_owned(),
            state: CallbackState::Pending,
            attempts: 0,
            due_at: created_at,
            created_at,
            last: None,
            sealed: Vec::new(),
        },
        content: CallbackContent {
            url: format!("https://hooks/{SAID}"),
            r#type: "run.completed".to_owned(),
            run: Arc::new(run),
            owner: ("acme".to_owned(), "key:key_1".to_owned()),
            vault: json!({ "<NAME_1>": SAID }),
        },
    }
}

/// A key that expires a hundred seconds after `NOW`, bound to the run of this number.
pub fn binding(key: u8, run: u32) -> Binding {
    let expires_at = later(100);
    Binding { key: [key; 32], fingerprint: [key + 1; 32], run_id: run_id(run), expires_at }
}

/// A record. Its JSON is its number.
pub fn entry(number: u32) -> Entry {
    Entry {
        id: RecordId::parse(&format!("rec_{number:032x}")).unwrap(),
        at: later(i64::from(number)),
        workspace: Some("acme".to_owned()),
        run_id: Some(run_id(number)),
        stage: Stage::Admitted,
        decision: Verdict::Allow,
        body: number.to_string().into(),
    }
}

/// Admits it, which must go well.
pub async fn admit(runs: &Runs, new: NewRun) {
    let admitted = runs.admit(&new).await.unwrap();
    assert_eq!(admitted, switchyard::store::rows::Admitted::Kept);
}

/// What is kept, in a form that can be compared.
pub fn shown(run: &KeptRun) -> serde_json::Value {
    let KeptRun { boot, owner, more } = run;
    let owner = [&owner.workspace, &owner.subject, &owner.name];
    json!({ "boot": boot, "owner": owner, "more": more })
}
