//! The tamper-evident log: a Merkle tree over the audit's records (RFC 6962), signed checkpoints of
//! it, and what an outsider judges them by. The store keeps the records and the tiles; the
//! committer appends, signs and writes; an auditor verifies an export or a receipt alone.
//!
//! Invariant: plain and pure. Nothing here knows a file, a socket or a clock, and what is verified
//! is verified without trust in whoever stored it.

mod checkpoint;
mod export;
mod fault;
mod frontier;
mod hash;
mod key;
mod note;
mod proof;
mod proven;
mod receipt;
mod tile;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, CheckpointError, Signed, pruned};
pub use export::{Head, Line, MAX_LINE_BYTES, Reader, Record, Unreadable, WriteError, Writer};
pub use fault::{Fault, Unsaid};
pub use frontier::{Frontier, MAX_SIZE};
pub use hash::{HASH_BYTES, Hash, empty_root, from_text, leaf_hash, node_hash, to_text};
pub use key::{KeyError, SigningKey, VerifierKey};
pub use note::{MAX_NOTE_BYTES, MAX_SIGNATURES, NoteError};
pub use proof::Prover;
pub use proven::{TreeHead, continues, includes};
pub use receipt::{Receipt, ReceiptError};
pub use tile::{TILE_WIDTH, Tile, TileError, Tiles};
pub use tree::Tree;
pub use verify::{Verified, verify, verify_from};

#[cfg(test)]
mod tests;
