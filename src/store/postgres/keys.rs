//! The statements about keys and revoked tokens.
//!
//! Invariant: a transaction that writes raises the version row first and holds it until it has
//! committed, so versions become visible in their order, and whoever has seen one has missed none
//! before it.

use async_trait::async_trait;
use tokio_postgres::error::SqlState;

use super::columns::{self, get as column, select_keys};
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::key::{Key, KeyId, KeySecret};
use crate::store::failure::{key_exists, key_is_revoked, no_such_key};
use crate::store::{KeyChanges, RevokedToken, forgotten, text};

/// See [`crate::store::Keys::add`].
pub(super) struct Add<'a> {
    pub(super) key: &'a Key,
}

#[async_trait]
impl Operation for Add<'_> {
    type Output = ();
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<()>, Failure> {
        let key = self.key;
        let version = next_version(work).await?;
        let insert = "INSERT INTO api_keys (id, workspace, name, scopes, group_names, \
                      agent_names, class, created_at, expires_at, revoked_at, version) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        work.execute(
            insert,
            &[
                &key.id.as_str(),
                &key.workspace,
                &key.name,
                &text::of_scopes(key.scopes),
                &text::of_names(&key.groups),
                &key.agents.as_deref().map(text::of_names),
                &key.class,
                &key.created_at.0,
                &key.expires_at.map(|at| at.0),
                &key.revoked_at.map(|at| at.0),
                &version,
            ],
        )
        .await
        .map_err(taken)?;
        for (secret, number) in key.secrets.iter().rev().zip(0..) {
            add_secret(work, &key.id, secret, number).await?;
        }
        Ok(Verdict::Keep(()))
    }
}

/// See [`crate::store::Keys::rotate`].
pub(super) struct Rotate<'a> {
    pub(super) id: &'a KeyId,
    pub(super) secret: &'a KeySecret,
    pub(super) old_until: Timestamp,
}

#[async_trait]
impl Operation for Rotate<'_> {
    type Output = Key;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Key>, Failure> {
        let version = next_version(work).await?;
        let id = self.id.as_str();
        if find(work, self.id).await?.revoked_at.is_some() {
            return Err(Failure::Refused(key_is_revoked()));
        }
        let newest = "SELECT coalesce(max(number), -1) FROM api_key_secrets WHERE key_id = $1";
        let newest = work.query(newest, &[&id]).await?;
        let newest: i64 = newest.first().map_or(Ok(-1), |row| row.try_get(0))?;
        let drop_older = "DELETE FROM api_key_secrets WHERE key_id = $1 AND number < $2";
        work.execute(drop_older, &[&id, &newest]).await?;
        let end_newest =
            "UPDATE api_key_secrets SET expires_at = least(expires_at, $2) WHERE key_id = $1";
        work.execute(end_newest, &[&id, &self.old_until.0]).await?;
        add_secret(work, self.id, self.secret, newest + 1).await?;
        stamp(work, self.id, version).await.map(Verdict::Keep)
    }
}

/// See [`crate::store::Keys::revoke`].
pub(super) struct Revoke<'a> {
    pub(super) id: &'a KeyId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for Revoke<'_> {
    type Output = Key;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Key>, Failure> {
        let version = next_version(work).await?;
        let key = find(work, self.id).await?;
        if key.revoked_at.is_some() {
            return Ok(Verdict::Undo(key));
        }
        let revoke = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1";
        work.execute(revoke, &[&self.id.as_str(), &self.now.0]).await?;
        stamp(work, self.id, version).await.map(Verdict::Keep)
    }
}

/// See [`crate::store::Keys::revoke_token`].
pub(super) struct RevokeToken<'a> {
    pub(super) token: &'a RevokedToken,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for RevokeToken<'_> {
    type Output = ();
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<()>, Failure> {
        let version = next_version(work).await?;
        let forget = "DELETE FROM revoked_tokens WHERE expires_at <= $1";
        work.execute(forget, &[&forgotten(self.now).0]).await?;
        let insert = "INSERT INTO revoked_tokens AS known (issuer, token_id, expires_at, version) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, token_id) DO UPDATE SET \
                      expires_at = greatest(known.expires_at, excluded.expires_at), \
                      version = excluded.version";
        let RevokedToken { issuer, token_id, expires_at } = self.token;
        work.execute(insert, &[issuer, token_id, &expires_at.0, &version]).await?;
        Ok(Verdict::Keep(()))
    }
}

