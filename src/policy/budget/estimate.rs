//! How much to reserve: before a run, and when it has used that up. Pure; the engine and its
//! reservations ask it.
//!
//! Invariant: what is reserved in a unit that has a ceiling is at least its smallest part, so that
//! a used-up budget refuses, and never more than a ceiling above 0, so that a budget can be used.

use super::history::Usual;
use super::rule::Rule;
use super::unit::{Unit, each, lowest};
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::request::RunLimits;

/// What is thought of one run before it begins. The same is reserved of each budget that the run
/// counts to, since it is one run that costs one amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    /// What to reserve, and what to charge in a unit that the platform does not report. A caller's
    /// own caps may raise it and not lower it: no platform is bound by them before it has spent, so
    /// that a low one would be a price of the caller's choice.
    pub(super) reserve: Amounts,
    /// The lowest ceiling in each unit; a unit without one is neither reserved nor raised.
    pub(super) most: Ceilings,
}

impl Estimate {
    /// What is thought of a run to which these budgets apply.
    pub(super) fn of(rules: &[&Rule], limits: &RunLimits, usual: &Usual) -> Self {
        let most = lowest(rules.iter().map(|rule| &rule.ceilings));
        let within = |unit: Unit, guess: i64| match unit.ceiling(&most) {
            Some(ceiling) => guess.min(ceiling).max(1),
            None => 0,
        };
        let guess = |unit: Unit| {
            let fallback = rules.iter().map(|rule| unit.of(&rule.reserve)).max();
            usual.of(unit).or(fallback).unwrap_or(0)
        };
        let asked = |unit: Unit| match unit {
            Unit::Usd => guess(unit).max(limits.max_cost_usd.map_or(0, |cap| cap.0)),
            // What goes in is not known before, so the cap of what comes out is only a part.
            Unit::Tokens => guess(unit).max(limits.max_output_tokens.map_or(0, saturated)),
            Unit::Credits => guess(unit),
            Unit::Runs => 1,
        };
        let reserve = each(|unit| match unit {
            Unit::Runs => 1,
            Unit::Usd | Unit::Tokens | Unit::Credits => within(unit, asked(unit)),
        });
        Self { reserve, most }
    }

    /// Whether `used` has passed what is reserved, in a unit that has a ceiling.
    pub(super) fn is_passed(&self, reserved: &Amounts, used: &Amounts) -> bool {
        Unit::ALL.into_iter().any(|unit| self.passes(unit, reserved, used))
    }

    /// What to raise a reservation to that `used` has passed: first a generous step, so that not
    /// every report costs a write, then just what is used.
    pub(super) fn steps(&self, reserved: &Amounts, used: &Amounts) -> [Amounts; 2] {
        let raised = |to: &dyn Fn(Unit, i64, i64) -> i64| {
            each(|unit| match self.passes(unit, reserved, used) {
                true => to(unit, unit.of(reserved), unit.of(used)),
                false => unit.of(reserved),
            })
        };
        let generous = raised(&|unit, reserved, used| {
            let step = used.saturating_add(unit.of(&self.reserve));
            let most = unit.ceiling(&self.most).unwrap_or(used);
            reserved.saturating_mul(2).max(step).min(most).max(used)
        });
        [generous, raised(&|_, _, used| used)]
    }

    fn passes(&self, unit: Unit, reserved: &Amounts, used: &Amounts) -> bool {
        unit.ceiling(&self.most).is_some() && unit.of(used) > unit.of(reserved)
    }
}

