//! Lets go of old records and says so: a signed note of how many there were and of the root of the
//! tree over them, in the form of a checkpoint and by the same key, under a name of its own. An
//! export that begins after them carries it, so that nobody can cut off the head of a log and call
//! it retention.
//!
//! Invariant: the note is in the store in the transaction that forgets what it is about.

use super::log::{Checkpoint, SigningKey, pruned};
use super::prove;
use crate::error::{Error, Kind, Result};
use crate::store::log::{FORGOTTEN_AT_ONCE, Log};

/// Forgets the records below this place, as far as they are signed, but never the last one; how
/// many there were.
///
/// # Errors
///
/// The store fails, or its tiles are not those of a tree.
pub async fn forget(log: &dyn Log, origin: &str, key: &SigningKey, below: u64) -> Result<u64> {
    let mut forgotten = 0;
    loop {
        let head = log.head().await?;
        let below = below.min(head.signed.saturating_sub(1));
        // A part of them at a time, so that other writes are not kept waiting.
        let below = below.min(head.first.saturating_add(FORGOTTEN_AT_ONCE));
        if below <= head.first {
            return Ok(forgotten);
        }
        let root = prove::frontier(log, below).await?.root();
        let said = Checkpoint { origin: pruned(origin), size: below, root, extensions: Vec::new() };
        let note = said.sign(&[key]).map_err(|cause| {
            Error::new(Kind::Internal, "what is forgotten cannot be signed").caused_by(cause)
        })?;
        let some = log.forget(below, &note).await?;
        // Another process is at it.
        if some == 0 {
            return Ok(forgotten);
        }
        forgotten += some;
    }
}
