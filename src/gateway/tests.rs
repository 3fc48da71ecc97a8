//! The gateway against a fake platform: what holds for every run, whatever speaks to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use indexmap::IndexMap;
use parking_lot::Mutex;
use serde_json::Value;
use tower::service_fn;

use super::*;
use crate::clock::{CountingIds, ManualClock, RandomIds, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::http::service::RunEvents;
use crate::model::call::{Call, Facts, TraceContext};
use crate::model::capability::{Capabilities, Support};
use crate::model::content::{Role, Text};
use crate::model::event::{Body, Ending, Happening, RunEvent};
use crate::model::judge::{Question, Resource};
use crate::model::pii::PiiCount;
use crate::model::plan::{Admission, Grants, Plan, Proposal, RunCall};
use crate::model::principal::{Identity, Principal};
use crate::model::request::RunRequest;
use crate::model::run::RunStatus;
use crate::model::screen::Screen;
use crate::model::scribe::Scribe;
use crate::model::vault::{TokenVault, Vaults};
use crate::outbound::Exchange;
use crate::store::runs::Runs;
use crate::store::seal::Sealer;
use crate::telemetry::metrics::Metrics;

struct Fake(Capabilities);

impl Vendor for Fake {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }
    fn replays_history(&self) -> bool {
        true
    }
    fn authorization(&self, _: &str) -> String {
        String::new()
    }
    fn start(&self, _: &Plan) -> Result<Exchange> {
        Err(Error::new(Kind::UnsupportedByUpstream, "the encoder says no"))
    }
    fn failure(&self, _: StatusCode, _: &HeaderMap, _: &[u8]) -> Error {
        Error::new(Kind::UpstreamError, "no")
    }
}

type Answer = Box<dyn Fn(RunCall) -> Result<RunEvents> + Send + Sync>;

fn bounds() -> config::Runs {
    config::Runs {
        heartbeat: Duration::from_secs(15),
        window_bytes: 2_000,
        journal_bytes: 10_000,
        kept_bytes: 1_000_000,
        kept: 3,
        answer_bytes: 100_000,
        max_duration: Duration::from_secs(60),
        history_bytes: 10_000,
        max_background: 1,
    }
}

async fn gateway(answer: impl Fn(RunCall) -> Result<RunEvents> + Send + Sync + 'static) -> Gateway {
    let answer: Arc<Answer> = Arc::new(Box::new(answer));
    let service = service_fn(move |call: RunCall| {
        let answer = Arc::clone(&answer);
        async move { answer(call) }
    });
    let bounds = bounds();
    let fake = Platform {
        kind: "fake".to_owned(),
        vendor: Arc::new(Fake(Capabilities::new(|_| Support::Native))),
        metrics: Metrics::new(Timestamp(0)).unwrap().upstream("up", "fake"),
        workspaces: Vec::new(),
        reach: None,
        health: Box::new(|| Health::Healthy),
        connect: Duration::from_secs(5),
    };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_000_000)));
    let ids: Arc<dyn Ids> = Arc::new(CountingIds::default());
    let tasks = Tasks::default();
    // The ids of runs are counted: a store that another process left would have them already.
    let folder = tempfile::tempdir().unwrap().keep();
    let url = format!("sqlite://{}", folder.join("store.db").display());
    let store = crate::store::open(&url, Arc::clone(&clock), &tasks).await.unwrap();
    let keeper = Keeper::new(
        Runs { rows: Arc::clone(&store.rows), sealer: Sealer::new(&[7; 32], &[]) },
        Arc::clone(&store.log),
        Scribe::new(Arc::clone(&clock), Arc::clone(&ids)),
        Arc::new(NoVaults),
        None,
        config::Durability::Overlap,
        crate::store::health::Health::new(
            Metrics::new(Timestamp(0)).unwrap().audit().clone(),
            Arc::clone(&clock),
        ),
    );
    let catalog = catalog(&store, &clock);
    let policy = Metrics::new(Timestamp(0)).unwrap().policy().clone();
    let none = IndexMap::new();
    Gateway::new(Parts {
        catalog,
        choices: Arc::new(Choices::new(&none, Arc::clone(&clock), Arc::clone(&ids), policy)),
        clock,
        ids,
        tasks,
        upstreams: IndexMap::from([("up".to_owned(), Arc::new(fake))]),
        agents: IndexMap::new(),
        detached: Arc::default(),
        shelf: Arc::new(Shelf::new(bounds.kept, bounds.kept_bytes)),
        threads: Arc::new(Threads::new(bounds.history_bytes)),
        keeper: Arc::new(keeper),
        keys: Arc::default(),
        lives: Arc::default(),
        callbacks: callbacks(),
        probe: Box::new(|_| Box::pin(async { Ok(()) })),
        bounds,
        admission: AdmitService::new(service_fn(|proposal: Proposal| async move {
            Ok(Admission { plan: proposal.plan, grants: Grants::default() })
        })),
        service: RunService::new(service),
        judge: Arc::new(Owners),
    })
}