pub(super) async fn get(pool: &Pool, id: &KeyId) -> Result<Option<Key>> {
    let rows = pool.query(select_keys!("id = $1"), &[&id.as_str()]).await?;
    Ok(columns::keys(&rows)?.pop())
}

pub(super) async fn list(
    pool: &Pool,
    workspace: Option<&str>,
    after: Option<&KeyId>,
    limit: usize,
) -> Result<Vec<Key>> {
    let after = after.map_or("", KeyId::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match workspace {
        Some(workspace) => {
            let wanted = select_keys!("workspace = $3 AND id > $1 ORDER BY id LIMIT $2");
            pool.query(wanted, &[&after, &limit, &workspace]).await?
        }
        None => {
            let wanted = select_keys!("id > $1 ORDER BY id LIMIT $2");
            pool.query(wanted, &[&after, &limit]).await?
        }
    };
    columns::keys(&rows)
}

/// The version is read before what changed: what is written in between is told with this version,
/// and once more with its own.
pub(super) async fn changes(pool: &Pool, since: u64, now: Timestamp) -> Result<KeyChanges> {
    let rows = pool.query("SELECT version FROM key_version", &[]).await?;
    let version: i64 = rows.first().map_or(Ok(0), |row| column(row, 0))?;
    let version = version.unsigned_abs();
    let since = match since {
        since if since == version => return Ok(KeyChanges { version, ..KeyChanges::default() }),
        // The database was restored from a backup.
        since if since > version => 0,
        since => i64::try_from(since).unwrap_or(0),
    };
    let keys = pool.query(select_keys!("version > $1 ORDER BY id"), &[&since]).await?;
    let wanted = "SELECT issuer, token_id, expires_at FROM revoked_tokens \
                  WHERE version > $1 AND expires_at > $2 ORDER BY issuer, token_id";
    let mut revoked_tokens = Vec::new();
    for row in &pool.query(wanted, &[&since, &forgotten(now).0]).await? {
        revoked_tokens.push(RevokedToken {
            issuer: column(row, 0)?,
            token_id: column(row, 1)?,
            expires_at: Timestamp(column(row, 2)?),
        });
    }
    Ok(KeyChanges { version, keys: columns::keys(&keys)?, revoked_tokens })
}

async fn next_version(work: &Work<'_>) -> Result<i64, Failure> {
    let raise = "UPDATE key_version SET version = version + 1 RETURNING version";
    let rows = work.query(raise, &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

async fn find(work: &Work<'_>, id: &KeyId) -> Result<Key, Failure> {
    let rows = work.query(select_keys!("id = $1"), &[&id.as_str()]).await?;
    let key = columns::keys(&rows).map_err(Failure::Refused)?.pop();
    key.ok_or_else(|| Failure::Refused(no_such_key()))
}

/// Marks a key as changed, and reads it.
async fn stamp(work: &Work<'_>, id: &KeyId, version: i64) -> Result<Key, Failure> {
    let stamp = "UPDATE api_keys SET version = $2 WHERE id = $1";
    work.execute(stamp, &[&id.as_str(), &version]).await?;
    find(work, id).await
}

async fn add_secret(
    work: &Work<'_>,
    id: &KeyId,
    secret: &KeySecret,
    number: i64,
) -> Result<(), Failure> {
    let insert = "INSERT INTO api_key_secrets (hash, key_id, number, created_at, expires_at) \
                  VALUES ($1, $2, $3, $4, $5)";
    let ends = secret.expires_at.map(|at| at.0);
    let hash: &[u8] = &secret.hash.0;
    work.execute(insert, &[&hash, &id.as_str(), &number, &secret.created_at.0, &ends])
        .await
        .map_err(taken)?;
    Ok(())
}

/// A name, id or secret that is another's is a refusal, not a failure.
fn taken(error: tokio_postgres::Error) -> Failure {
    match error.code() {
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => Failure::Refused(key_exists()),
        Some(_) | None => error.into(),
    }
}
