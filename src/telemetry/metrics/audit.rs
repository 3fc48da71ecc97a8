//! The families of the audit and of callbacks.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge};

use super::counters;

/// What is counted of the audit and of callbacks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditMetrics {
    failures: IntCounter,
    owed: IntGauge,
    lost: IntCounter,
    records: IntGauge,
    signed: IntGauge,
    callbacks: IntCounterVec,
    interrupted: IntCounter,
}

impl AuditMetrics {
    pub(super) fn build() -> prometheus::Result<Self> {
        Ok(Self {
            failures: IntCounter::new(
                "switchyard_audit_write_failures_total",
                "Records that could not be written when they should have been.",
            )?,
            owed: IntGauge::new(
                "switchyard_audit_owed_records",
                "Ends of runs that wait for the store to be written again.",
            )?,
            lost: IntCounter::new(
                "switchyard_audit_lost_reads_total",
                "Records of reads that were dropped, because too many waited.",
            )?,
            records: IntGauge::new(
                "switchyard_audit_tree_records",
                "Records under the tree of the audit.",
            )?,
            signed: IntGauge::new(
                "switchyard_audit_signed_records",
                "Records under the newest checkpoint of the audit.",
            )?,
            callbacks: counters(
                "switchyard_callback_tries_total",
                "Tries to deliver a callback, by what came of them.",
                &["outcome"],
            )?,
            interrupted: IntCounter::new(
                "switchyard_runs_interrupted_total",
                "Runs closed because the process that drove them was gone.",
            )?,
        })
    }

    pub(super) fn families(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.failures.clone()),
            Box::new(self.owed.clone()),
            Box::new(self.lost.clone()),
            Box::new(self.records.clone()),
            Box::new(self.signed.clone()),
            Box::new(self.callbacks.clone()),
            Box::new(self.interrupted.clone()),
        ]
    }

    /// A record could not be written.
    pub fn failed(&self) {
        self.failures.inc();
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

    /// A callback was tried; `outcome` is of a closed set.
    pub fn callback(&self, outcome: &'static str) {
        self.callbacks.with_label_values(&[outcome]).inc();
    }

    /// A run was closed whose process was gone.
    pub fn interrupted(&self) {
        self.interrupted.inc();
    }
}