/// No platform that can be asked about agents.
fn catalog(store: &crate::store::Store, clock: &Arc<dyn Clock>) -> Catalog {
    use crate::outbound::dispatch::Dispatcher;
    use crate::outbound::pause::Pauses;
    use crate::store::presets::Presets;

    let pauses = Pauses::new(Arc::clone(clock));
    let presets = Presets { rows: Arc::clone(&store.presets), sealer: Sealer::new(&[7; 32], &[]) };
    let kept_for = Duration::from_secs(30);
    let bounds = config::Profiles { kept_for, kept: 10, list_within: Duration::from_secs(1) };
    let dispatcher = Dispatcher::new([], Arc::clone(clock), pauses);
    Catalog::new(dispatcher, Arc::new(Lets), presets, &bounds)
}

/// Everything may pass.
struct Lets;

impl Screen for Lets {
    fn outgoing(
        &self,
        _: &Call,
        _: &str,
        _: &str,
        _: &mut serde_json::Map<String, Value>,
    ) -> Result<Vec<PiiCount>> {
        Ok(Vec::new())
    }
    fn incoming(
        &self,
        _: &Call,
        _: &str,
        _: &str,
        _: &mut serde_json::Map<String, Value>,
    ) -> Result<Vec<PiiCount>> {
        Ok(Vec::new())
    }
}

/// No address may be called.
fn callbacks() -> Callbacks {
    use crate::http::egress::allowed::Allowed;
    use crate::http::egress::post::{Clocks, Poster};

    let clocks = Clocks { connect: Duration::from_secs(1), whole: Duration::from_secs(1) };
    Callbacks {
        poster: Poster::new(Allowed::default(), clocks).unwrap(),
        signers: IndexMap::new(),
        secret_of: Box::new(|_| crate::wire::webhook::secret::SigningSecret::unknown().unwrap()),
        permits: Arc::new(tokio::sync::Semaphore::new(1)),
    }
}

/// There are no tokens here.
struct NoVaults;

impl Vaults for NoVaults {
    fn restored(&self, _: &Principal, _: &str, _: &Value) -> Option<Arc<dyn TokenVault>> {
        None
    }
}

/// Lets callers see every agent, and see and stop what is theirs.
struct Owners;

impl Judge for Owners {
    fn judge(&self, question: &Question<'_>) -> Result<()> {
        let who = question.principal;
        match question.resource {
            Resource::Run(it) | Resource::Thread(it)
                if (it.workspace, it.subject) == (&*who.workspace, &*who.subject) =>
            {
                Ok(())
            }
            Resource::Agent(_) => Ok(()),
            Resource::Run(_) | Resource::Thread(_) | Resource::Upstream(_) | Resource::Gateway => {
                Err(Error::new(Kind::Forbidden, "not yours"))
            }
        }
    }
}

fn another() -> Principal {
    let (workspace, subject) = ("w".to_owned(), "s".to_owned());
    Principal::new(Identity { workspace, subject, ..Identity::default() })
}

