//! The statements on runs, their events, conversations and bound keys. Each function is one
//! command, which the writer runs in a savepoint of its group, or a reader in one state of the
//! file.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Failure, callbacks, log};
use crate::clock::Timestamp;
use crate::model::ids::{BootId, RunId, ThreadId};
use crate::model::run::RunStatus;
use crate::store::failure::Damaged;
use crate::store::rows::{
    AdmitRows, Admitted, Binding, EndRows, EventsRow, Occupy, RunRow, RunsFilter, ThreadRow,
};

pub(super) fn admit(file: &Connection, rows: &AdmitRows) -> Result<Admitted, Failure> {
    let run = &rows.run;
    // Admitted before, by a call whose answer was lost.
    let known = "SELECT 1 FROM runs WHERE id = ?1";
    if file.prepare_cached(known)?.exists([run.id.as_str()])? {
        return Ok(Admitted::Kept);
    }
    // What refuses comes first: a command that answers `Ok` is not undone.
    if let Some(binding) = &rows.binding
        && let Some(bound) = binding_of(file, &binding.key, run.created_at)?
    {
        return Ok(Admitted::Bound(bound));
    }
    match &rows.thread {
        Some(Occupy::Open(thread)) => put_thread(file, thread)?,
        Some(Occupy::Resume(id, version)) => {
            let occupy = "UPDATE threads SET busy = ?3, updated_at = ?4 \
                          WHERE id = ?1 AND version = ?2 AND busy IS NULL";
            let values = params![id.as_str(), version, run.id.as_str(), run.created_at.0];
            if file.prepare_cached(occupy)?.execute(values)? == 0 {
                return Ok(Admitted::Busy);
            }
        }
        None => {}
    }
    if let Some(Binding { key, fingerprint, run_id, expires_at }) = &rows.binding {
        let insert = "INSERT OR REPLACE INTO bound_keys (key, fingerprint, run_id, expires_at) \
                      VALUES (?1, ?2, ?3, ?4)";
        let values = params![key, fingerprint, run_id.as_str(), expires_at.0];
        file.prepare_cached(insert)?.execute(values)?;
    }
    let insert = "INSERT INTO runs (id, boot, workspace, subject, agent, thread_id, status, \
                  created_at, ended_at, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    file.prepare_cached(insert)?.execute(params![
        run.id.as_str(),
        run.boot.as_str(),
        run.workspace,
        run.subject,
        run.agent,
        run.thread_id.as_ref().map(ThreadId::as_str),
        run.status.as_str(),
        run.created_at.0,
        run.ended_at.map(|at| at.0),
        run.sealed,
    ])?;
    log::append(file, &rows.entries)?;
    Ok(Admitted::Kept)
}

pub(super) fn end(file: &Connection, rows: &EndRows) -> Result<bool, Failure> {
    let run = &rows.run;
    let update = "UPDATE runs SET status = ?2, ended_at = ?3, sealed = ?4 \
                  WHERE id = ?1 AND ended_at IS NULL";
    let values =
        params![run.id.as_str(), run.status.as_str(), run.ended_at.map(|at| at.0), run.sealed];
    if file.prepare_cached(update)?.execute(values)? == 0 {
        return Ok(false);
    }
    if let Some(events) = &rows.events {
        last_events(file, &run.id, events)?;
    }
    if let Some(thread) = &rows.thread {
        put_thread(file, thread)?;
    }
    if let Some(callback) = &rows.callback {
        callbacks::add(file, callback)?;
    }
    if rows.frees_key {
        let free = "DELETE FROM bound_keys WHERE run_id = ?1";
        file.prepare_cached(free)?.execute([run.id.as_str()])?;
    }
    log::append(file, &rows.entries)?;
    Ok(true)
}

fn last_events(file: &Connection, run: &RunId, events: &EventsRow) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO run_events (run_id, first, last, sealed) \
                  VALUES (?1, ?2, ?3, ?4)";
    let EventsRow { first, last, sealed } = events;
    file.prepare_cached(insert)?.execute(params![run.as_str(), *first, *last, sealed])?;
    Ok(())
}

