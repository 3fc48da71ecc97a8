//! What must be done when a run is over, also when its task panics or is dropped: its end is
//! recorded and only then shown, its conversation goes on, it is counted and logged.
//!
//! Invariant: who reads the journal sees an end that is durable, or one that says it is not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Mutex, oneshot};

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::gateway::journal::Journal;
use crate::gateway::keeper::{Owed, unrecordable};
use crate::gateway::payloads::Said;
use crate::gateway::threads::Turn;
use crate::gateway::{Parts, records};
use crate::model::call::Call;
use crate::model::event::{Body, Ending, Happening, Recorded, RunEvent};
use crate::model::ids::CallbackId;
use crate::model::plan::Plan;
use crate::model::record::RunFacts;
use crate::model::run::{Run, RunStatus};
use crate::store::rows::{CallbackRow, CallbackState};
use crate::store::runs::{CallbackContent, EndedRun, Events, KeptCallback, KeptRun};
use crate::telemetry::metrics::{Held, UpstreamMetrics};
use crate::telemetry::traces::spans;

/// A run that is to be closed.
pub(super) struct Closing {
    pub(super) parts: Arc<Parts>,
    pub(super) journal: Arc<Journal>,
    call: Arc<Call>,
    plan: Arc<Plan>,
    kept: KeptRun,
    /// What seals its payloads, where they are kept.
    said: Option<Said>,
    /// Whether its admission is durable; none where it was before it was driven.
    admission: Option<oneshot::Receiver<bool>>,
    noted: Mutex<Noted>,
    began: Duration,
    is_done: bool,
    _in_flight: Option<Held>,
}

/// What the store has of the events of a run.
#[derive(Debug, Default)]
struct Noted {
    last: u64,
    values: usize,
}

impl Closing {
    pub(super) fn new(
        parts: &Arc<Parts>,
        call: Arc<Call>,
        plan: Arc<Plan>,
        journal: Arc<Journal>,
        kept: KeptRun,
        said: Option<Said>,
        admission: Option<oneshot::Receiver<bool>>,
    ) -> Self {
        let in_flight = parts.upstreams.get(plan.upstream()).map(|it| it.metrics.run_started());
        Self {
            parts: Arc::clone(parts),
            journal,
            call,
            plan,
            kept,
            said,
            admission,
            noted: Mutex::default(),
            began: parts.clock.monotonic(),
            is_done: false,
            _in_flight: in_flight,
        }
    }

    /// What is being run.
    pub(super) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The run is another agent's from now on; what its records say of it.
    pub(super) fn moved(&mut self, plan: Arc<Plan>) -> RunFacts {
        let more = &mut self.kept.more;
        more.target = plan.target.clone();
        more.facts.kind = Some(plan.kind.clone());
        more.facts.target = Some(plan.target.to_string());
        more.run = self.journal.run();
        let platform = self.parts.upstreams.get(plan.upstream());
        self._in_flight = platform.map(|it| it.metrics.run_started());
        self.plan = plan;
        more.facts.clone()
    }

    /// Notes in the store what has happened since the last time, where somebody may come back for
    /// it. What cannot be written is noted the next time.
    pub(super) async fn note(&self) {
        if !self.journal.is_stored() {
            return;
        }
        let mut noted = self.noted.lock().await;
        let events = self.events(&noted, None);
        let Some(last) = events.events.last().map(|event| event.seq) else { return };
        let written = self.parts.keeper.runs.note(&self.journal.id, &events).await;
        self.parts.keeper.health.went(&written);
        if written.is_ok() {
            *noted = Noted { last, values: self.values() };
        }
    }

    /// Ends the run.
    pub(super) async fn close(&mut self, ending: RunEvent) {
        let now = self.parts.clock.now();
        let synthetic = ending.synthetic;
        let took = self.parts.clock.monotonic().saturating_sub(self.began);
        let last = self.journal.closing(ending, now, took);
        let is_admitted = match self.admission.take() {
            Some(admission) => admission.await.unwrap_or(false),
            None => true,
        };
        let shown = self.record(last, is_admitted).await;
        // Whoever sees the end may go on with the conversation: released once, and before that, or
        // the next run would be taken for over.
        self.parts.threads.release(&self.plan.thread.id);
        self.journal.close(shown, now, synthetic);
        self.after();
    }

