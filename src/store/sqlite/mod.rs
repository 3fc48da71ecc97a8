//! The default store: one SQLite file. All writes go through one thread, which commits those that
//! wait as a group; reads go through threads of their own. Another process may use the same file.
//!
//! Invariant: a write is answered after the commit that holds it has reached the disk.

mod callbacks;
mod connect;
mod file;
mod keys;
mod ledger;
mod lives;
mod log;
mod migrate;
mod payloads;
mod presence;
mod presets;
mod queue;
mod reader;
mod rows;
mod runs;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::file::File;
use self::presence::Presence;
use self::queue::Queue;
use super::meter::Meter;
use super::migrations::Migration;
use super::open::OpenError;
use super::{
    Account, Balance, Claim, Engine, KeyChanges, Keys, Ledger, Reserved, RevokedToken, failure,
};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};
use crate::model::amounts::Amounts;
use crate::model::key::{Key, KeyId, KeySecret};

/// Every step of the schema.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("migrations/0001_keys_and_budgets.sql") },
    Migration { version: 2, sql: include_str!("migrations/0002_runs_and_audit.sql") },
    Migration { version: 3, sql: include_str!("migrations/0003_payload_keys.sql") },
    Migration { version: 4, sql: include_str!("migrations/0004_pruned.sql") },
    Migration { version: 5, sql: include_str!("migrations/0005_presets.sql") },
];

/// How a command ends that does not end well.
#[derive(Debug)]
enum Failure {
    /// It is refused, and undone; the others of its group are not concerned.
    Refused(Error),
    /// SQLite failed.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<failure::Damaged> for Failure {
    fn from(damaged: failure::Damaged) -> Self {
        Self::Refused(damaged.into())
    }
}

/// An open file.
pub(super) struct Sqlite {
    writes: Queue,
    reads: Queue,
    presence: Presence,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the file, which it makes where there is none, and brings its schema up to date.
    pub(super) async fn open(
        path: PathBuf,
        clock: Arc<dyn Clock>,
        meter: Meter,
    ) -> Result<Self, OpenError> {
        let writes = writer::start(File::to_write(path.clone()), clock, meter.clone()).await?;
        let reads = reader::start(&path, meter).map_err(OpenError::unusable)?;
        Ok(Self { writes, reads, presence: Presence::beside(&path), path })
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn probe(&self, now: Timestamp) -> Result<()> {
        let probe = "UPDATE store_probe SET probed_at = ?1";
        let write = self.writes.ask(move |file| Ok(file.execute(probe, [now.0])?));
        write.await.map(|_| ())
    }

    async fn check(&self) -> Result<Vec<String>> {
        self.reads.ask(upkeep::check).await
    }

    async fn backup(&self, to: &Path) -> Result<()> {
        upkeep::backup(self.path.clone(), to.to_owned()).await
    }

    async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

#[async_trait]
impl Keys for Sqlite {
    async fn add(&self, key: &Key) -> Result<()> {
        let key = key.clone();
        self.writes.ask(move |file| keys::add(file, &key)).await
    }

    async fn get(&self, id: &KeyId) -> Result<Option<Key>> {
        let id = id.clone();
        self.reads.ask(move |file| keys::get(file, &id)).await
    }

    async fn list(
        &self,
        workspace: Option<&str>,
        after: Option<&KeyId>,
        limit: usize,
    ) -> Result<Vec<Key>> {
        let (workspace, after) = (workspace.map(str::to_owned), after.cloned());
        let list = move |file: &_| keys::list(file, workspace.as_deref(), after.as_ref(), limit);
        self.reads.ask(list).await
    }

    async fn rotate(
        &self,
        id: &KeyId,
        secret: KeySecret,
        old_until: Timestamp,
        _: Timestamp,
    ) -> Result<Key> {
        let id = id.clone();
        self.writes.ask(move |file| keys::rotate(file, &id, &secret, old_until)).await
    }

    async fn revoke(&self, id: &KeyId, now: Timestamp) -> Result<Key> {
        let id = id.clone();
        self.writes.ask(move |file| keys::revoke(file, &id, now)).await
    }

    async fn revoke_token(&self, token: &RevokedToken, now: Timestamp) -> Result<()> {
        let token = token.clone();
        self.writes.ask(move |file| keys::revoke_token(file, &token, now)).await
    }

    async fn changes(&self, since: u64, now: Timestamp) -> Result<KeyChanges> {
        self.reads.ask(move |file| keys::changes(file, since, now)).await
    }
}

#[async_trait]
impl Ledger for Sqlite {
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
        let (reservation, claims) = (reservation.to_owned(), claims.to_vec());
        self.writes.ask(move |file| ledger::reserve(file, &reservation, &claims, until)).await
    }

    async fn raise(&self, reservation: &str, amounts: &Amounts, _: Timestamp) -> Result<Reserved> {
        let (reservation, amounts) = (reservation.to_owned(), *amounts);
        self.writes.ask(move |file| ledger::raise(file, &reservation, &amounts)).await
    }

    async fn settle(&self, reservation: &str, spent: &Amounts, _: Timestamp) -> Result<()> {
        let (reservation, spent) = (reservation.to_owned(), *spent);
        self.writes.ask(move |file| ledger::settle(file, &reservation, &spent)).await
    }

    async fn charge_overdue(&self, now: Timestamp) -> Result<u64> {
        let mut charged = 0;
        loop {
            let some = self.writes.ask(move |file| ledger::charge_overdue(file, now)).await?;
            charged += some;
            // A part of them at a time, so that reservations are not kept waiting.
            if some < ledger::CHARGED_AT_ONCE {
                return Ok(charged);
            }
        }
    }

    async fn balance(&self, account: &Account) -> Result<Balance> {
        let account = account.clone();
        self.reads.ask(move |file| ledger::balance(file, &account)).await
    }

    async fn most_used(&self, budget: &str, now: Timestamp) -> Result<Amounts> {
        let budget = budget.to_owned();
        self.reads.ask(move |file| ledger::most_used(file, &budget, now)).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64> {
        self.writes.ask(move |file| ledger::prune(file, before)).await
    }
}
