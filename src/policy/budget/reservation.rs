//! What a run has reserved of its budgets. It rides with the run: the layer tells it what the
//! platform reports, and settles it at the end.
//!
//! Invariant: settled exactly once, by [`Reservation::settle`] or by being dropped, whichever
//! future is dropped half-way; only a process that dies leaves it to become overdue.

use std::sync::Arc;

use super::Shared;
use super::estimate::Estimate;
use super::figures::Figures;
use super::outcome::{Outcome, Verdict};
use super::settle::settle;
use super::unit::{Unit, each};
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::amounts::Amounts;
use crate::model::run::Usage;
use crate::store::{Claim, Reserved};

/// What a run has reserved.
pub struct Reservation {
    pub(super) shared: Arc<Shared>,
    pub(super) id: String,
    pub(super) agent: AgentRef,
    pub(super) claims: Vec<Claim>,
    pub(super) estimate: Estimate,
    pub(super) reserved: Amounts,
    pub(super) figures: Figures,
    pub(super) is_tight: bool,
    pub(super) state: State,
}

/// How far a reservation is; what its drop has to do follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The ledger holds it, its run does not yet: it has cost nothing.
    Offered,
    /// Its run holds it.
    Riding,
    /// It is being settled with this.
    Settling(Amounts),
    /// Nothing is left to do.
    Settled,
}

impl Reservation {
    /// Takes in the usage so far. Whether the reservation has to be raised before the run goes on:
    /// more is used than is reserved. Costs no write.
    #[must_use]
    pub fn note(&mut self, usage: &Usage) -> bool {
        self.figures.note(usage);
        self.estimate.is_passed(&self.reserved, &self.figures.at_least())
    }

    /// Raises the reservation to what is used and a step more, or just to that where the budget
    /// has no room for the step. Nothing is asked of the store while what is used is reserved. May
    /// be dropped half-way.
    ///
    /// # Errors
    /// The store's. What the run uses is not reserved then, and it has to be ended.
    pub async fn raise(&mut self) -> Result<Verdict> {
        let used = self.figures.at_least();
        if !self.estimate.is_passed(&self.reserved, &used) {
            return Ok(Verdict::Continue);
        }
        let [generous, exact] = self.estimate.steps(&self.reserved, &used);
        // Where a step did not fit once, there is little left: it would only be a write for nothing.
        let target = if self.is_tight { exact } else { generous };
        let mut made = self.raise_to(target).await?;
        if made != Reserved::Held && target != exact {
            self.is_tight = true;
            made = self.raise_to(exact).await?;
        }
        match made {
            Reserved::Held => Ok(Verdict::Continue),
            Reserved::Refused(at) => {
                let claim = self.claims.get(at).or(self.claims.first());
                let budget = claim.map(|claim| claim.account.budget.clone());
                Ok(Verdict::Stop { budget: budget.unwrap_or_default() })
            }
        }
    }

    async fn raise_to(&mut self, target: Amounts) -> Result<Reserved> {
        let now = self.shared.clock.now();
        let made = self.shared.ledger.raise(&self.id, &target, now).await?;
        if made == Reserved::Held {
            self.reserved = target;
        }
        Ok(made)
    }

    /// Ends the reservation: what the platform reported is spent, and in the units that it did not
    /// report, what was reserved. Waits for the store once; where that fails a task goes on trying.
    pub async fn settle(mut self, outcome: Outcome) {
        let spent = match outcome {
            Outcome::NeverHad if self.figures.is_empty() => Amounts::default(),
            Outcome::NeverHad | Outcome::BrokenOff | Outcome::Ended => self.charge(),
        };
        if outcome == Outcome::Ended {
            self.shared.history.record(&self.agent, &self.figures);
        }
        self.state = State::Settling(spent);
        let now = self.shared.clock.now();
        if self.shared.ledger.settle(&self.id, &spent, now).await.is_ok() {
            self.state = State::Settled;
        }
    }

    /// What is reserved, in each of the run's accounts.
    pub fn reserved(&self) -> Amounts {
        self.reserved
    }

    fn charge(&self) -> Amounts {
        let Self { reserved, estimate, .. } = self;
        let unreported = |unit: Unit| unit.of(reserved).max(unit.of(&estimate.reserve));
        self.figures.charge(&each(unreported))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let spent = match self.state {
            State::Offered => Amounts::default(),
            // Nobody said how the run ended, so the platform may have had it.
            State::Riding => self.charge(),
            State::Settling(spent) => spent,
            State::Settled => return,
        };
        // Without a runtime the process is ending; the overdue charge is for that.
        if tokio::runtime::Handle::try_current().is_ok() {
            let Shared { ledger, clock, tasks, .. } = &*self.shared;
            let id = std::mem::take(&mut self.id);
            let task = settle(Arc::clone(ledger), Arc::clone(clock), id, spent);
            tasks.spawn("settle a budget", task);
        }
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation")
            .field("id", &self.id)
            .field("reserved", &self.reserved)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
