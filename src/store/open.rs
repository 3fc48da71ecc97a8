//! Opens the store that a URL names, and brings its schema up to date. The app calls it at the
//! start, commands at theirs.
//!
//! Invariant: no message shows a password.

use std::path::PathBuf;
use std::sync::Arc;

use super::meter::Meter;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Store, failure};
use crate::clock::Clock;
use crate::tasks::Tasks;
use crate::telemetry::metrics::StoreMetrics;

/// Why a store could not be opened. Its text may be shown to the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no store that there is.
    #[error("a store's URL begins with sqlite:// or postgres://")]
    UnknownScheme,
    /// The URL of a file names none.
    #[error("sqlite:// must be followed by the path of a file")]
    NoPath,
    /// The URL of a server cannot be read. What is wrong is not said: it may hold a password.
    #[error("the URL of the store cannot be read as a PostgreSQL URL")]
    BadUrl,
    /// A newer program has brought the store to a schema that this one does not know.
    #[error("the store is of version {found}, and this program knows {known}")]
    Newer {
        /// The version of the store.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The file, its folder or the server cannot be used.
    #[error("the store cannot be opened: {0}")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    pub(super) fn unusable(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unusable(Box::new(cause))
    }
}

/// Opens the store at `url`: `sqlite://data/switchyard.db` (a relative path; with three slashes an
/// absolute one), or `postgres://user:password@host/database`, over TLS where it says
/// `sslmode=require`, `verify-ca` or `verify-full`, which all verify the server fully against the
/// public roots. A file that is not there is made, with its folder, for its owner alone.
pub async fn open(url: &str, clock: Arc<dyn Clock>, tasks: &Tasks) -> Result<Store, OpenError> {
    opened(url, Meter::new(None, Arc::clone(&clock)), clock, tasks).await
}

/// The same, with its calls and commits measured.
pub async fn open_measured(
    url: &str,
    clock: Arc<dyn Clock>,
    tasks: &Tasks,
    metrics: StoreMetrics,
) -> Result<Store, OpenError> {
    opened(url, Meter::new(Some(metrics), Arc::clone(&clock)), clock, tasks).await
}

async fn opened(
    url: &str,
    meter: Meter,
    clock: Arc<dyn Clock>,
    tasks: &Tasks,
) -> Result<Store, OpenError> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        // SQLite gives these two a meaning of its own, and neither outlives the process.
        if path.is_empty() || path == ":memory:" {
            return Err(OpenError::NoPath);
        }
        return Ok(Store::new(Arc::new(Sqlite::open(PathBuf::from(path), clock, meter).await?)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let opening = Postgres::open(url, clock, tasks.clone(), meter);
        let opened = tokio::time::timeout(2 * failure::CALL_CLOCK, opening).await;
        let postgres = opened.map_err(|_| OpenError::unusable(failure::Unserved::Slow))??;
        return Ok(Store::new(Arc::new(postgres)));
    }
    Err(OpenError::UnknownScheme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_url_of_no_store_is_refused_without_showing_its_password() {
        for url in [
            "mysql://user:hunter2@host/db",
            "hunter2",
            "sqlite://",
            "sqlite://:memory:",
            "postgres://user:hunter2@host/db?port=hunter2",
            "postgres://user:hun?ter2@host/db",
            "postgres://127.0.0.1:1/db?user=x&password=hunter2",
        ] {
            let clock = Arc::new(ManualClock::default());
            let Err(error) = open(url, clock, &Tasks::default()).await else { panic!("{url}") };
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{shown}");
        }
    }
}
