//! The journal of one run: written by the task that drives it, read by whoever waits for it.
//! It folds each event into the Run, keeps a bounded window of what happened, and lets the reader
//! that started the run pace the platform.
//!
//! Invariant: one lock, never held across an await; wakers are called after it is released.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::event::{Body, Recorded, RunEvent};
use crate::model::fold::Fold;
use crate::model::halt::{Halt, Stop};
use crate::model::ids::RunId;
use crate::model::principal::Principal;
use crate::model::run::{Run, Warning};
use crate::model::vault::TokenVault;

/// What becomes of a run when nobody reads it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is cancelled.
    WhileRead,
    /// It is cancelled, unless its reader lets it go on.
    UntilDetached,
    /// It goes on.
    Detached,
}

/// Bounds of a journal, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How far the pacing reader may lag behind the platform.
    pub lag: usize,
    /// How much is kept for readers that come later.
    pub kept: usize,
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    /// The run.
    pub id: RunId,
    /// Whose it is.
    pub owner: Principal,
    /// The agent.
    pub target: AgentRef,
    /// What stands behind its tokens.
    pub vault: Option<Arc<dyn TokenVault>>,
    window: Window,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    fold: Fold,
    keep: Keep,
    detached: Option<Arc<AtomicUsize>>,
    kept: VecDeque<(Arc<Recorded>, usize)>,
    kept_bytes: usize,
    next_seq: u64,
    /// Bytes that the pacing reader has not read; none without one.
    lag: Option<usize>,
    readers: usize,
    next_reader: u64,
    end: Option<Arc<Run>>,
    stop: Option<Stop>,
    driver: Option<Waker>,
    waiting: SmallVec<[(u64, Waker); 1]>,
}

/// A place among a journal's readers.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) number: u64,
    pub(super) paces: bool,
    /// The last event that was read.
    pub(super) read: u64,
}

/// What a reader finds.
pub(super) enum Found {
    Event(Arc<Recorded>),
    /// There is nothing more.
    Over,
}

impl Journal {
    /// The journal of an admitted run. `run.created` is its first event.
    pub fn open(
        run: Arc<Run>,
        owner: Principal,
        target: AgentRef,
        request_id: &str,
        window: Window,
        keep: Keep,
    ) -> Self {
        let (id, at) = (run.id.clone(), run.created_at);
        let head = Arc::clone(&run);
        let mut state = State {
            fold: Fold::new(run, request_id),
            keep,
            detached: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            next_seq: 1,
            lag: None,
            readers: 0,
            next_reader: 0,
            end: None,
            stop: None,
            driver: None,
            waiting: SmallVec::new(),
        };
        state.record(&id, at, false, Body::Created(head), window);
        Self { id, owner, target, vault: None, window, state: Mutex::new(state) }
    }

    /// The tokens in it are this vault's.
    pub fn veiled_by(mut self, vault: Option<Arc<dyn TokenVault>>) -> Self {
        self.vault = vault;
        self
    }

    /// Counts the run in `detached` for as long as it is in flight and detached.
    pub fn counted(self, detached: &Arc<AtomicUsize>) -> Self {
        let mut state = self.state.lock();
        state.detached = Some(Arc::clone(detached));
        if state.keep == Keep::Detached {
            state.count_detached();
        }
        drop(state);
        self
    }

    /// Takes in one event from the platform. Returns the bytes held for the answer so far.
    pub fn append(&self, event: RunEvent, now: Timestamp) -> usize {
        let mut state = self.state.lock();
        let synthetic = event.synthetic;
        if let Some(body) = state.fold.apply(event, now) {
            if let Body::Ended(run) = &body {
                state.end = Some(Arc::clone(run));
                if state.keep == Keep::Detached
                    && let Some(detached) = &state.detached
                {
                    detached.fetch_sub(1, Ordering::Relaxed);
                }
            }
            state.record(&self.id, now, synthetic, body, self.window);
        }
        let held = state.fold.held_bytes();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
        held
    }

