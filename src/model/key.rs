//! Keys: what callers that are programs carry. The secret itself is never kept, only its hash.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::{Ids, Timestamp};
use crate::model::scope::Scopes;

/// The id of a key, `key_…`. It stays when the secret is rotated.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// A new id.
    pub fn new(ids: &dyn Ids, now: Timestamp) -> Self {
        Self(format!("key_{}", ids.next(now).simple()))
    }

    /// Reads an id; none for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("key_")?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        ((1..=80).contains(&rest.len()) && rest.chars().all(is_word)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash of a secret: SHA-256, or HMAC-SHA-256 where there is a pepper.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// One of a key's secrets; while it is rotated, a key has two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySecret {
    /// Its hash.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to be valid before the key does: set when a newer one takes its place.
    pub expires_at: Option<Timestamp>,
}

/// A key as the gateway keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What people call it; unique in its workspace.
    pub name: String,
    /// The workspace that it is for.
    pub workspace: String,
    /// What it may be used for at all.
    pub scopes: Scopes,
    /// The groups that its holder is in.
    pub groups: Vec<String>,
    /// The agents that it is for: aliases, `<upstream>:<id>`, or `<upstream>:*`; none for all.
    pub agents: Option<Vec<String>>,
    /// The rate class, which limits may name.
    pub class: Option<String>,
    /// Its secrets, the newest first; one, or two while it is rotated.
    pub secrets: Vec<KeySecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to be valid; never where there is none.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}