fn call_of(principal: Principal) -> Arc<Call> {
    let call = Call {
        id: "req".to_owned(),
        trace: TraceContext::default(),
        operation: "create_run",
        face: "unified",
        address: std::net::IpAddr::from([127, 0, 0, 1]),
        received_at: Timestamp(0),
        received: Duration::ZERO,
        facts: Facts::default(),
    };
    call.identify(principal);
    Arc::new(call)
}

fn me() -> Arc<Call> {
    call_of(Principal::anonymous())
}

fn delta(text: &str) -> RunEvent {
    RunEvent::live(Happening::MessageDelta(text.into()))
}

fn completed() -> RunEvent {
    RunEvent::live(Happening::Ended(Ending::Completed { output: None, stop_reason: None }))
}

fn happy(_: RunCall) -> Result<RunEvents> {
    let started = RunEvent::live(Happening::Started);
    Ok(stream::iter([started, delta("Hel"), delta("lo"), completed()]).boxed())
}

/// A stream that says on its drop that it was dropped.
fn until_dropped(first: Vec<RunEvent>, dropped: &Arc<AtomicBool>) -> RunEvents {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let flag = Flag(Arc::clone(dropped));
    let rest = stream::pending().map(move |event| {
        let _held = &flag;
        event
    });
    stream::iter(first).chain(rest).boxed()
}

async fn settle(gateway: &Gateway) {
    assert!(gateway.0.tasks.drained(Duration::from_secs(5)).await, "a run's task is left");
}

#[tokio::test]
async fn who_has_said_goodbye_does_not_begin_another_life() {
    let gateway = gateway(happy).await;
    let keeper = Arc::clone(&gateway.0.keeper);
    let somebody = crate::model::ids::BootId::new(&RandomIds, Timestamp(0));
    let lives = async || keeper.runs.rows.members(&somebody).await.unwrap().len();
    gateway.join().await.unwrap();
    gateway.tend().await;
    assert_eq!(lives().await, 1);
    gateway.leave().await.unwrap();
    gateway.tend().await;
    assert_eq!(lives().await, 0);
}

#[tokio::test]
async fn a_run_is_read_as_events_and_as_a_whole() {
    let gateway = gateway(happy).await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let mut names = Vec::new();
    let mut seqs = Vec::new();
    while let Some(event) = admitted.reader.next().await {
        names.push(event.body.name());
        seqs.push(event.seq);
    }
    assert_eq!(
        names,
        ["run.created", "run.started", "message.delta", "message.delta", "run.completed"]
    );
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    let run = admitted.reader.end().await;
    assert_eq!(run.output.as_deref(), Some("Hello"));
    settle(&gateway).await;
}

#[tokio::test]
async fn the_last_reader_who_leaves_cancels_the_run() {
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&dropped);
    let gateway = gateway(move |_| Ok(until_dropped(vec![delta("x")], &seen))).await;
    let admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let id = admitted.run.id.to_string();
    tokio::task::yield_now().await;
    let mut second = gateway.follow(&me(), &id, 0).await.unwrap();
    drop(admitted);
    tokio::task::yield_now().await;
    assert!(!dropped.load(Ordering::SeqCst), "a second reader still reads");
    second.next().await.unwrap();
    drop(second);
    settle(&gateway).await;
    assert!(dropped.load(Ordering::SeqCst));
    let run = gateway.run(&me(), &id).await.unwrap();
    assert_eq!(run.status, RunStatus::Cancelled);
    assert!(run.warnings.iter().any(|w| w.code == "cancel_best_effort"));
}

