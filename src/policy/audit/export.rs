//! Exports the log of a store in the grammar that is verified. The command line calls it, once or
//! again and again to follow.
//!
//! Invariant: records stand there as they are kept and leaf hashes as they were drawn, so that
//! what was changed in the store is exported changed, and found. It ends with a checkpoint.

use std::io::Write;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::committer::damaged;
use super::log::{Hash, Head, TILE_WIDTH, Tile, WriteError, Writer};
use super::prove;
use crate::error::{Error, Kind, Result};
use crate::store::log::{CheckpointRow, From, Leaf, LeafFilter, Log};

/// Records that are read at a time.
const BATCH: usize = 512;
/// Checkpoints that are read at a time.
const CHECKPOINTS: usize = 256;

/// An export that goes on.
pub struct Export<W> {
    log: Arc<dyn Log>,
    writer: Writer<W>,
    /// The size of the last checkpoint in it.
    signed: u64,
    /// The leaf hashes of a tile.
    leaves: Option<(u64, Vec<Hash>)>,
}

impl<W: Write> Export<W> {
    /// Begins an export with the record at `from`, and writes its head.
    ///
    /// # Errors
    ///
    /// The store fails, the tree does not go as far, or the head cannot be written.
    pub async fn begin(log: Arc<dyn Log>, origin: &str, from: u64, to: W) -> Result<Self> {
        let frontier = prove::frontier(&*log, from).await?;
        // What stands before what was asked for has not been let go.
        let kept = log.head().await?;
        let pruned = kept.pruned.filter(|_| kept.first == from);
        let head = Head { origin: origin.to_owned(), frontier, pruned };
        let writer = Writer::new(to, &head).map_err(unwritten)?;
        // A checkpoint right where it begins vouches for what it begins with.
        Ok(Self { log, writer, signed: from.saturating_sub(1), leaves: None })
    }

    /// Writes on, up to the last checkpoint of at most `until` records; how many there then are.
    ///
    /// # Errors
    ///
    /// The store fails, lacks a record, or the destination fails.
    pub async fn go_on(&mut self, until: u64) -> Result<u64> {
        loop {
            let checkpoints = self.log.checkpoints(self.signed, CHECKPOINTS).await?;
            let count = checkpoints.len();
            for CheckpointRow { size, note, .. } in checkpoints {
                if size > until {
                    return Ok(self.writer.next_seq());
                }
                self.records(size).await?;
                self.writer.checkpoint(&note).map_err(unwritten)?;
                self.signed = size;
            }
            if count < CHECKPOINTS {
                return Ok(self.writer.next_seq());
            }
        }
    }

    /// Ends it, and gives the destination back, flushed.
    ///
    /// # Errors
    ///
    /// The destination fails.
    pub fn finish(self) -> Result<W> {
        self.writer.finish().map_err(unwritten)
    }

    /// Writes the records up to `size`.
    async fn records(&mut self, size: u64) -> Result<()> {
        while self.writer.next_seq() < size {
            let next = self.writer.next_seq();
            let left = usize::try_from(size - next).unwrap_or(BATCH).min(BATCH);
            let found = self.log.leaves(&LeafFilter::default(), From::Place(next), left).await?;
            if found.is_empty() {
                return Err(missing(next));
            }
            for Leaf { seq, body } in found {
                if seq != self.writer.next_seq() {
                    return Err(missing(self.writer.next_seq()));
                }
                let leaf = self.leaf(seq).await?;
                let text = String::from_utf8(body.into()).map_err(|_| unreadable(seq))?;
                let record = RawValue::from_string(text).map_err(|_| unreadable(seq))?;
                self.writer.record(&leaf, &record).map_err(unwritten)?;
            }
        }
        Ok(())
    }

    /// The hash that was drawn for a record.
    async fn leaf(&mut self, seq: u64) -> Result<Hash> {
        let width = TILE_WIDTH as u64;
        let (index, place) = (seq / width, usize::try_from(seq % width).unwrap_or(usize::MAX));
        let known =
            self.leaves.as_ref().filter(|(at, hashes)| *at == index && place < hashes.len());
        if known.is_none() {
            let tile = self.log.tile(0, index).await?;
            let hashes = tile.and_then(|tile| Tile::hashes_from(&tile.hashes));
            self.leaves = Some((index, hashes.ok_or_else(damaged)?));
        }
        let hashes = self.leaves.as_ref().map(|(_, hashes)| hashes);
        hashes.and_then(|hashes| hashes.get(place)).copied().ok_or_else(damaged)
    }
}

fn missing(seq: u64) -> Error {
    Error::new(Kind::NotFound, format!("record {seq} of the audit is not in the store"))
}

fn unreadable(seq: u64) -> Error {
    Error::new(Kind::Internal, format!("record {seq} of the audit is no JSON"))
}

fn unwritten(cause: WriteError) -> Error {
    Error::new(Kind::Internal, "the export cannot be written").caused_by(cause)
}
