//! What is counted of the store.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge, Result};

use super::family::Families;

/// A store on this machine answers in less than a millisecond; calls end after seconds.
const CALL_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
const GROUP_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// What is counted of the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    calls: Histogram,
    failures: IntCounter,
    waiting: IntGauge,
    commits: Histogram,
    groups: Histogram,
}

impl StoreMetrics {
    pub(super) fn build(families: &Families) -> Result<Self> {
        Ok(Self {
            calls: families.histogram(
                "switchyard_store_call_duration_seconds",
                "What a call of the store takes, waiting for its turn and for the disk included.",
                CALL_SECONDS,
            )?,
            failures: families.counter(
                "switchyard_store_call_failures_total",
                "Calls of the store that it could not serve.",
            )?,
            waiting: families.gauge(
                "switchyard_store_calls_in_flight",
                "Calls of the store that have no answer yet.",
            )?,
            commits: families.histogram(
                "switchyard_store_commit_duration_seconds",
                "What it takes to commit a group of writes, until it is on disk.",
                CALL_SECONDS,
            )?,
            groups: families.histogram(
                "switchyard_store_commit_group_writes",
                "Writes that share one commit.",
                GROUP_SIZES,
            )?,
        })
    }

    /// A call is made; it is in flight until the guard is dropped.
    pub fn called(&self) -> super::Held {
        super::Held::of(&self.waiting)
    }

    /// A call was answered; `is_served` unless the store failed.
    pub fn answered(&self, took: Duration, is_served: bool) {
        self.calls.observe(took.as_secs_f64());
        if !is_served {
            self.failures.inc();
        }
    }

    /// A group of so many writes was committed.
    pub fn committed(&self, writes: usize, took: Duration) {
        self.groups.observe(writes as f64);
        self.commits.observe(took.as_secs_f64());
    }
}
