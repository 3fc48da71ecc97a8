//! Draws the tree over the records that have none yet, and signs what it drew. The app calls it
//! once a second and at the end; the command line calls it before it exports.
//!
//! Invariant: what is signed is the tree that the store has: hashes, places and checkpoint go
//! there in one transaction, and only where the tree still goes as far as it did. So any number
//! of processes may do this on one store at once.

use std::fmt;
use std::sync::Arc;

use super::log::{Checkpoint, Hash, SigningKey, Tile, Tiles, Tree, leaf_hash};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::store::log::{CheckpointRow, Growth, Head, Log, Portion, TileRow, Waiting};
use crate::telemetry::metrics::AuditMetrics;

/// Records under one checkpoint at most: what is in memory at a time. Those with payloads may have
/// hundreds of KiB, so their bytes are bounded too.
pub const BATCH: Portion = Portion { records: 4_096, bytes: 8 * 1024 * 1024 };
/// Records that are hashed before others get their turn on the thread.
const TURN: usize = 128;

/// Draws and signs the tree.
pub struct Committer {
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    origin: String,
    key: SigningKey,
    metrics: AuditMetrics,
}

/// How far a commit came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The records under the tree.
    pub size: u64,
    /// The newest checkpoint that was made; none where nothing was new.
    pub checkpoint: Option<CheckpointRow>,
    /// Whether another process was faster, so that something may be left to do.
    pub was_outrun: bool,
}

impl Committer {
    /// Draws the tree of this log, which is called `origin`.
    pub fn new(
        log: Arc<dyn Log>,
        clock: Arc<dyn Clock>,
        origin: &str,
        key: SigningKey,
        metrics: AuditMetrics,
    ) -> Self {
        Self { log, clock, origin: origin.to_owned(), key, metrics }
    }

    /// The key by which its checkpoints are judged.
    pub fn verifier(&self) -> String {
        self.key.verifier().to_string()
    }

    /// Brings the records that wait under the tree, and signs it.
    ///
    /// # Errors
    ///
    /// The store fails, or its tiles are not those of a tree.
    pub async fn commit(&self) -> Result<Committed> {
        let mut done = Committed::default();
        let began = self.clock.now();
        loop {
            let head = self.log.head().await?;
            done.size = head.size;
            self.metrics.tree(head.size, head.signed);
            let waiting = self.log.waiting(head.size, BATCH).await?;
            // A tree that was drawn without a checkpoint gets one even though nothing is new.
            if waiting.is_empty() && head.signed >= head.size {
                self.metrics.covered(began);
                return Ok(done);
            }
            let is_last = !BATCH.is_filled_by(&waiting);
            let growth = self.growth(&head, waiting).await?;
            let checkpoint = growth.checkpoint.clone();
            if !self.log.grow(growth).await? {
                done.was_outrun = true;
                return Ok(done);
            }
            if let Some(row) = &checkpoint {
                done.size = row.size;
                self.metrics.tree(row.size, row.size);
            }
            done.checkpoint = checkpoint;
            if is_last {
                self.metrics.covered(began);
                return Ok(done);
            }
        }
    }

    async fn growth(&self, head: &Head, waiting: Vec<Waiting>) -> Result<Growth> {
        let mut tree = Tree::restore(head.size, &Edge(&head.edge))
            .map_err(|cause| damaged().caused_by(cause))?;
        let mut ids = Vec::with_capacity(waiting.len());
        for (at, Waiting { id, body }) in waiting.into_iter().enumerate() {
            if at % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            tree.append(leaf_hash(&body));
            ids.push(id);
        }
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: tree.size(),
            root: tree.root(),
            extensions: Vec::new(),
        };
        let note = checkpoint.sign(&[&self.key]).map_err(|cause| {
            Error::new(Kind::Internal, "the log cannot be signed").caused_by(cause)
        })?;
        let row =
            |tile: Tile| TileRow { level: tile.level, index: tile.index, hashes: tile.to_bytes() };
        Ok(Growth {
            from: head.size,
            ids,
            tiles: tree.take_changed().into_iter().map(row).collect(),
            checkpoint: Some(CheckpointRow { size: tree.size(), at: self.clock.now(), note }),
        })
    }
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What is said of a store whose tiles do not fit together.
pub(super) fn damaged() -> Error {
    Error::new(Kind::Internal, "the tree over the audit is damaged in the store")
}

/// The tiles at the right edge, as the store gives them.
struct Edge<'a>(&'a [TileRow]);

impl Tiles for Edge<'_> {
    type Error = std::convert::Infallible;

    fn tile(&self, level: u8, index: u64, _: usize) -> Result<Option<Vec<Hash>>, Self::Error> {
        let found = self.0.iter().find(|tile| (tile.level, tile.index) == (level, index));
        Ok(found.and_then(|tile| Tile::hashes_from(&tile.hashes)))
    }
}

#[cfg(test)]
mod tests;
