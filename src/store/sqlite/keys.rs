//! The statements about keys and revoked tokens. The writer and the readers run these, inside
//! their transactions.
//!
//! Invariant: whatever is written carries the version of its transaction, which only grows, as
//! there is one writer at a time.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::Failure;
use crate::clock::Timestamp;
use crate::model::key::{Key, KeyId, KeySecret, SecretHash};
use crate::store::failure::{Damaged, key_exists, key_is_revoked, no_such_key};
use crate::store::{KeyChanges, RevokedToken, forgotten, text};

const COLUMNS: &str = "id, workspace, name, scopes, group_names, agent_names, class, created_at, \
                       expires_at, revoked_at";

pub(super) fn add(file: &Connection, key: &Key) -> Result<(), Failure> {
    let version = next_version(file)?;
    let insert = "INSERT INTO api_keys (id, workspace, name, scopes, group_names, agent_names, \
                  class, created_at, expires_at, revoked_at, version) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = params![
        key.id.as_str(),
        key.workspace,
        key.name,
        text::of_scopes(key.scopes),
        text::of_names(&key.groups),
        key.agents.as_deref().map(text::of_names),
        key.class,
        key.created_at.0,
        key.expires_at.map(|at| at.0),
        key.revoked_at.map(|at| at.0),
        version,
    ];
    file.prepare_cached(insert)?.execute(values).map_err(taken)?;
    for (secret, number) in key.secrets.iter().rev().zip(0..) {
        add_secret(file, &key.id, secret, number)?;
    }
    Ok(())
}

pub(super) fn get(file: &Connection, id: &KeyId) -> Result<Option<Key>, Failure> {
    let wanted = format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1");
    Ok(select(file, &wanted, &[&id.as_str()])?.pop())
}

