//! The statements on runs and their events. A transaction on a run locks its bound key, then its
//! conversation, then the run itself, each only where it has one; what it adds is its own, and
//! waits for nobody.
//!
//! Invariant: a run that has ended is not written any more, and gets no event.

use async_trait::async_trait;
use futures_util::future::try_join3;
use tokio_postgres::Row;

use super::columns::{get, long, parsed};
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use super::{callbacks, log, threads};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{BootId, RunId, ThreadId};
use crate::model::run::RunStatus;
use crate::store::failure::Damaged;
use crate::store::rows::{AdmitRows, Admitted, EndRows, EventsRow, Occupy, RunRow, RunsFilter};

/// See [`crate::store::rows::Rows::admit`].
pub(super) struct Admit<'a> {
    pub(super) rows: &'a AdmitRows,
}

#[async_trait]
impl Operation for Admit<'_> {
    type Output = Admitted;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Admitted>, Failure> {
        let AdmitRows { run, thread, binding, entries } = self.rows;
        // Admitted before, by a call whose answer was lost.
        if !insert(work, run).await? {
            return Ok(Verdict::Undo(Admitted::Kept));
        }
        if let Some(binding) = binding
            && let Some(bound) = threads::bind(work, binding, run.created_at).await?
        {
            return Ok(Verdict::Undo(Admitted::Bound(bound)));
        }
        let is_free = match thread {
            Some(Occupy::Open(thread)) => threads::put(work, thread).await.map(|()| true)?,
            Some(Occupy::Resume(id, version)) => {
                threads::occupy(work, id, *version, &run.id, run.created_at).await?
            }
            None => true,
        };
        if !is_free {
            return Ok(Verdict::Undo(Admitted::Busy));
        }
        log::append(work, entries).await?;
        Ok(Verdict::Keep(Admitted::Kept))
    }
}

/// Adds a run; whether it was not there before.
async fn insert(work: &Work<'_>, run: &RunRow) -> Result<bool, Failure> {
    let insert = "INSERT INTO runs (id, boot, workspace, subject, agent, thread_id, status, \
                  created_at, ended_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                  ON CONFLICT (id) DO NOTHING";
    let inserted = work
        .execute(
            insert,
            &[
                &run.id.as_str(),
                &run.boot.as_str(),
                &run.workspace,
                &run.subject,
                &run.agent,
                &run.thread_id.as_ref().map(ThreadId::as_str),
                &run.status.as_str(),
                &run.created_at.0,
                &run.ended_at.map(|at| at.0),
                &run.sealed,
            ],
        )
        .await?;
    Ok(inserted > 0)
}

/// See [`crate::store::rows::Rows::end`].
pub(super) struct End<'a> {
    pub(super) rows: &'a EndRows,
}

#[async_trait]
impl Operation for End<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let EndRows { run, events, thread, callback, frees_key, entries } = self.rows;
        if *frees_key {
            threads::free(work, &run.id).await?;
        }
        if let Some(thread) = thread {
            threads::put(work, thread).await?;
        }
        let update = "UPDATE runs SET status = $2, ended_at = $3, sealed = $4 \
                      WHERE id = $1 AND ended_at IS NULL";
        let ended_at = run.ended_at.map(|at| at.0);
        let update = work
            .execute(update, &[&run.id.as_str(), &run.status.as_str(), &ended_at, &run.sealed])
            .await?;
        if update == 0 {
            return Ok(Verdict::Undo(false));
        }
        let noted = async {
            match events {
                Some(events) => last_events(work, &run.id, events).await,
                None => Ok(()),
            }
        };
        let told = async {
            match callback {
                Some(callback) => callbacks::add(work, callback).await,
                None => Ok(()),
            }
        };
        try_join3(noted, told, log::append(work, entries)).await?;
        Ok(Verdict::Keep(true))
    }
}

async fn last_events(work: &Work<'_>, run: &RunId, events: &EventsRow) -> Result<(), Failure> {
    let insert = "INSERT INTO run_events (run_id, first, last, sealed) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (run_id, first) DO UPDATE SET last = excluded.last, \
                  sealed = excluded.sealed";
    let EventsRow { first, last, sealed } = events;
    work.execute(insert, &[&run.as_str(), &long(*first), &long(*last), sealed]).await?;
    Ok(())
}

