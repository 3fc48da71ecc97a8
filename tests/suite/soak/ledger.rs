//! What all callers of a soak were answered, in numbers, and what no caller may ever see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// More of what is wrong than this says nothing new.
const SHOWN: usize = 20;

/// Kept outside of the gateway, and small however long it takes.
#[derive(Default)]
pub struct Ledger {
    counts: Mutex<BTreeMap<String, usize>>,
    wrong: Mutex<Vec<String>>,
    callbacks: AtomicUsize,
}

impl Ledger {
    /// Something was answered as it may be.
    pub fn count(&self, what: &str, outcome: &str) {
        *self.counts.lock().entry(format!("{what} → {outcome}")).or_default() += 1;
    }

    pub fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock();
        if wrong.len() < SHOWN {
            wrong.push(what);
        }
    }

    /// What is wrong so far.
    pub fn all_wrong(&self) -> Vec<String> {
        self.wrong.lock().clone()
    }

    /// Another run was taken whose end is to be called back.
    pub fn will_be_called(&self) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
    }

    pub fn callbacks(&self) -> usize {
        self.callbacks.load(Ordering::Relaxed)
    }

    /// Every kind of answer, and how many there were.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.lock().clone()
    }
}
