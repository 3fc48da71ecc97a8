//! The contract of the store, held against both engines: a SQLite file, and a real PostgreSQL
//! server at `SWITCHYARD_TEST_POSTGRES`, an URL of a database that may be written. Each test has
//! a file or a schema of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use switchyard::clock::{SystemClock, Timestamp};
use switchyard::store::{OpenError, Store};
use switchyard::tasks::Tasks;

mod callbacks;
mod keys;
mod ledger;
mod lives;
mod log;
mod migrations;
mod model;
mod opening;
mod outages;
mod payloads;
mod presets;
mod processes;
mod races;
mod runs;
pub mod sample;
mod sealed;

/// Where a store of a test is.
pub struct Place {
    url: String,
    tasks: Tasks,
    keeper: Keeper,
}

/// What keeps the place, and clears it away.
enum Keeper {
    Folder(PathBuf),
    Schema { server: String, name: String },
}

fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("switchyard_store_{}_{count}", std::process::id())
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = crate::harness::folder();
        let file = folder.join("data").join("switchyard.db");
        let url = format!("sqlite://{}", file.display());
        Self { url, tasks: Tasks::default(), keeper: Keeper::Folder(folder) }
    }

    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("SWITCHYARD_TEST_POSTGRES") else {
            eprintln!("skipped: SWITCHYARD_TEST_POSTGRES is not set");
            return None;
        };
        let name = unique();
        administer(&server, &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"))
            .await;
        let sign = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{sign}options=-csearch_path%3D{name}");
        Some(Self { url, tasks: Tasks::default(), keeper: Keeper::Schema { server, name } })
    }

    /// The section of a configuration that uses it.
    pub fn section(&self) -> String {
        format!("store: {{ url: \"{}\", key: \"${{env:STORE_KEY}}\" }}\n", self.url)
    }

    /// Its URL, as a configuration has it.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn try_open(&self) -> Result<Store, OpenError> {
        let clock = Arc::new(SystemClock::new());
        switchyard::store::open(&self.url, clock, &self.tasks).await
    }

    /// Another store at the same place, as another node or another process has it.
    async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    fn file(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite://").unwrap())
    }

    /// Runs statements behind the store's back.
    pub async fn meddle(&self, statements: &str) {
        match &self.keeper {
            Keeper::Folder(_) => {
                let file = rusqlite::Connection::open(self.file()).unwrap();
                file.busy_timeout(Duration::from_secs(5)).unwrap();
                file.execute_batch(statements).unwrap();
            }
            Keeper::Schema { .. } => administer(&self.url, statements).await,
        }
    }

    /// Asks a server behind the store's back: the first column of what it answers.
    async fn ask(&self, statement: &str) -> Vec<String> {
        let (client, connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        let ask = async move {
            let rows = client.query(statement, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        };
        tokio::join!(ask, connection).0
    }

    /// How often transactions have waited for each other in a circle, in any test. The server has
    /// undone one of them, which was then tried again.
    async fn circles(&self) -> String {
        let count = "SELECT deadlocks::text FROM pg_stat_database \
                     WHERE datname = current_database()";
        match self.keeper {
            Keeper::Folder(_) => String::new(),
            Keeper::Schema { .. } => self.ask(count).await.remove(0),
        }
    }

    /// Waits until nobody holds a reservation any more: PostgreSQL undoes what was refused after it
    /// has answered, and a node leaves to others what they hold.
    async fn quiet(&self) {
        if matches!(self.keeper, Keeper::Schema { .. }) {
            self.meddle("SELECT FROM budget_reservations FOR UPDATE").await;
        }
    }

    pub async fn leave(self, stores: impl IntoIterator<Item = Store>) {
        for store in stores {
            store.close().await;
        }
        assert!(self.tasks.drained(Duration::from_secs(5)).await, "a connection is left");
        match &self.keeper {
            Keeper::Folder(folder) => std::fs::remove_dir_all(folder).unwrap(),
            Keeper::Schema { server, name } => {
                administer(server, &format!("DROP SCHEMA {name} CASCADE")).await;
            }
        }
    }
}

async fn administer(url: &str, statements: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let run = async move {
        client.batch_execute(statements).await.unwrap();
        drop(client);
    };
    let (_, ended) = tokio::join!(run, connection);
    ended.unwrap();
}

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn later(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000)
}

/// Makes a test for each engine of a function that takes a place.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($place:ident: Place) $body:block)*) => {
        $($(#[$doc])* async fn $name($place: crate::store::Place) $body)*
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::store::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = crate::store::Place::postgres().await {
                    super::$name(place).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;
