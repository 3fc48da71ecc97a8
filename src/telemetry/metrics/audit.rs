//! The families of the audit and of callbacks.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge};

use super::family::Families;
use crate::clock::Timestamp;

/// What is counted of the audit and of callbacks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditMetrics {
    failures: IntCounter,
    failing: IntGauge,
    owed: IntGauge,
    lost: IntCounter,
    records: IntGauge,
    signed: IntGauge,
    covered: Gauge,
    tree_failures: IntCounter,
    callbacks: IntCounterVec,
    interrupted: IntCounter,
}

/// How the audit stands, by its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFigures {
    /// Records under the tree.
    pub records: u64,
    /// Records under the newest checkpoint.
    pub signed: u64,
    /// When all records were last known to be under a checkpoint; none where they never were.
    pub covered_at: Option<Timestamp>,
    /// Ends of runs that wait to be written.
    pub owed: u64,
    /// Records of reads that were dropped.
    pub lost: u64,
}

impl AuditMetrics {
    pub(super) fn build(families: &Families) -> prometheus::Result<Self> {
        Ok(Self {
            failures: families.counter(
                "switchyard_audit_write_failures_total",
                "Records that could not be written when they should have been.",
            )?,
            failing: families.gauge(
                "switchyard_audit_failing",
                "1 while records cannot be written and runs are refused, else 0.",
            )?,
            owed: families.gauge(
                "switchyard_audit_owed_records",
                "Ends of runs that wait for the store to be written again.",
            )?,
            lost: families.counter(
                "switchyard_audit_lost_reads_total",
                "Records of reads that were dropped, because too many waited.",
            )?,
            records: families.gauge(
                "switchyard_audit_tree_records",
                "Records under the tree of the audit.",
            )?,
            signed: families.gauge(
                "switchyard_audit_signed_records",
                "Records under the newest checkpoint of the audit.",
            )?,
            covered: families.level(
                "switchyard_audit_covered_timestamp_seconds",
                "When all records were last known to be under a signed checkpoint, since the epoch.",
            )?,
            tree_failures: families.counter(
                "switchyard_audit_tree_failures_total",
                "Times that the tree over the audit could not be drawn.",
            )?,
            callbacks: families.counters(
                "switchyard_callback_tries_total",
                "Tries to deliver a callback, by what came of them.",
                &["outcome"],
            )?,
            interrupted: families.counter(
                "switchyard_runs_interrupted_total",
                "Runs closed because the process that drove them was gone.",
            )?,
        })
    }

    /// How it stands.
    pub fn figures(&self) -> AuditFigures {
        let count = |gauge: &IntGauge| u64::try_from(gauge.get()).unwrap_or(0);
        let covered = self.covered.get();
        AuditFigures {
            records: count(&self.records),
            signed: count(&self.signed),
            covered_at: (covered > 0.0).then_some(Timestamp((covered * 1e6) as i64)),
            owed: count(&self.owed),
            lost: self.lost.get(),
        }
    }

    /// A record could not be written.
    pub fn failed(&self) {
        self.failures.inc();
    }

    /// Whether records cannot be written now.
    pub fn failing(&self, is_failing: bool) {
        self.failing.set(i64::from(is_failing));
    }

    /// So many ends of runs wait to be written.
    pub fn owed(&self, ends: usize) {
        self.owed.set(i64::try_from(ends).unwrap_or(i64::MAX));
    }

    /// Records of reads were dropped.
    pub fn lost(&self, records: u64) {
        self.lost.inc_by(records);
    }

    /// The tree goes so far, and so much of it is signed.
    pub fn tree(&self, records: u64, signed: u64) {
        self.records.set(i64::try_from(records).unwrap_or(i64::MAX));
        self.signed.set(i64::try_from(signed).unwrap_or(i64::MAX));
    }

    /// All records that there were at this time are under a checkpoint.
    pub fn covered(&self, at: Timestamp) {
        self.covered.set(at.0 as f64 / 1e6);
    }

    /// The tree could not be drawn.
    pub fn tree_failed(&self) {
        self.tree_failures.inc();
    }

    /// A callback was tried; `outcome` is of a closed set.
    pub fn callback(&self, outcome: &'static str) {
        self.callbacks.with_label_values(&[outcome]).inc();
    }

    /// A run was closed whose process was gone.
    pub fn interrupted(&self) {
        self.interrupted.inc();
    }
}
