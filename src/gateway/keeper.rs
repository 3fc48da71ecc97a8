//! What of runs must outlive the process, and when: a run is admitted, its events are noted, it
//! ends, each with its record in one transaction. Start, drive and the lives of processes call it.
//!
//! Invariant: an end is shown to nobody before it is durable, unless it is one that says it could
//! not be recorded; what could not be written is written when the store can be again, in the order
//! in which it happened.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::config::Durability;
use crate::error::{Error, Kind, Result};
use crate::gateway::payloads::Keeps;
use crate::model::run::{Run, RunStatus};
use crate::model::scribe::Scribe;
use crate::model::vault::Vaults;
use crate::store::health::{Health, is_lost, unrecorded};
use crate::store::log::Log;
use crate::store::rows::Admitted;
use crate::store::runs::{EndedRun, NewRun, Runs};

/// Keeps runs and their records.
pub struct Keeper {
    /// Runs and what belongs to them.
    pub runs: Runs,
    /// Where records stand that come with no run's row.
    pub log: Arc<dyn Log>,
    /// Begins records.
    pub scribe: Scribe,
    /// Makes vaults of what was kept of them.
    pub vaults: Arc<dyn Vaults>,
    /// How what was said comes into records, where it does.
    pub payloads: Option<Keeps>,
    /// Whether a platform may be asked before the record is durable.
    pub durability: Durability,
    /// Whether records can be written.
    pub health: Health,
    /// What could not be written, in its order.
    owed: Arc<Debts>,
}

/// What could not be written, in its order; outlives the keepers that owe it.
#[derive(Debug, Default)]
pub struct Debts(Mutex<VecDeque<Owed>>);

/// What could not be written.
#[derive(Clone, Debug)]
pub(super) enum Owed {
    /// A run was sent before its record was durable, and the record could not be written.
    Admission(Arc<NewRun>),
    /// A run ended.
    End(Arc<EndedRun>),
}

impl Keeper {
    /// Keeps runs in this store.
    pub fn new(
        runs: Runs,
        log: Arc<dyn Log>,
        scribe: Scribe,
        vaults: Arc<dyn Vaults>,
        payloads: Option<Keeps>,
        durability: Durability,
        health: Health,
    ) -> Self {
        Self { runs, log, scribe, vaults, payloads, durability, health, owed: Arc::default() }
    }

    /// The same, with what another keeper of this store owes.
    #[must_use]
    pub fn owing(self, owed: Arc<Debts>) -> Self {
        Self { owed, ..self }
    }

    /// Admits a run. `AuditUnavailable` where that cannot be written.
    pub(super) async fn admit(&self, new: &NewRun) -> Result<Admitted> {
        let admitted = self.runs.admit(new).await;
        self.health.went(&admitted);
        admitted.map_err(unrecorded)
    }

    /// Refuses at once what could not be recorded.
    pub fn check(&self) -> Result<()> {
        self.health.check()
    }

    /// Ends a run; whether it had not ended before.
    pub(super) async fn end(&self, ended: &EndedRun) -> Result<bool> {
        let was = self.runs.end(ended).await;
        self.health.went(&was);
        was
    }

    /// Something could not be written: it is as soon as that is possible.
    pub(super) fn owe(&self, what: Owed) {
        let mut owed = self.owed.0.lock();
        owed.push_back(what);
        self.health.metrics().owed(owed.len());
    }

    /// Tries whether the store can be written again, and writes what is owed.
    pub(super) async fn repair(
        &self,
        now: Timestamp,
        probe: impl AsyncFnOnce(Timestamp) -> Result<()>,
    ) {
        if !self.health.is_failing() && self.owed.0.lock().is_empty() {
            return;
        }
        if probe(now).await.is_err() {
            return;
        }
        loop {
            // One at a time, and forgotten only when it is written.
            let Some(next) = self.owed.0.lock().front().cloned() else { break };
            let written = match next {
                Owed::Admission(new) => self.runs.admit(&new).await.map(drop),
                // Written now, or closed by somebody else in the meantime.
                Owed::End(ended) => self.runs.end(&ended).await.map(drop),
            };
            if written.as_ref().is_err_and(is_lost) {
                return;
            }
            if let Err(error) = written {
                tracing::error!(?error, "a record can never be written");
            }
            let mut owed = self.owed.0.lock();
            owed.pop_front();
            self.health.metrics().owed(owed.len());
        }
        self.health.mended();
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[keeper: {:?}]", self.scribe)
    }
}

/// A run whose end could not be recorded, as its readers see it.
pub(super) fn unrecordable(run: &Run, request_id: &str) -> Run {
    let said = "the end of the run could not be recorded";
    let mut problem = Error::new(Kind::AuditUnavailable, said).problem(request_id);
    problem.run_id = Some(run.id.to_string());
    // Sent again, it would run again.
    problem.may_retry = false;
    Run {
        status: RunStatus::Failed,
        error: Some(problem),
        output: None,
        output_json: None,
        ..run.clone()
    }
}
