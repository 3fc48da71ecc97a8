//! Makes proofs of the tree from its tiles: that a record is in it, and that a smaller tree is its
//! beginning. Receipts and witnesses ask for them; `proven.rs` judges them.
//!
//! Invariant: a proof depends on hashes of the named tree alone, never on what the log has become
//! since, so a growing store may be read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::frontier::{Frontier, root_of};
use super::hash::{Hash, node_hash};
use super::tile::{TILE_HEIGHT, TILE_WIDTH, TileError, Tiles, hashes_on, place, read};

/// Makes the proofs of one tree.
pub struct Prover<'a, T: Tiles> {
    tiles: &'a T,
    size: u64,
    /// A proof passes through each of a few tiles several times.
    seen: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

impl<'a, T: Tiles> Prover<'a, T> {
    /// A prover for the tree of the first `size` leaves.
    pub fn new(tiles: &'a T, size: u64) -> Self {
        Self { tiles, size, seen: RefCell::default() }
    }

    /// The hashes from the leaf's sibling up to the root's child (RFC 9162, 2.1.3.1).
    ///
    /// # Errors
    ///
    /// There is no such leaf, or a tile cannot be read.
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, TileError<T::Error>> {
        if index >= self.size {
            return Err(TileError::OutOfRange);
        }
        let (mut from, mut to) = (0, self.size);
        let mut proof = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                proof.push(self.subtree(middle, to)?);
                to = middle;
            } else {
                proof.push(self.subtree(from, middle)?);
                from = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The hashes by which the tree of the first `first` leaves is shown to be the beginning of
    /// this one (RFC 9162, 2.1.4.1). It is empty for the empty tree and for this one itself.
    ///
    /// # Errors
    ///
    /// The first tree is larger than this, or a tile cannot be read.
    pub fn consistency(&self, first: u64) -> Result<Vec<Hash>, TileError<T::Error>> {
        if first > self.size {
            return Err(TileError::OutOfRange);
        }
        let (mut from, mut to) = (0, self.size);
        let mut proof = Vec::new();
        while first != to && first != 0 {
            let middle = from + split(to - from);
            if first <= middle {
                proof.push(self.subtree(middle, to)?);
                to = middle;
            } else {
                proof.push(self.subtree(from, middle)?);
                from = middle;
            }
        }
        // A first tree that is itself a subtree of this one is known to who asks.
        if from > 0 {
            proof.push(self.subtree(from, to)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The peaks of the whole tree: what the export of a log begins with whose records before
    /// `size` are gone. Tiles must outlive the records.
    ///
    /// # Errors
    ///
    /// A tile cannot be read.
    pub fn frontier(&self) -> Result<Frontier, TileError<T::Error>> {
        let peaks = self.peaks(0, self.size)?;
        Frontier::restore(self.size, peaks).ok_or(TileError::OutOfRange)
    }

    /// The hash over the leaves from `from` to before `to`, a subtree of the tree.
    fn subtree(&self, from: u64, to: u64) -> Result<Hash, TileError<T::Error>> {
        let joined = self.peaks(from, to)?.into_iter().rev();
        let joined = joined.reduce(|right, left| node_hash(&left, &right));
        joined.ok_or(TileError::OutOfRange)
    }

    fn peaks(&self, mut from: u64, to: u64) -> Result<Vec<Hash>, TileError<T::Error>> {
        let mut peaks = Vec::new();
        while from < to {
            let height = (to - from).ilog2();
            peaks.push(self.perfect(height, from)?);
            from += 1 << height;
        }
        Ok(peaks)
    }

    /// The hash over 2^height leaves from `from`, which is a multiple of that.
    fn perfect(&self, height: u32, from: u64) -> Result<Hash, TileError<T::Error>> {
        // It is computed from the hashes on the next lower level of tiles; these are in one tile.
        let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
        let (index, first) = place(hashes_on(level, from));
        let count = 1 << (height % TILE_HEIGHT);
        let mut seen = self.seen.borrow_mut();
        let tile = match seen.entry((level, index)) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(unseen) => {
                let (last, width) = place(hashes_on(level, self.size));
                let width = if index < last { TILE_WIDTH } else { width };
                unseen.insert(read(self.tiles, (level, index), width)?)
            }
        };
        let hashes = tile.get(first..first + count);
        hashes.map(root_of).ok_or(TileError::OutOfRange)
    }
}

/// The largest power of two below the number of leaves, which is at least two.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}
