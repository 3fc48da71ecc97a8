//! The statements on callbacks. A transaction that locks a callback locks nothing after it, and
//! one that locks several skips those that are locked.
//!
//! Invariant: a callback that was claimed is given to nobody else before its claim ends; one that
//! was delivered stays so, whatever comes of a try that was slower.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::columns::{get, long, parsed};
use super::log;
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{CallbackId, RunId};
use crate::store::failure::Damaged;
use crate::store::log::Entry;
use crate::store::rows::{CallbackRow, CallbackState};

/// What [`row_of`] reads, in its order.
macro_rules! columns {
    () => {
        "c.id, c.run_id, c.workspace, c.state, c.attempts, c.due_at, c.created_at, c.last, c.sealed"
    };
}

/// Adds the callback of a run that ends.
pub(super) async fn add(work: &Work<'_>, row: &CallbackRow) -> Result<(), Failure> {
    let insert = "INSERT INTO callbacks (id, run_id, workspace, state, attempts, due_at, \
                  created_at, last, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    work.execute(
        insert,
        &[
            &row.id.as_str(),
            &row.run_id.as_str(),
            &row.workspace,
            &row.state.name(),
            &i64::from(row.attempts),
            &row.due_at.0,
            &row.created_at.0,
            &row.last,
            &row.sealed,
        ],
    )
    .await?;
    Ok(())
}

/// See [`crate::store::rows::Rows::claim`].
pub(super) struct Claim {
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<CallbackRow>;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Vec<CallbackRow>>, Failure> {
        let claim = concat!(
            "WITH due AS (SELECT id FROM callbacks WHERE state = 'pending' AND due_at <= $1 ",
            "AND claimed_until <= $1 ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) ",
            "UPDATE callbacks c SET claimed_until = $2 FROM due WHERE c.id = due.id RETURNING ",
            columns!()
        );
        let rows = work.query(claim, &[&self.now.0, &self.until.0, &long(self.limit)]).await?;
        let claimed = rows.iter().map(row_of).collect::<Result<Vec<_>>>();
        let mut claimed = claimed.map_err(Failure::Refused)?;
        claimed.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
        Ok(if claimed.is_empty() { Verdict::Undo(claimed) } else { Verdict::Keep(claimed) })
    }
}

/// See [`crate::store::rows::Rows::tried`].
pub(super) struct Tried<'a> {
    pub(super) row: &'a CallbackRow,
    pub(super) entries: &'a [Entry],
}

#[async_trait]
impl Operation for Tried<'_> {
    type Output = ();
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<()>, Failure> {
        let update = "UPDATE callbacks SET state = $2, attempts = $3, due_at = $4, last = $5, \
                      sealed = $6, claimed_until = 0 WHERE id = $1 AND state = 'pending'";
        let row = self.row;
        work.execute(
            update,
            &[
                &row.id.as_str(),
                &row.state.name(),
                &i64::from(row.attempts),
                &row.due_at.0,
                &row.last,
                &row.sealed,
            ],
        )
        .await?;
        log::append(work, self.entries).await?;
        Ok(Verdict::Keep(()))
    }
}

/// See [`crate::store::rows::Rows::resend`].
pub(super) struct Resend<'a> {
    pub(super) id: &'a CallbackId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for Resend<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let update = "UPDATE callbacks SET state = 'pending', attempts = 0, due_at = $2, \
                      claimed_until = 0 WHERE id = $1 AND state = 'dead'";
        let sent = work.execute(update, &[&self.id.as_str(), &self.now.0]).await? > 0;
        Ok(Verdict::Keep(sent))
    }
}

pub(super) async fn list(
    pool: &Pool,
    state: CallbackState,
    workspace: Option<&str>,
    before: Option<&CallbackId>,
    limit: usize,
) -> Result<Vec<CallbackRow>> {
    // `evt_~` is after every id; so the index is walked from where the page begins.
    let wanted = concat!(
        "SELECT ",
        columns!(),
        " FROM callbacks c WHERE c.state = $1 AND c.id < coalesce($3::text, 'evt_~') ",
        "AND ($2::text IS NULL OR c.workspace = $2) ORDER BY c.id DESC LIMIT $4"
    );
    let before = before.map(CallbackId::as_str);
    let rows = pool.query(wanted, &[&state.name(), &workspace, &before, &long(limit)]).await?;
    rows.iter().map(row_of).collect()
}

fn row_of(row: &Row) -> Result<CallbackRow> {
    let attempts = u32::try_from(get::<i64>(row, 4)?);
    Ok(CallbackRow {
        id: parsed(row, 0, CallbackId::parse, "callback id")?,
        run_id: parsed(row, 1, RunId::parse, "run id")?,
        workspace: get(row, 2)?,
        state: parsed(row, 3, CallbackState::parse, "state")?,
        attempts: attempts.map_err(|_| Damaged("count"))?,
        due_at: Timestamp(get(row, 5)?),
        created_at: Timestamp(get(row, 6)?),
        last: get(row, 7)?,
        sealed: get(row, 8)?,
    })
}
