//! The runs that are remembered, in memory: those in flight, and the last ended ones within a
//! bound of number and of bytes. Ids sort by time, so the first ones are the oldest.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::gateway::journal::Journal;
use crate::model::ids::RunId;

/// The remembered runs.
#[derive(Debug)]
pub struct Shelf {
    kept: usize,
    kept_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: BTreeMap<RunId, Arc<Journal>>,
    ended: BTreeMap<RunId, (Arc<Journal>, usize)>,
    bytes: usize,
}

impl Shelf {
    /// A shelf for so many ended runs and bytes of them.
    pub fn new(kept: usize, kept_bytes: usize) -> Self {
        Self { kept, kept_bytes, state: Mutex::new(State::default()) }
    }

    /// Remembers an admitted run.
    pub fn put(&self, journal: Arc<Journal>) {
        self.state.lock().in_flight.insert(journal.id.clone(), journal);
    }

    /// The run has ended: it now counts against the bounds.
    pub fn end(&self, journal: &Arc<Journal>) {
        let bytes = journal.bytes();
        let mut state = self.state.lock();
        state.in_flight.remove(&journal.id);
        state.ended.insert(journal.id.clone(), (Arc::clone(journal), bytes));
        state.bytes += bytes;
        let mut forgotten = Vec::new();
        while state.ended.len() > self.kept || state.bytes > self.kept_bytes {
            let Some((_, (journal, bytes))) = state.ended.pop_first() else { break };
            state.bytes -= bytes;
            forgotten.push(journal);
        }
        // Journals are freed after the lock is released.
        drop(state);
    }

    /// The run of this id.
    pub fn get(&self, id: &RunId) -> Option<Arc<Journal>> {
        let state = self.state.lock();
        let ended = || state.ended.get(id).map(|(journal, _)| journal);
        state.in_flight.get(id).or_else(ended).cloned()
    }

    /// The runs in flight.
    pub fn in_flight(&self) -> Vec<Arc<Journal>> {
        self.state.lock().in_flight.values().cloned().collect()
    }

    /// The oldest runs in flight, at most `most` of them.
    pub fn oldest(&self, most: usize) -> Vec<Arc<Journal>> {
        self.state.lock().in_flight.values().take(most).cloned().collect()
    }

    /// How many runs are in flight.
    pub fn in_flight_count(&self) -> usize {
        self.state.lock().in_flight.len()
    }
}
