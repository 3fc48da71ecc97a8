//! Budgets: what callers, workspaces and agents may spend in a day, a month or in total, reserved
//! before a run and settled after it. The budget layer calls it around every run, `explain` and
//! the gauges ask how accounts stand, and housekeeping calls [`Budgets::tend`].
//!
//! Invariant: while no run costs more than it has reserved, spent and reserved together never pass
//! a ceiling, on however many nodes. A run that does cost more is the only way past it: what is
//! over at any moment is at most the sum, over the runs that were in flight when the account last
//! took a reservation, of what each was charged beyond its own. README.md says what that means.

mod estimate;
mod figures;
mod history;
pub mod layer;
mod outcome;
mod reservation;
mod rule;
mod settle;
mod standing;
mod unit;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

pub use self::figures::Figures;
pub use self::outcome::{Outcome, STOP_REASON, Verdict};
pub use self::reservation::Reservation;
pub use self::rule::{Dimension, Only, Rule};
pub use self::standing::Standing;
pub use self::window::Per;

use self::estimate::Estimate;
use self::history::History;
use self::reservation::State;
use self::unit::Unit;
use crate::clock::{Clock, Ids, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::amounts::Amounts;
use crate::model::principal::Principal;
use crate::model::request::RunLimits;
use crate::store::{Claim, Ledger, Reserved};
use crate::tasks::Tasks;

/// How long after the longest end of its run a reservation is overdue: settling is tried for a
/// minute, a drain takes longer, and the clocks of two nodes may differ by as much again.
const MARGIN: Duration = Duration::from_secs(300);
/// How long accounts are kept after their window, so that last week can be looked up.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The budgets of a gateway.
pub struct Budgets {
    rules: Vec<Rule>,
    shared: Arc<Shared>,
}

/// What reservations need after the rules were swapped.
struct Shared {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    tasks: Tasks,
    history: History,
}

/// Who wants to run what.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The agent, whatever alias it was called by.
    pub agent: &'a AgentRef,
    /// The caps that will be in force; not those that were left out for the platform.
    pub limits: &'a RunLimits,
    /// How long the run may take at most.
    pub longest: Duration,
}

/// What housekeeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// Reservations that were charged in full, because their process was gone.
    pub overdue: u64,
    /// Accounts that were forgotten.
    pub pruned: u64,
}

impl Budgets {
    /// The budgets of these rules, whose names differ.
    pub fn new(
        rules: Vec<Rule>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        tasks: Tasks,
    ) -> Self {
        let history = History::new();
        Self { rules, shared: Arc::new(Shared { ledger, clock, ids, tasks, history }) }
    }

    /// Other rules over the same accounts. Runs in flight keep what they have reserved, and what
    /// agents usually cost stays known.
    pub fn with_rules(&self, rules: Vec<Rule>) -> Self {
        Self { rules, shared: Arc::clone(&self.shared) }
    }

    /// Reserves for a run of every budget that applies, or of none. Nothing where none applies.
    /// May be dropped half-way: what was reserved by then is given back.
    ///
    /// # Errors
    /// [`Kind::BudgetExhausted`] where one has no room; the store's own where it fails, so that no
    /// run goes uncounted.
    pub async fn reserve(&self, asking: &Asking<'_>) -> Result<Option<Reservation>> {
        let now = self.shared.clock.now();
        let (claims, estimate) = self.claims(asking, now);
        if claims.is_empty() {
            return Ok(None);
        }
        let offered = Reservation {
            shared: Arc::clone(&self.shared),
            id: format!("rsv_{}", self.shared.ids.next(now).simple()),
            agent: asking.agent.clone(),
            claims,
            estimate,
            reserved: estimate.reserve,
            figures: Figures::default(),
            is_tight: false,
            // Until the ledger holds it, there is nothing to give back.
            state: State::Settled,
        };
        let mut reservation =
            self.offer(offered, now.later(asking.longest.saturating_add(MARGIN)), now).await?;
        reservation.state = State::Riding;
        Ok(Some(reservation))
    }

