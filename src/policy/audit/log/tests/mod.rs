//! The log's engine as a whole: against a naive tree, against independent code, and against
//! whoever tampers with an export.

mod exports;
mod independent;
mod tamper;
mod trees;

use std::collections::HashMap;
use std::convert::Infallible;

use super::{Hash, Tile, Tiles, Tree, empty_root, leaf_hash, node_hash};

/// A store of tiles in memory, which keeps the longest of each.
#[derive(Default)]
struct Store(HashMap<(u8, u64), Vec<Hash>>);

impl Store {
    fn write(&mut self, tiles: Vec<Tile>) {
        for tile in tiles {
            let before = self.0.insert((tile.level, tile.index), tile.hashes.clone());
            assert!(tile.hashes.starts_with(&before.unwrap_or_default()), "a hash changed");
        }
    }
}

impl Tiles for Store {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, _: usize) -> Result<Option<Vec<Hash>>, Infallible> {
        Ok(self.0.get(&(level, index)).cloned())
    }
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound, which is not zero.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// The root as RFC 6962 defines it, word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(half);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// A tree over these leaves, and the store that it was written to in steps of random width.
fn grown(leaves: &[Hash], steps: usize) -> (Tree, Store) {
    let (mut tree, mut store, mut random) = (Tree::default(), Store::default(), Random(1));
    for (n, leaf) in leaves.iter().enumerate() {
        tree.append(*leaf);
        if random.below(steps) == 0 || n + 1 == leaves.len() {
            store.write(tree.take_changed());
        }
    }
    (tree, store)
}
