//! What is wrong with an export: the first thing, and where it is. The verifier gives it, and an
//! auditor reads it.
//!
//! Invariant: a record is named where the export contradicts itself at that record; else the records
//! are named among which the fault is, and each of them may be the one. What comes before is proven
//! up to the last checkpoint that held, and no further.

use std::fmt;
use std::ops::Range;

use super::checkpoint::CheckpointError;
use super::export::Unreadable;

/// The first fault of an export. Printed, it is one sentence for an auditor.
#[derive(Debug)]
pub enum Fault {
    /// The export cannot be read at all.
    Head(Unreadable),
    /// A line cannot be read where this record should stand, or a checkpoint.
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// The record whose place it is.
        seq: u64,
        /// What is wrong with it.
        why: Unreadable,
    },
    /// A record has another number than its place.
    Order {
        /// The record whose place it is.
        seq: u64,
        /// The number that stands there.
        found: u64,
    },
    /// A record's bytes are not those that its leaf hash was made of.
    Edited {
        /// The record.
        seq: u64,
    },
    /// A checkpoint is unsigned, changed, or no checkpoint.
    Checkpoint {
        /// The records since the last checkpoint that held, up to this one.
        among: Range<u64>,
        /// What is wrong with it.
        why: CheckpointError,
    },
    /// A checkpoint does not stand behind the last record that it counts, so records are missing
    /// or too many, or it was moved.
    Misplaced {
        /// The records since the last checkpoint that held, those that may be missing included.
        among: Range<u64>,
        /// The number of records it stands behind.
        records: u64,
        /// The number of records it counts.
        size: u64,
    },
    /// A checkpoint is of another log than the export says it is.
    OtherLog {
        /// The log that the export names.
        origin: String,
        /// The log that the checkpoint names.
        found: String,
    },
    /// The tree over the records is not the one that was signed: records were changed and their
    /// leaf hashes made anew.
    Tree {
        /// The records since the last checkpoint that held.
        among: Range<u64>,
        /// Whether the checkpoint came from elsewhere, and is not in the export.
        is_known: bool,
    },
    /// A checkpoint from elsewhere counts more records than there are: the end was cut off, or it
    /// is the export of a state that was gone back to.
    Missing {
        /// The records that are missing.
        among: Range<u64>,
    },
    /// There is no checkpoint in it, so nobody answers for any of its records.
    NoCheckpoint,
    /// It begins later than it should, and not because the records before were let go.
    Beginning {
        /// The record that it begins with.
        start: u64,
        /// What is wrong with the note that should say so.
        why: Unsaid,
    },
}

/// Why nothing says that the first records of a log were let go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// There is no note.
    #[error("no signed note says that the records before it were let go")]
    Nothing,
    /// The note is none to be believed.
    #[error("the note that the records before it were let go does not hold: {0}")]
    Note(#[from] CheckpointError),
    /// The note is of another log, of other records or of another number of them.
    #[error("the note that records were let go is not about those before it")]
    Other,
}

impl Fault {
    /// The first bad record, where it can be known.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Line { seq, why, .. } => match why {
                Unreadable::NotACheckpoint => None,
                Unreadable::Io(_)
                | Unreadable::TooLong
                | Unreadable::Cut
                | Unreadable::NotAHead
                | Unreadable::NotARecord
                | Unreadable::Unknown => Some(*seq),
            },
            Self::Order { seq, .. } | Self::Edited { seq } => Some(*seq),
            Self::Missing { among } => Some(among.start),
            Self::Head(_)
            | Self::Checkpoint { .. }
            | Self::Misplaced { .. }
            | Self::OtherLog { .. }
            | Self::Tree { .. }
            | Self::NoCheckpoint
            | Self::Beginning { .. } => None,
        }
    }

    /// The records among which the first bad one is, as far as that can be said: those from the
    /// last checkpoint that held to the first that does not, or one alone.
    pub fn among(&self) -> Option<Range<u64>> {
        match self {
            Self::Checkpoint { among, .. }
            | Self::Misplaced { among, .. }
            | Self::Tree { among, .. }
            | Self::Missing { among } => Some(among.clone()),
            Self::Line { .. } | Self::Order { .. } | Self::Edited { .. } => {
                self.seq().map(|seq| seq..seq.saturating_add(1))
            }
            Self::Beginning { start, .. } => Some(0..*start),
            Self::Head(_) | Self::OtherLog { .. } | Self::NoCheckpoint => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(why) => write!(f, "The first line cannot be read: {why}."),
            Self::Line { line, seq, why } => {
                write!(f, "Line {line}, at the place of record {seq}, cannot be read: {why}.")
            }
            Self::Order { seq, found } => {
                write!(f, "Record {found} stands at the place of record {seq}.")
            }
            Self::Edited { seq } => {
                write!(f, "Record {seq} was changed: its leaf hash is that of other bytes.")
            }
            Self::Checkpoint { among, why } => {
                write!(f, "The checkpoint behind {} records does not hold: {why}", among.end)?;
                write!(f, ", which leaves {} without a signature.", Records(among))
            }
            Self::Misplaced { among, records, size } => {
                write!(f, "A checkpoint over {size} records stands behind {records}: ")?;
                write!(f, "some are missing, added or moved from {} on.", among.start)
            }
            Self::OtherLog { origin, found } => {
                write!(
                    f,
                    "This is said to be the log {origin:?}, but a checkpoint is of {found:?}."
                )
            }
            Self::Tree { among, is_known } => {
                let which = if *is_known { "known from elsewhere" } else { "in the export" };
                write!(f, "The checkpoint {which} over {} records has another root: ", among.end)?;
                write!(f, "something was changed in {}.", Records(among))
            }
            Self::Missing { among } => {
                write!(f, "A checkpoint known from elsewhere counts {} records, ", among.end)?;
                write!(f, "but the export ends before record {}.", among.start)
            }
            Self::Beginning { start, why } => {
                write!(f, "The export begins with record {start}, and {why}.")
            }
            Self::NoCheckpoint => {
                f.write_str("There is no checkpoint, so nothing answers for any of the records.")
            }
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Head(why) | Self::Line { why, .. } => Some(why),
            Self::Checkpoint { why, .. } => Some(why),
            Self::Beginning { why, .. } => Some(why),
            Self::Order { .. }
            | Self::Edited { .. }
            | Self::Misplaced { .. }
            | Self::OtherLog { .. }
            | Self::Tree { .. }
            | Self::Missing { .. }
            | Self::NoCheckpoint => None,
        }
    }
}

/// Records as an auditor counts them: the last one is named, not the one behind it.
struct Records<'a>(&'a Range<u64>);

impl fmt::Display for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.0;
        match end.saturating_sub(*start) {
            // It is the pruned ones that do not fit.
            0 => write!(f, "the records before {start}"),
            1 => write!(f, "record {start}"),
            _ => write!(f, "records {start} to {}", end - 1),
        }
    }
}
