//! Measures the calls of a store and its commits, where somebody wants to know. Both engines ask it.

use std::sync::Arc;
use std::time::Duration;

use super::health::is_lost;
use crate::clock::Clock;
use crate::error::Result;
use crate::telemetry::metrics::StoreMetrics;

/// What is measured, and by which clock. Cheap to clone.
#[derive(Clone)]
pub(super) struct Meter {
    metrics: Option<StoreMetrics>,
    clock: Arc<dyn Clock>,
}

impl Meter {
    pub(super) fn new(metrics: Option<StoreMetrics>, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock }
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
