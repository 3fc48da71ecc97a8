//! What a journal knows, behind its lock: the run as it was folded so far, the window of events
//! that is kept, and who waits for what.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use smallvec::SmallVec;

use super::{Found, Keep, Seat, Window};
use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::event::{Body, Recorded};
use crate::model::fold::Fold;
use crate::model::halt::Stop;
use crate::model::ids::RunId;
use crate::model::run::{Run, Warning};

#[derive(Debug)]
pub(super) struct State {
    pub(super) fold: Fold,
    /// The agent.
    pub(super) target: AgentRef,
    pub(super) keep: Keep,
    pub(super) detached: Option<Arc<AtomicUsize>>,
    pub(super) kept: VecDeque<(Arc<Recorded>, usize)>,
    pub(super) kept_bytes: usize,
    pub(super) next_seq: u64,
    /// Bytes that the pacing reader has not read; none without one.
    pub(super) lag: Option<usize>,
    pub(super) readers: usize,
    pub(super) next_reader: u64,
    pub(super) end: Option<Arc<Run>>,
    /// The run as it is shown while its end is not durable yet.
    pub(super) shown: Option<Arc<Run>>,
    /// Whether its events are kept in the store.
    pub(super) is_stored: bool,
    /// Whether somebody else drives the run.
    pub(super) is_mirror: bool,
    pub(super) stop: Option<Stop>,
    pub(super) driver: Option<Waker>,
    pub(super) waiting: SmallVec<[(u64, Waker); 1]>,
}

impl State {
    /// Of a run that was just admitted; `request_id` stands in the problem if it fails.
    pub(super) fn new(run: Arc<Run>, target: AgentRef, request_id: &str, keep: Keep) -> Self {
        Self {
            fold: Fold::new(run, request_id),
            target,
            keep,
            detached: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            next_seq: 1,
            lag: None,
            readers: 0,
            next_reader: 0,
            end: None,
            shown: None,
            is_stored: keep.goes_on(),
            is_mirror: false,
            stop: None,
            driver: None,
            waiting: SmallVec::new(),
        }
    }

    /// Takes an event in as it is. What comes before a gap is forgotten: readers are told of it.
    pub(super) fn mirror(&mut self, event: Arc<Recorded>) {
        if event.seq != self.next_seq || self.kept.is_empty() {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        match &event.body {
            Body::Created(run) | Body::Started(run) => self.fold.replace(Arc::clone(run)),
            Body::Ended(run) => {
                self.fold.replace(Arc::clone(run));
                self.end = Some(Arc::clone(run));
            }
            Body::MessageDelta(_)
            | Body::MessageCompleted(_)
            | Body::ReasoningDelta(_)
            | Body::ToolCallStarted { .. }
            | Body::ToolCallCompleted { .. }
            | Body::Governance(_)
            | Body::Usage(_)
            | Body::Warning(_) => {}
        }
        self.next_seq = event.seq + 1;
        let bytes = weigh(&event.body);
        self.kept_bytes += bytes;
        self.kept.push_back((event, bytes));
    }

    /// What a reader gets who is at the end of a run that is over. Events that it has seen may be
    /// gone with the process that drove the run: the end, which another one has put in their place,
    /// then comes under the next number.
    pub(super) fn end_after(&self, seat: &mut Seat) -> Found {
        let is_beyond = seat.read >= self.next_seq;
        match self.kept.back() {
            Some((last, _)) if self.is_mirror && (last.synthetic || is_beyond) && !seat.has_end => {
                seat.read += 1;
                seat.has_end = true;
                Found::Event(Arc::new(Recorded { seq: seat.read, ..(**last).clone() }))
            }
            Some(_) | None => Found::Over,
        }
    }

    /// The run as it is shown.
    pub(super) fn run(&self) -> &Arc<Run> {
        self.shown.as_ref().unwrap_or_else(|| self.fold.run())
    }

    pub(super) fn ended(&mut self, run: Arc<Run>) {
        self.end = Some(run);
        if self.keep == Keep::Detached
            && let Some(detached) = &self.detached
        {
            detached.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_detached(&self) {
        if let (None, Some(detached)) = (&self.end, &self.detached) {
            detached.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn record(
        &mut self,
        id: &RunId,
        at: Timestamp,
        synthetic: bool,
        body: Body,
        window: Window,
    ) {
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
    pub(super) fn gap(&self, id: &RunId, from: u64, first: u64) -> Recorded {
        let detail = format!("events {from} to {} are no longer kept", first - 1);
        let at = self.kept.front().map_or(Timestamp(0), |(event, _)| event.at);
        let body = Body::Warning(Warning::new("events_dropped", None, detail));
        Recorded { seq: first - 1, at, synthetic: true, run_id: id.clone(), body }
    }

    pub(super) fn set_driver(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.driver = Some(cx.waker().clone()),
        }
    }

    pub(super) fn wait(&mut self, number: u64, cx: &Context<'_>) {
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
