//! Writes an export. The store's reader calls it, record by record, in their order.
//!
//! Invariant: what was written is in the grammar. Whether it is true is not asked: a record that
//! was changed in the store is exported as it stands there, so that the verifier finds it.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::super::checkpoint::Checkpoint;
use super::super::hash::{Hash, to_text};
use super::{CheckpointLine, END, Head, LEAF, MAX_LINE_BYTES, RECORD, SEQ};

/// Writes the lines of an export.
pub struct Writer<W> {
    to: W,
    /// The number of the next record.
    next: u64,
    /// The size of the last checkpoint.
    checked: Option<u64>,
}

/// Why a line cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The destination failed.
    #[error("the export cannot be written")]
    Io(#[from] io::Error),
    /// A record is no object, has a line break between its values, or is too long for a line.
    #[error("record {seq} is not an object that fits into a line")]
    Record {
        /// The number of the record.
        seq: u64,
    },
    /// A checkpoint does not stand behind its last record, or is none.
    #[error("a checkpoint is not at its place behind {records} records")]
    Checkpoint {
        /// The size that it should be of.
        records: u64,
    },
    /// The origin cannot be written as JSON.
    #[error("the head of the export cannot be written")]
    Head,
}

impl<W: Write> Writer<W> {
    /// Begins an export.
    ///
    /// # Errors
    ///
    /// The destination fails.
    pub fn new(mut to: W, head: &Head) -> Result<Self, WriteError> {
        let line = head.to_line().map_err(|_| WriteError::Head)?;
        writeln!(to, "{line}")?;
        Ok(Self { to, next: head.frontier.size(), checked: None })
    }

    /// The number of the record that comes next; also the size of a checkpoint that may come now.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Writes the next record, with the leaf hash that the log has for it.
    ///
    /// # Errors
    ///
    /// It is no object, does not fit into a line, or the destination fails.
    pub fn record(&mut self, leaf: &Hash, record: &RawValue) -> Result<(), WriteError> {
        let (seq, record) = (self.next, record.get());
        let begin = format!("{SEQ}{seq}{LEAF}{}{RECORD}", to_text(leaf));
        let length = begin.len() + record.len() + END.len();
        if length > MAX_LINE_BYTES || record.contains('\n') || !record.starts_with('{') {
            return Err(WriteError::Record { seq });
        }
        for part in [&begin, record, END, "\n"] {
            self.to.write_all(part.as_bytes())?;
        }
        self.next += 1;
        Ok(())
    }

    /// Writes a checkpoint, a signed note, whose size is the number of the records so far, those
    /// before the start included.
    ///
    /// # Errors
    ///
    /// It is of another size, or of the same as the one before; the destination fails.
    pub fn checkpoint(&mut self, note: &str) -> Result<(), WriteError> {
        let records = self.next;
        // The text ends at the blank line; whose signature it is, the verifier asks.
        let text = note.rsplit_once("\n\n").map(|(text, _)| format!("{text}\n"));
        let checkpoint = text.and_then(|text| Checkpoint::parse(&text).ok());
        let is_at_place = checkpoint.is_some_and(|checkpoint| checkpoint.size == records);
        if !is_at_place || self.checked == Some(records) {
            return Err(WriteError::Checkpoint { records });
        }
        let line = serde_json::to_string(&CheckpointLine { checkpoint: note.to_owned() });
        let line = line.ok().filter(|line| line.len() <= MAX_LINE_BYTES);
        writeln!(self.to, "{}", line.ok_or(WriteError::Checkpoint { records })?)?;
        self.checked = Some(records);
        Ok(())
    }

    /// Ends the export and gives the destination back, flushed.
    ///
    /// # Errors
    ///
    /// The destination fails.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.to.flush()?;
        Ok(self.to)
    }
}
