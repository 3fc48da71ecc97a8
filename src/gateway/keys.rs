//! Makes, reads, rotates and revokes keys, and revokes tokens: what operators do by the command
//! line and by the admin API alike.
//!
//! Invariant: a secret is shown once, by what made it, and kept nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::model::key::{Key, KeyId, KeySecret};
use crate::model::scope::{Scope, Scopes};
use crate::store::{self, RevokedToken};

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// The workspace that it is for.
    pub workspace: String,
    /// What it may be used for at all.
    pub scopes: Scopes,
    /// The groups that its holder is in.
    pub groups: Vec<String>,
    /// The agents that it is for; none for all.
    pub agents: Option<Vec<String>>,
    /// Its rate class.
    pub class: Option<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
    /// The hash of a secret of somebody else's making, `sha256:<hex>`, in place of a new one.
    pub hash: Option<String>,
}

/// Makes keys. Identity implements it, since it alone knows the form of a secret.
pub trait Mint: Send + Sync {
    /// A key with its secret; no secret where its hash was given. Errors name the field.
    fn make(&self, wanted: NewKey) -> Result<(Key, Option<String>)>;
    /// A key's next secret and its text, and until when the one before stays good.
    fn next_secret(&self, key: &Key, overlap: Duration) -> Result<(KeySecret, String, Timestamp)>;
}

/// A key as operators see it: never with its hash.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeyView {
    /// Its id.
    pub id: KeyId,
    /// Always `key`.
    pub object: KeyObject,
    /// What people call it.
    pub name: String,
    /// The workspace that it is for.
    pub workspace: String,
    /// What it may be used for at all.
    pub scopes: Vec<Scope>,
    /// The groups that its holder is in.
    pub groups: Vec<String>,
    /// The agents that it is for; null for all.
    pub agents: Option<Vec<String>>,
    /// Its rate class.
    pub class: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to be valid; null for never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; null while it is not.
    pub revoked_at: Option<Timestamp>,
    /// How many secrets it has: two while it is rotated.
    pub secrets: usize,
    /// Until when the secret before the newest is good; null where there is none.
    pub old_secret_until: Option<Timestamp>,
}

/// The word `key`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub enum KeyObject {
    /// The word.
    #[serde(rename = "key")]
    Key,
}

/// A key that was just made or rotated.
#[derive(Clone, Serialize, JsonSchema)]
pub struct MadeKey {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// Its secret: shown now, and never again. Null where it was made elsewhere.
    pub secret: Option<String>,
}

impl fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadeKey({})", self.key.id)
    }
}

impl From<&Key> for KeyView {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            object: KeyObject::Key,
            name: key.name.clone(),
            workspace: key.workspace.clone(),
            scopes: key.scopes.iter().collect(),
            groups: key.groups.clone(),
            agents: key.agents.clone(),
            class: key.class.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            secrets: key.secrets.len(),
            old_secret_until: key.secrets.get(1).and_then(|secret| secret.expires_at),
        }
    }
}

/// A page of keys.
#[derive(Debug)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<KeyView>,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<String>,
}

/// Does it: over a store, with or without a gateway beside it.
#[derive(Clone)]
pub struct KeyAdmin {
    /// Where keys are kept.
    pub store: Arc<dyn store::Keys>,
    /// What makes them.
    pub mint: Arc<dyn Mint>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl KeyAdmin {
    /// Makes a key.
    pub async fn create(&self, wanted: NewKey) -> Result<MadeKey> {
        let (key, secret) = self.mint.make(wanted)?;
        self.store.add(&key).await?;
        Ok(MadeKey { key: KeyView::from(&key), secret })
    }

    /// A page of keys, of one workspace or of all, in the order in which they were made.
    pub async fn list(
        &self,
        of: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<KeyPage> {
        let after = match after {
            Some(cursor) => Some(
                KeyId::parse(cursor)
                    .ok_or_else(|| Error::invalid("cursor", "not a cursor of this list"))?,
            ),
            None => None,
        };
        // One more than asked for tells whether there is a next page.
        let found = self.store.list(of, after.as_ref(), limit + 1).await?;
        let keys: Vec<KeyView> = found.iter().take(limit).map(KeyView::from).collect();
        let last = keys.last().map(|key| key.id.to_string());
        Ok(KeyPage { keys, next_cursor: last.filter(|_| found.len() > limit) })
    }

    /// One key.
    pub async fn get(&self, id: &str) -> Result<KeyView> {
        let key = self.store.get(&parse(id)?).await?;
        key.as_ref().map(KeyView::from).ok_or_else(no_such_key)
    }

    /// Gives a key a new secret; the one before stays good for `overlap`.
    pub async fn rotate(&self, id: &str, overlap: Duration) -> Result<MadeKey> {
        let id = parse(id)?;
        let key = self.store.get(&id).await?.ok_or_else(no_such_key)?;
        let (secret, text, until) = self.mint.next_secret(&key, overlap)?;
        let key = self.store.rotate(&id, secret, until, self.clock.now()).await?;
        Ok(MadeKey { key: KeyView::from(&key), secret: Some(text) })
    }

    /// Revokes a key, within a second on every node.
    pub async fn revoke(&self, id: &str) -> Result<KeyView> {
        let key = self.store.revoke(&parse(id)?, self.clock.now()).await?;
        Ok(KeyView::from(&key))
    }

    /// Revokes a token before it expires, within a second on every node.
    pub async fn revoke_token(&self, token: &RevokedToken) -> Result<()> {
        self.store.revoke_token(token, self.clock.now()).await
    }
}

impl fmt::Debug for KeyAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key administration]")
    }
}

fn parse(id: &str) -> Result<KeyId> {
    KeyId::parse(id).ok_or_else(no_such_key)
}

fn no_such_key() -> Error {
    Error::new(Kind::NotFound, "there is no such key in the store")
}
