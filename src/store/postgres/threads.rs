//! The statements on conversations and bound keys. A transaction locks its bound key before its
//! conversation, and both before its run.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::{get, parsed};
use super::pool::{Failure, Pool};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{RunId, ThreadId};
use crate::store::failure::Damaged;
use crate::store::rows::{Binding, ThreadRow};
use crate::store::unavailable;

/// Binds a key where it is free or its binding has expired; else what it is bound to. Of several
/// that do so at once the others wait until the first has committed.
pub(super) async fn bind(
    work: &Work<'_>,
    binding: &Binding,
    now: Timestamp,
) -> Result<Option<Binding>, Failure> {
    let bind = "INSERT INTO bound_keys AS known (key, fingerprint, run_id, expires_at) \
                VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET \
                fingerprint = excluded.fingerprint, run_id = excluded.run_id, \
                expires_at = excluded.expires_at WHERE known.expires_at <= $5";
    let Binding { key, fingerprint, run_id, expires_at } = binding;
    let (key_bytes, fingerprint): (&[u8], &[u8]) = (key, fingerprint);
    let run_id = run_id.as_str();
    let values: [&(dyn ToSql + Sync); 5] =
        [&key_bytes, &fingerprint, &run_id, &expires_at.0, &now.0];
    if work.execute(bind, &values).await? > 0 {
        return Ok(None);
    }
    // The row is locked by now, although it was left as it is.
    let rows = work.query(BINDING, &[&key_bytes, &now.0]).await?;
    let bound = rows.first().map(|row| binding_of(row, key)).transpose();
    match bound.map_err(Failure::Refused)? {
        Some(bound) => Ok(Some(bound)),
        None => Err(Failure::Again(unavailable(Damaged("binding")))),
    }
}

const BINDING: &str = "SELECT fingerprint, run_id, expires_at FROM bound_keys \
                       WHERE key = $1 AND expires_at > $2";

pub(super) async fn binding(
    pool: &Pool,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Binding>> {
    let bytes: &[u8] = key;
    let rows = pool.query(BINDING, &[&bytes, &now.0]).await?;
    rows.first().map(|row| binding_of(row, key)).transpose()
}

fn binding_of(row: &Row, key: &[u8; 32]) -> Result<Binding> {
    let fingerprint = get::<&[u8]>(row, 0)?.try_into();
    Ok(Binding {
        key: *key,
        fingerprint: fingerprint.map_err(|_| Damaged("digest"))?,
        run_id: parsed(row, 1, RunId::parse, "run id")?,
        expires_at: Timestamp(get(row, 2)?),
    })
}

/// Frees the key that is bound to a run.
pub(super) async fn free(work: &Work<'_>, run: &RunId) -> Result<(), Failure> {
    work.execute("DELETE FROM bound_keys WHERE run_id = $1", &[&run.as_str()]).await?;
    Ok(())
}

/// Takes a conversation for a run, if it stands at this version and no run is at work in it.
pub(super) async fn occupy(
    work: &Work<'_>,
    id: &ThreadId,
    version: i64,
    run: &RunId,
    now: Timestamp,
) -> Result<bool, Failure> {
    let occupy = "UPDATE threads SET busy = $3, updated_at = $4 \
                  WHERE id = $1 AND version = $2 AND busy IS NULL";
    let (id, run) = (id.as_str(), run.as_str());
    Ok(work.execute(occupy, &[&id, &version, &run, &now.0]).await? > 0)
}

/// Writes a conversation, a new one or one that a run leaves.
pub(super) async fn put(work: &Work<'_>, thread: &ThreadRow) -> Result<(), Failure> {
    let put = "INSERT INTO threads (id, workspace, subject, version, busy, updated_at, sealed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
               workspace = excluded.workspace, subject = excluded.subject, \
               version = excluded.version, busy = excluded.busy, \
               updated_at = excluded.updated_at, sealed = excluded.sealed";
    work.execute(
        put,
        &[
            &thread.id.as_str(),
            &thread.workspace,
            &thread.subject,
            &thread.version,
            &thread.busy.as_ref().map(RunId::as_str),
            &thread.updated_at.0,
            &thread.sealed,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn thread(pool: &Pool, id: &ThreadId) -> Result<Option<ThreadRow>> {
    let wanted = "SELECT workspace, subject, version, busy, updated_at, sealed FROM threads \
                  WHERE id = $1";
    let rows = pool.query(wanted, &[&id.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let busy: Option<&str> = get(row, 3)?;
    Ok(Some(ThreadRow {
        id: id.clone(),
        workspace: get(row, 0)?,
        subject: get(row, 1)?,
        version: get(row, 2)?,
        busy: busy.map(|run| RunId::parse(run).ok_or(Damaged("run id"))).transpose()?,
        updated_at: Timestamp(get(row, 4)?),
        sealed: get(row, 5)?,
    }))
}