    /// What a run claims that begins now, of each budget that applies.
    fn claims(&self, asking: &Asking<'_>, now: Timestamp) -> (Vec<Claim>, Estimate) {
        let Asking { principal, agent, limits, longest: _ } = *asking;
        let rules: Vec<&Rule> =
            self.rules.iter().filter(|rule| rule.applies(principal, agent)).collect();
        let usual = self.shared.history.usual(agent);
        let estimate = Estimate::of(&rules, limits, &usual);
        let claim = |rule: &&Rule| Claim {
            account: rule.account(principal, agent, now),
            ceilings: rule.ceilings,
            amounts: estimate.reserve,
        };
        (rules.iter().map(claim).collect(), estimate)
    }

    /// Asks the ledger in a task of its own: if the caller leaves meanwhile, the answer is still
    /// waited for, and what it holds is given back.
    async fn offer(
        &self,
        mut offered: Reservation,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Reservation> {
        let (answer, answered) = oneshot::channel();
        self.shared.tasks.spawn("reserve a budget", async move {
            let ledger = Arc::clone(&offered.shared.ledger);
            let made = ledger.reserve(&offered.id, &offered.claims, until, now).await;
            let (result, in_doubt) = match made {
                Ok(Reserved::Held) => {
                    offered.state = State::Offered;
                    (Ok(offered), None)
                }
                Ok(Reserved::Refused(at)) => {
                    let claim = offered.claims.get(at).or(offered.claims.first());
                    let refusal = claim.map(|claim| outcome::exhausted(&claim.account, now));
                    (Err(refusal.unwrap_or_else(broken)), None)
                }
                Err(error) => (Err(error), Some(offered)),
            };
            // An answer that nobody takes is dropped, and that gives back what it holds.
            drop(answer.send(result));
            // The store may have written it all the same. Tried once: a store that is down must
            // not gather a task for every refused run.
            if let Some(Reservation { id, .. }) = in_doubt.as_ref() {
                drop(ledger.settle(id, &Amounts::default(), now).await);
            }
        });
        answered.await.map_err(|_| broken())?
    }

    /// How the account of every budget stands that applies, and whether it has room for the run:
    /// [`Budgets::reserve`] would refuse exactly where one has none. Nothing is reserved.
    ///
    /// # Errors
    /// The store's.
    pub async fn balances(&self, asking: &Asking<'_>) -> Result<Vec<Standing>> {
        let (claims, _) = self.claims(asking, self.shared.clock.now());
        let mut standings = Vec::new();
        for claim in claims {
            let balance = self.shared.ledger.balance(&claim.account).await?;
            standings.push(Standing::new(claim, balance));
        }
        Ok(standings)
    }

    /// How much is left of each budget, by its name and unit, from 0 to 1: of the account that is
    /// nearest its end. For gauges.
    ///
    /// # Errors
    /// The store's.
    pub async fn left(&self) -> Result<Vec<(&str, &'static str, f64)>> {
        let now = self.shared.clock.now();
        let mut all = Vec::new();
        for rule in &self.rules {
            let used = self.shared.ledger.most_used(&rule.name, now).await?;
            for unit in Unit::ALL {
                let Some(most) = unit.ceiling(&rule.ceilings) else { continue };
                let left = most.saturating_sub(unit.of(&used)).max(0);
                all.push((&*rule.name, unit.name(), left as f64 / most.max(1) as f64));
            }
        }
        Ok(all)
    }

    /// Charges what is overdue and forgets what is long over. Call it each minute, on every node.
    ///
    /// # Errors
    /// The store's; nothing is lost by it, the next call does what this one has not.
    pub async fn tend(&self) -> Result<Tended> {
        let now = self.shared.clock.now();
        let overdue = self.shared.ledger.charge_overdue(now).await?;
        if overdue > 0 {
            tracing::warn!(overdue, "budgets were charged for runs whose process is gone");
        }
        let pruned = self.shared.ledger.prune(now.earlier(KEPT)).await?;
        Ok(Tended { overdue, pruned })
    }
}

fn broken() -> Error {
    Error::new(Kind::Internal, "the budgets gave no answer")
}

#[cfg(test)]
mod tests;
