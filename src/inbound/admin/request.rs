//! What operators send, read and checked: a new key, a rotation, a token to revoke. Called by
//! `handle.rs`.
//!
//! Invariant: unknown keys are refused with their path, like everywhere.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::gateway::keys::NewKey;
use crate::inbound::query::Query;
use crate::model::scope::Scope;
use crate::store::RevokedToken;

/// `POST /admin/keys`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewKey")]
pub struct KeyBody {
    /// What people call it; unique in its workspace.
    pub name: String,
    /// The workspace that it is for.
    pub workspace: String,
    /// What it may be used for at all.
    pub scopes: Vec<Scope>,
    /// The groups that its holder is in, for access policies.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The agents that it is for: aliases, `<upstream>:<id>` or `<upstream>:*`; all where it is
    /// left out.
    pub agents: Option<Vec<String>>,
    /// Its rate class, which limits and policies may name.
    pub class: Option<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
    /// The hash of a secret of somebody else's making, `sha256:<hex>`, in place of a new secret.
    pub hash: Option<String>,
}

impl KeyBody {
    /// The key that is wanted.
    pub fn wanted(self) -> Result<NewKey> {
        if self.scopes.is_empty() {
            return Err(Error::invalid("scopes", "must name at least one"));
        }
        if self.agents.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::invalid("agents", "must name at least one, or be left out for all"));
        }
        Ok(NewKey {
            name: self.name,
            workspace: self.workspace,
            scopes: self.scopes.into_iter().collect(),
            groups: self.groups,
            agents: self.agents,
            class: self.class,
            expires_at: self.expires_at,
            hash: self.hash,
        })
    }
}

/// `POST /admin/keys/{key_id}/rotate`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rotation")]
pub struct RotateBody {
    /// How long the secret before stays good, in seconds; a day where it is left out, at most
    /// thirty days.
    pub overlap_seconds: Option<u64>,
}

/// A day: long enough to change a secret in every workflow, short enough that nobody forgets.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// A month; two secrets are twice as many to lose.
const MOST_OVERLAP: u64 = 30 * 24 * 3600;

impl RotateBody {
    /// How long the secret before stays good.
    pub fn overlap(&self) -> Result<Duration> {
        match self.overlap_seconds {
            None => Ok(OVERLAP),
            Some(seconds) if seconds <= MOST_OVERLAP => Ok(Duration::from_secs(seconds)),
            Some(_) => {
                Err(Error::invalid("overlap_seconds", format!("must be at most {MOST_OVERLAP}")))
            }
        }
    }
}

/// `POST /admin/tokens/revoke`, and its answer.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TokenRevocation")]
pub struct TokenBody {
    /// The configured name of its issuer.
    pub issuer: String,
    /// Its `jti`.
    pub token_id: String,
    /// When it expires by itself; after that it need not be remembered.
    pub expires_at: Timestamp,
}

/// What names issuers and tokens; longer ones are none.
const MOST_NAME: usize = 256;

impl TokenBody {
    /// The token.
    pub fn token(self) -> Result<RevokedToken> {
        let Self { issuer, token_id, expires_at } = self;
        for (path, text) in [("issuer", &issuer), ("token_id", &token_id)] {
            if text.is_empty() || text.len() > MOST_NAME {
                return Err(Error::invalid(path, format!("must have 1 to {MOST_NAME} bytes")));
            }
        }
        Ok(RevokedToken { issuer, token_id, expires_at })
    }
}

/// The query of `GET /admin/keys`: workspace, cursor, limit.
pub fn list(query: Option<&str>) -> Result<(Option<String>, Option<String>, usize)> {
    let query = Query::read(query, &["workspace", "limit", "cursor"])?;
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=100).contains(limit));
    let limit = query.parsed("limit", "must be a number from 1 to 100", limit)?;
    let text = |name: &str| query.get(name).map(str::to_owned);
    Ok((text("workspace"), text("cursor"), limit.unwrap_or(20)))
}
