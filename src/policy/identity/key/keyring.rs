//! All keys in memory, from the configuration and from the store. Identity asks [`KeyRing::find`]
//! for each request; a task calls [`KeyRing::refresh`] every 250 ms, by which a revocation is in
//! force on every node within a second.
//!
//! The ring holds as many keys as the operator has made, revoked ones included, so that a refusal
//! can be told from another in the log. A key takes about 900 bytes (`benches/keys`).
//!
//! Invariant: keys of the configuration always work; those of the store work only while the last
//! good refresh is not too long ago.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::form::{self, PREFIX};
use super::hash::Hasher;
use super::index::{Index, Slot, Source};
use super::refused::Refused;
use super::revoked_tokens::RevokedTokens;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::model::key::{Key, KeyId, KeySecret, SecretHash};
use crate::model::principal::{Identity, Principal, PrincipalKind};
use crate::store::{KeyChanges, Keys};

/// How long keys of the store work without it, where nothing else is said: long enough for a
/// database to change its master, short enough that a key revoked meanwhile does little harm.
pub const DEFAULT_STALE: Duration = Duration::from_secs(300);
/// A store that has not answered by then is given up and asked anew: a first load of many keys
/// takes less, a dead connection takes for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often expired tokens are looked for: the list is gone through as a whole.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// No refresh yet.
const NEVER: u64 = u64::MAX;

/// What a credential has led to.
#[derive(Clone, Debug)]
pub struct Found {
    /// The caller; the same one for every request with this key.
    pub principal: Principal,
    /// The key.
    pub key_id: KeyId,
}

/// What is behind the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Nothing but the configuration.
    Configuration,
    /// A store as well.
    Store {
        /// How long its keys work after the last good refresh.
        stale: Duration,
    },
}

/// What a refresh has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The store's version that the ring now has.
    pub version: u64,
    /// Keys that were new or other.
    pub keys: usize,
    /// Whether everything was read anew, because the store had gone back: it was restored from a
    /// copy, or is another one.
    pub was_reloaded: bool,
}

/// All keys in memory.
pub struct KeyRing {
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    backing: Backing,
    index: Index,
    tokens: RevokedTokens,
    writer: Mutex<Writer>,
    /// Monotonic microseconds when the last good refresh began.
    refreshed_at: AtomicU64,
}

/// What only changes look at.
#[derive(Default)]
struct Writer {
    version: u64,
    configured: Known,
    stored: Known,
    swept_at: Duration,
}

/// The secrets under which each key stands in the index.
type Known = HashMap<KeyId, SmallVec<[SecretHash; 2]>>;

impl KeyRing {
    /// An empty ring.
    pub fn new(hasher: Hasher, clock: Arc<dyn Clock>, backing: Backing) -> Self {
        Self {
            hasher,
            clock,
            backing,
            index: Index::new(),
            tokens: RevokedTokens::default(),
            writer: Mutex::default(),
            refreshed_at: AtomicU64::new(NEVER),
        }
    }

