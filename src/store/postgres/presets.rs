//! The statements on agents that the gateway keeps. Each locks its own row at most; what is done
//! over a version is a transaction, since it must not run twice.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::Postgres;
use super::columns::{get, long, parsed};
use super::pool::{Failure, Operation, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::AgentId;
use crate::store::presets::{PresetRow, PresetRows};

/// What [`row_of`] reads, in its order.
macro_rules! columns {
    () => {
        "id, upstream, workspace, version, created_at, updated_at, sealed"
    };
}

#[async_trait]
impl PresetRows for Postgres {
    async fn add_preset(&self, row: PresetRow) -> Result<()> {
        let insert = "INSERT INTO presets (id, upstream, workspace, version, created_at, \
                      updated_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                      ON CONFLICT DO NOTHING";
        self.0
            .query(
                insert,
                &[
                    &row.id.as_str(),
                    &row.upstream,
                    &row.workspace,
                    &row.version,
                    &row.created_at.0,
                    &row.updated_at.0,
                    &row.sealed,
                ],
            )
            .await?;
        Ok(())
    }

    async fn preset(&self, id: &AgentId) -> Result<Option<PresetRow>> {
        let wanted = concat!("SELECT ", columns!(), " FROM presets WHERE id = $1");
        let rows = self.0.query(wanted, &[&id.as_str()]).await?;
        rows.first().map(row_of).transpose()
    }

    async fn presets(
        &self,
        workspace: &str,
        upstream: &str,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Vec<PresetRow>> {
        let wanted = concat!(
            "SELECT ",
            columns!(),
            " FROM presets WHERE workspace = $1 AND upstream = $2 ",
            "AND id > coalesce($3::text, '') ORDER BY id LIMIT $4"
        );
        let after = after.map(AgentId::as_str);
        let rows = self.0.query(wanted, &[&workspace, &upstream, &after, &long(limit)]).await?;
        rows.iter().map(row_of).collect()
    }

    async fn replace_preset(&self, row: PresetRow, over: i64) -> Result<bool> {
        self.0.transact(&Replace { row: &row, over }).await
    }

    async fn remove_preset(&self, id: &AgentId, version: i64) -> Result<bool> {
        self.0.transact(&Remove { id, version }).await
    }
}

struct Replace<'a> {
    row: &'a PresetRow,
    over: i64,
}

#[async_trait]
impl Operation for Replace<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let update = "UPDATE presets SET version = $2 + 1, updated_at = $3, sealed = $4 \
                      WHERE id = $1 AND version = $2";
        let row = self.row;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&row.id.as_str(), &self.over, &row.updated_at.0, &row.sealed];
        Ok(Verdict::Keep(work.execute(update, &values).await? > 0))
    }
}

struct Remove<'a> {
    id: &'a AgentId,
    version: i64,
}

#[async_trait]
impl Operation for Remove<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let delete = "DELETE FROM presets WHERE id = $1 AND version = $2";
        let removed = work.execute(delete, &[&self.id.as_str(), &self.version]).await? > 0;
        Ok(Verdict::Keep(removed))
    }
}

fn row_of(row: &Row) -> Result<PresetRow> {
    Ok(PresetRow {
        id: parsed(row, 0, AgentId::parse, "agent id")?,
        upstream: get(row, 1)?,
        workspace: get(row, 2)?,
        version: get(row, 3)?,
        created_at: Timestamp(get(row, 4)?),
        updated_at: Timestamp(get(row, 5)?),
        sealed: get(row, 6)?,
    })
}