/// Adds events of a run that goes on. The run is locked, so that it does not end meanwhile: whoever
/// ends it would not know of them.
pub(super) async fn note(pool: &Pool, run: &RunId, events: &EventsRow) -> Result<()> {
    let insert = "WITH going AS (SELECT id FROM runs WHERE id = $1 AND ended_at IS NULL \
                  FOR SHARE) INSERT INTO run_events (run_id, first, last, sealed) \
                  SELECT id, $2, $3, $4 FROM going ON CONFLICT (run_id, first) DO UPDATE SET \
                  last = excluded.last, sealed = excluded.sealed";
    let EventsRow { first, last, sealed } = events;
    pool.query(insert, &[&run.as_str(), &long(*first), &long(*last), sealed]).await?;
    Ok(())
}

/// Selects what [`row_of`] reads.
macro_rules! select_runs {
    ($condition:literal) => {
        concat!(
            "SELECT id, boot, workspace, subject, agent, thread_id, status, created_at, ",
            "ended_at, sealed FROM runs WHERE ",
            $condition
        )
    };
}

pub(super) async fn run(pool: &Pool, id: &RunId) -> Result<Option<RunRow>> {
    let rows = pool.query(select_runs!("id = $1"), &[&id.as_str()]).await?;
    rows.first().map(row_of).transpose()
}

pub(super) async fn runs(pool: &Pool, filter: &RunsFilter, limit: usize) -> Result<Vec<RunRow>> {
    // `run_~` is after every id; so the index is walked from where the page begins.
    let wanted = select_runs!(
        "workspace = $1 AND id < coalesce($2::text, 'run_~') \
         AND ($3::text IS NULL OR agent = $3) AND ($4::text IS NULL OR status = $4) \
         AND ($5::text IS NULL OR thread_id = $5) AND ($6::bigint IS NULL OR created_at > $6) \
         ORDER BY id DESC LIMIT $7"
    );
    let rows = pool
        .query(
            wanted,
            &[
                &filter.workspace,
                &filter.before.as_ref().map(RunId::as_str),
                &filter.agent,
                &filter.status.map(RunStatus::as_str),
                &filter.thread_id.as_ref().map(ThreadId::as_str),
                &filter.created_after.map(|at| at.0),
                &long(limit),
            ],
        )
        .await?;
    rows.iter().map(row_of).collect()
}

pub(super) async fn driven_by(pool: &Pool, boot: &BootId, limit: usize) -> Result<Vec<RunRow>> {
    let wanted = select_runs!("boot = $1 AND ended_at IS NULL ORDER BY id LIMIT $2");
    let rows = pool.query(wanted, &[&boot.as_str(), &long(limit)]).await?;
    rows.iter().map(row_of).collect()
}

fn row_of(row: &Row) -> Result<RunRow> {
    let thread_id: Option<&str> = get(row, 5)?;
    Ok(RunRow {
        id: parsed(row, 0, RunId::parse, "run id")?,
        boot: parsed(row, 1, BootId::parse, "boot id")?,
        workspace: get(row, 2)?,
        subject: get(row, 3)?,
        agent: get(row, 4)?,
        thread_id: thread_id
            .map(|id| ThreadId::parse(id).ok_or(Damaged("thread id")))
            .transpose()?,
        status: parsed(row, 6, RunStatus::parse, "status")?,
        created_at: Timestamp(get(row, 7)?),
        ended_at: get::<Option<i64>>(row, 8)?.map(Timestamp),
        sealed: get(row, 9)?,
    })
}

pub(super) async fn events(pool: &Pool, run: &RunId, after: u64) -> Result<Vec<EventsRow>> {
    let wanted = "SELECT first, last, sealed FROM run_events WHERE run_id = $1 AND last > $2 \
                  ORDER BY first";
    let mut found = Vec::new();
    for row in &pool.query(wanted, &[&run.as_str(), &long(after)]).await? {
        let place = |column| get::<i64>(row, column).map(i64::unsigned_abs);
        found.push(EventsRow { first: place(0)?, last: place(1)?, sealed: get(row, 2)? });
    }
    Ok(found)
}

pub(super) async fn cancel(pool: &Pool, run: &RunId, now: Timestamp) -> Result<bool> {
    let update = "UPDATE runs SET cancel_at = coalesce(cancel_at, $2) \
                  WHERE id = $1 AND ended_at IS NULL RETURNING 1";
    Ok(!pool.query(update, &[&run.as_str(), &now.0]).await?.is_empty())
}
