//! Tokens that were verified, so that a caller's next request costs a hash and no signature.
//! [`crate::policy::identity::issuer`] asks it first.
//!
//! Invariant: what it holds is bounded, found only by the whole token, and never believed
//! without being asked again whether it still holds.

use std::sync::Arc;

use moka::sync::Cache;
use ring::digest;

use super::verified::Verified;

/// Tokens that are kept, where nothing is said. A usual one takes less than 1 KiB, a large one
/// counts as several.
pub const CAPACITY: u64 = 10_000;

/// Verified tokens by the SHA-256 of their text.
#[derive(Debug)]
pub struct TokenCache(Cache<Hash, Arc<Verified>>);

/// The SHA-256 of a whole token.
pub type Hash = [u8; 32];

impl TokenCache {
    /// An empty cache for so many tokens.
    pub fn new(capacity: u64) -> Self {
        let weigher = |_: &Hash, verified: &Arc<Verified>| {
            u32::try_from(1 + verified.size() / 1024).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(capacity).weigher(weigher).build())
    }

    /// What was kept of the token with this hash.
    pub fn get(&self, hash: &Hash) -> Option<Arc<Verified>> {
        self.0.get(hash)
    }

    /// Keeps a token.
    pub fn put(&self, hash: Hash, verified: Arc<Verified>) {
        self.0.insert(hash, verified);
    }

    /// Forgets a token.
    pub fn forget(&self, hash: &Hash) {
        self.0.invalidate(hash);
    }

    /// How many it holds, once it has tidied up.
    pub fn len(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.entry_count()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The name under which a token is kept: no other token has it.
pub fn hash(token: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
