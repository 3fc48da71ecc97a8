//! When an issuer's keys may be fetched: plain and synchronous, told the time. [`super::keys`]
//! asks it for every fetch, whoever wants one.
//!
//! Invariant: at most one fetch is on its way, two never start within the interval, and what
//! callers send cannot change that.

use std::collections::HashMap;
use std::time::Duration;

/// The longest that failures push the next try away: a provider that comes back is used within
/// this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// How long a key name that the provider did not know just now is not asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// When the next fetch may start.
#[derive(Debug)]
pub(super) struct Pacing {
    interval: Duration,
    refresh: Duration,
    /// When the running fetch started, if one runs.
    started: Option<Duration>,
    /// Before this none starts.
    earliest: Duration,
    /// At this one starts by itself.
    due: Duration,
    /// How many have failed in a row.
    failures: u32,
    /// Key names that the provider did not know, until when that is believed. A fetch adds one at
    /// most, so that there are never more than `UNKNOWN_FOR` has intervals.
    unknown: HashMap<Box<str>, Duration>,
}

/// What who wants a fetch is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is yours: start it.
    Start,
    /// One is on its way, wait for it.
    Join,
    /// Not now, and waiting would not help. Ask again after this.
    Later(Duration),
}

impl Pacing {
    /// Nothing was fetched yet, and a fetch is due.
    pub(super) fn new(interval: Duration, refresh: Duration) -> Self {
        Self {
            interval,
            refresh,
            started: None,
            earliest: Duration::ZERO,
            due: Duration::ZERO,
            failures: 0,
            unknown: HashMap::new(),
        }
    }

    /// Asks for a fetch. While a provider fails, only who starts a fetch waits for it: the others
    /// would wait for a time-out each.
    pub(super) fn ask(&mut self, now: Duration) -> Turn {
        match self.started {
            Some(_) if self.failures == 0 => Turn::Join,
            Some(started) => Turn::Later(started.saturating_add(self.interval).saturating_sub(now)),
            None if now < self.earliest => Turn::Later(self.earliest - now),
            None => {
                self.started = Some(now);
                Turn::Start
            }
        }
    }

    /// Tells how the fetch went. `jitter` is 0 to 255: by how much the next one is early, so that
    /// gateways that started together do not ask together.
    pub(super) fn ended(&mut self, now: Duration, good: bool, jitter: u8) {
        let started = self.started.take().unwrap_or(now);
        self.earliest = started.saturating_add(self.interval);
        if good {
            self.failures = 0;
            // Up to a tenth early.
            let early = self.refresh / 2560 * u32::from(jitter);
            self.due = started.saturating_add(self.refresh - early).max(self.earliest);
        } else {
            let doubled = self.interval.saturating_mul(1 << self.failures.min(16));
            let backoff = doubled.min(LONGEST_BACKOFF.max(self.interval));
            self.failures = self.failures.saturating_add(1);
            self.earliest = self.earliest.max(now.saturating_add(backoff));
            self.due = self.earliest;
        }
    }

    /// How long until a fetch is due by itself.
    pub(super) fn until_due(&self, now: Duration) -> Duration {
        self.due.saturating_sub(now)
    }

    /// How long until one may start.
    pub(super) fn until_earliest(&self, now: Duration) -> Duration {
        self.earliest.saturating_sub(now)
    }

    /// Whether the last fetch failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Remembers that the provider did not know a key name when it was asked for it.
    pub(super) fn not_known(&mut self, id: &str, now: Duration) {
        self.unknown.retain(|_, until| *until > now);
        self.unknown.insert(id.into(), now + UNKNOWN_FOR);
    }

    /// Whether the provider is not to be asked for this key name.
    pub(super) fn is_not_known(&self, id: &str, now: Duration) -> bool {
        self.unknown.get(id).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const REFRESH: Duration = Duration::from_secs(300);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_who_asks_fetches_and_the_others_wait_for_it() {
        let mut pacing = Pacing::new(INTERVAL, REFRESH);
        assert_eq!(pacing.ask(at(0)), Turn::Start);
        assert_eq!(pacing.ask(at(1)), Turn::Join);
        pacing.ended(at(2), true, 0);
        assert_eq!(pacing.ask(at(3)), Turn::Later(at(7)));
        assert_eq!(pacing.until_due(at(3)), at(297));
        assert_eq!(pacing.ask(at(10)), Turn::Start);
    }

    #[test]
    fn failures_push_the_next_try_away_and_nobody_waits_for_it_but_who_starts_it() {
        let mut pacing = Pacing::new(INTERVAL, REFRESH);
        let mut now = at(0);
        for expected in [10, 20, 40, 60, 60] {
            assert_eq!(pacing.ask(now), Turn::Start);
            let others = pacing.ask(now + at(4));
            assert_eq!(others == Turn::Join, !pacing.is_failing());
            now += at(5);
            pacing.ended(now, false, 0);
            assert_eq!(pacing.ask(now), Turn::Later(at(expected)));
            assert_eq!(pacing.until_due(now), at(expected));
            now += at(expected);
        }
        assert_eq!(pacing.ask(now), Turn::Start);
        pacing.ended(now, true, 0);
        assert!(!pacing.is_failing());
    }

    #[test]
    fn a_refresh_comes_up_to_a_tenth_early_and_never_late() {
        for jitter in [0, 100, 255] {
            let mut pacing = Pacing::new(INTERVAL, REFRESH);
            assert_eq!(pacing.ask(at(0)), Turn::Start);
            pacing.ended(at(0), true, jitter);
            assert!((at(270)..=at(300)).contains(&pacing.until_due(at(0))));
        }
    }

    #[test]
    fn a_name_that_was_not_known_is_asked_for_again_after_a_while() {
        let mut pacing = Pacing::new(INTERVAL, REFRESH);
        pacing.not_known("a", at(0));
        assert!(pacing.is_not_known("a", at(59)) && !pacing.is_not_known("b", at(0)));
        assert!(!pacing.is_not_known("a", at(60)));
        pacing.not_known("b", at(60));
        assert_eq!(pacing.unknown.len(), 1);
    }

    proptest! {
        #[test]
        fn no_order_of_events_starts_two_fetches_within_the_interval(
            events in proptest::collection::vec((0_u64..30, any::<Option<bool>>()), 1..200),
        ) {
            let mut pacing = Pacing::new(INTERVAL, REFRESH);
            let (mut now, mut last, mut flying) = (at(100), None, false);
            for (later, end) in events {
                now += at(later);
                match end {
                    Some(good) if flying => {
                        pacing.ended(now, good, 255);
                        flying = false;
                    }
                    _ => if pacing.ask(now) == Turn::Start {
                        proptest::prop_assert!(!flying);
                        if let Some(last) = last {
                            proptest::prop_assert!(now - last >= INTERVAL);
                        }
                        (last, flying) = (Some(now), true);
                    },
                }
            }
        }
    }
}
