//! Tiles: the tree's hashes as a store keeps them, 256 of one level at a time (c2sp.org/tlog-tiles).
//! The tree hands them out, and the proofs read them again.
//!
//! Invariant: a hash at a place in the tree never changes, so a tile only grows, and one that is
//! longer than asked for begins with what was asked for.

use super::hash::{HASH_BYTES, Hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;
/// Levels of the tree from one level of tiles to the next.
pub(super) const TILE_HEIGHT: u32 = 8;

/// Up to [`TILE_WIDTH`] hashes that are neighbours. Those of level 0 are the leaves'; one of a
/// higher level is the root over a full tile of the level below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The level of tiles, 0 to 7.
    pub level: u8,
    /// Which tile of its level.
    pub index: u64,
    /// Its hashes, from the left. One that is not full grows later, and is then written again.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// Whether it will never change again.
    pub fn is_full(&self) -> bool {
        self.hashes.len() >= TILE_WIDTH
    }

    /// The tile as c2sp.org/tlog-tiles has it in a file: its hashes, one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// The hashes of a tile's bytes. None where these are no whole number of hashes, or more than
    /// a tile has.
    pub fn hashes_from(bytes: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        (rest.is_empty() && hashes.len() <= TILE_WIDTH).then(|| hashes.to_vec())
    }
}

/// Where tiles are kept.
pub trait Tiles {
    /// Why a tile cannot be read.
    type Error;

    /// The hashes of a tile: at least the first `width`, which is 1 to [`TILE_WIDTH`]; what is
    /// beyond them is not looked at. None where there is no such tile.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn tile(&self, level: u8, index: u64, width: usize) -> Result<Option<Vec<Hash>>, Self::Error>;
}

/// Why hashes of the tree cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// The store failed.
    #[error("the store cannot read a tile of the log")]
    Store(#[source] E),
    /// A tile is not there, or has too few hashes.
    #[error("tile {index} of level {level} does not have the {width} hashes it should")]
    Missing {
        /// The level of tiles.
        level: u8,
        /// Which tile of its level.
        index: u64,
        /// How many hashes it should have at least.
        width: usize,
    },
    /// The caller asked for what is not in a tree of that size.
    #[error("the log is not as large as that")]
    OutOfRange,
}

/// Reads exactly `width` hashes of a tile.
pub(super) fn read<T: Tiles>(
    tiles: &T,
    (level, index): (u8, u64),
    width: usize,
) -> Result<Vec<Hash>, TileError<T::Error>> {
    let read = tiles.tile(level, index, width).map_err(TileError::Store)?;
    let mut hashes = read.unwrap_or_default();
    if hashes.len() < width {
        return Err(TileError::Missing { level, index, width });
    }
    hashes.truncate(width);
    Ok(hashes)
}

/// Of a tree of this size, how many hashes there are on a level of tiles.
pub(super) fn hashes_on(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0)
}

/// Splits the place of a hash on its level into its tile and its place there.
pub(super) fn place(at: u64) -> (u64, usize) {
    // The remainder is below 256.
    (at >> TILE_HEIGHT, usize::try_from(at % TILE_WIDTH as u64).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_comes_back_from_its_bytes() {
        let tile = Tile { level: 0, index: 3, hashes: vec![[7; 32], [8; 32]] };
        let bytes = tile.to_bytes();
        assert_eq!(Tile::hashes_from(&bytes), Some(tile.hashes));
        assert_eq!(Tile::hashes_from(&bytes[1..]), None);
        assert_eq!(Tile::hashes_from(&[0; 32 * 257]), None);
    }
}