    /// Ready when the pacing reader has caught up enough, or there is none. The driver polls it
    /// before it asks the platform for more, and with it learns that it must stop.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<Stop>> {
        let mut state = self.state.lock();
        if state.stop.is_some() || state.lag.is_none_or(|lag| lag <= self.window.lag) {
            return Poll::Ready(state.stop);
        }
        state.set_driver(cx);
        Poll::Pending
    }

    /// Asks the driver to stop. The first reason stands; whether this was it.
    pub fn stop(&self, why: Stop) -> bool {
        let mut state = self.state.lock();
        if state.end.is_some() || state.stop.is_some() {
            return false;
        }
        state.stop = Some(why);
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        true
    }

    /// The run as it stands.
    pub fn run(&self) -> Arc<Run> {
        let state = self.state.lock();
        Arc::clone(state.fold.run())
    }

    /// Reads something of the run as it stands, without a copy of it.
    pub fn with_run<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        let state = self.state.lock();
        read(state.fold.run())
    }

    /// The run when it is over.
    pub fn ended(&self) -> Option<Arc<Run>> {
        self.state.lock().end.clone()
    }

    /// Bytes that it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        let state = self.state.lock();
        size_of::<Self>() + 1_024 + state.kept_bytes + state.fold.held_bytes()
    }

    /// The number of its last event.
    pub fn last_seq(&self) -> u64 {
        self.state.lock().next_seq - 1
    }

    pub(super) fn sit(&self, after: u64, paces: bool) -> Seat {
        let mut state = self.state.lock();
        state.readers += 1;
        state.next_reader += 1;
        if paces {
            state.lag = Some(state.kept_bytes);
        }
        Seat { number: state.next_reader, paces, read: after }
    }

    pub(super) fn leave(&self, seat: &Seat) {
        let mut state = self.state.lock();
        state.readers -= 1;
        state.waiting.retain(|(number, _)| *number != seat.number);
        if seat.paces {
            state.lag = None;
        }
        let unread = state.readers == 0 && state.keep != Keep::Detached;
        if unread && state.end.is_none() && state.stop.is_none() {
            state.stop = Some(Stop::Unread);
        }
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
    }

    /// The reader stops pacing: it waits for the end only.
    pub(super) fn unpace(&self, seat: &mut Seat) {
        if std::mem::take(&mut seat.paces) {
            let mut state = self.state.lock();
            state.lag = None;
            let driver = state.driver.take();
            drop(state);
            driver.into_iter().for_each(Waker::wake);
        }
    }

    /// The run goes on without readers from now on.
    pub(super) fn detach(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.keep, Keep::Detached) != Keep::Detached {
            state.count_detached();
        }
    }

    pub(super) fn poll_end(&self, seat: &Seat, cx: &mut Context<'_>) -> Poll<Arc<Run>> {
        let mut state = self.state.lock();
        match &state.end {
            Some(run) => Poll::Ready(Arc::clone(run)),
            None => {
                state.wait(seat.number, cx);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_next(&self, seat: &mut Seat, cx: &mut Context<'_>) -> Poll<Found> {
        let mut state = self.state.lock();
        if seat.read + 1 >= state.next_seq {
            if state.end.is_some() {
                return Poll::Ready(Found::Over);
            }
            state.wait(seat.number, cx);
            return Poll::Pending;
        }
        let first = state.next_seq - state.kept.len() as u64;
        if seat.read + 1 < first {
            let gap = state.gap(&self.id, seat.read + 1, first);
            seat.read = first - 1;
            return Poll::Ready(Found::Event(Arc::new(gap)));
        }
        let at = usize::try_from(seat.read + 1 - first).unwrap_or(usize::MAX);
        let Some((event, bytes)) = state.kept.get(at).map(|(event, n)| (Arc::clone(event), *n))
        else {
            return Poll::Ready(Found::Over);
        };
        seat.read += 1;
        let mut driver = None;
        if seat.paces {
            let lag = state.lag.unwrap_or(0).saturating_sub(bytes);
            state.lag = Some(lag);
            driver = if lag <= self.window.lag { state.driver.take() } else { None };
        }
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        Poll::Ready(Found::Event(event))
    }
}

impl Halt for Journal {
    fn poll_stop(&self, cx: &mut Context<'_>) -> Poll<Stop> {
        let mut state = self.state.lock();
        match state.stop {
            Some(stop) => Poll::Ready(stop),
            None => {
                state.set_driver(cx);
                Poll::Pending
            }
        }
    }
}

impl State {
    fn count_detached(&self) {
        if let (None, Some(detached)) = (&self.end, &self.detached) {
            detached.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn record(&mut self, id: &RunId, at: Timestamp, synthetic: bool, body: Body, window: Window) {
        let bytes = weigh(&body);
        let seq = self.next_seq;
        self.next_seq += 1;
        let event = Recorded { seq, at, synthetic, run_id: id.clone(), body };
        self.kept.push_back((Arc::new(event), bytes));
        self.kept_bytes += bytes;
        self.lag = self.lag.map(|lag| lag + bytes);
        // What the pacing reader has not read stays, whatever it weighs: its lag is bounded.
        while self.kept_bytes > window.kept.max(self.lag.unwrap_or(0)) && self.kept.len() > 1 {
            if let Some((_, bytes)) = self.kept.pop_front() {
                self.kept_bytes -= bytes;
            }
        }
    }

    /// What a reader is told when the events that it wants are no longer kept.
    fn gap(&self, id: &RunId, from: u64, first: u64) -> Recorded {
        let detail = format!("events {from} to {} are no longer kept", first - 1);
        let at = self.kept.front().map_or(Timestamp(0), |(event, _)| event.at);
        let body = Body::Warning(Warning::new("events_dropped", None, detail));
        Recorded { seq: first - 1, at, synthetic: true, run_id: id.clone(), body }
    }

    fn set_driver(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.driver = Some(cx.waker().clone()),
        }
    }

    fn wait(&mut self, number: u64, cx: &Context<'_>) {
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == number) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => self.waiting.push((number, cx.waker().clone())),
        }
    }
}

/// Bytes of an event in memory, roughly: its texts and a fixed part.
fn weigh(body: &Body) -> usize {
    const FIXED: usize = 160;
    FIXED
        + match body {
            Body::MessageDelta(text)
            | Body::MessageCompleted(text)
            | Body::ReasoningDelta(text) => text.len(),
            Body::ToolCallStarted { name, arguments, .. } => name.len() + arguments.weight(),
            Body::ToolCallCompleted { name, result, .. } => name.len() + result.weight(),
            Body::Governance(decision) => decision.layers.weight() + decision.tool.len(),
            Body::Usage(_) => size_of::<crate::model::run::Usage>(),
            Body::Warning(warning) => warning.detail.len(),
            Body::Created(run) | Body::Started(run) | Body::Ended(run) => {
                let steps: usize =
                    run.steps.iter().map(|s| 200 + s.arguments.weight() + s.result.weight()).sum();
                1_024 + steps + run.output.as_ref().map_or(0, |text| text.len())
            }
        }
}
