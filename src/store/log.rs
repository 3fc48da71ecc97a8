//! The log of the audit, as the store keeps it. Records come in with what they are about, in one
//! transaction; a moment later they get their place in the log and the tree is drawn over them.
//! `policy/audit` knows the tree; here are rows.
//!
//! Invariant: a record that was answered `Ok` for is never lost, and gets one place; places have
//! no gaps. Two processes that draw the tree at once do not both succeed.

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::ids::{RecordId, RunId};
use crate::model::record::{Record, Stage, Verdict};

/// A record as it is kept: its JSON, and what it is found by.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: RecordId,
    /// When it was made.
    pub at: Timestamp,
    /// The workspace of who asked; none where nobody is known.
    pub workspace: Option<String>,
    /// The run that it is about.
    pub run_id: Option<RunId>,
    /// Where in the life of what it is about.
    pub stage: Stage,
    /// What was decided.
    pub decision: Verdict,
    /// The JSON, which is the data of the tree's leaf.
    pub body: Bytes,
}

impl Entry {
    /// The entry of a record.
    pub fn of(record: &Record) -> Result<Self> {
        let body = serde_json::to_vec(record)
            .map_err(|cause| Error::new(Kind::Internal, "a record has no JSON").caused_by(cause))?;
        Ok(Self {
            id: record.id.clone(),
            at: record.at,
            workspace: record.principal.as_ref().map(|who| who.workspace.clone()),
            run_id: record.run.as_ref().and_then(|run| run.id.clone()),
            stage: record.stage,
            decision: record.decision,
            body: body.into(),
        })
    }
}

/// A record at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its place, from 0.
    pub seq: u64,
    /// Its JSON.
    pub body: Bytes,
}

/// A record that has no place in the tree yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// Its JSON.
    pub body: Bytes,
}

/// How much of what waits is read at a time: so many records, and no further one once their JSON
/// has so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Records at most.
    pub records: usize,
    /// Bytes after which there is no further record.
    pub bytes: usize,
}

impl Portion {
    /// So many records, of whatever size.
    pub const fn of(records: usize) -> Self {
        Self { records, bytes: usize::MAX }
    }

    /// Whether there is no room in it after these records.
    pub fn is_filled_by(self, waiting: &[Waiting]) -> bool {
        let bytes: usize = waiting.iter().map(|waiting| waiting.body.len()).sum();
        waiting.len() >= self.records || bytes >= self.bytes
    }
}

/// A part of the tree: hashes that stand side by side on one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileRow {
    /// The level of tiles, from 0 at the leaves.
    pub level: u8,
    /// Its place on that level.
    pub index: u64,
    /// Up to 256 hashes of 32 bytes.
    pub hashes: Vec<u8>,
}

/// How far the tree goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The records under it.
    pub size: u64,
    /// The tiles at its right edge, of every level that has an unfinished one.
    pub edge: Vec<TileRow>,
    /// The records under the newest checkpoint.
    pub signed: u64,
    /// The place of the first record that is still kept.
    pub first: u64,
    /// The signed note that those before it were let go; none where none were.
    pub pruned: Option<String>,
}

/// The tree grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// How far it went.
    pub from: u64,
    /// The records that come under it, in their order.
    pub ids: Vec<String>,
    /// The tiles that are new or other.
    pub tiles: Vec<TileRow>,
    /// What is signed of it.
    pub checkpoint: Option<CheckpointRow>,
}

/// A signed statement of how far the tree goes and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// The records under it.
    pub size: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct LeafFilter {
    /// Of callers of this workspace.
    pub workspace: Option<String>,
    /// About this run.
    pub run_id: Option<RunId>,
    /// Of this stage.
    pub stage: Option<Stage>,
    /// With this decision.
    pub decision: Option<Verdict>,
    /// Made at or after this time.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
}

/// Where a page of records begins, and in which direction it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The oldest first, from this place on.
    Place(u64),
    /// The newest first, below this place; none for the newest of all.
    Below(Option<u64>),
}

/// How many records should be forgotten in one transaction: some milliseconds of work.
pub const FORGOTTEN_AT_ONCE: u64 = 5_000;

/// The tiles at the right edge of a tree of `size`, by level and place, that are not full.
pub(super) fn edge_of(size: u64) -> impl Iterator<Item = (u8, u64)> {
    let levels = (0_u8..8).map(move |level| (level, size >> (8 * u32::from(level))));
    levels.filter(|(_, hashes)| hashes % 256 != 0).map(|(level, hashes)| (level, hashes / 256))
}

/// The log.
#[async_trait]
pub trait Log: Send + Sync {
    /// Keeps records that come with nothing else.
    async fn append(&self, entries: Vec<Entry>) -> Result<()>;
    /// How far the tree goes.
    async fn head(&self) -> Result<Head>;
    /// Records that have no place in a tree of `size` yet, which is as far as it goes, in the order
    /// in which they get one; at least one where there is one.
    async fn waiting(&self, size: u64, most: Portion) -> Result<Vec<Waiting>>;
    /// Lets the tree grow; whether it did. It does not where it no longer goes as far as it did, or
    /// one of the records does not wait any more: another process was faster.
    async fn grow(&self, growth: Growth) -> Result<bool>;
    /// Records that `filter` picks.
    async fn leaves(&self, filter: &LeafFilter, from: From, limit: usize) -> Result<Vec<Leaf>>;
    /// A tile as it stands; none where there is none yet.
    async fn tile(&self, level: u8, index: u64) -> Result<Option<TileRow>>;
    /// Checkpoints of more than `after` records, the smallest first.
    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>>;
    /// Forgets the records below this place, and keeps the signed note that says so; how many there
    /// were. None, and no note, where the last one that is signed would go with them, or where all
    /// of them are forgotten already. Their hashes stay.
    async fn forget(&self, below: u64, note: &str) -> Result<u64>;
}
