//! What a run costs, in the units that budgets are in. Units are kept apart: credits are never
//! converted into money, and no figure is made of another.

use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::micro::Micro;

/// A cost, or what is left of a budget. Zero in the units that do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Amounts {
    /// Money, in US dollars.
    pub usd: Micro,
    /// Tokens in and out.
    pub tokens: i64,
    /// The platform's own credits.
    pub credits: Micro,
    /// Runs.
    pub runs: i64,
}

impl Add for Amounts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            tokens: self.tokens.saturating_add(other.tokens),
            credits: self.credits + other.credits,
            runs: self.runs.saturating_add(other.runs),
        }
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// A ceiling in each unit; none where a unit has no ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ceilings {
    /// Of money, in US dollars.
    pub usd: Option<Micro>,
    /// Of tokens.
    pub tokens: Option<i64>,
    /// Of the platform's own credits.
    pub credits: Option<Micro>,
    /// Of runs.
    pub runs: Option<i64>,
}

impl Ceilings {
    /// Whether `amounts` is at or below the ceiling in every unit.
    pub fn hold(&self, amounts: &Amounts) -> bool {
        self.usd.is_none_or(|most| amounts.usd <= most)
            && self.tokens.is_none_or(|most| amounts.tokens <= most)
            && self.credits.is_none_or(|most| amounts.credits <= most)
            && self.runs.is_none_or(|most| amounts.runs <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_held_against_its_own_ceiling() {
        let ceilings = Ceilings { usd: Some(Micro(5)), runs: Some(1), ..Ceilings::default() };
        let cost = Amounts { usd: Micro(5), tokens: 9_000, credits: Micro(7), runs: 1 };
        assert!(ceilings.hold(&cost));
        assert!(!ceilings.hold(&(cost + Amounts { usd: Micro(1), ..Amounts::default() })));
        assert!(!ceilings.hold(&(cost + Amounts { runs: 1, ..Amounts::default() })));
    }
}
