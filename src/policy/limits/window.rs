//! One window, counted here: governor's GCRA over bounded cells, with the gateway's own clock.
//! [`super::local`] asks it.
//!
//! Invariant: with the clock held a key passes exactly `burst` times; over any time it passes at
//! most `burst` times more than what came back in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::{RateLimitingMiddleware, StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;

use super::cells::{Cells, NEVER};
use super::key::Key;
use super::rule::Quota;
use crate::clock::Clock;

/// Between two sweeps that a full store asks for. Each walks all cells, so that a flood of new keys
/// must not start one each time.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// One window and its counters.
#[derive(Debug)]
pub(super) struct Window {
    limiter: RateLimiter<Key, Cells, Monotonic, Readings>,
    cells: Cells,
    clock: Monotonic,
    quota: Quota,
    pace: Pace,
    /// When a full store was last swept, nanoseconds from the limiter's start; 0 for never.
    swept: AtomicU64,
}

/// What a window says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It passes; so many more may, and after this time none will have been made.
    Pass(Reading),
    /// It comes too early by this much.
    Wait(Duration),
    /// There is no room to count this key.
    Crowded,
}

/// How full a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// How many requests may be made now.
    pub(super) remaining: u32,
    /// When the whole burst may be made again.
    pub(super) full_in: Duration,
}

/// How fast a window refills. Worked out once: the divisions would cost more than the decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds of one request.
    interval: u64,
    /// Nanoseconds of the whole burst.
    refill: u64,
}

impl Pace {
    /// Of a window in which one request takes so long to come back.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(NEVER).max(1);
        Self { interval, refill: interval.saturating_mul(u64::from(burst)) }
    }

    /// How full a window is that will be full in so many nanoseconds.
    pub(super) fn full_in(&self, nanos: u64) -> Reading {
        let remaining = self.refill.saturating_sub(nanos) / self.interval;
        let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
        Reading { remaining, full_in: Duration::from_nanos(nanos) }
    }

    /// How full a window is that has the next request after this time.
    pub(super) fn next_in(&self, after: Duration) -> Reading {
        let rest = Duration::from_nanos(self.refill.saturating_sub(self.interval));
        Reading { remaining: 0, full_in: after.saturating_add(rest) }
    }
}

/// The gateway's clock as governor reads it. Its first reading is zero: that is the limiter's own,
/// when it is made, so that all its times count from its start.
#[derive(Clone)]
struct Monotonic {
    clock: Arc<dyn Clock>,
    start: Arc<OnceLock<Duration>>,
}

impl GovernorClock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let at = self.clock.monotonic();
        let since = at.saturating_sub(*self.start.get_or_init(|| at));
        Nanos::new(u64::try_from(since.as_nanos()).unwrap_or(NEVER))
    }
}

impl std::fmt::Debug for Monotonic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Monotonic")
    }
}

/// What governor is to hand out of a decision: when the window is full again, or when to come back.
#[derive(Debug)]
struct Readings;

impl RateLimitingMiddleware<Nanos> for Readings {
    type PositiveOutcome = Nanos;
    type NegativeOutcome = Nanos;

    fn allow<K>(key: &K, state: impl Into<StateSnapshot>) -> Nanos {
        Self::disallow(key, state, Nanos::new(0))
    }

    /// The one time that a snapshot holds: of what passed when the window is full again, of what
    /// was refused when to come back. Governor shows it through this type only.
    fn disallow<K>(key: &K, state: impl Into<StateSnapshot>, start: Nanos) -> Nanos {
        StateInformationMiddleware::disallow(key, state, start).earliest_possible()
    }
}

impl Window {
    /// An untouched window with room for so many keys.
    pub(super) fn new(quota: Quota, most: usize, clock: Arc<dyn Clock>) -> Option<Self> {
        let burst = std::num::NonZeroU32::new(quota.burst)?;
        let pace = Pace::new(quota.interval(), quota.burst);
        let gcra = governor::Quota::with_period(quota.interval())?.allow_burst(burst);
        let cells = Cells::new(most);
        let clock = Monotonic { clock, start: Arc::new(OnceLock::new()) };
        let limiter = RateLimiter::new(gcra, cells.clone(), clock.clone());
        Some(Self { limiter, cells, clock, quota, pace, swept: AtomicU64::new(0) })
    }

    /// Takes one request of this key, if it may be made.
    pub(super) fn take(&self, key: &Key) -> Verdict {
        let verdict = self.take_once(key);
        if verdict == Verdict::Crowded && self.sweep_of_need() {
            self.take_once(key)
        } else {
            verdict
        }
    }

    fn take_once(&self, key: &Key) -> Verdict {
        match self.limiter.check_key(key) {
            Ok(full_at) => Verdict::Pass(self.reading(full_at)),
            Err(at) if at.as_u64() > NEVER / 2 => Verdict::Crowded,
            Err(at) => Verdict::Wait(Nanos::duration_since(&at, self.clock.now()).into()),
        }
    }

    /// How full the window of this key is.
    pub(super) fn peek(&self, key: &Key) -> Reading {
        self.reading(self.cells.full_at(key).unwrap_or_default())
    }

    fn reading(&self, full_at: Nanos) -> Reading {
        self.pace.full_in(full_at.duration_since(self.clock.now()).as_u64())
    }

    /// Forgets the keys whose windows are full again: they are as if they had never been used.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// Sweeps a full store, but not twice within [`BETWEEN_SWEEPS`]; whether it did.
    fn sweep_of_need(&self) -> bool {
        let now = self.clock.now().as_u64().max(1);
        let last = self.swept.load(Ordering::Relaxed);
        let due = last == 0 || u128::from(now.saturating_sub(last)) >= BETWEEN_SWEEPS.as_nanos();
        let won = due
            && self.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won {
            self.limiter.retain_recent();
        }
        won
    }

    /// How many keys it counts.
    pub(super) fn keys(&self) -> usize {
        self.limiter.len()
    }

    /// How it is counted.
    pub(super) fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How fast it refills.
    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }
}

#[cfg(test)]
mod tests;
