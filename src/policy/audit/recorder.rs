//! Records what is no run: calls that were answered, refusals, reads. The layer asks it, and the
//! app has it flush what it holds.
//!
//! Invariant: what [`Recorder::keep`] answers `Ok` for is durable. What it holds in memory is
//! bounded, and what does not fit is counted and told.

use std::sync::Arc;

use parking_lot::Mutex;

use super::unknown::Unknown;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::call::Call;
use crate::model::record::{Record, Stage, Verdict, Who};
use crate::model::scribe::Scribe;
use crate::store::health::{Health, unrecorded};
use crate::store::log::{Entry, Log};

/// Records of reads that wait, at most: some seconds of a busy gateway.
const READS: usize = 8_192;
/// How many are written at once.
const BATCH: usize = 512;

/// Records what is no run.
pub struct Recorder {
    /// Begins records.
    pub scribe: Scribe,
    /// Whether records can be written.
    pub health: Health,
    log: Arc<dyn Log>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    reads: Vec<Entry>,
    lost: u64,
    unknown: Unknown,
}

impl Recorder {
    /// Records in this log.
    pub fn new(log: Arc<dyn Log>, scribe: Scribe, health: Health) -> Self {
        Self { scribe, health, log, held: Mutex::default() }
    }

    /// Keeps records before it returns.
    ///
    /// # Errors
    /// `AuditUnavailable` where they cannot be written.
    pub async fn keep(&self, records: &[Record]) -> Result<()> {
        self.health.check()?;
        let entries = records.iter().map(Entry::of).collect::<Result<Vec<_>>>()?;
        let kept = self.log.append(entries).await;
        self.health.went(&kept);
        kept.map_err(unrecorded)
    }

    /// Keeps the record of a read soon. It is lost, and counted, where too many wait.
    pub fn keep_soon(&self, record: &Record) -> Result<()> {
        let entry = Entry::of(record)?;
        let mut held = self.held.lock();
        if held.reads.len() < READS {
            held.reads.push(entry);
        } else {
            held.lost += 1;
            self.health.metrics().lost(1);
        }
        Ok(())
    }

    /// Counts a refusal that has no record of its own.
    pub fn count(&self, call: &Call, error: &Error, who: Option<Who>, now: Timestamp) {
        self.held.lock().unknown.add(call, error, who, now);
    }

    /// Writes what it holds, counts of the last minute included where it is the last time.
    pub async fn flush(&self, is_last: bool) {
        let now = self.scribe.record(Stage::Operated, Verdict::Allow).at;
        let (mut reads, lost, counts) = {
            let mut held = self.held.lock();
            let counts = held.unknown.take(&self.scribe, now, is_last);
            (std::mem::take(&mut held.reads), std::mem::take(&mut held.lost), counts)
        };
        let gap = (lost > 0).then(|| Record {
            count: Some(lost),
            subject: Some("reads whose records were lost".to_owned()),
            ..self.scribe.record(Stage::Operated, Verdict::Allow)
        });
        let told = counts.iter().chain(&gap).filter_map(|record| Entry::of(record).ok());
        reads.splice(0..0, told);
        while !reads.is_empty() {
            let batch: Vec<Entry> = reads.drain(..reads.len().min(BATCH)).collect();
            let kept = self.log.append(batch.clone()).await;
            self.health.went(&kept);
            if kept.is_err() {
                // They are tried again the next time, as far as there is room.
                reads.splice(0..0, batch);
                let mut held = self.held.lock();
                reads.append(&mut held.reads);
                let too_many = reads.len().saturating_sub(READS);
                reads.truncate(READS);
                held.reads = reads;
                held.lost += too_many as u64;
                self.health.metrics().lost(too_many as u64);
                return;
            }
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[recorder: {:?}]", self.scribe)
    }
}
