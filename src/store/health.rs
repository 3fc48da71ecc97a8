//! Whether records can be written. Whoever writes one notes how it went; while writes fail, what
//! would need a record is refused at once instead of waiting for the disk, until a write goes well.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::telemetry::metrics::AuditMetrics;

/// When a caller may come back that was refused for want of a record.
const COME_BACK: Duration = Duration::from_secs(1);

/// Whether records can be written. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    is_failing: AtomicBool,
    /// Since when it is; beside the flag, which every request reads.
    since: Mutex<Option<Timestamp>>,
    metrics: AuditMetrics,
    clock: Arc<dyn Clock>,
}

impl Health {
    /// Good, until something else is known.
    pub fn new(metrics: AuditMetrics, clock: Arc<dyn Clock>) -> Self {
        let (is_failing, since) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { is_failing, since, metrics, clock }))
    }

    /// What is counted of the audit.
    pub fn metrics(&self) -> &AuditMetrics {
        &self.0.metrics
    }

    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.0.is_failing.load(Ordering::Relaxed)
    }

    /// Since when writes fail; none while they go well.
    pub fn failing_since(&self) -> Option<Timestamp> {
        *self.0.since.lock()
    }

    /// Refuses what could not be recorded now.
    ///
    /// # Errors
    /// `AuditUnavailable`.
    pub fn check(&self) -> Result<()> {
        if self.is_failing() { Err(refusal()) } else { Ok(()) }
    }

    /// Notes how a write went. A refusal of the store is no failure.
    pub fn went<T>(&self, write: &Result<T>) {
        let Err(error) = write else { return };
        if !is_lost(error) {
            return;
        }
        self.0.metrics.failed();
        if !self.0.is_failing.swap(true, Ordering::Relaxed) {
            *self.0.since.lock() = Some(self.0.clock.now());
            self.0.metrics.failing(true);
            tracing::error!(?error, "records cannot be written; runs are refused until they can");
        }
    }

    /// Writes go well again.
    pub fn mended(&self) {
        if self.0.is_failing.swap(false, Ordering::Relaxed) {
            *self.0.since.lock() = None;
            self.0.metrics.failing(false);
            tracing::info!("records can be written again");
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[health of records: {}]", if self.is_failing() { "failing" } else { "good" })
    }
}

/// Whether the store failed, rather than refused.
pub fn is_lost(error: &Error) -> bool {
    error.kind() == Kind::PolicyUnavailable
}

/// What a caller is told where a record could not be written.
pub fn unrecorded(error: Error) -> Error {
    if is_lost(&error) { refusal().caused_by(error) } else { error }
}

fn refusal() -> Error {
    Error::new(Kind::AuditUnavailable, "the record of the request cannot be written now")
        .retry_after(COME_BACK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn what_needs_a_record_is_refused_from_a_failure_until_it_is_mended() {
        let clock = ManualClock::default();
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let health = Health::new(metrics.audit().clone(), Arc::new(clock.clone()));
        let failed = |kind| Err::<(), _>(Error::new(kind, "no"));
        health.went(&failed(Kind::Conflict));
        assert!(health.check().is_ok() && health.failing_since().is_none());
        let began = clock.now();
        health.went(&failed(Kind::PolicyUnavailable));
        clock.advance(Duration::from_secs(1));
        health.went(&failed(Kind::PolicyUnavailable));
        assert_eq!(health.check().unwrap_err().kind(), Kind::AuditUnavailable);
        assert_eq!(health.failing_since(), Some(began));
        health.mended();
        assert!(health.check().is_ok() && health.failing_since().is_none());
    }
}
