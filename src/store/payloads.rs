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
    held: Cache<String, PayloadKey>,
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
        let held = Cache::builder().max_capacity(HELD).time_to_live(KEPT).build();
        Self { keys, sealer, held }
    }

    /// The key of a workspace, which gets one where it has none.
    pub async fn key_for(&self, workspace: &str, now: Timestamp) -> Result<PayloadKey> {
        // Many runs begin at once; one of them asks the store.
        let made = self.held.try_get_with_by_ref(workspace, self.made(workspace, now)).await;
        made.map_err(|error: Arc<Error>| (*error).clone())
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
