//! Receipts: that one record is in the log, to be handed to an outsider who holds the record and
//! trusts the log's key (c2sp.org/tlog-proof). It needs neither the log nor us.
//!
//! Invariant: what a receipt says is what its checkpoint's signature covers; a line of extra data,
//! which nothing covers, is passed over and never written.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError, whole_number};
use super::hash::{Hash, from_text, leaf_hash, to_text};
use super::key::VerifierKey;
use super::proven::includes;

/// The first line.
const VERSION: &str = "c2sp.org/tlog-proof@v1";
/// Hashes from the leaf to the root of the largest tree.
const MAX_PROOF: usize = 63;

/// A proof that a record is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The record's number.
    pub index: u64,
    /// From the leaf's sibling to the root's child.
    pub proof: Vec<Hash>,
    /// The signed note of the checkpoint whose tree it is.
    pub checkpoint: String,
}

/// Why a receipt is none, or does not show what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It has not the form of a receipt.
    #[error("this is not a receipt")]
    Form,
    /// Its checkpoint is not to be believed.
    #[error("the receipt's checkpoint does not hold: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// It is of another log.
    #[error("the receipt is of the log {origin:?}")]
    OtherLog {
        /// Which log its checkpoint is of.
        origin: String,
    },
    /// The proof does not lead from the record to the root.
    #[error("the receipt is not of this record, or was changed")]
    NotIncluded,
}

impl Receipt {
    /// Reads a receipt. Says nothing of whether it holds.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ReceiptError::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(VERSION) {
            return Err(ReceiptError::Form);
        }
        if let Some(extra) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            STANDARD.decode(extra).map_err(|_| ReceiptError::Form)?;
            lines.next();
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(whole_number).ok_or(ReceiptError::Form)?;
        // One more than can be, so that a longer one is told from the longest.
        let proof = lines.take(MAX_PROOF + 1).map(|line| from_text(line.as_bytes()));
        let proof = proof.collect::<Option<Vec<_>>>().ok_or(ReceiptError::Form)?;
        if proof.len() > MAX_PROOF {
            return Err(ReceiptError::Form);
        }
        Ok(Self { index, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Judges whether this record is in the log of this origin, by the log's keys, and gives the
    /// checkpoint that says so.
    ///
    /// # Errors
    ///
    /// Why it does not show that.
    pub fn verify(
        &self,
        record: &[u8],
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, keys)?.checkpoint;
        if checkpoint.origin != origin {
            return Err(ReceiptError::OtherLog { origin: checkpoint.origin });
        }
        let Checkpoint { size, root, .. } = &checkpoint;
        if !includes(*size, root, self.index, &leaf_hash(record), &self.proof) {
            return Err(ReceiptError::NotIncluded);
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}\nindex {}\n", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", to_text(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
