//! How much the gateway takes in at a time: less while its own work waits for a processor, more
//! again while it does not. The measure is how long the threads that answer callers take to hear
//! of something that another thread has done, as each run must of the store and of its platform:
//! so open streams and slow platforms, which cost nothing while they wait, are no overload.
//!
//! Invariant: what is counted is at work from its head to the head of its answer, and no longer.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config;
use crate::model::priority::{Priorities, Priority};
use crate::telemetry::metrics::OverloadMetrics;

/// How often the delay is measured, while it is shorter.
pub const TICK: Duration = Duration::from_millis(10);
/// The limit is set anew after so long and so many measures: one long task is no overload, three
/// in a row are.
const WINDOW: Duration = Duration::from_millis(100);
const MEASURES: u32 = 3;
/// A beat that waits for so many times as long as it may tells of a jam before it is heard.
const JAM: u32 = 2;
/// Even the most loaded gateway takes in so many, or it could not find out that it can again.
const LEAST: usize = 16;
/// Bodies are counted in these, so that a count fits.
const UNIT: usize = 1024;

/// The valve. Clones are the same.
#[derive(Clone)]
pub struct Valve(Arc<Shared>);

struct Shared {
    target: Duration,
    most: usize,
    limit: AtomicUsize,
    at_work: AtomicUsize,
    /// When the beat was sent that is not heard yet, in microseconds of the monotonic clock; 0
    /// where there is none.
    sent: AtomicU64,
    measured: Mutex<Measured>,
    bodies: Arc<Semaphore>,
    body_units: u32,
    priorities: Priorities,
    metrics: OverloadMetrics,
}

#[derive(Debug, Default)]
struct Measured {
    /// When the first beat of the window was sent.
    began: Option<Duration>,
    /// The least delay of the window so far.
    least: Option<Duration>,
    count: u32,
}

/// Why a request is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Too many are in flight, whatever they do.
    InFlight,
    /// The gateway's own work waits for a processor.
    Delay,
    /// Bodies take as much memory as they may.
    Memory,
}

impl Shed {
    /// Every reason.
    pub const ALL: &'static [Self] = &[Self::InFlight, Self::Delay, Self::Memory];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Delay => "delay",
            Self::Memory => "memory",
        }
    }
}