/// Adds events of a run that goes on. One that another life has ended keeps the end it was given.
pub(super) fn note(file: &Connection, run: &RunId, events: &EventsRow) -> Result<(), Failure> {
    let insert = "INSERT OR REPLACE INTO run_events (run_id, first, last, sealed) \
                  SELECT id, ?2, ?3, ?4 FROM runs WHERE id = ?1 AND ended_at IS NULL";
    let EventsRow { first, last, sealed } = events;
    file.prepare_cached(insert)?.execute(params![run.as_str(), *first, *last, sealed])?;
    Ok(())
}

const RUN: &str = "SELECT id, boot, workspace, subject, agent, thread_id, status, created_at, \
                   ended_at, sealed FROM runs WHERE ";

pub(super) fn run(file: &Connection, id: &RunId) -> Result<Option<RunRow>, Failure> {
    let mut wanted = file.prepare_cached(&[RUN, "id = ?1"].concat())?;
    wanted.query_row([id.as_str()], |row| Ok(run_of(row))).optional()?.transpose()
}

pub(super) fn runs(
    file: &Connection,
    filter: &RunsFilter,
    limit: usize,
) -> Result<Vec<RunRow>, Failure> {
    // `run_~` is after every id; so the index is walked from where the page begins.
    let wanted = "workspace = ?1 AND id < coalesce(?2, 'run_~') AND (?3 IS NULL OR agent = ?3) \
                  AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR thread_id = ?5) \
                  AND (?6 IS NULL OR created_at > ?6) ORDER BY id DESC LIMIT ?7";
    let mut wanted = file.prepare_cached(&[RUN, wanted].concat())?;
    let values = params![
        filter.workspace,
        filter.before.as_ref().map(RunId::as_str),
        filter.agent,
        filter.status.map(RunStatus::as_str),
        filter.thread_id.as_ref().map(ThreadId::as_str),
        filter.created_after.map(|at| at.0),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    collect(&mut wanted, values)
}

pub(super) fn driven_by(
    file: &Connection,
    boot: &BootId,
    limit: usize,
) -> Result<Vec<RunRow>, Failure> {
    let wanted = "boot = ?1 AND ended_at IS NULL ORDER BY id LIMIT ?2";
    let mut wanted = file.prepare_cached(&[RUN, wanted].concat())?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(&mut wanted, params![boot.as_str(), limit])
}

fn collect(
    wanted: &mut rusqlite::Statement<'_>,
    values: impl rusqlite::Params,
) -> Result<Vec<RunRow>, Failure> {
    let mut rows = wanted.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(run_of(row)?);
    }
    Ok(found)
}

fn run_of(row: &Row<'_>) -> Result<RunRow, Failure> {
    let (id, boot): (String, String) = (row.get(0)?, row.get(1)?);
    let thread_id: Option<String> = row.get(5)?;
    let status: String = row.get(6)?;
    Ok(RunRow {
        id: RunId::parse(&id).ok_or(Damaged("run id"))?,
        boot: BootId::parse(&boot).ok_or(Damaged("boot id"))?,
        workspace: row.get(2)?,
        subject: row.get(3)?,
        agent: row.get(4)?,
        thread_id: thread_id
            .map(|id| ThreadId::parse(&id).ok_or(Damaged("thread id")))
            .transpose()?,
        status: RunStatus::parse(&status).ok_or(Damaged("status"))?,
        created_at: Timestamp(row.get(7)?),
        ended_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        sealed: row.get(9)?,
    })
}