#[tokio::test]
async fn a_detached_run_goes_on_without_readers() {
    let gateway = gateway(happy).await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    admitted.reader.next().await.unwrap();
    let id = admitted.run.id.to_string();
    admitted.reader.detach();
    settle(&gateway).await;
    let run = gateway.run(&me(), &id).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_background_run_is_refused_by_the_encoder_before_it_is_admitted() {
    let gateway = gateway(happy).await;
    let refused =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::Detached).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::UnsupportedByUpstream);
    let all = RunFilter { limit: 10, ..RunFilter::default() };
    assert!(gateway.runs(&me(), &all).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn the_reader_who_started_it_paces_the_platform() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let gateway = gateway(move |_| {
        let counter = Arc::clone(&counter);
        let deltas = stream::iter(0..1_000).map(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            delta(&"x".repeat(100))
        });
        Ok(deltas.chain(stream::iter([completed()])).boxed())
    })
    .await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let before = asked.load(Ordering::SeqCst);
    assert!(before < 20, "{before} events were taken with nobody reading");
    let mut bytes = 0;
    while let Some(event) = admitted.reader.next().await {
        if let Body::MessageDelta(text) = &event.body {
            bytes += text.len();
        }
    }
    assert_eq!(bytes, 100_000, "nothing was lost");
    settle(&gateway).await;
}

#[tokio::test]
async fn a_reader_who_falls_behind_is_told_what_is_missing() {
    let gateway = gateway(|_| {
        let deltas = stream::iter(0..500).map(|_| delta(&"x".repeat(100)));
        Ok(deltas.chain(stream::iter([completed()])).boxed())
    })
    .await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let id = admitted.run.id.to_string();
    admitted.reader.end().await;
    let mut late = gateway.follow(&me(), &id, 10).await.unwrap();
    let first = late.next().await.unwrap();
    let Body::Warning(warning) = &first.body else { panic!("{first:?}") };
    assert_eq!(warning.code, "events_dropped");
    let next = late.next().await.unwrap();
    assert_eq!(next.seq, first.seq + 1);
    let mut last = next;
    while let Some(event) = late.next().await {
        assert_eq!(event.seq, last.seq + 1);
        last = event;
    }
    assert!(last.body.is_terminal());
}

#[tokio::test]
async fn a_run_is_cancelled_once() {
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&dropped);
    let gateway = gateway(move |_| Ok(until_dropped(vec![], &seen))).await;
    let admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let id = admitted.run.id.to_string();
    tokio::task::yield_now().await;
    assert_eq!(gateway.cancel(&me(), &id).await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(gateway.cancel(&me(), &id).await.unwrap_err().kind(), Kind::Conflict);
    settle(&gateway).await;
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn anothers_run_is_not_found() {
    let gateway = gateway(happy).await;
    let admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let id = admitted.run.id.to_string();
    let other = call_of(another());
    assert_eq!(gateway.run(&other, &id).await.unwrap_err().kind(), Kind::RunNotFound);
    assert_eq!(gateway.follow(&other, &id, 0).await.unwrap_err().kind(), Kind::RunNotFound);
    assert_eq!(gateway.cancel(&other, &id).await.unwrap_err().kind(), Kind::RunNotFound);
    let mine = RunFilter { limit: 10, ..RunFilter::default() };
    assert!(gateway.runs(&other, &mine).await.unwrap().runs.is_empty());
    assert_eq!(gateway.runs(&me(), &mine).await.unwrap().runs.len(), 1);
    let thread = admitted.run.thread_id.as_ref().unwrap().to_string();
    assert_eq!(gateway.thread(&other, &thread).await.unwrap_err().kind(), Kind::ThreadNotFound);
    assert!(gateway.thread(&me(), &thread).await.is_ok());
}

#[tokio::test]
async fn a_thread_replays_what_was_said() {
    type Said = Vec<(Role, String)>;
    let seen: Arc<Mutex<Vec<Said>>> = Arc::default();
    let log = Arc::clone(&seen);
    let gateway = gateway(move |call| {
        let said = call.plan.messages().map(|m| (m.role, m.content.as_str().to_owned())).collect();
        log.lock().push(said);
        happy(call)
    })
    .await;
    let mut first =
        gateway.start(&me(), "up:a", RunRequest::of("one"), Keep::WhileRead).await.unwrap();
    let thread = first.reader.end().await.thread_id.clone();
    settle(&gateway).await;
    let request = RunRequest { thread_id: thread, ..RunRequest::of("two") };
    let mut second = gateway.start(&me(), "up:a", request.clone(), Keep::WhileRead).await.unwrap();
    let busy = gateway.start(&me(), "up:a", request.clone(), Keep::WhileRead).await.unwrap_err();
    assert_eq!(busy.kind(), Kind::Conflict);
    second.reader.end().await;
    let other = call_of(another());
    let stolen = gateway.start(&other, "up:a", request, Keep::WhileRead).await.unwrap_err();
    assert_eq!(stolen.kind(), Kind::ThreadNotFound);
    settle(&gateway).await;
    let said = |role, text: &str| (role, text.to_owned());
    assert_eq!(
        seen.lock()[1],
        [said(Role::User, "one"), said(Role::Assistant, "Hello"), said(Role::User, "two")]
    );
}

#[tokio::test]
async fn a_run_whose_task_panics_still_has_one_end() {
    let gateway = gateway(|_| panic!("a bug")).await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let run = admitted.reader.end().await;
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.error.as_ref().unwrap().code, "internal_error");
}

