//! Drives one run: has it recorded, calls the RUN stack, and writes what comes out of it to the
//! run's journal, whoever reads it. A task of its own, so that a caller who leaves takes nothing
//! else along.
//!
//! Invariant: whatever happens, the journal gets exactly one end, and what a platform may have seen
//! gets its records.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::join;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::error::{Error, Kind, Result};
use crate::gateway::Parts;
use crate::gateway::choose::{Ticket, was_not_sent};
use crate::gateway::closing::Closing;
use crate::gateway::failover::{self, Spare};
use crate::gateway::journal::Journal;
use crate::gateway::keeper::Owed;
use crate::gateway::payloads::Said;
use crate::gateway::replay::KeyGuard;
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::halt::{Halt, Stop};
use crate::model::plan::RunCall;
use crate::model::run::Warning;
use crate::store::rows::Admitted as Written;
use crate::store::runs::NewRun;

/// How often what has happened in a run is noted in the store, for who reads it elsewhere.
const NOTE_EVERY: Duration = Duration::from_millis(250);

/// The connection's own clock is to ring before anybody stops waiting for it.
const MARGIN: Duration = Duration::from_millis(50);

/// A run that is to be recorded and driven.
pub(super) struct Task {
    pub(super) run_call: RunCall,
    pub(super) journal: Arc<Journal>,
    /// What is written when it is admitted.
    pub(super) new: NewRun,
    /// What seals its payloads, where they are kept.
    pub(super) said: Option<Said>,
    /// Whether it must be written before the platform is asked.
    pub(super) is_strict: bool,
    /// Whom the outcome is told.
    pub(super) tell: oneshot::Sender<Result<Written>>,
    /// Held until it is written.
    pub(super) guard: Option<KeyGuard>,
    /// To whom else it may go, where its agent has others of the same name.
    pub(super) spare: Option<Box<Spare>>,
}

/// Has a run recorded and drives it to its end.
pub(super) async fn run(parts: Arc<Parts>, task: Task) {
    let Task { run_call, journal, new, said, is_strict, tell, guard, spare } = task;
    let (new, keeper) = (Arc::new(new), &parts.keeper);
    let (call, plan) = (Arc::clone(&run_call.call), Arc::clone(&run_call.plan));
    let closing = |admission| {
        let (call, plan) = (Arc::clone(&call), Arc::clone(&plan));
        let (journal, kept) = (Arc::clone(&journal), new.run.clone());
        Closing::new(&parts, call, plan, journal, kept, said.clone(), admission)
    };
    if is_strict {
        let written = keeper.admit(&new).await;
        drop(guard);
        if !matches!(written, Ok(Written::Kept)) {
            // Nothing was sent. Where the answer of the store was lost, its row must not stay.
            let mut closing = closing(None);
            if written.is_err() {
                closing.owe_refusal();
            } else {
                closing.forget();
            }
            tell.send(written).ok();
            return;
        }
        call.facts.admitted();
        tell.send(written).ok();
        let closing = closing(None);
        parts.shelf.put(Arc::clone(&journal));
        return drive(&parts, run_call, closing, spare).await;
    }
    let (settle, settled) = oneshot::channel();
    call.facts.admitted();
    let closing = closing(Some(settled));
    parts.shelf.put(Arc::clone(&journal));
    let admitting = async {
        let written = keeper.admit(&new).await;
        if written.is_err() {
            // The platform may have it: its record is owed.
            keeper.owe(Owed::Admission(Arc::clone(&new)));
            journal.stop(Stop::Unrecorded);
        }
        settle.send(written.is_ok()).ok();
        tell.send(written).ok();
    };
    join(admitting, drive(&parts, run_call, closing, spare)).await;
}

/// Drives a run to its end. A fault in it must not end what records it.
async fn drive(parts: &Arc<Parts>, run_call: RunCall, closing: Closing, spare: Option<Box<Spare>>) {
    let driving = AssertUnwindSafe(Box::pin(to_its_end(parts, run_call, closing, spare)));
    if driving.catch_unwind().await.is_err() {
        tracing::error!("a run's task panicked");
    }
}

async fn to_its_end(
    parts: &Arc<Parts>,
    mut run_call: RunCall,
    mut closing: Closing,
    mut spare: Option<Box<Spare>>,
) {
    let failed = |error| RunEvent::live(Happening::Ended(Ending::Failed(error)));
    let ending = loop {
        let unsent = match attempt(parts, &closing, spare.as_deref(), run_call).await {
            Ok(ending) => break ending,
            Err(unsent) => unsent,
        };
        let Some(spare) = &mut spare else { break failed(unsent) };
        match spare.next(parts, &mut closing, unsent).await {
            Ok(next) => run_call = next,
            Err(error) => break failed(error),
        }
    };
    let ticket = spare.and_then(|mut spare| spare.ticket.take());
    if let (Some(ticket), Happening::Ended(ending)) = (ticket, &ending.what) {
        ticket.ended(ending);
    }
    closing.close(ending).await;
}

