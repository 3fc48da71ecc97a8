//! What is made here is accepted by code that shares nothing with it, and the other way round: by
//! the crates `tlog_tiles` and `signed_note`, after the Go packages of the checksum database.

use std::cell::RefCell;

use tlog_tiles::{
    Error, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, tree_hash,
};

use super::super::{
    Checkpoint, Hash, Prover, Receipt, SigningKey, VerifierKey, continues, includes,
};
use super::{Random, Store, grown, leaves};
use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, VerifierList};

/// Our tiles, as the other code reads them.
struct Theirs<'a>(&'a Store, RefCell<usize>);

impl TileReader for Theirs<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        *self.1.borrow_mut() += tiles.len();
        let bytes = |tile: &Tile| {
            let hashes = &self.0.0[&(tile.level(), tile.level_index())];
            hashes[..tile.width() as usize].concat()
        };
        Ok(tiles.iter().map(bytes).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| hash.0).collect()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(tlog_tiles::Hash).collect()
}

#[test]
fn trees_tiles_and_proofs_are_those_of_independent_code() {
    let leaves = leaves(66_000);
    let (tree, store) = grown(&leaves, 300);
    let mut random = Random(3);
    let mut sizes = vec![1_u64, 2, 3, 255, 256, 257, 300, 65_535, 65_536, 65_537, 66_000];
    sizes.extend((0..10).map(|_| random.next() % 66_000 + 1));
    for size in sizes {
        let prover = Prover::new(&store, size);
        let root = super::super::Tree::restore(size, &store).unwrap().root();
        let root_hash = tlog_tiles::Hash(root);
        let tiles = Theirs(&store, RefCell::new(0));
        // This reader refuses tiles that do not belong to the root.
        let reader: &dyn HashReader = &TileHashReader::new(size, root_hash, &tiles);
        let reader = Reader(reader);
        assert_eq!(tree_hash(size, &reader).unwrap(), root_hash);
        for _ in 0..5 {
            let index = random.next() % size;
            let leaf = leaves[index as usize];
            let proof = prover.inclusion(index).unwrap();
            let same = prove_record(size, index, &reader).unwrap();
            assert_eq!(proof, ours(&same));
            let record = tlog_tiles::Hash(leaf);
            assert!(check_record(&theirs(&proof), size, root_hash, index, record).is_ok());
            assert!(includes(size, &root, index, &leaf, &ours(&same)));
            let first = random.next() % size + 1;
            let proof = prover.consistency(first).unwrap();
            let same = prove_tree(size, first, &reader).unwrap();
            assert_eq!(proof, ours(&same));
            let first_root = super::super::Tree::restore(first, &store).unwrap().root();
            let first_hash = tlog_tiles::Hash(first_root);
            assert!(check_tree(&theirs(&proof), size, root_hash, first, first_hash).is_ok());
            assert!(continues((first, &first_root), (size, &root), &ours(&same)));
        }
        assert!(*tiles.1.borrow() > 0);
    }
    assert_eq!(tree.size(), 66_000);
}

struct Reader<'a>(&'a dyn HashReader);

impl HashReader for Reader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, Error> {
        self.0.read_hashes(indexes)
    }
}

#[test]
fn checkpoints_are_signed_and_opened_across() {
    let random = ring::rand::SystemRandom::new();
    let (key, text) = SigningKey::generate("example.com/log", &random).unwrap();
    let verifier = key.verifier().to_string();
    let their_signer = StandardSigner::new(&text).unwrap();
    let their_verifier = StandardVerifier::new(&verifier).unwrap();
    let known = VerifierList::new(vec![Box::new(their_verifier)]);
    assert_eq!(their_signer.key_id(), key.verifier().id());

    let checkpoint = Checkpoint {
        origin: "example.com/log".to_owned(),
        size: 7,
        root: [9; 32],
        extensions: vec!["more".to_owned()],
    };
    let note = checkpoint.sign(&[&key]).unwrap();
    let opened = Note::from_bytes(note.as_bytes()).unwrap();
    assert_eq!(opened.verify(&known).unwrap().0.len(), 1);
    let read = tlog_tiles::Checkpoint::from_bytes(opened.text()).unwrap();
    assert_eq!((read.origin(), read.size()), ("example.com/log", 7));
    assert_eq!((read.hash().0, read.extension()), ([9; 32], "more\n"));

    let mut theirs = Note::new(&read.to_bytes(), &[]).unwrap();
    theirs.add_sigs(&[&their_signer]).unwrap();
    let theirs = String::from_utf8(theirs.to_bytes()).unwrap();
    assert_eq!(theirs, note);
    let keys = [VerifierKey::parse(&verifier).unwrap()];
    assert_eq!(Checkpoint::open(&theirs, &keys).unwrap().checkpoint, checkpoint);
}

#[test]
fn a_receipt_shows_its_record_and_no_other() {
    let records: Vec<_> = (0..300).map(|n| format!("record {n}").into_bytes()).collect();
    let leaves: Vec<_> = records.iter().map(|record| super::leaf_hash(record)).collect();
    let (tree, store) = grown(&leaves, 10);
    let key = SigningKey::from_seed("log", &[1; 32]).unwrap();
    let keys = [key.verifier().clone()];
    let origin = "log".to_owned();
    let (size, root) = (tree.size(), tree.root());
    let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
    let note = checkpoint.sign(&[&key]).unwrap();
    let prover = Prover::new(&store, size);
    for index in [0, 1, 127, 255, 256, 299] {
        let proof = prover.inclusion(index).unwrap();
        let text = Receipt { index, proof, checkpoint: note.clone() }.to_string();
        let judge = |text: &str, record: u64| {
            let receipt = Receipt::parse(text).ok()?;
            receipt.verify(&records[record as usize], "log", &keys).ok()
        };
        assert_eq!(judge(&text, index), Some(checkpoint.clone()));
        assert_eq!(judge(&text, (index + 1) % 300), None);
        assert!(Receipt::parse(&text).unwrap().verify(b"record 0", "other", &keys).is_err());
        let extra = text.replacen("index", "extra bW9yZQ==\nindex", 1);
        assert_eq!(judge(&extra, index), Some(checkpoint.clone()));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1 << (at % 7);
            let other = String::from_utf8(other);
            assert!(other.map_or(true, |other| judge(&other, index).is_none()), "byte {at}");
        }
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex "));
    }
    let one = [naive_only(&key)];
    assert!(
        one.iter().all(|text| Receipt::parse(text).unwrap().verify(b"a", "log", &keys).is_ok())
    );
}

/// A receipt without hashes: that of the only record.
fn naive_only(key: &SigningKey) -> String {
    let (origin, root) = ("log".to_owned(), super::leaf_hash(b"a"));
    let checkpoint = Checkpoint { origin, size: 1, root, extensions: Vec::new() };
    let checkpoint = checkpoint.sign(&[key]).unwrap();
    Receipt { index: 0, proof: Vec::new(), checkpoint }.to_string()
}
