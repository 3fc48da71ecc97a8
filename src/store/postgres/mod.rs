//! The store of several nodes: a PostgreSQL server. Each write is one transaction, each read one
//! statement, over a few connections that come back by themselves.
//!
//! Invariant: transactions lock in one order, and so never wait for each other in a circle: the
//! version row of keys alone; or reservations with their claims, then accounts by their numbers;
//! or a bound key, then a conversation, then a run, then a callback, each of them at most once;
//! or the row of the audit's tree alone; or the key of a workspace's payloads alone; or the row of
//! an agent alone. Whatever locks several rows of these skips those that are
//! locked. Records that wait for their place are only added, which waits for nobody.

mod callbacks;
mod cause;
mod columns;
mod connect;
mod keys;
mod ledger;
mod lives;
mod log;
mod migrate;
mod payloads;
mod pool;
mod presets;
mod prune;
mod rows;
mod runs;
mod session;
mod standings;
mod threads;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use self::pool::Pool;
use super::meter::Meter;
use super::migrations::Migration;
use super::open::OpenError;
use super::{
    Account, Balance, Claim, Engine, KeyChanges, Keys, Ledger, Reserved, RevokedToken, forgotten,
};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::model::amounts::Amounts;
use crate::model::key::{Key, KeyId, KeySecret};
use crate::tasks::Tasks;

/// Every step of the schema.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("migrations/0001_keys_and_budgets.sql") },
    Migration { version: 2, sql: include_str!("migrations/0002_runs_and_audit.sql") },
    Migration { version: 3, sql: include_str!("migrations/0003_payload_keys.sql") },
    Migration { version: 4, sql: include_str!("migrations/0004_pruned.sql") },
    Migration { version: 5, sql: include_str!("migrations/0005_presets.sql") },
];

/// A server, with its connections.
pub(super) struct Postgres(Pool);

impl Postgres {
    /// Connects, and brings the schema up to date.
    pub(super) async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        meter: Meter,
    ) -> Result<Self, OpenError> {
        let server = connect::Server::parse(url)?;
        let mut session = server.connect(&tasks).await.map_err(cause::unusable)?;
        migrate::migrate(session.client(), MIGRATIONS, clock.now()).await?;
        Ok(Self(Pool::new(server, session, clock, tasks, meter)))
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn probe(&self, now: Timestamp) -> Result<()> {
        self.0.query("UPDATE store_probe SET probed_at = $1", &[&now.0]).await.map(|_| ())
    }

    async fn check(&self) -> Result<Vec<String>> {
        // The server looks after its own pages.
        self.0.query("SELECT 1", &[]).await.map(|_| Vec::new())
    }

    async fn backup(&self, _: &Path) -> Result<()> {
        Err(Error::new(Kind::NotSupported, "a PostgreSQL store is copied with `pg_dump`"))
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl Keys for Postgres {
    async fn add(&self, key: &Key) -> Result<()> {
        self.0.transact(&keys::Add { key }).await
    }

    async fn get(&self, id: &KeyId) -> Result<Option<Key>> {
        keys::get(&self.0, id).await
    }

    async fn list(
        &self,
        workspace: Option<&str>,
        after: Option<&KeyId>,
        limit: usize,
    ) -> Result<Vec<Key>> {
        keys::list(&self.0, workspace, after, limit).await
    }

    async fn rotate(
        &self,
        id: &KeyId,
        secret: KeySecret,
        old_until: Timestamp,
        _: Timestamp,
    ) -> Result<Key> {
        self.0.transact(&keys::Rotate { id, secret: &secret, old_until }).await
    }

    async fn revoke(&self, id: &KeyId, now: Timestamp) -> Result<Key> {
        self.0.transact(&keys::Revoke { id, now }).await
    }

    async fn revoke_token(&self, token: &RevokedToken, now: Timestamp) -> Result<()> {
        if token.expires_at <= forgotten(now) {
            return Ok(());
        }
        self.0.transact(&keys::RevokeToken { token, now }).await
    }

    async fn changes(&self, since: u64, now: Timestamp) -> Result<KeyChanges> {
        keys::changes(&self.0, since, now).await
    }
}

#[async_trait]
impl Ledger for Postgres {
    async fn reserve(
        &self,
        reservation: &str,
        claims: &[Claim],
        until: Timestamp,
        _: Timestamp,
    ) -> Result<Reserved> {
        if claims.is_empty() {
            return Ok(Reserved::Held);
        }
        self.0.transact(&ledger::Reserve { reservation, claims, until }).await
    }

    async fn raise(&self, reservation: &str, amounts: &Amounts, _: Timestamp) -> Result<Reserved> {
        self.0.transact(&ledger::Raise { reservation, amounts }).await
    }

    async fn settle(&self, reservation: &str, spent: &Amounts, _: Timestamp) -> Result<()> {
        self.0.transact(&ledger::Settle { reservation, spent }).await
    }

    async fn charge_overdue(&self, now: Timestamp) -> Result<u64> {
        let mut charged = 0;
        loop {
            let some = self.0.transact(&ledger::ChargeOverdue { now }).await?;
            charged += some;
            // A part of them at a time, so that reservations are not kept waiting.
            if some < ledger::CHARGED_AT_ONCE {
                return Ok(charged);
            }
        }
    }

    async fn balance(&self, account: &Account) -> Result<Balance> {
        ledger::balance(&self.0, account).await
    }

    async fn most_used(&self, budget: &str, now: Timestamp) -> Result<Amounts> {
        ledger::most_used(&self.0, budget, now).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64> {
        self.0.transact(&ledger::Prune { before }).await
    }
}
