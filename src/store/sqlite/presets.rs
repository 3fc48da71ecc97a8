//! The statements on agents that the gateway keeps.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::{Failure, Sqlite};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::AgentId;
use crate::store::failure::Damaged;
use crate::store::presets::{PresetRow, PresetRows};

#[async_trait]
impl PresetRows for Sqlite {
    async fn add_preset(&self, row: PresetRow) -> Result<()> {
        self.writes.ask(move |file| add(file, &row)).await
    }

    async fn preset(&self, id: &AgentId) -> Result<Option<PresetRow>> {
        let id = id.clone();
        self.reads.ask(move |file| get(file, &id)).await
    }

    async fn presets(
        &self,
        workspace: &str,
        upstream: &str,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Vec<PresetRow>> {
        let (workspace, upstream) = (workspace.to_owned(), upstream.to_owned());
        let after = after.cloned();
        let list = move |file: &_| list(file, &workspace, &upstream, after.as_ref(), limit);
        self.reads.ask(list).await
    }

    async fn replace_preset(&self, row: PresetRow, over: i64) -> Result<bool> {
        self.writes.ask(move |file| replace(file, &row, over)).await
    }

    async fn remove_preset(&self, id: &AgentId, version: i64) -> Result<bool> {
        let id = id.clone();
        self.writes.ask(move |file| remove(file, &id, version)).await
    }
}

const PRESET: &str =
    "SELECT id, upstream, workspace, version, created_at, updated_at, sealed FROM presets WHERE ";

fn add(file: &Connection, row: &PresetRow) -> Result<(), Failure> {
    let insert = "INSERT INTO presets (id, upstream, workspace, version, created_at, updated_at, \
                  sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    file.prepare_cached(insert)?.execute(params![
        row.id.as_str(),
        row.upstream,
        row.workspace,
        row.version,
        row.created_at.0,
        row.updated_at.0,
        row.sealed,
    ])?;
    Ok(())
}

fn get(file: &Connection, id: &AgentId) -> Result<Option<PresetRow>, Failure> {
    let mut wanted = file.prepare_cached(&[PRESET, "id = ?1"].concat())?;
    let mut rows = wanted.query([id.as_str()])?;
    rows.next()?.map(row_of).transpose()
}

fn list(
    file: &Connection,
    workspace: &str,
    upstream: &str,
    after: Option<&AgentId>,
    limit: usize,
) -> Result<Vec<PresetRow>, Failure> {
    let wanted = "workspace = ?1 AND upstream = ?2 AND id > coalesce(?3, '') ORDER BY id LIMIT ?4";
    let mut wanted = file.prepare_cached(&[PRESET, wanted].concat())?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = after.map(AgentId::as_str);
    let mut rows = wanted.query(params![workspace, upstream, after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row_of(row)?);
    }
    Ok(found)
}

fn replace(file: &Connection, row: &PresetRow, over: i64) -> Result<bool, Failure> {
    let update = "UPDATE presets SET version = ?2 + 1, updated_at = ?3, sealed = ?4 \
                  WHERE id = ?1 AND version = ?2";
    let values = params![row.id.as_str(), over, row.updated_at.0, row.sealed];
    Ok(file.prepare_cached(update)?.execute(values)? > 0)
}

fn remove(file: &Connection, id: &AgentId, version: i64) -> Result<bool, Failure> {
    let delete = "DELETE FROM presets WHERE id = ?1 AND version = ?2";
    Ok(file.prepare_cached(delete)?.execute(params![id.as_str(), version])? > 0)
}

fn row_of(row: &Row<'_>) -> Result<PresetRow, Failure> {
    let id: String = row.get(0)?;
    Ok(PresetRow {
        id: AgentId::parse(&id).ok_or(Damaged("agent id"))?,
        upstream: row.get(1)?,
        workspace: row.get(2)?,
        version: row.get(3)?,
        created_at: Timestamp(row.get(4)?),
        updated_at: Timestamp(row.get(5)?),
        sealed: row.get(6)?,
    })
}
