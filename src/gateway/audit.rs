//! Reads the audit: what auditors do by the command line and by the admin API alike. Faces and the
//! app ask; the store has the records, and who knows the tree proves.
//!
//! Invariant: a page looks at a bounded number of records and bytes, however few it picks, and its
//! cursor goes on where it stopped looking. Records are given as they are kept.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::log::{CheckpointRow, From, Leaf, LeafFilter, Log};

/// Records that one page looks at.
const LOOKED_AT: usize = 10_000;
/// Bytes of records that one page holds: what is read after that is left for the next.
const HELD: usize = 8 << 20;
/// Records that are read at a time.
const BATCH: usize = 256;

/// Proves what is in the log, and says by which key. The app implements it with the engine.
#[async_trait]
pub trait Proves: Send + Sync {
    /// The proof of a record, as tlog-proof; none where no checkpoint counts it yet.
    async fn prove(&self, seq: u64) -> Result<Option<String>>;
    /// The key by which checkpoints are judged.
    fn verifier(&self) -> String;
}

/// Which records are wanted, and how.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// What the store picks.
    pub kept: LeafFilter,
    /// By or about this subject: of who asked, or of what it was done to.
    pub subject: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// About a run of this agent, by the name it was asked for or by what that stands for.
    pub agent: Option<String>,
    /// With this code of a failure or a refusal.
    pub code: Option<String>,
}

/// A record at its place.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditRecord")]
pub struct AuditItem {
    /// Its place in the log, from 0.
    pub seq: u64,
    /// The record, as it is kept; null where what is kept is no JSON any more.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub record: Option<Box<RawValue>>,
}

impl AuditItem {
    /// Of a record as it is kept.
    pub fn of(leaf: Leaf) -> Self {
        let text = String::from_utf8(leaf.body.into()).ok();
        Self { seq: leaf.seq, record: text.and_then(|text| RawValue::from_string(text).ok()) }
    }

    /// As one line of JSON, whatever stands in the store.
    pub fn line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if !text.contains(['\n', '\r']) {
            return text;
        }
        // We write no line break between values; somebody else has.
        let value = serde_json::from_str::<Value>(&text).unwrap_or_default();
        value.to_string()
    }
}

/// A page of records.
#[derive(Debug)]
pub struct AuditPage {
    /// The records.
    pub items: Vec<AuditItem>,
    /// Where the next page begins; none on the last.
    pub next: Option<u64>,
}

/// A checkpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckpointView {
    /// The records under it.
    pub size: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// Reads the audit. Cheap to clone.
#[derive(Clone)]
pub struct AuditAdmin {
    log: Arc<dyn Log>,
    proves: Arc<dyn Proves>,
}

impl AuditAdmin {
    /// Reads this log.
    pub fn new(log: Arc<dyn Log>, proves: Arc<dyn Proves>) -> Self {
        Self { log, proves }
    }

    /// Records that `filter` picks, from `from` on; at most `limit`.
    pub async fn page(&self, filter: &AuditFilter, from: From, limit: usize) -> Result<AuditPage> {
        page(&*self.log, filter, from, limit).await
    }

    /// Checkpoints of more than `after` records, the smallest first.
    pub async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<CheckpointView>> {
        let found = self.log.checkpoints(after, limit).await?;
        let view = |CheckpointRow { size, at, note }| CheckpointView { size, at, note };
        Ok(found.into_iter().map(view).collect())
    }

    /// See [`Proves::prove`].
    pub async fn prove(&self, seq: u64) -> Result<Option<String>> {
        self.proves.prove(seq).await
    }

    /// See [`Proves::verifier`].
    pub fn verifier(&self) -> String {
        self.proves.verifier()
    }

    /// The place that the next record gets.
    pub async fn end(&self) -> Result<u64> {
        end(&*self.log).await
    }

    /// The records from this place on, as many as are read at a time.
    pub async fn after(&self, next: u64) -> Result<Vec<AuditItem>> {
        let found = self.log.leaves(&LeafFilter::default(), From::Place(next), BATCH).await?;
        Ok(found.into_iter().map(AuditItem::of).collect())
    }
}

impl fmt::Debug for AuditAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[reader of the audit]")
    }
}

/// The place that the next record of a log gets.
pub async fn end(log: &dyn Log) -> Result<u64> {
    let newest = log.leaves(&LeafFilter::default(), From::Below(None), 1).await?;
    Ok(newest.first().map_or(0, |leaf| leaf.seq + 1))
}

/// Records of a log that `filter` picks, from `from` on; at most `limit`.
pub async fn page(
    log: &dyn Log,
    filter: &AuditFilter,
    mut from: From,
    limit: usize,
) -> Result<AuditPage> {
    let mut items = Vec::new();
    let (mut looked_at, mut held) = (0, 0);
    loop {
        let batch = log.leaves(&filter.kept, from, BATCH).await?;
        let is_last = batch.len() < BATCH;
        for leaf in batch {
            // What is beyond the page tells that there is a next one.
            if items.len() == limit || held > HELD || looked_at >= LOOKED_AT {
                return Ok(AuditPage { items, next: place(from) });
            }
            from = match from {
                From::Place(_) => From::Place(leaf.seq + 1),
                From::Below(_) => From::Below(Some(leaf.seq)),
            };
            looked_at += 1;
            if filter.picks(&leaf.body) {
                held += leaf.body.len();
                items.push(AuditItem::of(leaf));
            }
        }
        if is_last {
            return Ok(AuditPage { items, next: None });
        }
    }
}

fn place(from: From) -> Option<u64> {
    match from {
        From::Place(seq) => Some(seq),
        From::Below(seq) => seq,
    }
}

/// What of a record a filter looks at.
#[derive(Default, Deserialize)]
struct Looked<'a> {
    #[serde(borrow, default)]
    call: Option<OfCall<'a>>,
    #[serde(borrow, default)]
    principal: Option<OfWho<'a>>,
    #[serde(borrow, default)]
    run: Option<OfRun<'a>>,
    #[serde(borrow, default)]
    outcome: Option<OfOutcome<'a>>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OfCall<'a> {
    #[serde(borrow)]
    operation: Cow<'a, str>,
}

#[derive(Deserialize)]
struct OfWho<'a> {
    #[serde(borrow)]
    subject: Cow<'a, str>,
}

#[derive(Deserialize)]
struct OfRun<'a> {
    #[serde(borrow)]
    agent: Cow<'a, str>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OfOutcome<'a> {
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

impl AuditFilter {
    fn picks(&self, body: &[u8]) -> bool {
        let wanted = [&self.subject, &self.operation, &self.agent, &self.code];
        if wanted.iter().all(|wanted| wanted.is_none()) {
            return true;
        }
        let seen: Looked<'_> = serde_json::from_slice(body).unwrap_or_default();
        let is = |wanted: &Option<String>, seen: &[Option<&str>]| {
            wanted.as_deref().is_none_or(|wanted| seen.contains(&Some(wanted)))
        };
        let who = seen.principal.as_ref().map(|who| &*who.subject);
        let run = seen.run.as_ref();
        let target = run.and_then(|run| run.target.as_deref());
        is(&self.subject, &[who, seen.subject.as_deref()])
            && is(&self.operation, &[seen.call.as_ref().map(|call| &*call.operation)])
            && is(&self.agent, &[run.map(|run| &*run.agent), target])
            && is(&self.code, &[seen.outcome.as_ref().and_then(|it| it.code.as_deref())])
    }
}
