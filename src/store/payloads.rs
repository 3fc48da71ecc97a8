//! Payloads of records: what was said in a run, sealed with a key of its workspace that stands in
//! the store, itself sealed. Who deletes that key erases what the records of the workspace say of
//! texts, while the log stays whole. The gateway seals; the command line opens and erases.
//!
//! Invariant: a payload opens only in the record that it was sealed for, and only while its
//! workspace has the key.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moka::future::Cache;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::seal::{KEY_BYTES, Sealer};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::ids::RecordId;

/// How long a process goes on with a key that another one may have erased: what it seals in the
/// meantime can never be opened.
const KEPT: Duration = Duration::from_secs(10);
/// Workspaces whose keys are held.
const HELD: u64 = 10_000;
/// What a payload is sealed as.
const NAME: &str = "payload";
/// What a key is sealed as.
const KEY_NAME: &str = "payload key";

/// The keys of workspaces, sealed.
#[async_trait]
pub trait PayloadKeys: Send + Sync {
    /// The key of a workspace; `new` becomes that where it has none.
    async fn key_or(&self, workspace: &str, new: Vec<u8>, now: Timestamp) -> Result<Vec<u8>>;
    /// The key of a workspace that has one.
    async fn key(&self, workspace: &str) -> Result<Option<Vec<u8>>>;
    /// Deletes the key of a workspace; whether it had one.
    async fn erase(&self, workspace: &str) -> Result<bool>;
}

/// Seals and opens payloads. Cheap to clone.
#[derive(Clone)]
pub struct Payloads {
    keys: Arc<dyn PayloadKeys>,
    sealer: Sealer,
    held: Cache<String, Held>,
}

/// A key that is held, and since when.
#[derive(Clone)]
struct Held {
    key: PayloadKey,
    since: Timestamp,
}

impl Held {
    /// Whether it may still be gone on with. Not where the clock went back, since nobody knows then
    /// how long it was held.
    fn is_good(&self, now: Timestamp) -> bool {
        let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        (0..kept).contains(&now.0.saturating_sub(self.since.0))
    }
}

/// The key of a workspace, opened.
#[derive(Clone, Debug)]
pub struct PayloadKey(Sealer);

impl PayloadKey {
    /// What a record has of this payload.
    pub fn seal(&self, record: &RecordId, text: &[u8]) -> Result<String> {
        Ok(STANDARD.encode(self.0.seal(NAME, record.as_str(), text)?))
    }
}

impl Payloads {
    /// Payloads whose keys this store has, sealed with the store's own.
    pub fn new(keys: Arc<dyn PayloadKeys>, sealer: Sealer) -> Self {
        Self { keys, sealer, held: Cache::new(HELD) }
    }

    /// The key of a workspace, which gets one where it has none.
    pub async fn key_for(&self, workspace: &str, now: Timestamp) -> Result<PayloadKey> {
        if self.held.get(workspace).await.is_some_and(|held| !held.is_good(now)) {
            self.held.invalidate(workspace).await;
        }
        // Many runs begin at once; one of them asks the store.
        let made = async { Ok(Held { key: self.made(workspace, now).await?, since: now }) };
        let held = self.held.try_get_with_by_ref(workspace, made).await;
        held.map(|held| held.key).map_err(|error: Arc<Error>| (*error).clone())
    }

    async fn made(&self, workspace: &str, now: Timestamp) -> Result<PayloadKey> {
        let mut new = Zeroizing::new([0; KEY_BYTES]);
        let filled = SystemRandom::new().fill(&mut *new);
        filled.map_err(|_| Error::new(Kind::Internal, "the machine gives no random bytes"))?;
        let sealed = self.sealer.seal(KEY_NAME, workspace, &*new)?;
        let kept = self.keys.key_or(workspace, sealed, now).await?;
        self.opened(workspace, &kept)
    }

    fn opened(&self, workspace: &str, sealed: &[u8]) -> Result<PayloadKey> {
        let key = Zeroizing::new(self.sealer.open(KEY_NAME, workspace, sealed)?);
        let wrong = |_| Error::new(Kind::Internal, "a key in the store has another length");
        let key: Zeroizing<[u8; KEY_BYTES]> =
            Zeroizing::new(key.as_slice().try_into().map_err(wrong)?);
        Ok(PayloadKey(Sealer::new(&key, &[])))
    }

    /// Opens the payload of a workspace's record; none where it was erased, or is no payload.
    pub async fn open(
        &self,
        workspace: &str,
        record: &RecordId,
        payload: &str,
    ) -> Result<Option<Vec<u8>>> {
        let Some(sealed) = self.keys.key(workspace).await? else { return Ok(None) };
        let Ok(payload) = STANDARD.decode(payload) else { return Ok(None) };
        let PayloadKey(sealer) = self.opened(workspace, &sealed)?;
        // What an earlier key sealed is erased, though the workspace has a key again.
        Ok(sealer.open(NAME, record.as_str(), &payload).ok())
    }

    /// Erases all payloads of a workspace; whether there were any to come.
    pub async fn erase(&self, workspace: &str) -> Result<bool> {
        self.held.invalidate(workspace).await;
        self.keys.erase(workspace).await
    }
}

impl std::fmt::Debug for Payloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[payloads]")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use parking_lot::Mutex;

    use super::*;
    use crate::clock::{Clock, ManualClock, RandomIds};

    /// The keys of a store that two processes share, and how often it was asked for one.
    #[derive(Default)]
    struct Shared {
        keys: Mutex<HashMap<String, Vec<u8>>>,
        asked: Mutex<usize>,
    }

    #[async_trait]
    impl PayloadKeys for Shared {
        async fn key_or(&self, workspace: &str, new: Vec<u8>, _: Timestamp) -> Result<Vec<u8>> {
            *self.asked.lock() += 1;
            Ok(self.keys.lock().entry(workspace.to_owned()).or_insert(new).clone())
        }

        async fn key(&self, workspace: &str) -> Result<Option<Vec<u8>>> {
            Ok(self.keys.lock().get(workspace).cloned())
        }

        async fn erase(&self, workspace: &str) -> Result<bool> {
            Ok(self.keys.lock().remove(workspace).is_some())
        }
    }

    #[tokio::test]
    async fn a_key_that_another_process_erased_is_gone_on_with_for_ten_seconds() {
        let shared = Arc::new(Shared::default());
        let process = || Payloads::new(Arc::clone(&shared) as _, Sealer::new(&[7; 32], &[]));
        let (gateway, command) = (process(), process());
        let clock = ManualClock::at(Timestamp(1_000_000_000));
        let record = RecordId::new(&RandomIds, clock.now());
        let opens = async || {
            let key = gateway.key_for("acme", clock.now()).await.unwrap();
            let sealed = key.seal(&record, b"Hello").unwrap();
            command.open("acme", &record, &sealed).await.unwrap().is_some()
        };
        assert!(opens().await);
        assert!(command.erase("acme").await.unwrap());
        // Nobody has told the gateway: what it seals in the meantime can never be opened.
        clock.advance(Duration::from_millis(9_999));
        assert!(!opens().await);
        assert_eq!(*shared.asked.lock(), 1);
        clock.advance(Duration::from_millis(1));
        assert!(opens().await);
        assert_eq!(*shared.asked.lock(), 2);
        // A clock that was set back makes no key last longer.
        let early = Timestamp(clock.now().0 - 1);
        gateway.key_for("acme", early).await.unwrap();
        assert_eq!(*shared.asked.lock(), 3);
    }
}
