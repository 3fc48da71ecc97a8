//! Brings the schema of the file up to date, when the store is opened.
//!
//! Invariant: all steps or none; of two processes that start at once, one takes them.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::clock::Timestamp;
use crate::store::migrations::{Migration, pending};
use crate::store::open::OpenError;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migrations (
    version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT";

/// Takes the steps of `all` that the file lacks.
pub(super) fn migrate(
    connection: &mut Connection,
    all: &[Migration],
    now: Timestamp,
) -> Result<(), OpenError> {
    // A file that lacks nothing is not written to.
    let found = version(connection).map_err(OpenError::unusable)?;
    if pending(all, found)?.is_empty() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(OpenError::unusable)?;
    // Another process may have taken them while this one waited.
    let found = version(&transaction).map_err(OpenError::unusable)?;
    let steps = pending(all, found)?;
    let take = || -> rusqlite::Result<()> {
        transaction.execute_batch(TABLE)?;
        for step in steps {
            transaction.execute_batch(step.sql)?;
            let note = "INSERT INTO store_migrations (version, applied_at) VALUES (?1, ?2)";
            transaction.execute(note, (step.version, now.0))?;
        }
        Ok(())
    };
    take().map_err(OpenError::unusable)?;
    transaction.commit().map_err(OpenError::unusable)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'store_migrations'";
    if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let latest = "SELECT coalesce(max(version), 0) FROM store_migrations";
    connection.query_row(latest, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::super::MIGRATIONS;
    use super::*;

    const NOW: Timestamp = Timestamp(1);

    #[test]
    fn each_step_is_taken_once_from_the_schema_before_it() {
        for last in 1..=MIGRATIONS.len() {
            let mut file = Connection::open_in_memory().unwrap();
            migrate(&mut file, &MIGRATIONS[..last - 1], NOW).unwrap();
            migrate(&mut file, &MIGRATIONS[..last], NOW).unwrap();
            migrate(&mut file, &MIGRATIONS[..last], NOW).unwrap();
            assert_eq!(version(&file).unwrap(), MIGRATIONS[last - 1].version);
        }
    }

    #[test]
    fn a_later_step_keeps_what_is_there_and_one_that_fails_leaves_all_as_it_was() {
        let next = |sql| [MIGRATIONS, &[Migration { version: 99, sql }]].concat();
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, MIGRATIONS, NOW).unwrap();
        file.execute("UPDATE key_version SET version = 7", []).unwrap();
        let wrong = next("UPDATE key_version SET version = 8; SELECT nonsense;");
        assert!(migrate(&mut file, &wrong, NOW).is_err());
        let right = next("ALTER TABLE key_version ADD COLUMN more INTEGER;");
        migrate(&mut file, &right, NOW).unwrap();
        let kept = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let kept = file.query_row("SELECT version, more FROM key_version", [], kept).unwrap();
        assert_eq!(kept, (7, None::<i64>));
        assert!(matches!(migrate(&mut file, MIGRATIONS, NOW), Err(OpenError::Newer { .. })));
    }
}
