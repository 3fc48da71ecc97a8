//! The grammar of an export: a log as a file that can be judged without the log. One JSON object a
//! line (NDJSON), in this order:
//!
//! 1. the head, `{"log":"<origin>","version":1,"start":0,"frontier":[]}`. Where the first records
//!    were pruned, `start` is how many, `frontier` their peaks in base64, largest first, and one
//!    more field, `"pruned":"<signed note>"`, says so: a note in the form of a checkpoint, of the
//!    name `<origin>/pruned`. An export that was asked for from a later record on has none;
//! 2. a line a record, `{"seq":12,"leaf":"<leaf hash>","record":<JSON object>}`, numbered
//!    without a gap from `start`. The record's bytes, as they stand there, are the leaf's data;
//! 3. a line a checkpoint, `{"checkpoint":"<signed note>"}`, directly behind the last record that it
//!    counts, so that the sizes grow from one to the next. A whole export ends with one.
//!
//! Invariant: every line has one spelling (no spaces outside of a record, one escape for each
//! character, one `\n` at its end) and anything else is refused: no byte can change unseen.

mod read;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{Line, Reader, Record, Unreadable};
pub use write::{WriteError, Writer};

use super::frontier::Frontier;
use super::hash::{from_text, to_text};

/// Bytes of a line, without its end: the reader's memory is bounded by it.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// The version of the grammar.
const VERSION: u64 = 1;
/// What the line of a record is written with. Between them are the number, the leaf hash and the
/// record.
const SEQ: &str = r#"{"seq":"#;
const LEAF: &str = r#","leaf":""#;
const RECORD: &str = r#"","record":"#;
const END: &str = "}";
/// What the line of a checkpoint begins with.
const CHECKPOINT: &str = r#"{"checkpoint":"#;

/// The first line: which log it is, and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log's origin, as its checkpoints name it.
    pub origin: String,
    /// The tree before the first record. It is empty for a whole log.
    pub frontier: Frontier,
    /// The signed note that the records in it were let go.
    pub pruned: Option<String>,
}

/// The head as it stands in its line; the order of the fields is that of the line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    log: String,
    version: u64,
    start: u64,
    frontier: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pruned: Option<String>,
}

/// A checkpoint as it stands in its line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

impl Head {
    fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&HeadLine {
            log: self.origin.clone(),
            version: VERSION,
            start: self.frontier.size(),
            frontier: self.frontier.peaks().iter().map(to_text).collect(),
            pruned: self.pruned.clone(),
        })
    }

    fn from_line(line: &[u8]) -> Option<Self> {
        let raw: HeadLine = serde_json::from_slice(line).ok()?;
        let peaks = raw.frontier.iter().map(|peak| from_text(peak.as_bytes()));
        let frontier = Frontier::restore(raw.start, peaks.collect::<Option<_>>()?)?;
        let head = Self { origin: raw.log, frontier, pruned: raw.pruned };
        is_spelt(line, head.to_line()).then_some(head)
    }
}

impl CheckpointLine {
    fn from_line(line: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(line).ok()?;
        is_spelt(line, serde_json::to_string(&read)).then_some(read)
    }
}

/// Whether a line is what we would have written: JSON has many spellings for one meaning.
fn is_spelt(line: &[u8], ours: Result<String, serde_json::Error>) -> bool {
    ours.is_ok_and(|ours| ours.as_bytes() == line)
}
