//! Use cases: what a face may ask for, in the model's words. A run is driven by a task of its
//! own, which writes to the run's journal; whoever waits for the run reads the journal.
//!
//! Invariant: policy stands between platform and journal (the RUN stack), never between journal
//! and reader, so that no way of reading can miss it.

pub mod agents;
pub mod audit;
pub mod cancel;
pub mod choose;
mod closing;
pub mod deliver;
pub mod drive;
mod failover;
mod head;
pub mod journal;
pub mod keeper;
pub mod keys;
pub mod layers;
pub mod lives;
pub mod memory;
mod mirror;
pub mod payloads;
mod propose;
pub mod proxy;
pub mod read;
pub mod reader;
mod records;
pub mod replay;
mod restore;
mod shadow;
pub mod shelf;
pub mod start;
pub mod threads;
pub mod visible;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;

use crate::clock::{Clock, Ids, Timestamp};
use crate::config;
use crate::error::Result;
use crate::gateway::agents::Catalog;
use crate::gateway::choose::Choices;
use crate::gateway::deliver::Callbacks;
use crate::gateway::journal::Journal;
use crate::gateway::keeper::Keeper;
use crate::gateway::lives::Lives;
use crate::gateway::proxy::Reach;
use crate::gateway::replay::Keys;
use crate::gateway::shelf::Shelf;
use crate::gateway::threads::Threads;
use crate::http::service::{AdmitService, RunService};
use crate::model::halt::Stop;
use crate::model::judge::Judge;
use crate::model::upstream::Health;
use crate::outbound::Vendor;
use crate::tasks::Tasks;
use crate::telemetry::metrics::UpstreamMetrics;

pub use crate::gateway::journal::Keep;
pub use crate::gateway::read::{RunFilter, RunPage};
pub use crate::gateway::reader::Reader;
pub use crate::gateway::start::{Admitted, Wanted};

#[cfg(test)]
mod tests;

/// The gateway, as faces see it: one for each version of the configuration, over what they all
/// share. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

/// What the gateway is made of.
pub struct Parts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// Where runs are driven.
    pub tasks: Tasks,
    /// The configured upstreams, by name.
    pub upstreams: IndexMap<String, Arc<Platform>>,
    /// The configured aliases.
    pub agents: IndexMap<String, config::Agent>,
    /// What is known of agents that share a name.
    pub choices: Arc<Choices>,
    /// Bounds.
    pub bounds: config::Runs,
    /// The ADMIT stack.
    pub admission: AdmitService,
    /// The RUN stack.
    pub service: RunService,
    /// Decides who may see and stop what.
    pub judge: Arc<dyn Judge>,
    /// The runs that are remembered.
    pub shelf: Arc<Shelf>,
    /// How many runs are in flight that nobody waits for.
    pub detached: Arc<AtomicUsize>,
    /// The conversations that have a run at work.
    pub threads: Arc<Threads>,
    /// What must outlive the process.
    pub keeper: Arc<Keeper>,
    /// The keys whose requests are being admitted.
    pub keys: Arc<Keys>,
    /// What delivers callbacks.
    pub callbacks: Callbacks,
    /// What is known of other processes on the same store.
    pub lives: Arc<Lives>,
    /// Whether the store can be written: it writes.
    pub probe: Probe,
    /// What agents are managed with.
    pub catalog: Catalog,
}

/// Writes to the store, to find out whether that is possible.
pub type Probe = Box<dyn Fn(Timestamp) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// An upstream, as use cases see it.
pub struct Platform {
    /// The kind of platform.
    pub kind: String,
    /// Its translator.
    pub vendor: Arc<dyn Vendor>,
    /// What is measured of it.
    pub metrics: UpstreamMetrics,
    /// The workspaces whose callers may see it; none for all.
    pub workspaces: Vec<String>,
    /// The longest that a connection to it may take.
    pub connect: Duration,
    /// How callers reach its own API; none where nobody is let through to it.
    pub reach: Option<Reach>,
    /// How it is doing.
    pub health: Box<dyn Fn() -> Health + Send + Sync>,
}

impl Gateway {
    /// A gateway of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// How many runs this process drives, and the oldest of them, at most `most`.
    pub fn in_flight(&self, most: usize) -> (usize, Vec<Arc<Journal>>) {
        (self.0.shelf.in_flight_count(), self.0.shelf.oldest(most))
    }

    /// What is known of agents that share a name.
    pub fn choices(&self) -> &Choices {
        &self.0.choices
    }

    /// Ends every run in flight as `interrupted`: the process is about to go.
    pub fn interrupt_all(&self) {
        for journal in self.0.shelf.in_flight() {
            journal.stop(Stop::Interrupted);
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[gateway]")
    }
}
