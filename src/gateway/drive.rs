//! Drives one run: calls the RUN stack and writes what comes out of it to the run's journal,
//! whoever reads it. A task of its own, so that a caller who leaves takes nothing else along.
//!
//! Invariant: whatever happens, the journal gets exactly one end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use tower::ServiceExt;

use crate::error::{Error, Kind};
use crate::gateway::Parts;
use crate::gateway::journal::Journal;
use crate::gateway::threads::Turn;
use crate::http::service::RunEvents;
use crate::model::call::Call;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::halt::{Halt, Stop};
use crate::model::plan::{Plan, RunCall};
use crate::model::run::{Run, RunStatus, Warning};
use crate::telemetry::metrics::{Held, UpstreamMetrics};

/// Drives a run to its end.
pub(super) async fn drive(parts: Arc<Parts>, run_call: RunCall, journal: Arc<Journal>) {
    let plan = Arc::clone(&run_call.plan);
    let in_flight = parts.upstreams.get(plan.upstream()).map(|it| it.metrics.run_started());
    let closing = Closing {
        parts: Arc::clone(&parts),
        call: Arc::clone(&run_call.call),
        plan,
        journal: Arc::clone(&journal),
        began: parts.clock.monotonic(),
        _in_flight: in_flight,
    };
    let opened = {
        let mut opening = parts.service.clone().oneshot(run_call);
        poll_fn(|cx| {
            if let Poll::Ready(stop) = journal.poll_stop(cx) {
                return Poll::Ready(Err(stop));
            }
            std::pin::Pin::new(&mut opening).poll(cx).map(Ok)
        })
        .await
    };
    let ending = match opened {
        Ok(Ok(events)) => pump(&closing, events).await,
        Ok(Err(error)) => Some(Ending::Failed(error)),
        Err(stop) => Some(stopped(&parts, &journal, stop)),
    };
    if let Some(ending) = ending {
        journal.append(RunEvent::live(Happening::Ended(ending)), parts.clock.now());
    }
    drop(closing);
}

/// Writes events to the journal until one is the end; else what the end is to be.
async fn pump(run: &Closing, mut events: RunEvents) -> Option<Ending> {
    let (parts, journal) = (&*run.parts, &*run.journal);
    let mut is_first = true;
    loop {
        // Whoever paces the run is waited for before the platform is asked for more.
        if let Some(stop) = poll_fn(|cx| journal.poll_room(cx)).await {
            last_words(parts, journal, events);
            return Some(stopped(parts, journal, stop));
        }
        let next = poll_fn(|cx| {
            if let Poll::Ready(event) = events.poll_next_unpin(cx) {
                return Poll::Ready(Ok(event));
            }
            journal.poll_stop(cx).map(Err)
        });
        let event = match next.await {
            Ok(Some(event)) => event,
            Ok(None) => {
                let said = "the answer broke off before its end";
                return Some(Ending::Failed(Error::new(Kind::UpstreamProtocol, said)));
            }
            Err(stop) => {
                last_words(parts, journal, events);
                return Some(stopped(parts, journal, stop));
            }
        };
        if std::mem::take(&mut is_first) {
            run.measure(|metrics, took| metrics.first_event(took));
        }
        let is_end = matches!(event.what, Happening::Ended(_));
        let held = journal.append(event, parts.clock.now());
        if is_end {
            return None;
        }
        if held > parts.bounds.answer_bytes {
            let said = format!("the answer is larger than {} bytes", parts.bounds.answer_bytes);
            return Some(Ending::Failed(Error::new(Kind::UpstreamProtocol, said)));
        }
    }
}

/// What a stopped run has to tell yet: text that a layer held back, because more of it might have
/// come, and nothing that the platform would have to be waited for.
fn last_words(parts: &Parts, journal: &Journal, mut events: RunEvents) {
    /// More than any layer holds.
    const MOST: usize = 16;
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..MOST {
        match events.poll_next_unpin(&mut cx) {
            Poll::Ready(Some(event)) if !matches!(event.what, Happening::Ended(_)) => {
                journal.append(event, parts.clock.now());
            }
            Poll::Ready(_) | Poll::Pending => return,
        }
    }
}

/// What the end is when the run was stopped from our side.
fn stopped(parts: &Parts, journal: &Journal, stop: Stop) -> Ending {
    if stop == Stop::Interrupted {
        let said = "the gateway stopped before the run had ended";
        return Ending::Failed(Error::new(Kind::Interrupted, said));
    }
    // No platform documents a way to cancel; the connection to it is closed.
    let detail = "the connection to the platform was closed; whether the agent stops there, and \
                  at what cost, the platform does not say";
    let warning = Happening::Warning(Warning::new("cancel_best_effort", None, detail));
    journal.append(RunEvent::live(warning), parts.clock.now());
    Ending::Cancelled
}

/// Does what must be done when a run is over, also when its task panics or is dropped.
struct Closing {
    parts: Arc<Parts>,
    call: Arc<Call>,
    plan: Arc<Plan>,
    journal: Arc<Journal>,
    began: Duration,
    _in_flight: Option<Held>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if self.journal.ended().is_none() {
            let error = Error::new(Kind::Internal, "the run's task ended unexpectedly");
            let end = Happening::Ended(Ending::Failed(error));
            self.journal.append(RunEvent::live(end), self.parts.clock.now());
        }
        let (turn, status) = self.journal.with_run(|run| (self.turn(run), run.status));
        self.measure(|metrics, took| metrics.run_ended(status, took));
        self.tell();
        self.parts.threads.close(&self.plan.thread.id, turn);
        self.parts.shelf.end(&self.journal);
    }
}

impl Closing {
    fn measure(&self, note: impl Fn(&UpstreamMetrics, Duration)) {
        if let Some(platform) = self.parts.upstreams.get(self.plan.upstream()) {
            note(&platform.metrics, self.parts.clock.monotonic().saturating_sub(self.began));
        }
    }

    /// The one line of each run, without anything that was said in it.
    fn tell(&self) {
        let Some(run) = self.journal.ended() else { return };
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
        let replays = |platform: &crate::gateway::Platform| platform.vendor.replays_history();
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
