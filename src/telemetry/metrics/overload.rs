//! The metric families of overload: what is refused, how much is taken in, who waits.

use std::time::Duration;

use prometheus::{Gauge, IntCounterVec, IntGauge, IntGaugeVec};

use super::Families;
use crate::model::priority::Priority;

/// What is counted of overload. A clone counts in the same place.
#[derive(Clone, Debug)]
pub struct OverloadMetrics {
    shed: IntCounterVec,
    limit: IntGauge,
    delay: Gauge,
    waiting: IntGaugeVec,
    refused: IntCounterVec,
}

/// What is counted of the queue before one upstream.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    upstream: String,
    waiting: IntGauge,
    refused: IntCounterVec,
}

impl OverloadMetrics {
    pub(super) fn build(families: &Families) -> prometheus::Result<Self> {
        Ok(Self {
            shed: families.counters(
                "switchyard_shed_total",
                "Requests refused because the gateway had too much to do.",
                &["reason", "priority"],
            )?,
            limit: families.gauge(
                "switchyard_work_limit",
                "Requests that may be at work at a time, as overload leaves it.",
            )?,
            delay: families.level(
                "switchyard_work_delay_seconds",
                "How long the gateway's own work waited for a processor when last measured.",
            )?,
            waiting: families.gauges(
                "switchyard_upstream_waiting",
                "Calls that wait for a place at a platform.",
                &["upstream"],
            )?,
            refused: families.counters(
                "switchyard_upstream_queue_refusals_total",
                "Calls that got no place at a platform.",
                &["upstream", "reason"],
            )?,
        })
    }

    /// Requests may be refused so: the counter is there from now on.
    pub fn may_shed(&self, reason: &'static str, priority: Priority) {
        self.shed.with_label_values(&[reason, priority.name()]);
    }

    /// A request was refused; `reason` is of a closed set.
    pub fn shed(&self, reason: &'static str, priority: Priority) {
        self.shed.with_label_values(&[reason, priority.name()]).inc();
    }

    /// So many requests may be at work.
    pub fn limit(&self, limit: usize) {
        self.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// The gateway's own work waited so long.
    pub fn delay(&self, delay: Duration) {
        self.delay.set(delay.as_secs_f64());
    }

    /// What is counted before one configured upstream.
    pub fn queue(&self, upstream: &str) -> QueueMetrics {
        QueueMetrics {
            upstream: upstream.to_owned(),
            waiting: self.waiting.with_label_values(&[upstream]),
            refused: self.refused.clone(),
        }
    }
}

impl QueueMetrics {
    /// So many calls wait.
    pub fn waiting(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many calls wait.
    pub fn count(&self) -> u64 {
        u64::try_from(self.waiting.get()).unwrap_or(0)
    }

    /// A call got no place; `reason` is of a closed set.
    pub fn refused(&self, reason: &'static str) {
        self.refused.with_label_values(&[&self.upstream, reason]).inc();
    }
}
