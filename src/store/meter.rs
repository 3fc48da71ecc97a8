//! Measures the calls of a store and its commits, where somebody wants to know. Both engines ask it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::health::is_lost;
use crate::clock::Clock;
use crate::error::Result;
use crate::telemetry::metrics::StoreMetrics;

/// What is measured, and by which clock. Cheap to clone.
#[derive(Clone)]
pub(super) struct Meter {
    metrics: Option<StoreMetrics>,
    clock: Arc<dyn Clock>,
    strain: Arc<Mutex<Strain>>,
}

/// How long the last group of writes was at work, the wait for the disk left out.
#[derive(Debug, Default)]
struct Strain {
    took: Duration,
    ended: Duration,
}

/// How long a group counts after it: others come sooner where there is any strain.
const RECENT: Duration = Duration::from_millis(100);

impl Meter {
    pub(super) fn new(metrics: Option<StoreMetrics>, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock, strain: Arc::default() }
    }

    /// Measures a call.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(metrics) = &self.metrics else { return call.await };
        let in_flight = metrics.called();
        let began = self.clock.monotonic();
        let answer = call.await;
        metrics.answered(self.since(began), !answer.as_ref().is_err_and(is_lost));
        drop(in_flight);
        answer
    }

    /// When something begins that [`Meter::committed`] is told of.
    pub(super) fn begins(&self) -> Duration {
        self.clock.monotonic()
    }

    /// How long it is until then.
    pub(super) fn until(&self, then: Duration) -> Duration {
        then.saturating_sub(self.clock.monotonic())
    }

    /// So many writes were committed together.
    pub(super) fn committed(&self, writes: usize, began: Duration) {
        if let Some(metrics) = &self.metrics {
            metrics.committed(writes, self.since(began));
        }
    }

    /// A group that began then waits for the disk alone.
    pub(super) fn strained(&self, began: Duration) {
        let ended = self.clock.monotonic();
        *self.strain.lock() = Strain { took: ended.saturating_sub(began), ended };
    }

    /// How long writes are at work now before they are committed; nothing where none were lately.
    pub(super) fn strain(&self) -> Duration {
        let Strain { took, ended } = *self.strain.lock();
        let is_recent = self.since(ended) < took + RECENT;
        if is_recent { took } else { Duration::ZERO }
    }

    fn since(&self, began: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::error::{Error, Kind};
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn a_group_strains_the_store_for_a_while_after_it() {
        let clock = ManualClock::at(Timestamp(0));
        let meter = Meter::new(None, Arc::new(clock.clone()));
        assert_eq!(meter.strain(), Duration::ZERO);
        let (began, took) = (meter.begins(), Duration::from_millis(70));
        clock.advance(took);
        meter.strained(began);
        clock.advance(took);
        assert_eq!(meter.strain(), took);
        clock.advance(RECENT);
        assert_eq!(meter.strain(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_call_is_timed_and_a_refusal_is_no_failure_of_the_store() {
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let clock = ManualClock::default();
        let meter = Meter::new(Some(metrics.store().clone()), Arc::new(clock.clone()));
        for kind in [Kind::Conflict, Kind::PolicyUnavailable] {
            let answer = meter.call(async {
                clock.advance(Duration::from_millis(4));
                Err::<(), _>(Error::new(kind, "no"))
            });
            assert!(answer.await.is_err());
        }
        meter.committed(3, meter.begins());
        let text = metrics.render().unwrap();
        for line in [
            "switchyard_store_call_duration_seconds_bucket{le=\"0.0025\"} 0",
            "switchyard_store_call_duration_seconds_bucket{le=\"0.005\"} 2",
            "switchyard_store_call_failures_total 1",
            "switchyard_store_calls_in_flight 0",
            "switchyard_store_commit_group_writes_sum 3",
        ] {
            assert!(text.lines().any(|got| got == line), "no line `{line}` in\n{text}");
        }
    }
}
