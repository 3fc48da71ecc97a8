//! Judges an export by itself, without the log: every byte of it is held against the signed
//! checkpoints in it, and against those that somebody kept elsewhere.
//!
//! Invariant: no record counts as covered before a checkpoint over it held; what is read before the
//! first fault is all that is said to be right.

use std::io::BufRead;

use super::checkpoint::{Checkpoint, Signed, pruned};
use super::export::{Head, Line, Reader, Record, Unreadable};
use super::fault::{Fault, Unsaid};
use super::frontier::Frontier;
use super::hash::{Hash, leaf_hash};
use super::key::VerifierKey;

/// An export in which no fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last checkpoint in it. A later export can be held against it.
    pub checkpoint: Checkpoint,
    /// How many records were pruned, and are not in it: the number of the first that is.
    pub start: u64,
    /// Whether a signed note says that those were let go. Without, the export was asked for from
    /// there on.
    pub is_pruned: bool,
    /// How many records are in it.
    pub records: u64,
    /// How many of them are covered by a checkpoint: one in it, or one from elsewhere.
    pub covered: u64,
    /// How many checkpoints are in it.
    pub checkpoints: u64,
    /// How many of the checkpoints from elsewhere it was held against.
    pub known_held: u64,
    /// Signatures in it by keys that are not known. They say nothing, and nothing covers them.
    pub unknown_signatures: u64,
}

impl Verified {
    /// How many of its last records no checkpoint covers yet: whoever wrote the export could have
    /// written them as they liked.
    pub fn uncovered(&self) -> u64 {
        self.records - self.covered
    }
}

/// Judges an export by the keys that may sign for the log, and by checkpoints of the log that are
/// known from elsewhere, as from a witness or an earlier export, and are believed. Only by such a
/// one can be found that an export is as old as it is: that its end was cut off at a checkpoint.
/// Known checkpoints over fewer records than were pruned cannot be held against it, and are left
/// out of [`Verified::known_held`]. It must begin with the first record, or with the first that was
/// not let go, as a signed note in it says.
///
/// # Errors
///
/// The first fault.
pub fn verify(
    export: impl BufRead,
    keys: &[VerifierKey],
    known: &[Checkpoint],
) -> Result<Verified, Fault> {
    verify_from(export, keys, known, 0)
}

/// The same, of an export that may begin with this record, because it was asked for from there on.
///
/// # Errors
///
/// The first fault.
pub fn verify_from(
    export: impl BufRead,
    keys: &[VerifierKey],
    known: &[Checkpoint],
    from: u64,
) -> Result<Verified, Fault> {
    let mut lines = Reader::new(export);
    let head = lines.head().map_err(Fault::Head)?;
    let is_pruned = was_pruned(&head, keys, from)
        .map_err(|why| Fault::Beginning { start: head.frontier.size(), why })?;
    let mut judge = Judge::new(head.origin, head.frontier, keys, known)?;
    judge.is_pruned = is_pruned;
    judge.meet_known()?;
    loop {
        match lines.next_line() {
            Ok(None) => return judge.finish(),
            Ok(Some(Line::Record(record))) => judge.record(record)?,
            Ok(Some(Line::Checkpoint(note))) => judge.checkpoint(&note)?,
            Err(why) => return Err(judge.unreadable(lines.lines(), why)),
        }
    }
}

/// Whether the records before the first one were let go, which a note must say, or else it begins
/// where it should.
fn was_pruned(head: &Head, keys: &[VerifierKey], from: u64) -> Result<bool, Unsaid> {
    let start = head.frontier.size();
    let Some(note) = &head.pruned else {
        return if start == from { Ok(false) } else { Err(Unsaid::Nothing) };
    };
    let Signed { checkpoint, unknown } = Checkpoint::open(note, keys)?;
    let is_of_log = checkpoint.origin == pruned(&head.origin) && unknown == 0;
    let is_of_records = checkpoint.size == start && checkpoint.root == head.frontier.root();
    if is_of_log && is_of_records { Ok(true) } else { Err(Unsaid::Other) }
}

