//! What became of a run as far as its budget goes, and the refusal of one that has none left. The
//! layer says the first when it settles; the engine answers the second.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, Kind};
use crate::store::Account;

/// The `stop_reason` of a run that was ended because its budget ran out.
pub const STOP_REASON: &str = "budget_exhausted";

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went to the end that the platform gave it; the figures are final, and the agent's next
    /// runs are judged by them.
    Ended,
    /// It broke off: the caller left, a limit of the gateway ended it, the connection was lost.
    /// The platform may have had it, and may have gone on.
    BrokenOff,
    /// The platform provably never had it. Nothing is charged, unless it has reported usage.
    NeverHad,
}

impl Outcome {
    /// What became of a run that got this failure in the place of a stream of events. Whatever is
    /// not known to have been refused before the platform began may have cost something.
    pub fn of_refused(error: &Error) -> Self {
        let never_had = matches!(
            error.kind(),
            Kind::InvalidRequest
                | Kind::Unauthenticated
                | Kind::Forbidden
                | Kind::AgentNotFound
                | Kind::ThreadNotFound
                | Kind::NotFound
                | Kind::Conflict
                | Kind::ContentTooLarge
                | Kind::UnsupportedByUpstream
                | Kind::NotSupported
                | Kind::UpstreamMisconfigured
                | Kind::RateLimited
                | Kind::ConcurrencyLimited
                | Kind::BudgetExhausted
                | Kind::Overloaded
                | Kind::PolicyUnavailable
                | Kind::UpstreamUnavailable
                | Kind::Draining
        );
        if never_had { Self::NeverHad } else { Self::BrokenOff }
    }
}

/// Whether a run may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// What it has used is reserved.
    Continue,
    /// What it has used cannot be reserved any more: end it as incomplete, with [`STOP_REASON`].
    Stop {
        /// The configured name of the budget that has nothing left.
        budget: String,
    },
}

/// The refusal of a run for which `account` has no room. It says when the budget begins anew;
/// never, for a budget in total.
pub(super) fn exhausted(account: &Account, now: Timestamp) -> Error {
    let budget = &account.budget;
    let said = format!("the budget `{budget}` has no room for this run");
    let error = |said| Error::new(Kind::BudgetExhausted, said).ruled_by([budget.clone()]);
    let Some(end) = account.window_end else {
        return error(said);
    };
    let micros = u64::try_from(end.0.saturating_sub(now.0)).unwrap_or(0);
    error(format!("{said}; it begins anew at {end}")).retry_after(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_refused_before_the_platform_began_costs_nothing() {
        let of = |kind| Outcome::of_refused(&Error::new(kind, "x"));
        assert_eq!(of(Kind::UpstreamUnavailable), Outcome::NeverHad);
        assert_eq!(of(Kind::RateLimited), Outcome::NeverHad);
        for kind in [
            Kind::Internal,
            Kind::UpstreamError,
            Kind::UpstreamProtocol,
            Kind::UpstreamTimeout,
            Kind::Interrupted,
        ] {
            assert_eq!(of(kind), Outcome::BrokenOff, "{kind:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_budget_and_says_when_it_begins_anew() {
        let now = Timestamp::parse("2026-03-01T23:59:00Z").unwrap();
        let (window_start, window_end) = (Timestamp(0), Timestamp::parse("2026-03-02T00:00:00Z"));
        let (budget, subject) = ("daily".to_owned(), "acme/key:1".to_owned());
        let account = Account { budget, subject, window_start, window_end };
        let error = exhausted(&account, now);
        assert_eq!((error.kind().status(), error.kind().code()), (429, "budget_exhausted"));
        assert_eq!(error.retry_in(), Some(Duration::from_secs(60)));
        let said = "the budget `daily` has no room for this run; it begins anew at \
                    2026-03-02T00:00:00.000Z";
        assert_eq!(error.message(), said);
        assert_eq!(error.rules(), ["daily"]);
        let total = exhausted(&Account { window_end: None, ..account }, now);
        assert_eq!((total.retry_in(), total.message().contains("anew")), (None, false));
    }
}