    /// Finds whose credential this is. Nothing is waited for but, for some nanoseconds, a change
    /// of the same shard; nothing is allocated.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn find(&self, credential: &str, now: Timestamp) -> Result<Arc<Found>, Refused> {
        if !form::is_readable(credential) {
            return Err(Refused::Unreadable);
        }
        if credential.starts_with(PREFIX) && form::parse(credential).is_err() {
            return Err(Refused::Mistyped);
        }
        self.find_hash(&self.hasher.candidates(credential), now)
    }

    /// Finds whose secret has one of these hashes, which all are looked up in any case.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn find_hash(&self, hashes: &[SecretHash], now: Timestamp) -> Result<Arc<Found>, Refused> {
        let (mut configured, mut stored) = (None, None);
        for hash in hashes {
            match self.index.find(hash, now) {
                Some(found) if found.source == Source::Configuration => configured = Some(found),
                Some(found) => stored = Some(found),
                None => {}
            }
        }
        match (configured, stored) {
            (Some(found), _) => found.verdict,
            // Without the store an unknown key may be a new one, and a revoked one is not told
            // from others.
            (None, _) if self.is_store_away() => Err(Refused::StoreAway),
            (None, Some(found)) => found.verdict,
            (None, None) => Err(Refused::Unknown),
        }
    }

    /// Whether a token was revoked before it expired, by its issuer's configured name and its
    /// `jti`.
    pub fn is_revoked(&self, issuer: &str, token_id: &str) -> bool {
        self.tokens.holds(issuer, token_id)
    }

    /// Whether there is a store and the last good refresh is too long ago, or has never been.
    pub fn is_store_away(&self) -> bool {
        match self.backing {
            Backing::Configuration => false,
            Backing::Store { stale } => self.store_age().is_none_or(|age| age > stale),
        }
    }

    /// How old what we know of the store is; none before the first good refresh.
    pub fn store_age(&self) -> Option<Duration> {
        match self.refreshed_at.load(Ordering::Acquire) {
            NEVER => None,
            at => Some(self.clock.monotonic().saturating_sub(Duration::from_micros(at))),
        }
    }

    /// Keys of the configuration, keys of the store, and revoked tokens.
    pub fn counts(&self) -> (usize, usize, usize) {
        let (configured, stored) = {
            let writer = self.writer.lock();
            (writer.configured.len(), writer.stored.len())
        };
        (configured, stored, self.tokens.len())
    }

    /// How credentials are hashed, for whoever makes keys.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Puts the keys of a configuration in the place of those of the one before.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` at `identity.keys[n]` where two keys have the same id or secret; nothing
    /// has changed then.
    pub fn configure(&self, keys: Vec<Key>) -> Result<()> {
        let (mut ids, mut hashes) = (HashSet::new(), HashSet::new());
        for (place, key) in keys.iter().enumerate() {
            let at = |message| Error::invalid(format!("identity.keys[{place}]"), message);
            if !ids.insert(&key.id) {
                return Err(at("has the workspace and name of another"));
            }
            if !key.secrets.iter().all(|secret| hashes.insert(secret.hash)) {
                return Err(at("has the hash of another"));
            }
        }
        let mut writer = self.writer.lock();
        self.replace(&mut writer.configured, keys, Source::Configuration);
        Ok(())
    }

    /// Asks the store what has changed and puts it in force. What is known stays as it is where
    /// the store fails.
    ///
    /// # Errors
    ///
    /// The store's own, and `PolicyUnavailable` where it has not answered in 10 seconds.
    pub async fn refresh(&self, store: &dyn Keys) -> Result<Refreshed> {
        let since = self.writer.lock().version;
        // What the store tells is at least as new as the moment it was asked.
        let (now, asked_at) = (self.clock.now(), self.clock.monotonic());
        let mut changes = ask(store, since, now).await?;
        let was_reloaded = changes.version < since;
        if was_reloaded {
            changes = ask(store, 0, now).await?;
        }
        let keys = changes.keys.len();
        let version = self.take(changes, was_reloaded, now, asked_at);
        Ok(Refreshed { version, keys, was_reloaded })
    }

    /// Puts changes in force, unless later ones are already. The version that is then known.
    fn take(&self, changes: KeyChanges, all: bool, now: Timestamp, at: Duration) -> u64 {
        let mut writer = self.writer.lock();
        if changes.version >= writer.version || all {
            writer.version = changes.version;
            if all {
                self.replace(&mut writer.stored, changes.keys, Source::Store);
            } else {
                let known = &mut writer.stored;
                changes.keys.into_iter().for_each(|key| self.put(known, key, Source::Store));
            }
        }
        // A token that was once revoked stays so, whatever becomes of the store.
        changes.revoked_tokens.into_iter().for_each(|token| self.tokens.add(token));
        if at.saturating_sub(writer.swept_at) >= SWEEP_EVERY {
            writer.swept_at = at;
            self.tokens.sweep(now);
        }
        let at = u64::try_from(at.as_micros()).unwrap_or(NEVER - 1);
        // Only here is it written, under the writer's lock.
        let before = self.refreshed_at.load(Ordering::Acquire);
        let latest = if before == NEVER { at } else { before.max(at) };
        self.refreshed_at.store(latest, Ordering::Release);
        writer.version
    }

    fn replace(&self, known: &mut Known, keys: Vec<Key>, source: Source) {
        let ids: HashSet<KeyId> = keys.iter().map(|key| key.id.clone()).collect();
        keys.into_iter().for_each(|key| self.put(known, key, source));
        known.retain(|id, hashes| {
            let stays = ids.contains(id);
            if !stays {
                hashes.iter().for_each(|hash| self.index.remove(hash, id));
            }
            stays
        });
    }

    fn put(&self, known: &mut Known, key: Key, source: Source) {
        let hashes: SmallVec<_> = key.secrets.iter().map(|secret| secret.hash).collect();
        let (expires_at, is_revoked) = (key.expires_at, key.revoked_at.is_some());
        let (key_id, secrets, principal) = principal(key);
        let found = Arc::new(Found { principal, key_id: key_id.clone() });
        for secret in secrets {
            let (hash, superseded_at, found) = (secret.hash, secret.expires_at, Arc::clone(&found));
            self.index.put(Slot { hash, superseded_at, expires_at, is_revoked, source, found });
        }
        if let Some(before) = known.insert(key_id, hashes.clone()) {
            let gone = before.iter().filter(|hash| !hashes.contains(hash));
            gone.for_each(|hash| self.index.remove(hash, &found.key_id));
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

async fn ask(store: &dyn Keys, since: u64, now: Timestamp) -> Result<KeyChanges> {
    let late = |_| Error::new(Kind::PolicyUnavailable, "the store of keys does not answer");
    tokio::time::timeout(PATIENCE, store.changes(since, now)).await.map_err(late)?
}

/// The caller that a key stands for; and what else is needed of the key.
fn principal(key: Key) -> (KeyId, Vec<KeySecret>, Principal) {
    let identity = Identity {
        workspace: key.workspace,
        subject: format!("key:{}", key.id),
        name: key.name,
        kind: PrincipalKind::Key,
        groups: key.groups,
        scopes: key.scopes,
        agents: key.agents,
        class: key.class,
    };
    (key.id, key.secrets, Principal::new(identity))
}

#[cfg(test)]
mod tests;
