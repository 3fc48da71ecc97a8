//! Judges proofs of the tree, without the tree: by the roots that checkpoints sign. Receipts do it,
//! and whoever follows a log from outside.
//!
//! Invariant: what is accepted was computed from every hash of the proof, and no hash is left over.

use super::hash::{Hash, empty_root, node_hash};

/// Whether the proof shows that the leaf at `index` is in the tree of this size and root (RFC 9162,
/// 2.1.3.2).
pub fn includes(size: u64, root: &Hash, index: u64, leaf: &Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let mut at = Edge { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        match at.step() {
            None => return false,
            Some(Side::Left) => hash = node_hash(sibling, &hash),
            Some(Side::Right) => hash = node_hash(&hash, sibling),
        }
    }
    at.last == 0 && hash == *root
}

/// A tree by its size and its root.
pub type TreeHead<'a> = (u64, &'a Hash);

/// Whether the proof shows that the first tree is the beginning of the second (RFC 9162, 2.1.4.2).
pub fn continues(
    (first, first_root): TreeHead<'_>,
    (second, root): TreeHead<'_>,
    proof: &[Hash],
) -> bool {
    if first == second {
        return proof.is_empty() && first_root == root;
    }
    // The empty tree is the beginning of all, and there is nothing to prove.
    if first == 0 {
        return proof.is_empty() && *first_root == empty_root();
    }
    if first > second {
        return false;
    }
    // Where the first tree is a subtree of the second, its root is left out of the proof.
    let (start, rest) = match proof {
        rest if first.is_power_of_two() && !rest.is_empty() => (first_root, rest),
        [start, rest @ ..] => (start, rest),
        [] => return false,
    };
    let mut at = Edge { node: first - 1, last: second - 1 };
    at.rise();
    let (mut one, mut two) = (*start, *start);
    for sibling in rest {
        match at.step() {
            None => return false,
            Some(Side::Left) => {
                one = node_hash(sibling, &one);
                two = node_hash(sibling, &two);
            }
            Some(Side::Right) => two = node_hash(&two, sibling),
        }
    }
    at.last == 0 && one == *first_root && two == *root
}

/// Where a proof has come to on its way up: a node, and the last node of the same level.
struct Edge {
    node: u64,
    last: u64,
}

/// On which side the next hash of the proof is.
enum Side {
    Left,
    Right,
}

impl Edge {
    /// Goes a level up. None where there is none.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            // The last node of a level may have no sibling there, and goes up unpaired.
            if self.node.is_multiple_of(2) {
                self.skip();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    /// Goes up while the node is a right child: the subtree that ends with it is the start.
    fn rise(&mut self) {
        while self.node % 2 == 1 {
            self.up();
        }
    }

    fn skip(&mut self) {
        while self.node.is_multiple_of(2) && self.node != 0 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