pub(super) fn list(
    file: &Connection,
    workspace: Option<&str>,
    after: Option<&KeyId>,
    limit: usize,
) -> Result<Vec<Key>, Failure> {
    let after = after.map_or("", KeyId::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let only = if workspace.is_some() { "workspace = ?3" } else { "?3 IS NULL" };
    let wanted =
        format!("SELECT {COLUMNS} FROM api_keys WHERE {only} AND id > ?1 ORDER BY id LIMIT ?2");
    select(file, &wanted, &[&after, &limit, &workspace])
}

pub(super) fn rotate(
    file: &Connection,
    id: &KeyId,
    secret: &KeySecret,
    old_until: Timestamp,
) -> Result<Key, Failure> {
    living(file, id)?;
    let newest = "SELECT coalesce(max(number), -1) FROM api_key_secrets WHERE key_id = ?1";
    let newest: i64 = file.prepare_cached(newest)?.query_row([id.as_str()], |row| row.get(0))?;
    let drop_older = "DELETE FROM api_key_secrets WHERE key_id = ?1 AND number < ?2";
    file.prepare_cached(drop_older)?.execute(params![id.as_str(), newest])?;
    let end_newest = "UPDATE api_key_secrets SET expires_at = min(coalesce(expires_at, ?2), ?2) \
                      WHERE key_id = ?1";
    file.prepare_cached(end_newest)?.execute(params![id.as_str(), old_until.0])?;
    add_secret(file, id, secret, newest + 1)?;
    stamp(file, id)
}

pub(super) fn revoke(file: &Connection, id: &KeyId, now: Timestamp) -> Result<Key, Failure> {
    let key = get(file, id)?.ok_or_else(|| Failure::Refused(no_such_key()))?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let revoke = "UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1";
    file.prepare_cached(revoke)?.execute(params![id.as_str(), now.0])?;
    stamp(file, id)
}

pub(super) fn revoke_token(
    file: &Connection,
    token: &RevokedToken,
    now: Timestamp,
) -> Result<(), Failure> {
    let over = forgotten(now);
    if token.expires_at <= over {
        return Ok(());
    }
    let version = next_version(file)?;
    file.prepare_cached("DELETE FROM revoked_tokens WHERE expires_at <= ?1")?.execute([over.0])?;
    let insert = "INSERT INTO revoked_tokens (issuer, token_id, expires_at, version) \
                  VALUES (?1, ?2, ?3, ?4) ON CONFLICT (issuer, token_id) DO UPDATE SET \
                  expires_at = max(expires_at, excluded.expires_at), version = excluded.version";
    let values = params![token.issuer, token.token_id, token.expires_at.0, version];
    file.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

pub(super) fn changes(
    file: &Connection,
    since: u64,
    now: Timestamp,
) -> Result<KeyChanges, Failure> {
    let version: i64 =
        file.prepare_cached("SELECT version FROM key_version")?.query_row([], |row| row.get(0))?;
    let version = version.unsigned_abs();
    let since = match since {
        since if since == version => return Ok(KeyChanges { version, ..KeyChanges::default() }),
        // The file was restored from a backup.
        since if since > version => 0,
        since => i64::try_from(since).unwrap_or(0),
    };
    let wanted = format!("SELECT {COLUMNS} FROM api_keys WHERE version > ?1 ORDER BY id");
    let keys = select(file, &wanted, &[&since])?;
    let wanted = "SELECT issuer, token_id, expires_at FROM revoked_tokens \
                  WHERE version > ?1 AND expires_at > ?2 ORDER BY issuer, token_id";
    let token = |row: &Row<'_>| {
        Ok(RevokedToken {
            issuer: row.get(0)?,
            token_id: row.get(1)?,
            expires_at: Timestamp(row.get(2)?),
        })
    };
    let mut tokens = file.prepare_cached(wanted)?;
    let revoked_tokens =
        tokens.query_map([since, forgotten(now).0], token)?.collect::<Result<_, _>>()?;
    Ok(KeyChanges { version, keys, revoked_tokens })
}

fn next_version(file: &Connection) -> Result<i64, rusqlite::Error> {
    let raise = "UPDATE key_version SET version = version + 1 RETURNING version";
    file.prepare_cached(raise)?.query_row([], |row| row.get(0))
}

/// Marks a key as changed, and reads it.
fn stamp(file: &Connection, id: &KeyId) -> Result<Key, Failure> {
    let version = next_version(file)?;
    let stamp = "UPDATE api_keys SET version = ?2 WHERE id = ?1";
    file.prepare_cached(stamp)?.execute(params![id.as_str(), version])?;
    get(file, id)?.ok_or_else(|| Failure::Refused(no_such_key()))
}

fn living(file: &Connection, id: &KeyId) -> Result<(), Failure> {
    let revoked = "SELECT revoked_at IS NOT NULL FROM api_keys WHERE id = ?1";
    let revoked = file.prepare_cached(revoked)?.query_row([id.as_str()], |row| row.get(0));
    match revoked.optional()? {
        None => Err(Failure::Refused(no_such_key())),
        Some(true) => Err(Failure::Refused(key_is_revoked())),
        Some(false) => Ok(()),
    }
}

fn add_secret(
    file: &Connection,
    id: &KeyId,
    secret: &KeySecret,
    number: i64,
) -> Result<(), Failure> {
    let insert = "INSERT INTO api_key_secrets (hash, key_id, number, created_at, expires_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5)";
    let ends = secret.expires_at.map(|at| at.0);
    let values = params![secret.hash.0, id.as_str(), number, secret.created_at.0, ends];
    file.prepare_cached(insert)?.execute(values).map_err(taken)?;
    Ok(())
}

/// A name, id or secret that is another's is a refusal, not a failure.
fn taken(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => Failure::Refused(key_exists()),
        Some(_) | None => Failure::Engine(error),
    }
}

fn select(file: &Connection, wanted: &str, values: &[&dyn ToSql]) -> Result<Vec<Key>, Failure> {
    let mut statement = file.prepare_cached(wanted)?;
    let mut rows = statement.query(values)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key(file, row)?);
    }
    Ok(keys)
}

fn key(file: &Connection, row: &Row<'_>) -> Result<Key, Failure> {
    let id: String = row.get(0)?;
    let agents: Option<String> = row.get(5)?;
    let wanted = "SELECT hash, created_at, expires_at FROM api_key_secrets \
                  WHERE key_id = ?1 ORDER BY number DESC";
    let secret = |row: &Row<'_>| {
        Ok(KeySecret {
            hash: SecretHash(row.get(0)?),
            created_at: Timestamp(row.get(1)?),
            expires_at: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        })
    };
    let mut secrets = file.prepare_cached(wanted)?;
    let secrets = secrets.query_map([&id], secret)?.collect::<Result<_, _>>()?;
    Ok(Key {
        id: KeyId::parse(&id).ok_or(Damaged("key id"))?,
        workspace: row.get(1)?,
        name: row.get(2)?,
        scopes: text::to_scopes(&row.get::<_, String>(3)?),
        groups: text::to_names(&row.get::<_, String>(4)?)?,
        agents: agents.as_deref().map(text::to_names).transpose()?,
        class: row.get(6)?,
        secrets,
        created_at: Timestamp(row.get(7)?),
        expires_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        revoked_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
    })
}
