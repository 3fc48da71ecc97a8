//! The units that budgets are in, so that one rule of arithmetic is written once for all of them.
//! Every other file of this folder counts with it.
//!
//! Invariant: units are never mixed; each is counted in its smallest part (millionths of dollars
//! and credits, whole tokens and runs).

use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;

/// A unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Money.
    Usd,
    /// Tokens in and out.
    Tokens,
    /// The platform's own credits.
    Credits,
    /// Runs.
    Runs,
}

impl Unit {
    /// Every unit.
    pub(super) const ALL: [Self; 4] = [Self::Usd, Self::Tokens, Self::Credits, Self::Runs];

    /// Its name in figures.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Tokens => "tokens",
            Self::Credits => "credits",
            Self::Runs => "runs",
        }
    }

    /// The amount in this unit.
    pub(super) fn of(self, amounts: &Amounts) -> i64 {
        match self {
            Self::Usd => amounts.usd.0,
            Self::Tokens => amounts.tokens,
            Self::Credits => amounts.credits.0,
            Self::Runs => amounts.runs,
        }
    }

    /// The ceiling in this unit.
    pub(super) fn ceiling(self, ceilings: &Ceilings) -> Option<i64> {
        match self {
            Self::Usd => ceilings.usd.map(|most| most.0),
            Self::Tokens => ceilings.tokens,
            Self::Credits => ceilings.credits.map(|most| most.0),
            Self::Runs => ceilings.runs,
        }
    }
}

/// The amounts that `of` gives for each unit.
pub(super) fn each(of: impl Fn(Unit) -> i64) -> Amounts {
    Amounts {
        usd: Micro(of(Unit::Usd)),
        tokens: of(Unit::Tokens),
        credits: Micro(of(Unit::Credits)),
        runs: of(Unit::Runs),
    }
}

/// In each unit the lowest of the ceilings; none where no ceiling is in that unit.
pub(super) fn lowest<'a>(all: impl Iterator<Item = &'a Ceilings>) -> Ceilings {
    let least = |one: Option<i64>, other: Option<i64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    all.fold(Ceilings::default(), |lowest, next| {
        let of = |unit: Unit| least(unit.ceiling(&lowest), unit.ceiling(next));
        Ceilings {
            usd: of(Unit::Usd).map(Micro),
            tokens: of(Unit::Tokens),
            credits: of(Unit::Credits).map(Micro),
            runs: of(Unit::Runs),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_reads_what_it_wrote() {
        let amounts = each(|unit| match unit {
            Unit::Usd => 1,
            Unit::Tokens => 2,
            Unit::Credits => 3,
            Unit::Runs => 4,
        });
        assert_eq!(Unit::ALL.map(|unit| unit.of(&amounts)), [1, 2, 3, 4]);
    }

    #[test]
    fn the_lowest_ceiling_of_each_unit_counts() {
        let one = Ceilings { usd: Some(Micro(5)), runs: Some(9), ..Ceilings::default() };
        let other = Ceilings { usd: Some(Micro(7)), tokens: Some(3), ..Ceilings::default() };
        let both = lowest([one, other].iter());
        assert_eq!(Unit::ALL.map(|unit| unit.ceiling(&both)), [Some(5), Some(3), None, Some(9)]);
    }
}
