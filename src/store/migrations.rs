//! Numbered migrations, for both engines: forward only, each written once and never changed.
//! Engines call [`pending`] inside the transaction that applies what it returns.
//!
//! While a newer program takes over, the older one still works on the same store: a migration adds,
//! and leaves what the program before it reads and writes usable.
//!
//! Invariant: a store that is newer than this program is not opened.

use super::open::OpenError;

/// One step from the schema before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// Its number; they count up from 1.
    pub(super) version: i64,
    /// What it does, in the engine's SQL.
    pub(super) sql: &'static str,
}

/// The steps of `all` that a store of version `found` still needs, in their order.
pub(super) fn pending(all: &[Migration], found: i64) -> Result<&[Migration], OpenError> {
    let known = all.last().map_or(0, |last| last.version);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let done = all.partition_point(|migration| migration.version <= found);
    Ok(all.get(done..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Migration] =
        &[Migration { version: 1, sql: "" }, Migration { version: 2, sql: "" }];

    #[test]
    fn a_store_gets_what_it_lacks_and_a_newer_one_is_refused() {
        let versions = |found| -> Vec<i64> {
            pending(ALL, found).unwrap().iter().map(|migration| migration.version).collect()
        };
        assert_eq!(versions(0), [1, 2]);
        assert_eq!(versions(1), [2]);
        assert!(versions(2).is_empty());
        let refused = pending(ALL, 3).unwrap_err();
        assert_eq!(refused.to_string(), "the store is of version 3, and this program knows 2");
    }

    #[test]
    fn migrations_count_up_from_one() {
        for all in [crate::store::sqlite::MIGRATIONS, crate::store::postgres::MIGRATIONS] {
            let versions: Vec<i64> = all.iter().map(|migration| migration.version).collect();
            assert_eq!(versions, (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>());
        }
    }
}
