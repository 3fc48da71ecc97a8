//! Logs to export, and exports that nobody touched.

use serde_json::value::RawValue;

use super::super::{
    Checkpoint, Fault, Frontier, Head, Prover, SigningKey, VerifierKey, Writer, leaf_hash, verify,
};
use super::{Random, Store, Tree};

pub(super) const ORIGIN: &str = "example.com/switchyard";

/// A log with its records and its checkpoints, of which an export can be made.
pub(super) struct Log {
    pub(super) origin: &'static str,
    pub(super) records: Vec<String>,
    pub(super) checkpoints: Vec<(Checkpoint, String)>,
    store: Store,
}

pub(super) fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
}

pub(super) fn keys() -> Vec<VerifierKey> {
    vec![key().verifier().clone()]
}

pub(super) fn record(seq: usize, random: &mut Random) -> String {
    let text = ["a", "é{", "\\\"}", "\\\\", "\\u0000 ]", ""][random.below(6)];
    let nested = ["{}", "[{\"b\": 1}]", "null"][random.below(3)];
    format!(r#"{{"n":{seq},"x":{},"t":"{text}", "o":{nested}}}"#, random.next() % 1000)
}

impl Log {
    /// A log of these records, with checkpoints over the first so many of them.
    pub(super) fn new(origin: &'static str, records: Vec<String>, checkpoints: &[usize]) -> Self {
        let key = key();
        let (mut tree, mut store, mut signed) = (Tree::default(), Store::default(), Vec::new());
        for size in 0..=records.len() {
            if checkpoints.contains(&size) {
                let (size, root) = (tree.size(), tree.root());
                let origin = origin.to_owned();
                let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
                let note = checkpoint.sign(&[&key]).unwrap();
                signed.push((checkpoint, note));
            }
            if let Some(record) = records.get(size) {
                tree.append(leaf_hash(record.as_bytes()));
            }
        }
        store.write(tree.take_changed());
        Self { origin, records, checkpoints: signed, store }
    }

    /// The lines of its export, each with its end.
    pub(super) fn lines(&self, start: usize) -> Vec<String> {
        let frontier = Prover::new(&self.store, start as u64).frontier().unwrap();
        let head = Head { origin: self.origin.to_owned(), frontier };
        let mut writer = Writer::new(Vec::new(), &head).unwrap();
        for size in start..=self.records.len() {
            let due = self.checkpoints.iter().find(|(due, _)| due.size == size as u64);
            if let Some((_, note)) = due {
                writer.checkpoint(note).unwrap();
            }
            if let Some(record) = self.records.get(size) {
                let raw = RawValue::from_string(record.clone()).unwrap();
                writer.record(&leaf_hash(record.as_bytes()), &raw).unwrap();
            }
        }
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        text.split_inclusive('\n').map(str::to_owned).collect()
    }
}

#[test]
fn no_untouched_export_is_found_fault_with() {
    let (mut random, keys) = (Random(4), keys());
    for _ in 0..300 {
        let count = random.below(60);
        let records: Vec<_> = (0..count).map(|seq| record(seq, &mut random)).collect();
        let mut sizes: Vec<_> = (0..=random.below(4)).map(|_| random.below(count + 1)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let log = Log::new(ORIGIN, records, &sizes);
        let last = *sizes.last().unwrap();
        let start = if random.below(2) == 0 { 0 } else { random.below(last + 1) };
        let export = log.lines(start).concat();
        let known: Vec<_> = log.checkpoints.iter().map(|(known, _)| known.clone()).collect();
        let known = &known[random.below(known.len() + 1)..];
        let verified = verify(export.as_bytes(), &keys, known).unwrap();
        assert_eq!((verified.start, verified.records), (start as u64, (count - start) as u64));
        assert_eq!(verified.uncovered(), (count - last) as u64);
        assert_eq!(verified.checkpoint, log.checkpoints.last().unwrap().0);
        let after = |size: u64| size >= start as u64;
        let held = known.iter().filter(|known| after(known.size)).count();
        assert_eq!(verified.known_held, held as u64);
        let inside = log.checkpoints.iter().filter(|(made, _)| after(made.size)).count();
        assert_eq!((verified.checkpoints, verified.unknown_signatures), (inside as u64, 0));
    }
}

#[test]
fn records_without_a_checkpoint_are_told_from_those_with_one() {
    let records = |count| (0..count).map(|n| format!(r#"{{"n":{n}}}"#)).collect::<Vec<_>>();
    let export = Log::new(ORIGIN, records(5), &[]).lines(0).concat();
    let fault = verify(export.as_bytes(), &keys(), &[]).unwrap_err();
    assert!(matches!(fault, Fault::NoCheckpoint), "{fault}");
    let log = Log::new(ORIGIN, records(5), &[3]);
    let export = log.lines(0).concat();
    let verified = verify(export.as_bytes(), &keys(), &[]).unwrap();
    assert_eq!((verified.covered, verified.uncovered()), (3, 2));
    // A witness may have seen a checkpoint that is not in the export.
    let later = Log::new(ORIGIN, records(9), &[3, 5, 9]).checkpoints;
    let verified = verify(export.as_bytes(), &keys(), &[later[1].0.clone()]).unwrap();
    assert_eq!((verified.covered, verified.uncovered(), verified.known_held), (5, 0, 1));
    let fault = verify(export.as_bytes(), &keys(), &[later[2].0.clone()]).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "A checkpoint known from elsewhere counts 9 records, but the export ends before record 5."
    );
    // One from before the records that were pruned cannot be judged.
    let pruned = Log::new(ORIGIN, records(5), &[3, 5]).lines(4).concat();
    let verified = verify(pruned.as_bytes(), &keys(), &[later[0].0.clone()]).unwrap();
    assert_eq!((verified.start, verified.known_held, verified.uncovered()), (4, 0, 0));
    let without_keys = verify(export.as_bytes(), &[], &[]).unwrap_err();
    assert!(matches!(without_keys, Fault::Checkpoint { among, .. } if among == (0..3)));
}

#[test]
fn a_signature_that_nobody_knows_is_counted() {
    let witness = SigningKey::from_seed("witness", &[8; 32]).unwrap();
    let (mut tree, key) = (Frontier::default(), key());
    tree.append(leaf_hash(b"{}"));
    let origin = ORIGIN.to_owned();
    let checkpoint =
        Checkpoint { origin: origin.clone(), size: 1, root: tree.root(), extensions: Vec::new() };
    let head = Head { origin, frontier: Frontier::default() };
    let mut writer = Writer::new(Vec::new(), &head).unwrap();
    writer.record(&leaf_hash(b"{}"), &RawValue::from_string("{}".to_owned()).unwrap()).unwrap();
    writer.checkpoint(&checkpoint.sign(&[&key, &witness]).unwrap()).unwrap();
    let verified = verify(writer.finish().unwrap().as_slice(), &keys(), &[]).unwrap();
    assert_eq!(verified.unknown_signatures, 1);
}
