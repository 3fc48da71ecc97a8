//! The statements on callbacks.
//!
//! Invariant: a callback that was claimed is given to nobody else before its claim ends; one that
//! was delivered stays so, whatever comes of a try that was slower.

use rusqlite::{Connection, Row, params};

use super::{Failure, log};
use crate::clock::Timestamp;
use crate::model::ids::{CallbackId, RunId};
use crate::store::failure::Damaged;
use crate::store::log::Entry;
use crate::store::rows::{CallbackRow, CallbackState};

pub(super) fn add(file: &Connection, row: &CallbackRow) -> rusqlite::Result<()> {
    let insert = "INSERT INTO callbacks (id, run_id, workspace, state, attempts, due_at, \
                  created_at, last, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    file.prepare_cached(insert)?.execute(params![
        row.id.as_str(),
        row.run_id.as_str(),
        row.workspace,
        row.state.name(),
        row.attempts,
        row.due_at.0,
        row.created_at.0,
        row.last,
        row.sealed,
    ])?;
    Ok(())
}

const CALLBACK: &str = "SELECT id, run_id, workspace, state, attempts, due_at, created_at, last, \
                        sealed FROM callbacks WHERE ";

pub(super) fn claim(
    file: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<CallbackRow>, Failure> {
    let wanted = "state = 'pending' AND due_at <= ?1 AND claimed_until <= ?1 \
                  ORDER BY due_at, id LIMIT ?2";
    let mut wanted = file.prepare_cached(&[CALLBACK, wanted].concat())?;
    let due = collect(&mut wanted, params![now.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let claim = "UPDATE callbacks SET claimed_until = ?2 WHERE id = ?1";
    let mut claim = file.prepare_cached(claim)?;
    for row in &due {
        claim.execute(params![row.id.as_str(), until.0])?;
    }
    Ok(due)
}

pub(super) fn tried(
    file: &Connection,
    row: &CallbackRow,
    entries: &[Entry],
) -> Result<(), Failure> {
    let update = "UPDATE callbacks SET state = ?2, attempts = ?3, due_at = ?4, last = ?5, \
                  sealed = ?6, claimed_until = 0 WHERE id = ?1 AND state = 'pending'";
    file.prepare_cached(update)?.execute(params![
        row.id.as_str(),
        row.state.name(),
        row.attempts,
        row.due_at.0,
        row.last,
        row.sealed,
    ])?;
    log::append(file, entries)
}

pub(super) fn list(
    file: &Connection,
    state: CallbackState,
    workspace: Option<&str>,
    before: Option<&CallbackId>,
    limit: usize,
) -> Result<Vec<CallbackRow>, Failure> {
    // `evt_~` is after every id; so the index is walked from where the page begins.
    let wanted = "state = ?1 AND (?2 IS NULL OR workspace = ?2) AND id < coalesce(?3, 'evt_~') \
                  ORDER BY id DESC LIMIT ?4";
    let mut wanted = file.prepare_cached(&[CALLBACK, wanted].concat())?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(&mut wanted, params![state.name(), workspace, before.map(CallbackId::as_str), limit])
}

pub(super) fn resend(file: &Connection, id: &CallbackId, now: Timestamp) -> Result<bool, Failure> {
    let update = "UPDATE callbacks SET state = 'pending', attempts = 0, due_at = ?2, \
                  claimed_until = 0 WHERE id = ?1 AND state = 'dead'";
    Ok(file.prepare_cached(update)?.execute(params![id.as_str(), now.0])? > 0)
}

fn collect(
    wanted: &mut rusqlite::Statement<'_>,
    values: impl rusqlite::Params,
) -> Result<Vec<CallbackRow>, Failure> {
    let mut rows = wanted.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row_of(row)?);
    }
    Ok(found)
}

fn row_of(row: &Row<'_>) -> Result<CallbackRow, Failure> {
    let (id, run_id, state): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
    Ok(CallbackRow {
        id: CallbackId::parse(&id).ok_or(Damaged("callback id"))?,
        run_id: RunId::parse(&run_id).ok_or(Damaged("run id"))?,
        workspace: row.get(2)?,
        state: CallbackState::parse(&state).ok_or(Damaged("state"))?,
        attempts: row.get(4)?,
        due_at: Timestamp(row.get(5)?),
        created_at: Timestamp(row.get(6)?),
        last: row.get(7)?,
        sealed: row.get(8)?,
    })
}
