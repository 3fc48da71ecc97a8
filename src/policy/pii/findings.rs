//! What was found, in the words that runs and metrics use, and what is told of a text that may not
//! pass.
//!
//! Invariant: kinds, rules, places and numbers; never a value.

use super::scan::Failure;
use super::treat::Count;
use crate::error::{Error, Kind};
use crate::model::pii::PiiCount;

/// Findings of several texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(pub(super) Vec<PiiCount>);

impl Tally {
    /// Counts of several texts, each type and action once.
    pub(super) fn of(counts: impl IntoIterator<Item = Count>) -> Self {
        let one = |count: Count| PiiCount {
            entity: count.entity.to_string(),
            direction: count.direction.name().to_owned(),
            action: count.action.name().to_owned(),
            count: count.count,
        };
        let mut all = Vec::new();
        PiiCount::add_all(&mut all, counts.into_iter().map(one).collect());
        Self(all)
    }
}

/// The error of a text that may not pass. `whose` is the request or the answer.
pub(super) fn refusal(failure: &Failure, whose: &str) -> Error {
    match failure {
        Failure::Blocked { entity, rule } => {
            let said = format!("the {whose} holds a value of kind {entity}, which a rule blocks");
            Error::new(Kind::PiiBlocked, said).ruled_by([rule.to_string()])
        }
        Failure::Unreadable { what } => {
            Error::new(Kind::PiiBlocked, format!("the {whose} cannot be examined: {what}"))
        }
        Failure::Exhausted { what } => {
            let said = format!("the {whose} cannot be examined: the bound on {what} is reached");
            Error::new(Kind::PiiBlocked, said)
        }
        Failure::Internal | Failure::Ended => {
            Error::new(Kind::Internal, format!("the {whose} could not be examined"))
        }
    }
}
