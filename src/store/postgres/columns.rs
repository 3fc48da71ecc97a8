//! Columns in the model's words, and back. All statements of this engine use it.
//!
//! Invariant: what cannot be read is an error, never a default.

use tokio_postgres::{Error as DriverError, Row};

use super::cause::failed;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::amounts::Amounts;
use crate::model::key::{Key, KeyId, KeySecret, SecretHash};
use crate::model::micro::Micro;
use crate::store::failure::Damaged;
use crate::store::text;

/// A key with its secrets, the newest first, in three arrays.
macro_rules! select_keys {
    ($condition:literal) => {
        concat!(
            "SELECT id, workspace, name, scopes, group_names, agent_names, class, ",
            "created_at, expires_at, revoked_at, ",
            "ARRAY(SELECT hash FROM api_key_secrets WHERE key_id = id ORDER BY number DESC), ",
            "ARRAY(SELECT s.created_at FROM api_key_secrets s WHERE key_id = id ",
            "ORDER BY number DESC), ",
            "ARRAY(SELECT s.expires_at FROM api_key_secrets s WHERE key_id = id ",
            "ORDER BY number DESC) FROM api_keys WHERE ",
            $condition
        )
    };
}
pub(super) use select_keys;

/// Reads what `select_keys!` selects.
pub(super) fn keys(rows: &[Row]) -> Result<Vec<Key>> {
    rows.iter().map(key).collect()
}

fn key(row: &Row) -> Result<Key> {
    let hashes: Vec<Vec<u8>> = get(row, 10)?;
    let made: Vec<i64> = get(row, 11)?;
    let ends: Vec<Option<i64>> = get(row, 12)?;
    let mut secrets = Vec::with_capacity(hashes.len());
    for ((hash, made), ends) in hashes.into_iter().zip(made).zip(ends) {
        secrets.push(KeySecret {
            hash: SecretHash(hash.try_into().map_err(|_| Damaged("hash"))?),
            created_at: Timestamp(made),
            expires_at: ends.map(Timestamp),
        });
    }
    let agents: Option<&str> = get(row, 5)?;
    Ok(Key {
        id: KeyId::parse(get(row, 0)?).ok_or(Damaged("key id"))?,
        workspace: get(row, 1)?,
        name: get(row, 2)?,
        scopes: text::to_scopes(get(row, 3)?),
        groups: text::to_names(get(row, 4)?)?,
        agents: agents.map(text::to_names).transpose()?,
        class: get(row, 6)?,
        secrets,
        created_at: Timestamp(get(row, 7)?),
        expires_at: get::<Option<i64>>(row, 8)?.map(Timestamp),
        revoked_at: get::<Option<i64>>(row, 9)?.map(Timestamp),
    })
}

/// Four columns of amounts, from the one of this number.
pub(super) fn amounts(row: &Row, from: usize) -> Result<Amounts, DriverError> {
    Ok(Amounts {
        usd: Micro(row.try_get(from)?),
        tokens: row.try_get(from + 1)?,
        credits: Micro(row.try_get(from + 2)?),
        runs: row.try_get(from + 3)?,
    })
}

/// One column.
pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T> {
    row.try_get(column).map_err(|error| failed(&error))
}

/// One column that holds a word of ours, such as an id.
pub(super) fn parsed<T>(
    row: &Row,
    column: usize,
    parse: fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<T> {
    Ok(parse(get(row, column)?).ok_or(Damaged(what))?)
}

/// A number that the database counts in 64 bits with a sign; the greatest one for what is beyond.
pub(super) fn long(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