pub(super) fn events(
    file: &Connection,
    run: &RunId,
    after: u64,
) -> Result<Vec<EventsRow>, Failure> {
    let wanted = "SELECT first, last, sealed FROM run_events WHERE run_id = ?1 AND last > ?2 \
                  ORDER BY first";
    let mut wanted = file.prepare_cached(wanted)?;
    let row = |row: &Row<'_>| {
        Ok(EventsRow { first: row.get(0)?, last: row.get(1)?, sealed: row.get(2)? })
    };
    let found = wanted.query_map(params![run.as_str(), after], row)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn binding(
    file: &Connection,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Binding>, Failure> {
    binding_of(file, key, now)
}

fn binding_of(
    file: &Connection,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Binding>, Failure> {
    let wanted = "SELECT fingerprint, run_id, expires_at FROM bound_keys \
                  WHERE key = ?1 AND expires_at > ?2";
    let mut wanted = file.prepare_cached(wanted)?;
    let found = wanted.query_row(params![key, now.0], |row| {
        Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?, row.get(2)?))
    });
    let Some((fingerprint, run_id, expires_at)) = found.optional()? else { return Ok(None) };
    let run_id = RunId::parse(&run_id).ok_or(Damaged("run id"))?;
    let expires_at = Timestamp(expires_at);
    Ok(Some(Binding { key: *key, fingerprint, run_id, expires_at }))
}

pub(super) fn thread(file: &Connection, id: &ThreadId) -> Result<Option<ThreadRow>, Failure> {
    let wanted = "SELECT workspace, subject, version, busy, updated_at, sealed FROM threads \
                  WHERE id = ?1";
    let mut wanted = file.prepare_cached(wanted)?;
    let mut rows = wanted.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let busy: Option<String> = row.get(3)?;
    Ok(Some(ThreadRow {
        id: id.clone(),
        workspace: row.get(0)?,
        subject: row.get(1)?,
        version: row.get(2)?,
        busy: busy.map(|run| RunId::parse(&run).ok_or(Damaged("run id"))).transpose()?,
        updated_at: Timestamp(row.get(4)?),
        sealed: row.get(5)?,
    }))
}

fn put_thread(file: &Connection, thread: &ThreadRow) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO threads \
               (id, workspace, subject, version, busy, updated_at, sealed) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    file.prepare_cached(put)?.execute(params![
        thread.id.as_str(),
        thread.workspace,
        thread.subject,
        thread.version,
        thread.busy.as_ref().map(RunId::as_str),
        thread.updated_at.0,
        thread.sealed,
    ])?;
    Ok(())
}

pub(super) fn cancel(file: &Connection, run: &RunId, now: Timestamp) -> Result<bool, Failure> {
    let update = "UPDATE runs SET cancel_at = coalesce(cancel_at, ?2) \
                  WHERE id = ?1 AND ended_at IS NULL";
    Ok(file.prepare_cached(update)?.execute(params![run.as_str(), now.0])? > 0)
}

pub(super) fn prune(
    file: &Connection,
    before: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<u64, Failure> {
    let old = "SELECT id FROM runs WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2";
    let mut old = file.prepare_cached(old)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let old: Vec<String> =
        old.query_map([before.0, limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in &old {
        for delete in ["DELETE FROM run_events WHERE run_id = ?1", "DELETE FROM runs WHERE id = ?1"]
        {
            file.prepare_cached(delete)?.execute([id])?;
        }
    }
    // What is old besides runs. Callbacks that are over were made when their runs ended; one that
    // is still to be tried when its run is forgotten goes when it is over.
    for (delete, time) in [
        (
            "DELETE FROM bound_keys WHERE key IN (SELECT key FROM bound_keys \
             WHERE expires_at <= ?1 LIMIT ?2)",
            now,
        ),
        (
            "DELETE FROM threads WHERE id IN (SELECT id FROM threads \
             WHERE updated_at < ?1 AND busy IS NULL ORDER BY updated_at LIMIT ?2)",
            before,
        ),
        (
            "DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks \
             WHERE created_at < ?1 AND state <> 'pending' ORDER BY created_at LIMIT ?2)",
            before,
        ),
    ] {
        file.prepare_cached(delete)?.execute(params![time.0, limit])?;
    }
    Ok(old.len() as u64)
}

pub(super) fn bytes(file: &Connection) -> Result<u64, Failure> {
    let pages = |name: &str| file.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    // Pages that are free are used again before the file grows.
    let used = pages("page_count")?.saturating_sub(pages("freelist_count")?);
    Ok(used.saturating_mul(pages("page_size")?))
}