fn saturated(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::agent::AgentRef;
    use crate::model::micro::Micro;
    use crate::model::run::Usage;
    use crate::policy::budget::figures::Figures;
    use crate::policy::budget::history::History;
    use crate::policy::budget::rule::Only;
    use crate::policy::budget::window::Per;

    fn rule(usd: Option<i64>, tokens: Option<i64>, reserve: (i64, i64)) -> Rule {
        Rule {
            name: "daily".to_owned(),
            by: Vec::new(),
            only: Only::default(),
            ceilings: Ceilings { usd: usd.map(Micro), tokens, ..Ceilings::default() },
            per: Per::Day,
            reserve: Amounts { usd: Micro(reserve.0), tokens: reserve.1, ..Amounts::default() },
        }
    }

    fn limits(usd: Option<i64>, tokens: Option<u64>) -> RunLimits {
        RunLimits {
            max_cost_usd: usd.map(Micro),
            max_output_tokens: tokens,
            ..RunLimits::default()
        }
    }

    /// What an agent usually costs whose runs have all cost this.
    fn usually(usd: i64, tokens: u64) -> Usual {
        let (history, agent) = (History::new(), AgentRef::parse("make:1").unwrap());
        let mut figures = Figures::default();
        let (cost_usd, total_tokens) = (Some(Micro(usd)), Some(tokens));
        figures.note(&Usage { cost_usd, total_tokens, ..Usage::default() });
        (0..20).for_each(|_| history.record(&agent, &figures));
        history.usual(&agent)
    }

    #[test]
    fn the_agents_past_counts_before_the_budgets_figure_and_the_callers_caps_only_raise_it() {
        let rule = rule(Some(1_000), Some(1_000), (10, 20));
        let none = Usual::default();
        for (limits, usual, expected) in [
            (limits(None, None), none, (10, 20)),
            (limits(None, None), usually(30, 40), (30, 40)),
            (limits(Some(5), Some(7)), usually(30, 40), (30, 40)),
            (limits(Some(5), Some(7)), none, (10, 20)),
            (limits(Some(50), Some(70)), usually(30, 40), (50, 70)),
            (limits(Some(5_000), Some(u64::MAX)), none, (1_000, 1_000)),
            (limits(None, None), usually(0, 0), (1, 1)),
        ] {
            let reserve = Estimate::of(&[&rule], &limits, &usual).reserve;
            assert_eq!((reserve.usd.0, reserve.tokens), expected, "{limits:?} {usual:?}");
            assert_eq!((reserve.credits, reserve.runs), (Micro(0), 1));
        }
    }

    #[test]
    fn several_budgets_have_the_same_reserved_within_the_lowest_ceiling() {
        let (daily, monthly) = (rule(Some(100), None, (7, 0)), rule(Some(900), None, (300, 5)));
        let estimate = Estimate::of(&[&daily, &monthly], &limits(None, Some(9)), &Usual::default());
        // Tokens have no ceiling in either of them, so none are reserved.
        assert_eq!((estimate.reserve.usd.0, estimate.reserve.tokens), (100, 0));
        assert_eq!(estimate.most.usd, Some(Micro(100)));
    }

    #[test]
    fn a_ceiling_of_zero_refuses_every_run() {
        let rule = rule(Some(0), None, (0, 0));
        let estimate = Estimate::of(&[&rule], &limits(None, None), &Usual::default());
        assert!(!rule.ceilings.hold(&estimate.reserve));
    }

    #[test]
    fn a_raise_is_generous_within_the_ceiling_and_then_just_enough() {
        let rule = rule(Some(1_000), None, (10, 0));
        let estimate = Estimate::of(&[&rule], &limits(None, None), &Usual::default());
        let usd = |usd| Amounts { usd: Micro(usd), tokens: 99, ..Amounts::default() };
        assert!(!estimate.is_passed(&usd(10), &usd(10)));
        assert!(!estimate.is_passed(&Amounts { tokens: 0, ..usd(10) }, &usd(10)));
        for (reserved, used, generous) in
            [(10, 11, 21), (300, 301, 600), (300, 700, 710), (600, 900, 1_000), (600, 2_000, 2_000)]
        {
            assert!(estimate.is_passed(&usd(reserved), &usd(used)));
            let steps = estimate.steps(&usd(reserved), &usd(used));
            assert_eq!(steps, [usd(generous), usd(used)], "{reserved} {used}");
        }
        assert_eq!(estimate.steps(&usd(700), &usd(995))[0], usd(1_000));
    }
}