/// Sends a run to its agent: how it ended, or why it was not sent where it may go to another.
async fn attempt(
    parts: &Arc<Parts>,
    closing: &Closing,
    spare: Option<&Spare>,
    run_call: RunCall,
) -> Result<RunEvent> {
    let journal = &closing.journal;
    let failed = |error| RunEvent::live(Happening::Ended(Ending::Failed(error)));
    let ticket = spare.and_then(|spare| spare.ticket.as_ref());
    let spare = spare.filter(|spare| spare.has_more());
    let connect = parts.upstreams.get(run_call.plan.upstream()).map(|it| it.connect);
    let pumped = async {
        let opening = async {
            let events = parts.service.clone().oneshot(run_call).await?;
            match (spare, connect) {
                (Some(_), Some(connect)) => failover::sent(events, connect + MARGIN).await,
                (Some(_) | None, _) => Ok(events),
            }
        };
        let mut opening = std::pin::pin!(opening);
        let opened = poll_fn(|cx| {
            if let Poll::Ready(stop) = journal.poll_stop(cx) {
                return Poll::Ready(Err(stop));
            }
            opening.as_mut().poll(cx).map(Ok)
        });
        match opened.await {
            Ok(Ok(events)) => Ok(pump(closing, events, ticket).await),
            Ok(Err(error)) if spare.is_some() && was_not_sent(&error) => Err(error),
            Ok(Err(error)) => Ok(failed(error)),
            Err(stop) => Ok(stopped(parts, journal, stop)),
        }
    };
    let noting = async {
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            closing.note().await;
        }
    };
    tokio::select! {
        biased;
        ending = pumped => ending,
        () = noting => Err(Error::new(Kind::Internal, "noting a run ended")),
    }
}

/// Writes events to the journal until one is the end, which it gives back.
async fn pump(run: &Closing, mut events: RunEvents, mut ticket: Option<&Ticket>) -> RunEvent {
    let failed = |error| RunEvent::live(Happening::Ended(Ending::Failed(error)));
    let (parts, journal) = (&*run.parts, &*run.journal);
    let mut last = None;
    loop {
        // Whoever paces the run is waited for before the platform is asked for more.
        if let Some(stop) = poll_fn(|cx| journal.poll_room(cx)).await {
            last_words(parts, journal, events);
            return stopped(parts, journal, stop);
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
                // A layer that heard of the stop first has told what it held back, and ended.
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(stop) = journal.poll_stop(&mut cx) {
                    return stopped(parts, journal, stop);
                }
                let said = "the answer broke off before its end";
                return failed(Error::new(Kind::UpstreamProtocol, said));
            }
            Err(stop) => {
                last_words(parts, journal, events);
                return stopped(parts, journal, stop);
            }
        };
        let came = parts.clock.monotonic();
        match last.replace(came) {
            None => run.measure(|metrics, took| metrics.first_event(took)),
            Some(before) => run.measure(|it, _| it.event_gap(came.saturating_sub(before))),
        }
        let is_news =
            !event.synthetic && !matches!(event.what, Happening::Warning(_) | Happening::Pii(_));
        if let Some(ticket) = ticket.take_if(|_| is_news) {
            ticket.answering();
        }
        if matches!(event.what, Happening::Ended(_)) {
            return event;
        }
        let held = journal.append(event, parts.clock.now());
        if held > parts.bounds.answer_bytes {
            let said = format!("the answer is larger than {} bytes", parts.bounds.answer_bytes);
            return failed(Error::new(Kind::UpstreamProtocol, said));
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
fn stopped(parts: &Parts, journal: &Journal, stop: Stop) -> RunEvent {
    let ended = |ending| RunEvent::live(Happening::Ended(ending));
    match stop {
        Stop::Interrupted => {
            let said = "the gateway stopped before the run had ended";
            return ended(Ending::Failed(Error::new(Kind::Interrupted, said)));
        }
        Stop::Unrecorded => {
            let said = "the run could not be recorded";
            return ended(Ending::Failed(Error::new(Kind::AuditUnavailable, said)));
        }
        Stop::Requested | Stop::Unread => {}
    }
    // No platform documents a way to cancel; the connection to it is closed.
    let detail = "the connection to the platform was closed; whether the agent stops there, and \
                  at what cost, the platform does not say";
    let warning = Happening::Warning(Warning::new("cancel_best_effort", None, detail));
    journal.append(RunEvent::live(warning), parts.clock.now());
    ended(Ending::Cancelled)
}