#[tokio::test]
async fn runs_in_flight_end_as_interrupted_when_the_process_goes() {
    let dropped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&dropped);
    let gateway = gateway(move |_| Ok(until_dropped(vec![], &seen))).await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    gateway.interrupt_all();
    let run = admitted.reader.end().await;
    assert_eq!(run.error.as_ref().unwrap().code, "interrupted");
    settle(&gateway).await;
}

#[tokio::test]
async fn an_answer_without_bounds_is_cut_off() {
    let gateway = gateway(|_| Ok(stream::repeat_with(|| delta(&"x".repeat(1_000))).boxed())).await;
    let mut admitted =
        gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
    let run = admitted.reader.end().await;
    assert_eq!(run.error.as_ref().unwrap().code, "upstream_protocol");
}

#[tokio::test]
async fn runs_are_listed_newest_first_whether_they_are_remembered_or_kept() {
    let gateway = gateway(happy).await;
    for _ in 0..5 {
        let mut run =
            gateway.start(&me(), "up:a", RunRequest::of("hi"), Keep::WhileRead).await.unwrap();
        run.reader.end().await;
        settle(&gateway).await;
    }
    let filter = RunFilter { limit: 2, ..RunFilter::default() };
    let page = gateway.runs(&me(), &filter).await.unwrap();
    assert_eq!(page.runs.len(), 2);
    assert!(page.runs[0].id > page.runs[1].id);
    let rest = RunFilter { cursor: page.next_cursor, limit: 10, ..filter };
    let page = gateway.runs(&me(), &rest).await.unwrap();
    assert_eq!(page.runs.len(), 3, "three of five are remembered, and two are kept");
    assert!(page.runs.is_sorted_by(|newer, older| newer.id > older.id));
    assert_eq!(page.next_cursor, None);
}

#[tokio::test]
async fn an_unknown_agent_is_not_found() {
    let gateway = gateway(happy).await;
    for name in ["nobody", "else:a", "up:", ""] {
        let error =
            gateway.start(&me(), name, RunRequest::of("hi"), Keep::WhileRead).await.unwrap_err();
        assert_eq!(error.kind(), Kind::AgentNotFound, "{name}");
    }
}

#[test]
fn text_is_never_printed() {
    assert_eq!(format!("{:?}", Text::from("secret")), "[6 bytes]");
}

#[tokio::test]
async fn runs_that_nobody_waits_for_are_bounded_however_they_were_let_go() {
    let dropped = Arc::new(AtomicBool::new(false));
    let gateway = gateway(move |_| Ok(until_dropped(vec![], &dropped))).await;
    let call = me();
    let start = || gateway.start(&call, "up:a", RunRequest::of("hi"), Keep::UntilDetached);
    let (one, two) = (start().await.unwrap(), start().await.unwrap());
    let id = one.run.id.to_string();
    one.reader.detach();
    assert_eq!(start().await.unwrap_err().kind(), Kind::Overloaded);
    gateway.cancel(&me(), &id).await.unwrap();
    assert!(start().await.is_ok());
    drop(two);
}
