//! The tree of a growing log: it takes the hashes of new leaves and gives its root and the tiles
//! that a store must write. The audit's committer holds one.
//!
//! Invariant: it holds its right edge only, at most 255 hashes a level of tiles, and what it holds
//! is what its frontier and its unfinished tiles say of the same leaves.

use super::frontier::{Frontier, MAX_SIZE};
use super::hash::Hash;
use super::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileError, Tiles, hashes_on, place, read};

/// Levels of tiles in the largest tree.
const TILE_LEVELS: u8 = 8;

/// A tree that grows at its end. Where the store could not write what this gave it, the tree is
/// ahead of the store: go back to a clone, or restore it.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    /// The last tile of each level, as far as it is not full.
    edge: Vec<Vec<Hash>>,
    /// Full tiles that were not handed out yet.
    full: Vec<Tile>,
    /// The size when tiles were last handed out.
    handed_out: u64,
}

impl Tree {
    /// The tree of the first `size` leaves. It reads one tile a level, and no record.
    ///
    /// # Errors
    ///
    /// A tile cannot be read, or is too short; the size is beyond [`MAX_SIZE`].
    pub fn restore<T: Tiles>(size: u64, tiles: &T) -> Result<Self, TileError<T::Error>> {
        if size > MAX_SIZE {
            return Err(TileError::OutOfRange);
        }
        let mut edge = Vec::new();
        let mut peaks = Vec::new();
        for level in (0..TILE_LEVELS).filter(|level| hashes_on(*level, size) > 0) {
            let (index, width) = place(hashes_on(level, size));
            let hashes = match width {
                0 => Vec::new(),
                _ => read(tiles, (level, index), width)?,
            };
            let mut subtrees = Frontier::default();
            hashes.iter().for_each(|hash| subtrees.append(*hash));
            // Those of a higher level are larger, and stand before.
            peaks.splice(0..0, subtrees.peaks().iter().copied());
            edge.push(hashes);
        }
        let frontier = Frontier::restore(size, peaks).ok_or(TileError::OutOfRange)?;
        Ok(Self { frontier, edge, full: Vec::new(), handed_out: size })
    }

    /// How many leaves it has, which is also the number of the next record.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hash of the whole tree: what a checkpoint signs.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The peaks of the tree as it is.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends the hash of the next record.
    pub fn append(&mut self, leaf: Hash) {
        let Self { frontier, edge, full, .. } = self;
        let before = frontier.size();
        frontier.append_with(leaf, |height, hash| {
            if height % TILE_HEIGHT != 0 {
                return;
            }
            // A tree has at most 63 levels.
            let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
            if edge.len() <= usize::from(level) {
                edge.push(Vec::new());
            }
            let Some(last) = edge.get_mut(usize::from(level)) else { return };
            last.push(hash);
            if last.len() >= TILE_WIDTH {
                let (index, _) = place(hashes_on(level, before));
                full.push(Tile { level, index, hashes: std::mem::take(last) });
            }
        });
    }

    /// The tiles that are new or longer since they were last handed out, in the order of their
    /// growth, full ones first. The store writes them in the transaction that writes the records.
    pub fn take_changed(&mut self) -> Vec<Tile> {
        let mut changed = std::mem::take(&mut self.full);
        let size = self.size();
        for (level, hashes) in (0..TILE_LEVELS).zip(&self.edge) {
            let (index, _) = place(hashes_on(level, size));
            let has_grown = hashes_on(level, size) != hashes_on(level, self.handed_out);
            if has_grown && !hashes.is_empty() {
                changed.push(Tile { level, index, hashes: hashes.clone() });
            }
        }
        self.handed_out = size;
        changed
    }
}