    /// Records the end; the run as its readers are to see it.
    async fn record(&self, last: Recorded, is_admitted: bool) -> Arc<Run> {
        let Body::Ended(run) = &last.body else { return self.journal.run() };
        let run = Arc::clone(run);
        let ended = self.ended(&run, Some(last.clone())).await;
        let written = match &ended {
            Ok(ended) if is_admitted => self.parts.keeper.end(ended).await,
            Ok(_) => Err(Error::new(Kind::AuditUnavailable, "the run was not recorded")),
            Err(error) => Err(error.clone()),
        };
        match written {
            Ok(true) => run,
            // Another process has closed it: this one no longer counted.
            Ok(false) => match self.parts.keeper.runs.run(&run.id).await {
                Ok(Some(kept)) => kept.more.run,
                Ok(None) | Err(_) => run,
            },
            Err(error) => {
                tracing::error!(?error, run_id = %run.id, "the end of a run was not recorded");
                let run = Arc::new(unrecordable(&run, &self.call.id));
                let last = Recorded { body: Body::Ended(Arc::clone(&run)), ..last };
                if let Ok(ended) = self.ended(&run, Some(last)).await {
                    self.parts.keeper.owe(Owed::End(Arc::new(ended)));
                }
                run
            }
        }
    }

    /// What is written of the end.
    async fn ended(&self, run: &Arc<Run>, last: Option<Recorded>) -> Result<EndedRun> {
        let (parts, is_stored) = (&self.parts, self.journal.is_stored());
        let mut kept = self.kept.clone();
        kept.more.run = Arc::clone(run);
        let said = self.said.as_ref();
        let entries = records::ended(&parts.keeper.scribe, &parts.keeper.runs.sealer, &kept, said)?;
        let vault = if is_stored { self.vault() } else { Value::Null };
        kept.more.vault = vault.clone();
        let now = run.ended_at.unwrap_or(run.created_at);
        let is_late = self.journal.is_detached();
        let callback = callback(parts, &kept, now, is_late);
        if !is_stored {
            kept.more.run = Arc::new(head_of(run));
        }
        let events =
            if is_stored { Some(self.events(&*self.noted.lock().await, last)) } else { None };
        let thread = parts.threads.turned(&self.plan.thread.id, self.turn(run));
        // One that nothing can go on from is not kept.
        let thread = thread.filter(|kept| {
            let thread = &kept.thread;
            self.plan.thread.is_continued
                || is_stored
                || thread.native.is_some()
                || thread.dropped > 0
                || !thread.history.is_empty()
        });
        let frees_key = records::was_never_sent(run);
        Ok(EndedRun { run: kept, events, thread, callback, frees_key, entries })
    }

    fn events(&self, noted: &Noted, last: Option<Recorded>) -> Events {
        let mut events = self.journal.events_after(noted.last);
        events.extend(last.map(Arc::new));
        let is_new = self.values() != noted.values;
        Events { events, vault: if is_new { self.vault() } else { Value::Null } }
    }

    fn values(&self) -> usize {
        self.plan.thread.vault.as_ref().map_or(0, |vault| vault.len())
    }

    fn vault(&self) -> Value {
        let vault = self.plan.thread.vault.as_ref().filter(|vault| !vault.is_empty());
        vault.map_or(Value::Null, |vault| vault.saved())
    }

    /// The run was not admitted, and nothing is kept of it.
    pub(super) fn forget(&mut self) {
        self.is_done = true;
        self.parts.threads.release(&self.plan.thread.id);
    }

    /// The run was not admitted as far as is known: should it be, it is closed at once.
    pub(super) fn owe_refusal(&mut self) {
        let mut run = unrecordable(&self.journal.run(), &self.call.id);
        run.ended_at = Some(self.parts.clock.now());
        let mut kept = self.kept.clone();
        kept.more.run = Arc::new(run);
        let keeper = &self.parts.keeper;
        if let Ok(entries) = records::ended(&keeper.scribe, &keeper.runs.sealer, &kept, None) {
            let (events, thread, callback) = (None, None, None);
            let ended = EndedRun { run: kept, events, thread, callback, frees_key: true, entries };
            keeper.owe(Owed::End(Arc::new(ended)));
        }
        self.forget();
    }

