//! The keys of payloads. The server's vacuum takes an erased one out of its files; its archive and
//! its copies have their own retention.

use async_trait::async_trait;

use super::Postgres;
use super::columns::get;
use super::pool::{Failure, Operation, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::failure::Damaged;
use crate::store::payloads::PayloadKeys;

#[async_trait]
impl PayloadKeys for Postgres {
    async fn key_or(&self, workspace: &str, new: Vec<u8>, now: Timestamp) -> Result<Vec<u8>> {
        self.0.transact(&KeyOr { workspace, new: &new, now }).await
    }

    async fn key(&self, workspace: &str) -> Result<Option<Vec<u8>>> {
        let wanted = "SELECT sealed FROM payload_keys WHERE workspace = $1";
        let rows = self.0.query(wanted, &[&workspace]).await?;
        rows.first().map(|row| get(row, 0)).transpose()
    }

    async fn erase(&self, workspace: &str) -> Result<bool> {
        self.0.transact(&Erase { workspace }).await
    }
}

struct KeyOr<'a> {
    workspace: &'a str,
    new: &'a [u8],
    now: Timestamp,
}

#[async_trait]
impl Operation for KeyOr<'_> {
    type Output = Vec<u8>;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Vec<u8>>, Failure> {
        // Of two nodes that make one at once, both go on with the one that was kept.
        let insert = "INSERT INTO payload_keys (workspace, sealed, created_at) \
                      VALUES ($1, $2, $3) ON CONFLICT (workspace) DO UPDATE \
                      SET workspace = excluded.workspace RETURNING sealed";
        let rows = work.query(insert, &[&self.workspace, &self.new, &self.now.0]).await?;
        let kept = rows.first().ok_or(Damaged("key of payloads"))?;
        get(kept, 0).map(Verdict::Keep).map_err(Failure::Refused)
    }
}

struct Erase<'a> {
    workspace: &'a str,
}

#[async_trait]
impl Operation for Erase<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let delete = "DELETE FROM payload_keys WHERE workspace = $1";
        Ok(Verdict::Keep(work.execute(delete, &[&self.workspace]).await? > 0))
    }
}