/// The limit after a window whose least delay was this one: down to less than is at work at once,
/// the further the longer the delay is, and up again by tenths. The least, because a queue that is
/// never empty is one, and a burst is none.
pub fn adjusted(
    limit: usize,
    at_work: usize,
    delay: Duration,
    target: Duration,
    most: usize,
) -> usize {
    let next = if delay > target {
        let share = (target.as_secs_f64() / delay.as_secs_f64()).clamp(0.3, 0.8);
        (limit.min(at_work.max(LEAST)) as f64 * share) as usize
    } else {
        limit.saturating_add((limit / 10).max(1))
    };
    next.clamp(LEAST.min(most), most)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Valve {
    /// An open valve, that never takes in more than `most`.
    pub fn new(settings: &config::Overload, most: usize, metrics: OverloadMetrics) -> Self {
        let units = settings.body_bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        let body_units = u32::try_from(units).unwrap_or(u32::MAX);
        metrics.limit(most);
        // A counter that is not there yet shows no first refusal.
        for why in Shed::ALL {
            Priority::ALL.iter().for_each(|priority| metrics.may_shed(why.name(), *priority));
        }
        Self(Arc::new(Shared {
            target: settings.delay,
            most,
            limit: AtomicUsize::new(most),
            at_work: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            measured: Mutex::default(),
            bodies: Arc::new(Semaphore::new(body_units as usize)),
            body_units,
            priorities: settings.priorities.clone(),
            metrics,
        }))
    }

    /// Sends a beat to who hears it, by the monotonic clock. None is sent beside one that is waiting,
    /// which is the one that is measured. Where nobody hears any more, as in a process whose
    /// sockets another has taken over, nothing is late.
    pub fn beat(&self, now: Duration, to: &Weak<Notify>) {
        let sent = &self.0.sent;
        let Some(to) = to.upgrade() else { return sent.store(0, Ordering::Relaxed) };
        let now = micros(now).max(1);
        if sent.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            to.notify_one();
        }
    }

    /// Tells that the beat was heard.
    pub fn heard(&self, now: Duration) {
        let shared = &*self.0;
        let sent = shared.sent.swap(0, Ordering::Relaxed);
        if sent == 0 {
            return;
        }
        let sent = Duration::from_micros(sent);
        let mut measured = shared.measured.lock();
        let delay = now.saturating_sub(sent);
        shared.metrics.delay(delay);
        let began = *measured.began.get_or_insert(sent);
        let least = measured.least.map_or(delay, |least| least.min(delay));
        measured.least = Some(least);
        measured.count += 1;
        if measured.count < MEASURES || now.saturating_sub(began) < WINDOW {
            return;
        }
        *measured = Measured::default();
        let limit = adjusted(
            shared.limit.load(Ordering::Relaxed),
            shared.at_work.load(Ordering::Relaxed),
            least,
            shared.target,
            shared.most,
        );
        shared.limit.store(limit, Ordering::Relaxed);
        shared.metrics.limit(limit);
    }

    /// Takes a request in, that came at `now` by the monotonic clock, until the guard is dropped.
    /// Nobody knows yet who asks: the whole room is open.
    pub(super) fn enter(&self, now: Duration) -> Result<AtWork, Shed> {
        let shared = &self.0;
        let before = shared.at_work.fetch_add(1, Ordering::Relaxed);
        let entered = AtWork(Arc::clone(shared));
        let is_full = before >= shared.limit.load(Ordering::Relaxed);
        if is_full || before >= LEAST && self.is_jammed(now) {
            Err(Shed::Delay)
        } else {
            Ok(entered)
        }
    }

    /// Whether what is to be done waits for so long that the end of the window is too late.
    fn is_jammed(&self, now: Duration) -> bool {
        let sent = self.0.sent.load(Ordering::Relaxed);
        sent != 0 && micros(now).saturating_sub(sent) > micros(self.0.target * JAM)
    }

    /// Takes memory for a body of so many bytes, while the permit is held.
    pub(super) fn body(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Shed> {
        if bytes == 0 {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let units = units.min(self.0.body_units);
        let permit = Arc::clone(&self.0.bodies).try_acquire_many_owned(units);
        permit.map(Some).map_err(|_| Shed::Memory)
    }

    /// Whether there is room for a request that is in already, now that its caller is known.
    pub(super) fn has_room(&self, priority: Priority) -> bool {
        let limit = self.0.limit.load(Ordering::Relaxed);
        self.0.at_work.load(Ordering::Relaxed) <= priority.room(limit)
    }

    /// The priority of a caller of this class.
    pub(super) fn priority(&self, class: Option<&str>) -> Priority {
        self.0.priorities.of(class)
    }

    /// Counts what is refused; by `high` before its caller is known.
    pub(super) fn shed(&self, why: Shed, priority: Priority) {
        self.0.metrics.shed(why.name(), priority);
    }
}

/// One request at work.
pub(super) struct AtWork(Arc<Shared>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::clock::Timestamp;
    use crate::telemetry::metrics::Metrics;

    const MS: Duration = Duration::from_millis(1);

    pub(crate) fn valve(most: usize) -> Valve {
        let settings = config::Overload {
            delay: 10 * MS,
            body_bytes: 8 * UNIT,
            priorities: Priorities {
                high: vec!["people".to_owned()],
                low: vec!["batch".to_owned()],
            },
        };
        Valve::new(&settings, most, Metrics::new(Timestamp(0)).unwrap().overload().clone())
    }

    /// A window of beats that are each heard so late.
    pub(crate) fn window(valve: &Valve, from: Duration, late: Duration) -> Duration {
        let (mut sent, mut count) = (from, 0);
        let hears = Arc::new(Notify::new());
        loop {
            let now = sent + late;
            valve.beat(sent, &Arc::downgrade(&hears));
            valve.heard(now);
            sent = now + TICK;
            count += 1;
            if count >= MEASURES && now >= from + WINDOW {
                return sent;
            }
        }
    }

    fn limit(valve: &Valve) -> usize {
        valve.0.limit.load(Ordering::Relaxed)
    }

    #[test]
    fn a_delay_that_stays_takes_the_limit_below_what_is_at_work_and_its_end_brings_it_back() {
        let valve = valve(1_000);
        let at_work: Vec<_> = (0..100).map(|_| valve.enter(Duration::ZERO).ok().unwrap()).collect();
        let mut now = window(&valve, Duration::ZERO, 11 * MS);
        assert_eq!(limit(&valve), 80);
        assert_eq!(valve.enter(Duration::ZERO).err(), Some(Shed::Delay));
        for _ in 0..100 {
            now = window(&valve, now, 20 * MS);
        }
        assert_eq!(limit(&valve), LEAST);
        drop(at_work);
        assert!(valve.enter(Duration::ZERO).is_ok());
        for _ in 0..60 {
            now = window(&valve, now, MS);
        }
        assert_eq!(limit(&valve), 1_000);
    }

    #[test]
    fn one_long_task_is_no_overload() {
        let valve = valve(1_000);
        let (mut now, hears) = (Duration::ZERO, Arc::new(Notify::new()));
        for _ in 0..50 {
            valve.beat(now, &Arc::downgrade(&hears));
            valve.heard(now + 500 * MS);
            now = window(&valve, now + 500 * MS, MS);
        }
        assert_eq!(limit(&valve), 1_000);
    }

    #[test]
    fn a_beat_that_is_not_heard_stops_all_but_a_few_at_once() {
        let valve = valve(1_000);
        let hears = Arc::new(Notify::new());
        let to = Arc::downgrade(&hears);
        valve.beat(MS, &to);
        valve.beat(5 * MS, &to);
        assert!(hears.notified().now_or_never().is_some());
        assert!(hears.notified().now_or_never().is_none(), "one at a time");
        let late = 22 * MS;
        let few: Vec<_> = (0..LEAST).map(|_| valve.enter(late).ok().unwrap()).collect();
        assert!(valve.enter(late - MS).is_ok());
        assert_eq!(valve.enter(late).err(), Some(Shed::Delay));
        valve.heard(late);
        assert!(valve.enter(late).is_ok());
        // A process that is being left answers its callers to the end.
        valve.beat(late, &to);
        drop(hears);
        assert!(valve.enter(10 * late).is_err());
        valve.beat(10 * late, &to);
        assert!(valve.enter(10 * late).is_ok());
        drop(few);
    }

    #[test]
    fn the_lower_a_priority_the_earlier_there_is_no_room() {
        let valve = valve(20);
        let mut at_work = Vec::new();
        let mut last = Vec::new();
        for _ in 0..20 {
            at_work.push(valve.enter(Duration::ZERO).ok().unwrap());
            last.push(Priority::ALL.iter().filter(|it| valve.has_room(**it)).count());
        }
        let counts: Vec<_> = (1..=3).map(|n| last.iter().filter(|it| **it >= n).count()).collect();
        assert_eq!(counts, [20, 18, 14]);
        assert!(valve.enter(Duration::ZERO).is_err());
    }

    #[test]
    fn bodies_take_memory_until_they_are_let_go() {
        let valve = valve(20);
        let held = valve.body(7 * UNIT).unwrap();
        assert!(valve.body(UNIT + 1).is_err());
        assert!(valve.body(0).unwrap().is_none());
        drop(held);
        // One that is larger than all of it is let in alone.
        let whole = valve.body(100 * UNIT).unwrap();
        assert!(valve.body(1).is_err());
        drop(whole);
        assert!(valve.body(1).is_ok());
    }
}