/// What has been seen of an export.
struct Judge<'a> {
    origin: String,
    start: u64,
    is_pruned: bool,
    tree: Frontier,
    /// The size of the last checkpoint that held.
    held: u64,
    keys: &'a [VerifierKey],
    /// Checkpoints from elsewhere that are to come, by their size.
    known: std::iter::Peekable<std::vec::IntoIter<&'a Checkpoint>>,
    known_held: u64,
    last: Option<Checkpoint>,
    checkpoints: u64,
    unknown_signatures: u64,
}

impl<'a> Judge<'a> {
    fn new(
        origin: String,
        tree: Frontier,
        keys: &'a [VerifierKey],
        known: &'a [Checkpoint],
    ) -> Result<Self, Fault> {
        if let Some(other) = known.iter().find(|known| known.origin != origin) {
            return Err(Fault::OtherLog { origin, found: other.origin.clone() });
        }
        let start = tree.size();
        let mut known: Vec<_> = known.iter().filter(|known| known.size >= start).collect();
        known.sort_by_key(|known| known.size);
        Ok(Self {
            origin,
            start,
            is_pruned: false,
            tree,
            held: start,
            keys,
            known: known.into_iter().peekable(),
            known_held: 0,
            last: None,
            checkpoints: 0,
            unknown_signatures: 0,
        })
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        let seq = self.tree.size();
        if record.seq != seq {
            return Err(Fault::Order { seq, found: record.seq });
        }
        let leaf = leaf_hash(record.text.as_bytes());
        if leaf != record.leaf {
            return Err(Fault::Edited { seq });
        }
        self.tree.append(leaf);
        self.meet_known()
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), Fault> {
        let records = self.tree.size();
        let among = self.held..records;
        let Signed { checkpoint, unknown } = match Checkpoint::open(note, self.keys) {
            Ok(signed) => signed,
            Err(why) => return Err(Fault::Checkpoint { among, why }),
        };
        if checkpoint.origin != self.origin {
            let (origin, found) = (self.origin.clone(), checkpoint.origin);
            return Err(Fault::OtherLog { origin, found });
        }
        // A second one of the same size would be a line that could be taken away unseen.
        let is_repeated = self.last.as_ref().is_some_and(|last| last.size == checkpoint.size);
        if checkpoint.size != records || is_repeated {
            let size = checkpoint.size;
            let among = self.held..records.max(size);
            return Err(Fault::Misplaced { among, records, size });
        }
        self.meet(&checkpoint.root, false)?;
        self.checkpoints += 1;
        self.unknown_signatures += unknown as u64;
        self.last = Some(checkpoint);
        Ok(())
    }

    /// Holds the tree against the checkpoints from elsewhere that are of its size.
    fn meet_known(&mut self) -> Result<(), Fault> {
        let size = self.tree.size();
        while let Some(known) = self.known.next_if(|known| known.size == size) {
            self.meet(&known.root, true)?;
            self.known_held += 1;
        }
        Ok(())
    }

    fn meet(&mut self, root: &Hash, is_known: bool) -> Result<(), Fault> {
        let size = self.tree.size();
        if self.tree.root() != *root {
            return Err(Fault::Tree { among: self.held..size, is_known });
        }
        self.held = size;
        Ok(())
    }

    fn unreadable(&self, line: u64, why: Unreadable) -> Fault {
        Fault::Line { line, seq: self.tree.size(), why }
    }

    fn finish(mut self) -> Result<Verified, Fault> {
        let size = self.tree.size();
        if let Some(known) = self.known.next() {
            return Err(Fault::Missing { among: size..known.size });
        }
        let Some(checkpoint) = self.last else { return Err(Fault::NoCheckpoint) };
        Ok(Verified {
            checkpoint,
            start: self.start,
            is_pruned: self.is_pruned,
            records: size - self.start,
            covered: self.held - self.start,
            checkpoints: self.checkpoints,
            known_held: self.known_held,
            unknown_signatures: self.unknown_signatures,
        })
    }
}
