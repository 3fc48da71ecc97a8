//! What the engine answers: the permits and states of what passed, or who refused, why, and when to
//! come back. The layers turn it into headers and errors.
//!
//! Invariant: a permit gives back its place exactly once, when it is dropped, and never waits to do
//! so.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::concurrent::LocalPermit;
use super::rule::Quota;
use super::shared::LeasePermit;
use super::window::Reading;
use crate::error::{Error, Kind};
use crate::telemetry::metrics::Held as Counted;

/// When to ask again for what no clock frees: a permit, or a counter that is away.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// The states of the windows that were asked, in the order in which they were.
pub type States = SmallVec<[State; 4]>;

/// One window as a caller may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The rule's name.
    pub rule: Arc<str>,
    /// How many requests come back in `window`.
    pub requests: u32,
    /// The time that they come back in.
    pub window: Duration,
    /// How many may be made at once.
    pub burst: u32,
    /// How many may be made now.
    pub remaining: u32,
    /// When the whole burst may be made again.
    pub full_in: Duration,
}

/// What became of a request at one stage.
#[derive(Debug)]
#[must_use = "a refusal must be obeyed, and dropped permits are given back"]
pub enum Outcome {
    /// It may go on.
    Allowed {
        /// The windows that it was counted in.
        states: States,
        /// Its permits, to be held to the last byte.
        permits: Permits,
    },
    /// It may not.
    Refused(Refused),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule that refused. Empty when the counters are away and none could be asked.
    pub rule: Arc<str>,
    /// Why it did.
    pub why: Why,
    /// The windows that were asked, the refusing one last.
    pub states: States,
    /// When to come back: exact for a window; for anything else a guess of a second.
    pub retry_after: Duration,
}

/// Why a request is refused. The set is closed: it labels metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A window has no request left.
    Rate,
    /// As many are under way as may be.
    Concurrency,
    /// There is no room to count one more key.
    Crowded,
    /// The shared counters are away, and the configuration says to refuse then.
    Away,
}

impl Why {
    /// The label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Crowded => "crowded",
            Self::Away => "away",
        }
    }
}

/// Places that are given back when this is dropped.
#[derive(Debug, Default)]
pub struct Permits(SmallVec<[Place; 1]>);

/// One of them.
#[derive(Debug)]
struct Place {
    _permit: Permit,
    lasts: Lasts,
    rule: Arc<str>,
    _counted: Option<Counted>,
}

/// How long a place is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// While the answer is under way.
    Answer,
    /// And while the run is that it has started.
    Run,
}

/// One place.
#[derive(Debug)]
pub(super) enum Permit {
    /// Counted here.
    Local { _held: LocalPermit },
    /// Counted by all nodes together.
    Lease { _held: LeasePermit },
}

impl Permits {
    /// Holds one more, of this rule.
    pub(super) fn hold(&mut self, rule: &Arc<str>, permit: Permit, lasts: Lasts) {
        let rule = Arc::clone(rule);
        self.0.push(Place { _permit: permit, lasts, rule, _counted: None });
    }

    /// Has each counted by its rule, for as long as it is held.
    pub(super) fn count(&mut self, taken: impl Fn(&str) -> Option<Counted>) {
        for place in &mut self.0 {
            place._counted = taken(&place.rule);
        }
    }

    /// Takes out what lasts as long as the run does.
    pub fn of_run(&mut self) -> Permits {
        let all = std::mem::take(&mut self.0).into_iter();
        let (runs, rest) = all.partition(|place| place.lasts == Lasts::Run);
        self.0 = rest;
        Permits(runs)
    }

    /// Holds these as well, so that one guard rides on an answer however many stages gave permits.
    pub fn join(&mut self, others: Permits) {
        self.0.extend(others.0);
    }

    /// How many it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl State {
    /// The state of a window from how full it is.
    pub(super) fn new(rule: &Arc<str>, quota: &Quota, reading: Reading) -> Self {
        Self {
            rule: Arc::clone(rule),
            requests: quota.requests,
            window: quota.per,
            burst: quota.burst,
            remaining: reading.remaining,
            full_in: reading.full_in,
        }
    }
}

impl Outcome {
    /// It may go on, and nothing counted it.
    pub(super) fn free() -> Self {
        Self::Allowed { states: States::new(), permits: Permits::default() }
    }

    /// Refused by this rule.
    pub(super) fn refused(
        rule: &Arc<str>,
        why: Why,
        states: States,
        retry_after: Duration,
    ) -> Self {
        Self::Refused(Refused { rule: Arc::clone(rule), why, states, retry_after })
    }
}

impl Refused {
    /// The error that answers it: 429 where the caller has reached a limit, 503 where it is the
    /// gateway that cannot count.
    pub fn error(&self) -> Error {
        let (kind, message) = match self.why {
            Why::Rate => (Kind::RateLimited, "a limit on requests is reached"),
            Why::Concurrency => (Kind::ConcurrencyLimited, "as many are under way as may be"),
            Why::Crowded => (Kind::Overloaded, "a limit counts as many callers as it can"),
            Why::Away => (Kind::PolicyUnavailable, "the shared counters cannot be reached"),
        };
        let rule = (!self.rule.is_empty()).then(|| self.rule.to_string());
        Error::new(kind, message).ruled_by(rule).retry_after(self.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_can_ride_on_any_thread() {
        fn rides<T: Send + Sync + 'static>() {}
        rides::<Permits>();
        rides::<Outcome>();
    }

    #[test]
    fn a_refusal_says_whose_fault_it_is_and_when_to_come_back() {
        let refused = |why| Refused {
            rule: "per-key".into(),
            why,
            states: States::new(),
            retry_after: Duration::from_secs(7),
        };
        let statuses = [Why::Rate, Why::Concurrency, Why::Crowded, Why::Away]
            .map(|why| refused(why).error().kind().status());
        assert_eq!(statuses, [429, 429, 503, 503]);
        assert_eq!(refused(Why::Rate).error().retry_in(), Some(Duration::from_secs(7)));
        assert_eq!(refused(Why::Rate).error().rules(), ["per-key"]);
    }
}
