//! Logs to export, and exports that nobody touched.

use serde_json::value::RawValue;

use super::super::{
    Checkpoint, Fault, Frontier, Head, Prover, SigningKey, Unsaid, VerifierKey, Writer, leaf_hash,
    pruned, verify, verify_from,
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

    /// What says that so many records were let go.
    pub(super) fn pruned(&self, before: &Frontier) -> String {
        let (origin, size, root) = (pruned(self.origin), before.size(), before.root());
        Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&[&key()]).unwrap()
    }

    /// The lines of its export, each with its end.
    pub(super) fn lines(&self, start: usize) -> Vec<String> {
        let frontier = Prover::new(&self.store, start as u64).frontier().unwrap();
        let pruned = (start > 0).then(|| self.pruned(&frontier));
        let head = Head { origin: self.origin.to_owned(), frontier, pruned };
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
fn a_head_that_was_cut_off_is_told_from_one_that_was_let_go() {
    let records = |count| (0..count).map(|n| format!(r#"{{"n":{n}}}"#)).collect::<Vec<_>>();
    let log = Log::new(ORIGIN, records(9), &[9]);
    let judged = |head: &Head, from| {
        let text = String::from_utf8(Writer::new(Vec::new(), head).unwrap().finish().unwrap());
        let start = usize::try_from(head.frontier.size()).unwrap();
        let export = [text.unwrap(), log.lines(start)[1..].concat()].concat();
        verify_from(export.as_bytes(), &keys(), &[], from)
    };
    let frontier = |size| Prover::new(&log.store, size).frontier().unwrap();
    let head = |size, pruned| Head { origin: ORIGIN.to_owned(), frontier: frontier(size), pruned };
    let said = |size| Some(log.pruned(&frontier(size)));
    assert!(judged(&head(4, said(4)), 0).unwrap().is_pruned);
    assert!(!judged(&head(0, None), 0).unwrap().is_pruned);
    // It was asked for from there on, or something that was asked for was let go meanwhile.
    assert!(!judged(&head(4, None), 4).unwrap().is_pruned);
    assert!(judged(&head(4, said(4)), 2).unwrap().is_pruned);
    let other = Log::new("example.com/other", records(9), &[9]).pruned(&frontier(4));
    let unsigned = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
    let unsigned = Checkpoint {
        origin: pruned(ORIGIN),
        size: 4,
        root: frontier(4).root(),
        extensions: Vec::new(),
    }
    .sign(&[&unsigned]);
    let checkpoint = &log.checkpoints[0].1;
    let root = Frontier::restore(4, vec![[9; 32]]).unwrap();
    for (note, from, expected) in [
        (None, 0, "no signed note"),
        (None, 3, "no signed note"),
        (said(5), 0, "is not about those before it"),
        (said(3), 4, "is not about those before it"),
        (Some(other), 0, "is not about those before it"),
        (Some(log.pruned(&root)), 0, "is not about those before it"),
        (Some(checkpoint.clone()), 0, "is not about those before it"),
        (Some(unsigned.unwrap()), 0, "it is not signed by a known key"),
        (Some("nonsense".to_owned()), 0, "it is not a signed note"),
    ] {
        let fault = judged(&head(4, note), from).unwrap_err();
        assert!(matches!(fault, Fault::Beginning { start: 4, .. }), "{fault}");
        assert_eq!(fault.among(), Some(0..4));
        assert!(fault.to_string().contains(expected), "{fault}, not {expected}");
    }
    let fault = judged(&head(4, None), 0).unwrap_err();
    assert!(matches!(fault, Fault::Beginning { why: Unsaid::Nothing, .. }));
}

#[test]
fn a_signature_that_nobody_knows_is_counted() {
    let witness = SigningKey::from_seed("witness", &[8; 32]).unwrap();
    let (mut tree, key) = (Frontier::default(), key());
    tree.append(leaf_hash(b"{}"));
    let origin = ORIGIN.to_owned();
    let checkpoint =
        Checkpoint { origin: origin.clone(), size: 1, root: tree.root(), extensions: Vec::new() };
    let head = Head { origin, frontier: Frontier::default(), pruned: None };
    let mut writer = Writer::new(Vec::new(), &head).unwrap();
    writer.record(&leaf_hash(b"{}"), &RawValue::from_string("{}".to_owned()).unwrap()).unwrap();
    writer.checkpoint(&checkpoint.sign(&[&key, &witness]).unwrap()).unwrap();
    let verified = verify(writer.finish().unwrap().as_slice(), &keys(), &[]).unwrap();
    assert_eq!(verified.unknown_signatures, 1);
}
