//! What a run has cost, from the usage that its platform reports: the one place where usage
//! becomes amounts. A [`super::Reservation`] keeps one.
//!
//! Invariant: a figure that the platform has not given is unknown, never 0.

use super::unit::{Unit, each};
use crate::model::amounts::Amounts;
use crate::model::run::Usage;

/// The figures that are known of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    usd: Option<i64>,
    tokens: Option<i64>,
    /// Tokens of which the platform gave only one half, in or out.
    half_of_tokens: Option<i64>,
    credits: Option<i64>,
}

impl Figures {
    /// Takes in a report. It stands in the place of what was known; a figure that it leaves out
    /// stays as it was.
    pub fn note(&mut self, usage: &Usage) {
        // A negative cost would make a budget grow; nobody is paid for running an agent.
        let whole = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        self.usd = usage.cost_usd.map(|cost| cost.0.max(0)).or(self.usd);
        self.credits = usage.credits.map(|credits| credits.0.max(0)).or(self.credits);
        let both = usage.input_tokens.zip(usage.output_tokens);
        let sum = both.map(|(input, output)| input.saturating_add(output));
        self.tokens = usage.total_tokens.or(sum).map(whole).or(self.tokens);
        let half = usage.input_tokens.or(usage.output_tokens);
        self.half_of_tokens = half.map(whole).or(self.half_of_tokens);
    }

    /// What is known to be spent, in the units that the platform reports; 0 in the others.
    pub fn at_least(&self) -> Amounts {
        each(|unit| match unit {
            Unit::Usd => self.usd.unwrap_or(0),
            Unit::Tokens => self.tokens.or(self.half_of_tokens).unwrap_or(0),
            Unit::Credits => self.credits.unwrap_or(0),
            Unit::Runs => 0,
        })
    }

    /// What is charged for one run: what is known, and in the units that are unknown
    /// `unreported`.
    pub fn charge(&self, unreported: &Amounts) -> Amounts {
        let known = self.at_least();
        each(|unit| match (unit, self.of(unit)) {
            (Unit::Runs, _) => 1,
            (_, Some(figure)) => figure,
            (_, None) => unit.of(unreported).max(unit.of(&known)),
        })
    }

    /// Whether nothing has been reported. What has reported something has had the run.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The figure in one unit; none where the platform has not given it.
    pub(super) fn of(&self, unit: Unit) -> Option<i64> {
        match unit {
            Unit::Usd => self.usd,
            Unit::Tokens => self.tokens,
            Unit::Credits => self.credits,
            Unit::Runs => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::micro::Micro;

    fn noted(reports: &[Usage]) -> Figures {
        reports.iter().fold(Figures::default(), |mut figures, usage| {
            figures.note(usage);
            figures
        })
    }

    fn tokens(input: Option<u64>, output: Option<u64>, total: Option<u64>) -> Usage {
        Usage {
            input_tokens: input,
            output_tokens: output,
            total_tokens: total,
            ..Usage::default()
        }
    }

    #[test]
    fn what_is_not_reported_is_charged_as_said() {
        let unreported = Amounts { usd: Micro(7), tokens: 70, credits: Micro(700), runs: 9 };
        let nothing = noted(&[]).charge(&unreported);
        assert_eq!(nothing, Amounts { runs: 1, ..unreported });
        let money = noted(&[Usage { cost_usd: Some(Micro(0)), ..Usage::default() }]);
        assert_eq!(money.charge(&unreported), Amounts { usd: Micro(0), runs: 1, ..unreported });
    }

    #[test]
    fn tokens_are_the_total_or_both_halves() {
        for (usage, figure, at_least) in [
            (tokens(Some(2), Some(3), Some(9)), Some(9), 9),
            (tokens(Some(2), Some(3), None), Some(5), 5),
            (tokens(None, None, Some(9)), Some(9), 9),
            (tokens(Some(2), None, None), None, 2),
            (tokens(None, Some(3), None), None, 3),
            (tokens(Some(u64::MAX), Some(1), None), Some(i64::MAX), i64::MAX),
        ] {
            let figures = noted(&[usage]);
            assert_eq!((figures.of(Unit::Tokens), figures.at_least().tokens), (figure, at_least));
        }
        let half = noted(&[tokens(Some(2), None, None)]);
        let charged = |reserved| half.charge(&Amounts { tokens: reserved, ..Amounts::default() });
        assert_eq!((charged(1).tokens, charged(5).tokens), (2, 5));
    }

    #[test]
    fn a_later_report_replaces_what_it_gives_and_keeps_what_it_leaves_out() {
        let cost = |usd: i64| Usage { cost_usd: Some(Micro(usd)), ..Usage::default() };
        let credits = Usage { credits: Some(Micro(4)), ..Usage::default() };
        let spent = noted(&[cost(5), credits, tokens(None, None, Some(6)), cost(3)]).at_least();
        assert_eq!((spent.usd, spent.credits, spent.tokens), (Micro(3), Micro(4), 6));
        assert_eq!(noted(&[cost(-5)]).at_least().usd, Micro(0));
        assert!(noted(&[Usage::default()]).is_empty() && !noted(&[cost(0)]).is_empty());
    }
}
