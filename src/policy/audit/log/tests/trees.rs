//! The tree and its proofs at every small size and at some large ones.

use super::super::{Frontier, Prover, TileError, Tree, continues, includes};
use super::{Random, Store, grown, leaves, naive_root};

#[test]
fn the_root_is_the_naive_one_at_every_size_and_after_every_restart() {
    let leaves = leaves(601);
    let (mut tree, mut store) = (Tree::default(), Store::default());
    let (_, whole) = grown(&leaves, 50);
    for size in 0..=600_u64 {
        let before = &leaves[..size as usize];
        let root = naive_root(before);
        assert_eq!((tree.size(), tree.root()), (size, root));
        // Also from tiles that have grown since.
        for store in [&store, &whole] {
            let mut restored = Tree::restore(size, store).unwrap();
            assert_eq!(restored.frontier(), tree.frontier());
            assert_eq!(restored.take_changed(), []);
            let frontier = Prover::new(store, size).frontier().unwrap();
            assert_eq!(&frontier, tree.frontier());
            let mut next = tree.clone();
            next.append(leaves[size as usize]);
            restored.append(leaves[size as usize]);
            assert_eq!(restored.root(), next.root());
            assert_eq!(restored.take_changed(), next.take_changed());
        }
        tree.append(leaves[size as usize]);
        let changed = tree.take_changed();
        // A leaf changes its own tile, and that above only where it fills it.
        assert_eq!(changed.len(), if (size + 1) % 256 == 0 { 2 } else { 1 });
        store.write(changed);
    }
}

#[test]
fn a_tree_cannot_be_restored_from_too_few_hashes() {
    let (_, mut store) = grown(&leaves(300), 1);
    assert!(Tree::restore(300, &store).is_ok());
    let missing = TileError::Missing { level: 0, index: 1, width: 45 };
    assert_eq!(Tree::restore(301, &store).unwrap_err(), missing);
    store.0.remove(&(1, 0));
    let missing = TileError::Missing { level: 1, index: 0, width: 1 };
    assert_eq!(Tree::restore(300, &store).unwrap_err(), missing);
    assert_eq!(Tree::restore(u64::MAX, &store).unwrap_err(), TileError::OutOfRange);
    assert!(Prover::new(&store, 300).inclusion(300).is_err());
    assert!(Prover::new(&store, 300).consistency(301).is_err());
}

#[test]
fn every_proof_of_small_trees_holds_and_no_other() {
    let leaves = leaves(70);
    let (_, store) = grown(&leaves, 7);
    let roots: Vec<_> = (0..=70).map(|size| naive_root(&leaves[..size])).collect();
    for size in 0..=70_u64 {
        let (prover, root) = (Prover::new(&store, size), &roots[size as usize]);
        for index in 0..size {
            let proof = prover.inclusion(index).unwrap();
            let leaf = &leaves[index as usize];
            assert!(includes(size, root, index, leaf, &proof));
            assert!(!includes(size, root, index, &leaves[(index as usize + 1) % 70], &proof));
            assert!(!includes(size, root, size, leaf, &proof));
            assert!(!includes(size, root, index, leaf, &[&proof[..], &[*leaf]].concat()));
            for at in 0..proof.len() {
                let mut other = proof.clone();
                other[at][0] ^= 1;
                assert!(!includes(size, root, index, leaf, &other));
                other.remove(at);
                assert!(!includes(size, root, index, leaf, &other));
            }
        }
        for first in 0..=size {
            let proof = prover.consistency(first).unwrap();
            let (one, two) = ((first, &roots[first as usize]), (size, root));
            assert!(continues(one, two, &proof), "{first} in {size}");
            assert!(!continues(one, two, &[&proof[..], &[*root]].concat()));
            assert!(first == size || !continues(two, one, &proof));
            assert!(first == 0 || !continues((first, &[0; 32]), two, &proof));
            assert!(first == 0 || !continues(one, (size, &[0; 32]), &proof));
            for at in 0..proof.len() {
                let mut other = proof.clone();
                other[at][0] ^= 1;
                assert!(!continues(one, two, &other));
                other.remove(at);
                assert!(!continues(one, two, &other));
            }
        }
    }
}

#[test]
fn a_tree_of_three_levels_of_tiles_is_proven() {
    let leaves = leaves(66_000);
    let (tree, store) = grown(&leaves, 300);
    assert_eq!(Tree::restore(66_000, &store).unwrap().frontier(), tree.frontier());
    assert!(store.0.contains_key(&(2, 0)));
    let mut sizes: Vec<u64> = vec![1, 255, 256, 257, 65_535, 65_536, 65_537, 66_000];
    let mut random = Random(2);
    sizes.extend((0..20).map(|_| random.next() % 66_000 + 1));
    sizes.sort_unstable();
    let (mut partial, mut roots) = (Frontier::default(), Vec::new());
    for (leaf, count) in leaves.iter().zip(1..) {
        partial.append(*leaf);
        roots.extend(sizes.contains(&count).then(|| (count, partial.root())));
    }
    for (size, root) in &roots {
        let prover = Prover::new(&store, *size);
        for _ in 0..10 {
            let index = random.next() % size;
            let proof = prover.inclusion(index).unwrap();
            assert!(includes(*size, root, index, &leaves[index as usize], &proof));
        }
        for (first, first_root) in roots.iter().filter(|(first, _)| first <= size) {
            let proof = prover.consistency(*first).unwrap();
            assert!(continues((*first, first_root), (*size, root), &proof));
        }
    }
}
