//! The journal of one run: written by the task that drives it, read by whoever waits for it.
//! It folds each event into the Run, keeps a bounded window of what happened, and lets the reader
//! that started the run pace the platform.
//!
//! Invariant: one lock, never held across an await; wakers are called after it is released.

mod place;
mod state;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use self::state::State;
use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::event::{Body, Recorded, RunEvent};
use crate::model::halt::{Halt, Stop};
use crate::model::ids::RunId;
use crate::model::principal::Principal;
use crate::model::run::Run;
use crate::model::vault::TokenVault;
use parking_lot::Mutex;

/// What becomes of a run when nobody reads it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is cancelled.
    WhileRead,
    /// It is cancelled, unless its reader lets it go on.
    UntilDetached,
    /// It goes on: its caller can come back for it.
    Kept,
    /// It goes on, and nobody reads it to begin with.
    Detached,
}

impl Keep {
    /// Whether the run goes on without readers.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Kept | Self::Detached)
    }
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
    /// What stands behind its tokens.
    pub vault: Option<Arc<dyn TokenVault>>,
    window: Window,
    state: Mutex<State>,
}

/// A place among a journal's readers.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) number: u64,
    pub(super) paces: bool,
    /// The last event that was read.
    pub(super) read: u64,
    /// Whether the end was read.
    pub(super) has_end: bool,
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
        let mut state = State::new(run, target, request_id, keep);
        state.record(&id, at, false, Body::Created(head), window);
        Self { id, owner, vault: None, window, state: Mutex::new(state) }
    }

    /// The journal of a run that somebody else drives, or that has ended before: with the events
    /// that are kept of it.
    pub fn restored(
        run: Arc<Run>,
        owner: Principal,
        target: AgentRef,
        window: Window,
        events: Vec<Arc<Recorded>>,
    ) -> Self {
        let journal = Self::open(run, owner, target, "", window, Keep::Detached);
        let mut state = journal.state.lock();
        state.is_mirror = true;
        if !events.is_empty() {
            state.kept.clear();
            state.kept_bytes = 0;
        }
        events.into_iter().for_each(|event| state.mirror(event));
        drop(state);
        journal
    }

    /// Takes in one event of a run that somebody else drives.
    pub(super) fn mirrored(&self, event: Arc<Recorded>) {
        let mut state = self.state.lock();
        if event.seq >= state.next_seq {
            state.mirror(event);
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether somebody else drives the run.
    pub fn is_mirror(&self) -> bool {
        self.state.lock().is_mirror
    }

    /// Whether it goes on without the caller who began it.
    pub(super) fn is_detached(&self) -> bool {
        self.state.lock().keep == Keep::Detached
    }

    /// Whether anybody reads it.
    pub(super) fn is_read(&self) -> bool {
        self.state.lock().readers > 0
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

    /// Its events are kept in the store, for who comes back.
    pub fn stored(self) -> Self {
        self.state.lock().is_stored = true;
        self
    }

    /// Whether its events are kept in the store.
    pub fn is_stored(&self) -> bool {
        self.state.lock().is_stored
    }

    /// Takes in one event from the platform. Returns the bytes held for the answer so far.
    pub fn append(&self, event: RunEvent, now: Timestamp) -> usize {
        let mut state = self.state.lock();
        let synthetic = event.synthetic;
        if let Some(body) = state.fold.apply(event, now) {
            if let Body::Ended(run) = &body {
                state.ended(Arc::clone(run));
            }
            state.record(&self.id, now, synthetic, body, self.window);
        }
        let held = state.fold.held_bytes();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
        held
    }

    /// The run and its last event as they are to be, which nobody is shown before
    /// [`Self::close`]: its record must be durable first.
    pub fn closing(&self, ending: RunEvent, now: Timestamp, took: Duration) -> Recorded {
        let mut state = self.state.lock();
        let shown = Arc::clone(state.fold.run());
        let synthetic = ending.synthetic;
        state.fold.apply(ending, now);
        state.fold.took(took);
        let body = Body::Ended(Arc::clone(state.fold.run()));
        state.shown = Some(shown);
        Recorded { seq: state.next_seq, at: now, synthetic, run_id: self.id.clone(), body }
    }

    /// Whether its end is known, and not yet shown.
    pub(super) fn is_ending(&self) -> bool {
        self.state.lock().shown.is_some()
    }

    /// Shows the end: the one that was told before, or another one in its place.
    pub fn close(&self, run: Arc<Run>, now: Timestamp, synthetic: bool) {
        let mut state = self.state.lock();
        state.fold.replace(Arc::clone(&run));
        state.shown = None;
        state.ended(Arc::clone(&run));
        state.record(&self.id, now, synthetic, Body::Ended(run), self.window);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// The kept events after this one.
    pub fn events_after(&self, seq: u64) -> Vec<Arc<Recorded>> {
        let state = self.state.lock();
        let later = state.kept.iter().rev().take_while(|(event, _)| event.seq > seq);
        let mut events: Vec<_> = later.map(|(event, _)| Arc::clone(event)).collect();
        events.reverse();
        events
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
        Arc::clone(state.run())
    }

    /// Reads something of the run as it stands, without a copy of it.
    pub fn with_run<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        let state = self.state.lock();
        read(state.run())
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
        Seat { number: state.next_reader, paces, read: after, has_end: false }
    }

    pub(super) fn leave(&self, seat: &Seat) {
        let mut state = self.state.lock();
        state.readers -= 1;
        state.waiting.retain(|(number, _)| *number != seat.number);
        if seat.paces {
            state.lag = None;
        }
        if state.readers == 0 && state.end.is_none() && state.stop.is_none() {
            match state.keep {
                Keep::WhileRead | Keep::UntilDetached => state.stop = Some(Stop::Unread),
                // From now on nobody's patience bounds it.
                Keep::Kept => {
                    state.keep = Keep::Detached;
                    state.count_detached();
                }
                Keep::Detached => {}
            }
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
        state.is_stored = true;
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
                return Poll::Ready(state.end_after(seat));
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
        seat.has_end = event.body.is_terminal();
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
