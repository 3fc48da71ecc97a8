//! Finds secrets by their hash. The ring puts keys in and asks it for each request.
//!
//! Secrets stand under a tag, which is a SipHash of their hash with a random key: where a look-up
//! goes, and how long it takes to get there, says nothing of any hash. Then all 32 bytes are
//! compared in constant time; where nothing stands under the tag, with those of nobody.
//!
//! There are many shards, each under its own lock, so that a reader waits at most for the change
//! of one secret, or now and then for the growth of one small shard.
//!
//! Invariant: a secret that is valid before and after a change is found during it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::sync::Arc;

use parking_lot::RwLock;
use smallvec::SmallVec;

use super::hash::same;
use super::keyring::Found;
use super::refused::Refused;
use crate::clock::Timestamp;
use crate::model::key::{KeyId, SecretHash};

/// With 100,000 secrets a shard has 400: it grows in some microseconds.
const SHARDS: usize = 256;

/// Where a key was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The configuration.
    Configuration,
    /// The store.
    Store,
}

/// A secret, and what is to be known to judge it.
pub(super) struct Slot {
    pub(super) hash: SecretHash,
    /// When a newer secret takes its place.
    pub(super) superseded_at: Option<Timestamp>,
    /// When its key expires.
    pub(super) expires_at: Option<Timestamp>,
    pub(super) is_revoked: bool,
    pub(super) source: Source,
    pub(super) found: Arc<Found>,
}

/// What a look-up has found.
pub(super) struct Match {
    pub(super) source: Source,
    pub(super) verdict: Result<Arc<Found>, Refused>,
}

/// Secrets whose tags are the same: but for a chance of one in many millions, one. Or one secret
/// that stands in configuration and store.
type Chain = SmallVec<[Slot; 1]>;
type Shard = HashMap<u64, Chain, BuildHasherDefault<AsItIs>>;

/// Secrets by their hash.
pub(super) struct Index {
    tags: RandomState,
    shards: [RwLock<Shard>; SHARDS],
    /// What is compared where nothing stands.
    nobody: SecretHash,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            tags: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            nobody: SecretHash([0; 32]),
        }
    }

    /// The secret of this hash, judged. A secret of the configuration comes before the same one of
    /// the store.
    pub(super) fn find(&self, hash: &SecretHash, now: Timestamp) -> Option<Match> {
        let (tag, shard) = self.place(hash)?;
        let shard = shard.read();
        let Some(chain) = shard.get(&tag) else {
            // An unknown secret costs the comparison too.
            black_box(same(&self.nobody, black_box(hash)));
            return None;
        };
        let mut matched: Option<&Slot> = None;
        for slot in chain {
            let is_first = matched.is_none() || slot.source == Source::Configuration;
            if same(&slot.hash, hash) && is_first {
                matched = Some(slot);
            }
        }
        matched.map(|slot| Match { source: slot.source, verdict: slot.judge(now) })
    }

    /// Puts a secret in, in the place of the same one of the same key.
    pub(super) fn put(&self, slot: Slot) {
        let Some((tag, shard)) = self.place(&slot.hash) else { return };
        let mut shard = shard.write();
        let chain = shard.entry(tag).or_default();
        match chain.iter_mut().find(|known| known.is_of(&slot.hash, &slot.found.key_id)) {
            Some(known) => *known = slot,
            None => chain.push(slot),
        }
    }

    /// Takes a secret of a key out.
    pub(super) fn remove(&self, hash: &SecretHash, key_id: &KeyId) {
        let Some((tag, shard)) = self.place(hash) else { return };
        let mut shard = shard.write();
        if let Some(chain) = shard.get_mut(&tag) {
            chain.retain(|known| !known.is_of(hash, key_id));
            if chain.is_empty() {
                shard.remove(&tag);
            }
        }
    }

    /// The tag of a hash and the shard of the tag; there always is one.
    fn place(&self, hash: &SecretHash) -> Option<(u64, &RwLock<Shard>)> {
        let tag = self.tags.hash_one(hash.0);
        // Not the lowest nor the highest bits: the map within the shard uses those.
        let shard = self.shards.get((tag >> 32) as usize % SHARDS)?;
        Some((tag, shard))
    }
}

impl Slot {
    fn judge(&self, now: Timestamp) -> Result<Arc<Found>, Refused> {
        let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if self.is_revoked {
            Err(Refused::Revoked)
        } else if is_over(self.expires_at) {
            Err(Refused::Expired)
        } else if is_over(self.superseded_at) {
            Err(Refused::Superseded)
        } else {
            Ok(Arc::clone(&self.found))
        }
    }

    fn is_of(&self, hash: &SecretHash, key_id: &KeyId) -> bool {
        same(&self.hash, hash) && self.found.key_id == *key_id
    }
}

/// Tags are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Tags come through `write_u64`; anything else is still hashed, if badly.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, tag: u64) {
        self.0 = tag;
    }
}
