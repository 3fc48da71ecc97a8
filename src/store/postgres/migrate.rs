//! Brings the schema of the database up to date, when the store is opened.
//!
//! Invariant: all steps or none; of several nodes that start at once, one takes them and the
//! others wait for it.

use tokio_postgres::{Client, GenericClient};

use super::cause::unusable;
use crate::clock::Timestamp;
use crate::store::migrations::{Migration, pending};
use crate::store::open::OpenError;

/// The lock that nodes take it under; the number is arbitrary and must stay.
const LOCK: i64 = 0x7377_6974_6368;

/// Steps of large tables take long, and so does waiting for the node that takes them.
const PATIENCE: &str = "SET LOCAL statement_timeout = '50s'";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migrations (
    version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)";

/// Takes the steps of `all` that the database lacks.
pub(super) async fn migrate(
    client: &mut Client,
    all: &[Migration],
    now: Timestamp,
) -> Result<(), OpenError> {
    // A database that lacks nothing needs no right to change its schema.
    let found = version(client).await.map_err(unusable)?;
    if pending(all, found)?.is_empty() {
        return Ok(());
    }
    let transaction = client.transaction().await.map_err(unusable)?;
    let lock = async {
        transaction.batch_execute(PATIENCE).await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        // Another node may have taken them while this one waited.
        version(&transaction).await
    };
    let steps = pending(all, lock.await.map_err(unusable)?)?;
    let take = async {
        transaction.batch_execute(TABLE).await?;
        for step in steps {
            transaction.batch_execute(step.sql).await?;
            let note = "INSERT INTO store_migrations (version, applied_at) VALUES ($1, $2)";
            transaction.execute(note, &[&step.version, &now.0]).await?;
        }
        Ok::<(), tokio_postgres::Error>(())
    };
    take.await.map_err(unusable)?;
    transaction.commit().await.map_err(unusable)
}

async fn version(client: &impl GenericClient) -> Result<i64, tokio_postgres::Error> {
    // Not by `to_regclass`, which may remember that there was none before the lock was granted.
    let there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables \
                 WHERE tablename = 'store_migrations' \
                 AND schemaname = ANY(current_schemas(false)))";
    if !client.query_one(there, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let latest = "SELECT coalesce(max(version), 0) FROM store_migrations";
    client.query_one(latest, &[]).await?.try_get(0)
}
