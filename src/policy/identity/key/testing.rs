//! What the tests of keys share: a store in memory, and a request that is right.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::validate::KeyRequest;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::key::{Key, KeyId, KeySecret};
use crate::model::scope::Scope;
use crate::store::{KeyChanges, Keys, RevokedToken};

pub(super) fn request(name: &str) -> KeyRequest {
    KeyRequest {
        name: name.to_owned(),
        workspace: "acme".to_owned(),
        scopes: [Scope::RunsRead, Scope::RunsWrite].into_iter().collect(),
        ..KeyRequest::default()
    }
}

/// A store in memory. Every change has a version of its own.
#[derive(Default)]
pub(super) struct MemoryKeys(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    version: u64,
    keys: BTreeMap<KeyId, (u64, Key)>,
    tokens: Vec<(u64, RevokedToken)>,
    is_away: bool,
}

impl MemoryKeys {
    pub(super) fn go_away(&self, is_away: bool) {
        self.0.lock().is_away = is_away;
    }

    fn change(&self, id: &KeyId, change: impl FnOnce(&mut Key)) -> Result<Key> {
        let mut inner = self.0.lock();
        inner.version += 1;
        let version = inner.version;
        let missing = || Error::new(Kind::NotFound, "no such key");
        let (at, key) = inner.keys.get_mut(id).ok_or_else(missing)?;
        *at = version;
        change(key);
        Ok(key.clone())
    }
}

#[async_trait]
impl Keys for MemoryKeys {
    async fn add(&self, key: &Key) -> Result<()> {
        let mut inner = self.0.lock();
        inner.version += 1;
        let version = inner.version;
        inner.keys.insert(key.id.clone(), (version, key.clone()));
        Ok(())
    }

    async fn get(&self, id: &KeyId) -> Result<Option<Key>> {
        Ok(self.0.lock().keys.get(id).map(|(_, key)| key.clone()))
    }

    async fn list(&self, _: Option<&str>, _: Option<&KeyId>, limit: usize) -> Result<Vec<Key>> {
        Ok(self.0.lock().keys.values().take(limit).map(|(_, key)| key.clone()).collect())
    }

    async fn rotate(
        &self,
        id: &KeyId,
        secret: KeySecret,
        old_until: Timestamp,
        _: Timestamp,
    ) -> Result<Key> {
        self.change(id, |key| {
            key.secrets.truncate(1);
            key.secrets.iter_mut().for_each(|old| old.expires_at = Some(old_until));
            key.secrets.insert(0, secret);
        })
    }

    async fn revoke(&self, id: &KeyId, now: Timestamp) -> Result<Key> {
        self.change(id, |key| key.revoked_at = Some(now))
    }

    async fn revoke_token(&self, token: &RevokedToken, _: Timestamp) -> Result<()> {
        let mut inner = self.0.lock();
        inner.version += 1;
        let version = inner.version;
        inner.tokens.push((version, token.clone()));
        Ok(())
    }

    async fn changes(&self, since: u64, _: Timestamp) -> Result<KeyChanges> {
        let inner = self.0.lock();
        if inner.is_away {
            return Err(Error::new(Kind::Internal, "the store is away"));
        }
        let keys = inner.keys.values().filter(|(at, _)| *at > since);
        let tokens = inner.tokens.iter().filter(|(at, _)| *at > since);
        Ok(KeyChanges {
            version: inner.version,
            keys: keys.map(|(_, key)| key.clone()).collect(),
            revoked_tokens: tokens.map(|(_, token)| token.clone()).collect(),
        })
    }
}
