//! The keys of payloads. An erased one is overwritten in the file, and the log beside the file is
//! emptied, so that neither has it any more; a copy of the store that was made before has.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Failure, Sqlite, upkeep};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::payloads::PayloadKeys;

#[async_trait]
impl PayloadKeys for Sqlite {
    async fn key_or(&self, workspace: &str, new: Vec<u8>, now: Timestamp) -> Result<Vec<u8>> {
        let workspace = workspace.to_owned();
        self.writes.ask(move |file| key_or(file, &workspace, &new, now)).await
    }

    async fn key(&self, workspace: &str) -> Result<Option<Vec<u8>>> {
        let workspace = workspace.to_owned();
        self.reads.ask(move |file| key(file, &workspace)).await
    }

    async fn erase(&self, workspace: &str) -> Result<bool> {
        let workspace = workspace.to_owned();
        let erased = self.writes.ask(move |file| erase(file, &workspace)).await?;
        upkeep::empty_log(self.path.clone()).await?;
        Ok(erased)
    }
}

fn key_or(
    file: &Connection,
    workspace: &str,
    new: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    if let Some(kept) = key(file, workspace)? {
        return Ok(kept);
    }
    let insert = "INSERT INTO payload_keys (workspace, sealed, created_at) VALUES (?1, ?2, ?3)";
    file.execute(insert, params![workspace, new, now.0])?;
    Ok(new.to_vec())
}

fn key(file: &Connection, workspace: &str) -> Result<Option<Vec<u8>>, Failure> {
    let wanted = "SELECT sealed FROM payload_keys WHERE workspace = ?1";
    Ok(file.query_row(wanted, [workspace], |row| row.get(0)).optional()?)
}

fn erase(file: &Connection, workspace: &str) -> Result<bool, Failure> {
    file.pragma_update(None, "secure_delete", true)?;
    let delete = "DELETE FROM payload_keys WHERE workspace = ?1";
    let erased = file.execute(delete, [workspace]);
    file.pragma_update(None, "secure_delete", false)?;
    Ok(erased? > 0)
}
