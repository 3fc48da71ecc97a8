//! Proofs over the log as the store keeps it: that a record is in it, and what an export begins
//! with whose first records are gone. The admin face and the command line ask.
//!
//! Invariant: it reads a few tiles and no record; a proof ends at a checkpoint that was signed.

use std::collections::HashMap;

use super::committer::damaged;
use super::log::{Frontier, Hash, Prover, Receipt, Tile, TileError, Tiles};
use crate::error::Result;
use crate::store::log::{CheckpointRow, Log};

/// Tiles that one proof passes through at most: two on each of eight levels, and to spare.
const TILES: usize = 64;

/// That the record at this place is in the log; none where no checkpoint counts it yet.
///
/// # Errors
///
/// The store fails, or its tiles are not those of a tree.
pub async fn receipt(log: &dyn Log, seq: u64) -> Result<Option<Receipt>> {
    let Some(newest) = newest(log).await?.filter(|newest| seq < newest.size) else {
        return Ok(None);
    };
    let size = newest.size;
    let proof = with_tiles(log, |tiles| Prover::new(tiles, size).inclusion(seq)).await?;
    Ok(Some(Receipt { index: seq, proof, checkpoint: newest.note }))
}

/// The newest checkpoint; none where nothing was signed yet.
///
/// # Errors
///
/// The store fails.
pub async fn newest(log: &dyn Log) -> Result<Option<CheckpointRow>> {
    let signed = log.head().await?.signed;
    let found = log.checkpoints(signed.saturating_sub(1), 1).await?;
    Ok(found.into_iter().next())
}

/// The tree of the first `size` records.
///
/// # Errors
///
/// The store fails, or has no such tree.
pub async fn frontier(log: &dyn Log, size: u64) -> Result<Frontier> {
    with_tiles(log, |tiles| Prover::new(tiles, size).frontier()).await
}

/// Asks again and again, with one more of the tiles that are found to be needed.
async fn with_tiles<R>(
    log: &dyn Log,
    ask: impl Fn(&Known) -> Result<R, TileError<Wanted>>,
) -> Result<R> {
    let mut known = Known::default();
    loop {
        let Wanted(level, index) = match ask(&known) {
            Ok(answer) => return Ok(answer),
            Err(TileError::Store(wanted)) if known.0.len() < TILES => wanted,
            Err(cause) => return Err(damaged().caused_by(cause)),
        };
        let hashes = log.tile(level, index).await?;
        let hashes = hashes.and_then(|tile| Tile::hashes_from(&tile.hashes));
        known.0.insert((level, index), hashes);
    }
}

/// A tile that has not been read.
#[derive(Debug, thiserror::Error)]
#[error("tile {1} of level {0} was not read")]
struct Wanted(u8, u64);

/// The tiles that were read; none where the store has none.
#[derive(Default)]
struct Known(HashMap<(u8, u64), Option<Vec<Hash>>>);

impl Tiles for Known {
    type Error = Wanted;

    fn tile(&self, level: u8, index: u64, _: usize) -> Result<Option<Vec<Hash>>, Wanted> {
        self.0.get(&(level, index)).cloned().ok_or(Wanted(level, index))
    }
}
