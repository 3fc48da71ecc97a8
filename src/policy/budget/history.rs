//! What an agent's runs have cost lately, so that a good guess can be reserved for the next one.
//! Reservations record what ended runs cost; [`super::estimate`] reads the high quantile.
//!
//! Invariant: at most [`AGENTS`] agents and [`RUNS`] figures of each unit and agent are kept; each
//! node learns for itself, and forgets when it stops.

use std::collections::VecDeque;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use parking_lot::Mutex;

use super::figures::Figures;
use super::unit::Unit;
use crate::model::agent::AgentRef;

/// The agents that are remembered, the least recently used forgotten first: 3 KiB each, so that
/// all of them take no more than about 12 MiB.
const AGENTS: u64 = 4_096;
/// The runs of an agent that are remembered: enough for a 95th percentile that is not simply the
/// dearest run, few enough to follow a change of model within a day.
const RUNS: usize = 128;
/// The runs before their figures are believed: one cheap failure is no pattern.
const BELIEVED: usize = 8;

/// What the runs of an agent usually cost at most: the 95th percentile of each unit; none where
/// too few runs have reported it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usual {
    usd: Option<i64>,
    tokens: Option<i64>,
    credits: Option<i64>,
}

impl Usual {
    /// The figure in one unit.
    pub(super) fn of(&self, unit: Unit) -> Option<i64> {
        match unit {
            Unit::Usd => self.usd,
            Unit::Tokens => self.tokens,
            Unit::Credits => self.credits,
            Unit::Runs => None,
        }
    }
}

/// What the runs of each agent have cost lately.
pub(super) struct History(Cache<AgentRef, Arc<Mutex<Recent>>>);

#[derive(Default)]
struct Recent {
    usd: Last,
    tokens: Last,
    credits: Last,
}

/// The last figures in one unit, and their 95th percentile, worked out when a run ends so that a
/// run that begins need not.
#[derive(Default)]
struct Last {
    figures: VecDeque<i64>,
    high: Option<i64>,
}

impl History {
    pub(super) fn new() -> Self {
        let lru = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(AGENTS).eviction_policy(lru).build())
    }

    /// What the agent's runs usually cost at most.
    pub(super) fn usual(&self, agent: &AgentRef) -> Usual {
        let Some(recent) = self.0.get(agent) else { return Usual::default() };
        let recent = recent.lock();
        Usual { usd: recent.usd.high, tokens: recent.tokens.high, credits: recent.credits.high }
    }

    /// Remembers what a run cost that went to its end.
    pub(super) fn record(&self, agent: &AgentRef, figures: &Figures) {
        if figures.is_empty() {
            return;
        }
        let recent = match self.0.get(agent) {
            Some(recent) => recent,
            None => self.0.get_with(agent.clone(), Arc::default),
        };
        let mut recent = recent.lock();
        let Recent { usd, tokens, credits } = &mut *recent;
        for (last, unit) in [(usd, Unit::Usd), (tokens, Unit::Tokens), (credits, Unit::Credits)] {
            if let Some(figure) = figures.of(unit) {
                last.push(figure);
            }
        }
    }
}

impl Last {
    fn push(&mut self, figure: i64) {
        if self.figures.len() == RUNS {
            self.figures.pop_front();
        }
        self.figures.push_back(figure);
        if self.figures.len() >= BELIEVED {
            self.high = high(&self.figures);
        }
    }
}

/// The 95th percentile by nearest rank: the least figure that 95 of 100 do not pass.
fn high(figures: &VecDeque<i64>) -> Option<i64> {
    let mut sorted: Vec<i64> = figures.iter().copied().collect();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::micro::Micro;
    use crate::model::run::Usage;

    fn agent(native: usize) -> AgentRef {
        AgentRef { upstream: "make".to_owned(), native: native.to_string() }
    }

    fn cost(usd: i64) -> Figures {
        let mut figures = Figures::default();
        figures.note(&Usage { cost_usd: Some(Micro(usd)), ..Usage::default() });
        figures
    }

    #[test]
    fn a_high_quantile_is_the_figure_that_95_of_100_do_not_pass() {
        for (count, expected) in [(1, 1), (8, 8), (20, 19), (100, 95), (128, 122)] {
            assert_eq!(high(&(1..=count).rev().collect()), Some(expected), "{count}");
        }
        assert_eq!(high(&VecDeque::new()), None);
    }

    #[test]
    fn figures_are_believed_after_some_runs_and_forgotten_after_many() {
        let history = History::new();
        for figure in 1..=BELIEVED as i64 {
            assert_eq!(history.usual(&agent(1)), Usual::default());
            history.record(&agent(1), &cost(figure));
        }
        assert_eq!(history.usual(&agent(1)).of(Unit::Usd), Some(BELIEVED as i64));
        assert_eq!(history.usual(&agent(1)).of(Unit::Tokens), None);
        assert_eq!(history.usual(&agent(2)), Usual::default());
        for _ in 0..RUNS {
            history.record(&agent(1), &cost(3));
        }
        assert_eq!(history.usual(&agent(1)).of(Unit::Usd), Some(3));
    }

    #[test]
    fn the_agents_that_are_remembered_are_bounded() {
        let history = History::new();
        for native in 0..2 * AGENTS as usize {
            history.record(&agent(native), &cost(1));
        }
        history.0.run_pending_tasks();
        assert!(history.0.entry_count() <= AGENTS, "{}", history.0.entry_count());
    }
}
