//! Forgets what is old, and says how much there is. What is locked is skipped, as it is in use and
//! waiting for it could break the order of locks.

use async_trait::async_trait;

use super::columns::{get, long};
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;

/// See [`crate::store::rows::Rows::prune`].
pub(super) struct Prune {
    pub(super) before: Timestamp,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// What is old besides runs: expired keys, conversations that rest, and callbacks that are over,
/// which were made when their runs ended.
const KEYS: &str = "DELETE FROM bound_keys WHERE key = ANY(ARRAY(SELECT key FROM bound_keys \
                    WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))";
const THREADS: &str = "DELETE FROM threads WHERE id = ANY(ARRAY(SELECT id FROM threads \
                       WHERE updated_at < $1 AND busy IS NULL ORDER BY updated_at \
                       LIMIT $2 FOR UPDATE SKIP LOCKED))";
const CALLBACKS: &str = "DELETE FROM callbacks WHERE id = ANY(ARRAY(SELECT id FROM callbacks \
                         WHERE created_at < $1 AND state <> 'pending' \
                         ORDER BY created_at LIMIT $2 \
                         FOR UPDATE SKIP LOCKED))";

#[async_trait]
impl Operation for Prune {
    type Output = u64;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<u64>, Failure> {
        let limit = long(self.limit);
        work.execute(KEYS, &[&self.now.0, &limit]).await?;
        work.execute(THREADS, &[&self.before.0, &limit]).await?;
        let old = "SELECT id FROM runs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED";
        let rows = work.query(old, &[&self.before.0, &limit]).await?;
        let old = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
        work.execute("DELETE FROM run_events WHERE run_id = ANY($1)", &[&old]).await?;
        work.execute("DELETE FROM runs WHERE id = ANY($1)", &[&old]).await?;
        work.execute(CALLBACKS, &[&self.before.0, &limit]).await?;
        Ok(Verdict::Keep(long(old.len()).unsigned_abs()))
    }
}

/// Counts what stands in the rows of a table whose rows are forgotten. Its file does not say: it
/// keeps the room of rows that are gone for others, and a store that once held too much would be
/// emptied for ever. Where it is larger than 16 MiB, so much of it is looked at.
macro_rules! held {
    ($table:literal, $column:literal) => {
        concat!(
            " UNION ALL SELECT coalesce(sum(coalesce(octet_length(",
            $column,
            "), 0) + 200), 0) * greatest(1, pg_relation_size('",
            $table,
            "') / 16777216.0) FROM ",
            $table,
            " TABLESAMPLE SYSTEM (least(100, 1677721600.0 / greatest(1, pg_relation_size('",
            $table,
            "'))))"
        )
    };
}

/// The bytes of all that is kept: what stands in the tables that grow, and the others as they are.
/// The schema may hold those of others than us.
pub(super) async fn bytes(pool: &Pool) -> Result<u64> {
    let wanted = concat!(
        "SELECT coalesce(sum(bytes), 0)::bigint FROM (\
         SELECT sum(pg_total_relation_size(name::regclass)) AS bytes \
         FROM unnest(ARRAY['api_key_secrets', 'api_keys', 'audit_checkpoints', 'audit_tiles', \
         'audit_tree', 'bound_keys', 'budget_accounts', 'budget_claims', 'budget_reservations', \
         'key_version', 'lives', 'payload_keys', 'presets', 'revoked_tokens', \
         'store_migrations', 'store_probe']) AS name",
        held!("audit_log", "body"),
        held!("audit_waiting", "body"),
        held!("callbacks", "sealed"),
        held!("run_events", "sealed"),
        held!("runs", "sealed"),
        held!("threads", "sealed"),
        ") AS tables"
    );
    let rows = pool.query(wanted, &[]).await?;
    rows.first().map_or(Ok(0), |row| get::<i64>(row, 0).map(i64::unsigned_abs))
}
