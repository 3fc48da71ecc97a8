//! What a process remembers from one version of its configuration to the next: runs, conversations
//! and keys at work, other processes, and what it owes the store.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::config;
use crate::gateway::keeper::Debts;
use crate::gateway::lives::Lives;
use crate::gateway::replay::Keys;
use crate::gateway::shelf::Shelf;
use crate::gateway::threads::Threads;

/// What outlives a version of the configuration. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Memory {
    /// The runs that are remembered.
    pub shelf: Arc<Shelf>,
    /// How many runs are in flight that nobody waits for.
    pub detached: Arc<AtomicUsize>,
    /// The conversations that have a run at work.
    pub threads: Arc<Threads>,
    /// The keys whose requests are being admitted.
    pub keys: Arc<Keys>,
    /// What is known of other processes on the same store.
    pub lives: Arc<Lives>,
    /// What could not be written yet.
    pub debts: Arc<Debts>,
}

impl Memory {
    /// Nothing yet, within these bounds.
    pub fn new(bounds: &config::Runs) -> Self {
        Self {
            shelf: Arc::new(Shelf::new(bounds.kept, bounds.kept_bytes)),
            detached: Arc::default(),
            threads: Arc::new(Threads::new(bounds.history_bytes)),
            keys: Arc::default(),
            lives: Arc::default(),
            debts: Arc::default(),
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[memory]")
    }
}
