//! The frontier of a tree: the hashes of its perfect subtrees, largest first, one for each bit of
//! its size. It is all that is needed to append and to know the root: the tree holds one, the
//! verifier holds nothing else, and an export whose beginning was pruned starts from one.
//!
//! Invariant: there are as many peaks as ones in the size.

use super::hash::{Hash, empty_root, node_hash};

/// Leaves that a tree may have: the largest number that the Go implementation takes as well.
pub const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// A tree of which only the peaks are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the first `size` leaves. None where the peaks are not as many as such a
    /// tree has, or the size is beyond [`MAX_SIZE`].
    pub fn restore(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let fits = size <= MAX_SIZE && usize::try_from(size.count_ones()) == Ok(peaks.len());
        fits.then_some(Self { size, peaks })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The perfect subtrees' hashes, the largest subtree first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The hash of the whole tree (RFC 6962, 2.1).
    pub fn root(&self) -> Hash {
        let joined =
            self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }

    /// Appends the hash of a leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _| {});
    }

    /// Appends the hash of a leaf, and tells each perfect subtree that it completes, by its level:
    /// the leaf itself is of level 0.
    pub(super) fn append_with(&mut self, leaf: Hash, mut complete: impl FnMut(u32, Hash)) {
        let mut hash = leaf;
        complete(0, hash);
        // As in counting: each one at the end of the size carries over into the next subtree.
        for level in 1..=self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            complete(level, hash);
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }
}

/// The root of a tree over these hashes as leaves. It is also the hash of a subtree, from those of
/// one level in it.
pub(super) fn root_of(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::default();
    hashes.iter().for_each(|hash| tree.append(*hash));
    tree.root()
}

#[cfg(test)]
mod tests {
    use super::super::hash::leaf_hash;
    use super::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_roots_of_the_vectors_of_certificate_transparency_are_right() {
        // The eight leaves and roots of google/certificate-transparency, merkle_tree_test.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&tree.root()), empty);
        for (leaf, root) in leaves.iter().zip(roots) {
            tree.append(leaf_hash(leaf));
            assert_eq!(hex(&tree.root()), root);
        }
    }

    #[test]
    fn peaks_that_do_not_fit_the_size_are_none() {
        assert!(Frontier::restore(5, vec![[1; 32], [2; 32]]).is_some());
        assert!(Frontier::restore(5, vec![[1; 32]]).is_none());
        assert!(Frontier::restore(0, vec![[1; 32]]).is_none());
        assert!(Frontier::restore(MAX_SIZE + 1, vec![[1; 32]]).is_none());
    }
}
