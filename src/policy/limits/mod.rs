//! How much callers may do: requests in a time and runs at once, counted by address, principal,
//! workspace, agent, upstream, operation and tool. The layers ask at each stage of a request what is
//! known by then; `README.md` beside this file is the page for operators.
//!
//! What a refusal costs. A stage asks concurrency first, then its windows from the narrowest to the
//! widest, and stops at the first refusal. Permits taken before it are given back. Counted here, a
//! request that is refused by a window has been counted by each narrower window of its stage before
//! it, and by no wider one; with Redis it has been counted by none. Windows of earlier stages have
//! counted it either way, so that who sends what is refused later still meets the earlier limits.
//!
//! Invariant: no key passes a window more often than its burst plus what came back in the time, and
//! none has more permits out than its limit, on one node, and over all nodes while Redis is there.

mod cells;
mod concurrent;
mod key;
pub mod layer;
mod local;
mod outcome;
mod plan;
mod rule;
mod shared;
mod window;

use std::fmt;
use std::sync::Arc;

pub use self::key::Subject;
use self::local::{Local, MAX_KEYS};
pub use self::outcome::{Outcome, Permits, Refused, State, States, Why};
use self::plan::Plan;
pub use self::rule::{Dimension, Filters, Quota, Rule, RuleError, RuleKind, Stage, check};
use self::shared::Shared;
pub use self::shared::{Absence, DEFAULT_TIME_OUT, Settings, SettingsError, WhenAway};
use crate::clock::{Clock, Ids};
use crate::tasks::Tasks;
use crate::telemetry::metrics::Held as Counted;

/// Who counts what the limits do. All labels are closed: rules come from the configuration.
pub trait Watch: fmt::Debug + Send + Sync + 'static {
    /// This rule refused; empty when the counters are away.
    fn refused(&self, rule: &str, why: Why);
    /// A caller has so much left of this rule, from 0 to 1.
    fn left(&self, _rule: &str, _ratio: f64) {}
    /// A permit of this rule was taken; it is out until what this gives is dropped.
    fn taken(&self, _rule: &str) -> Option<Counted> {
        None
    }
    /// A decision was made without Redis.
    fn fell_back(&self, why: Absence);
    /// Whether Redis is there; told when it changes, and after each attempt that fails.
    fn counters(&self, there: bool);
}

/// Nobody counts.
impl Watch for () {
    fn refused(&self, _: &str, _: Why) {}
    fn fell_back(&self, _: Absence) {}
    fn counters(&self, _: bool) {}
}

/// How full the counters of a stage are for one request, which is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// The windows, in the order in which they are asked.
    pub windows: States,
    /// The concurrency limits.
    pub permits: Vec<Held>,
}

/// One concurrency limit as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The rule's name.
    pub rule: Arc<str>,
    /// How many may be under way.
    pub limit: u32,
    /// How many are.
    pub out: u32,
}

/// What is wrong with a configuration of limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// These rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<RuleError>),
    /// The shared counters.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The limits that are in force.
#[derive(Debug)]
pub struct Limits {
    counters: Counters,
    watch: Arc<dyn Watch>,
    count_tools: bool,
}

#[derive(Debug)]
enum Counters {
    Local(Local),
    Shared(Box<Shared>),
}

impl Limits {
    /// Limits that this process counts by itself.
    ///
    /// # Errors
    /// All rules that cannot be counted.
    pub fn local(
        rules: Vec<Rule>,
        clock: &Arc<dyn Clock>,
        watch: Arc<dyn Watch>,
    ) -> Result<Self, LimitsError> {
        check(&rules).map_err(LimitsError::Rules)?;
        let plan = Plan::new(rules);
        let count_tools = plan.counts_tools();
        let local = Local::new(&plan, MAX_KEYS, clock);
        Ok(Self { counters: Counters::Local(local), watch, count_tools })
    }

    /// Limits that several gateways count together in Redis. It starts two tasks, which end after
    /// this and all its permits have been dropped; it needs tokio's runtime.
    ///
    /// # Errors
    /// All rules that cannot be counted, or the first mistake in the settings. A Redis that is away
    /// is none.
    pub fn shared(
        rules: Vec<Rule>,
        settings: Settings,
        clock: &Arc<dyn Clock>,
        ids: &dyn Ids,
        tasks: &Tasks,
        watch: Arc<dyn Watch>,
    ) -> Result<Self, LimitsError> {
        check(&rules).map_err(LimitsError::Rules)?;
        let told = Arc::clone(&watch);
        let plan = Plan::new(rules);
        let count_tools = plan.counts_tools();
        let shared = Shared::new(plan, settings, clock, ids, tasks, told)?;
        Ok(Self { counters: Counters::Shared(Box::new(shared)), watch, count_tools })
    }

    /// Asks the rules of a stage, and counts the request if they allow it. Counted here, it is
    /// ready at once; with Redis it takes no longer than the time-out.
    pub async fn ask(&self, stage: Stage, of: &Subject<'_>) -> Outcome {
        let outcome = match &self.counters {
            Counters::Local(local) => local.ask(stage, of),
            // On the heap, so that requests carry no large future where nothing is shared.
            Counters::Shared(shared) => Box::pin(shared.ask(stage, of)).await,
        };
        self.told(outcome)
    }

    /// The same without a future; none where the counters are shared.
    pub fn ask_now(&self, stage: Stage, of: &Subject<'_>) -> Option<Outcome> {
        match &self.counters {
            Counters::Local(local) => Some(self.told(local.ask(stage, of))),
            Counters::Shared(_) => None,
        }
    }

    fn told(&self, mut outcome: Outcome) -> Outcome {
        let states = match &mut outcome {
            Outcome::Allowed { states, permits } => {
                permits.count(|rule| self.watch.taken(rule));
                states
            }
            Outcome::Refused(refused) => {
                self.watch.refused(&refused.rule, refused.why);
                &mut refused.states
            }
        };
        for state in states {
            let left = f64::from(state.remaining) / f64::from(state.burst.max(1));
            self.watch.left(&state.rule, left);
        }
        outcome
    }

    /// How full the counters of a stage are for this request, which is not counted.
    pub async fn peek(&self, stage: Stage, of: &Subject<'_>) -> Peek {
        match &self.counters {
            Counters::Local(local) => local.peek(stage, of),
            Counters::Shared(shared) => Box::pin(shared.peek(stage, of)).await,
        }
    }

    /// Whether there is a limit that is asked for each tool call.
    pub fn count_tools(&self) -> bool {
        self.count_tools
    }

    /// Forgets keys that are as if they had never been used. To be called every ten seconds or so;
    /// it walks all keys, about four milliseconds for a hundred thousand.
    pub fn sweep(&self) {
        if let Some(local) = self.here() {
            local.sweep();
        }
    }

    /// How many keys this process counts.
    pub fn keys(&self) -> usize {
        self.here().map_or(0, Local::keys)
    }

    /// The counters in this process, where there are any.
    fn here(&self) -> Option<&Local> {
        match &self.counters {
            Counters::Local(local) => Some(local),
            Counters::Shared(shared) => shared.fallback(),
        }
    }
}

#[cfg(test)]
mod tests;