    /// Counts and tells the end.
    fn after(&mut self) {
        self.is_done = true;
        self.measure(|metrics, took| {
            self.journal.with_run(|run| {
                metrics.run_ended(run.status, took);
                metrics.used(&run.usage);
                if let Some(problem) = &run.error {
                    metrics.run_failed(problem);
                }
            });
        });
        self.tell();
        self.parts.shelf.end(&self.journal);
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let error = Error::new(Kind::Internal, "the run's task ended unexpectedly");
        let end = Happening::Ended(Ending::Failed(error));
        self.journal.append(RunEvent::live(end), self.parts.clock.now());
        let run = self.journal.run();
        let mut kept = self.kept.clone();
        kept.more.run = Arc::new(head_of(&run));
        let keeper = Arc::clone(&self.parts.keeper);
        if let Ok(entries) = records::ended(&keeper.scribe, &keeper.runs.sealer, &kept, None) {
            let thread = self.parts.threads.turned(&self.plan.thread.id, self.turn(&run));
            let (events, callback) = (None, None);
            let ended = EndedRun { run: kept, events, thread, callback, frees_key: false, entries };
            let admission = self.admission.take();
            // Nothing can be waited for here.
            self.parts.tasks.spawn("end of a run", async move {
                let is_admitted = match admission {
                    Some(admission) => admission.await.unwrap_or(false),
                    None => true,
                };
                if !is_admitted || keeper.end(&ended).await.is_err() {
                    keeper.owe(Owed::End(Arc::new(ended)));
                }
            });
        }
        self.parts.threads.release(&self.plan.thread.id);
        self.after();
    }
}

/// A run that nobody can come back to: its head, its usage and how it ended.
fn head_of(run: &Run) -> Run {
    Run { output: None, output_json: None, steps: Vec::new(), ..run.clone() }
}

/// The callback that tells of a run, where one is wanted.
pub(super) fn callback(
    parts: &Parts,
    kept: &KeptRun,
    now: Timestamp,
    is_late: bool,
) -> Option<KeptCallback> {
    let run = &kept.more.run;
    let to = kept.more.callback.as_ref().filter(|to| is_late || !to.only_late)?;
    let name = Body::Ended(Arc::clone(run)).name();
    if !to.events.is_empty() && !to.events.iter().any(|wanted| wanted == name) {
        return None;
    }
    let row = CallbackRow {
        id: CallbackId::new(&*parts.ids, now),
        run_id: run.id.clone(),
        workspace: kept.owner.workspace.clone(),
        state: CallbackState::Pending,
        attempts: 0,
        due_at: now,
        created_at: now,
        last: None,
        sealed: Vec::new(),
    };
    let content = CallbackContent {
        url: to.url.clone(),
        r#type: name.to_owned(),
        run: Arc::clone(run),
        owner: (kept.owner.workspace.clone(), kept.owner.subject.clone()),
        vault: kept.more.vault.clone(),
    };
    Some(KeptCallback { row, content })
}

impl Closing {
    pub(super) fn measure(&self, note: impl Fn(&UpstreamMetrics, Duration)) {
        if let Some(platform) = self.parts.upstreams.get(self.plan.upstream()) {
            note(&platform.metrics, self.parts.clock.monotonic().saturating_sub(self.began));
        }
    }

    /// The one line of each run, without anything that was said in it.
    fn tell(&self) {
        let Some(run) = self.journal.ended() else { return };
        spans::run_ended(&run);
        tracing::info!(
            run_id = %run.id,
            trace_id = self.call.trace.trace_id(),
            request_id = %self.call.id,
            operation = self.call.operation,
            upstream = %run.upstream.name,
            kind = %run.upstream.kind,
            outcome = run.status.as_str(),
            code = run.error.as_ref().map(|error| error.code.as_str()),
            duration_ms = run.duration_ms,
            "run ended"
        );
    }

    /// What the run leaves in its conversation.
    fn turn(&self, run: &Run) -> Turn {
        let vault = self.plan.thread.vault.clone();
        let replays = |platform: &Arc<crate::gateway::Platform>| platform.vendor.replays_history();
        if !self.parts.upstreams.get(self.plan.upstream()).is_some_and(replays) {
            return Turn { native: run.upstream.thread_id.clone(), vault, ..Turn::default() };
        }
        // A run that did not answer leaves nothing: its caller will ask again.
        match (run.status, &run.output) {
            (RunStatus::Completed | RunStatus::Incomplete, Some(output)) => Turn {
                said: self.plan.request.input.clone(),
                answered: Some(output.clone()),
                native: None,
                vault,
            },
            _ => Turn { vault, ..Turn::default() },
        }
    }
}
