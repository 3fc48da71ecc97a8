//! What the simulator received, for tests to look at; the stage keeps it.
//!
//! Invariant: bounded by number and by body bytes, the oldest entries leave first.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::request::Received;

/// The most body bytes that are kept.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// The last requests, oldest first.
#[derive(Debug)]
pub struct Journal {
    remember: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Arc<Received>>,
    body_bytes: usize,
}

impl Journal {
    /// Keeps at most so many; none switches the journal off.
    pub fn new(remember: usize) -> Self {
        Self { remember, kept: Mutex::default() }
    }

    /// Adds one.
    pub fn record(&self, received: &Arc<Received>) {
        if self.remember == 0 {
            return;
        }
        let mut kept = self.kept.lock();
        kept.body_bytes += received.body.len();
        kept.entries.push_back(Arc::clone(received));
        while kept.entries.len() > self.remember || kept.body_bytes > BODY_BYTES {
            let oldest = kept.entries.pop_front();
            kept.body_bytes -= oldest.map_or(0, |oldest| oldest.body.len());
        }
    }

    /// All that are kept.
    pub fn entries(&self) -> Vec<Arc<Received>> {
        self.kept.lock().entries.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(at: u64, body: usize) -> Arc<Received> {
        Arc::new(Received { at, body: vec![0; body].into(), ..Received::default() })
    }

    fn numbers(journal: &Journal) -> Vec<u64> {
        journal.entries().iter().map(|entry| entry.at).collect()
    }

    #[test]
    fn the_oldest_leave_first() {
        let journal = Journal::new(2);
        (1..=3).for_each(|at| journal.record(&received(at, 0)));
        assert_eq!(numbers(&journal), [2, 3]);
    }

    #[test]
    fn large_bodies_push_out_earlier_ones() {
        let journal = Journal::new(100);
        (1..=3).for_each(|at| journal.record(&received(at, BODY_BYTES / 2)));
        assert_eq!(numbers(&journal), [2, 3]);
    }

    #[test]
    fn a_journal_can_be_off() {
        let journal = Journal::new(0);
        journal.record(&received(1, 0));
        assert!(journal.entries().is_empty());
    }
}
