//! The connection to Redis: there or away. Decisions use it while it is there and never wait for it
//! to come back; one task of its own brings it back.
//!
//! Invariant: no call takes longer than its time-out, and a link that is away is asked by nobody
//! but its task, one probe at a time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, Script};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::super::Watch;

/// Failures in a row after which the link counts as away. One slow answer is no outage.
const FAILURES: u32 = 5;

/// How long a link that has gone is left alone before each probe.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a probe may take to connect, with TLS and a script to load.
const CONNECTING: Duration = Duration::from_secs(1);

/// Why the shared counters did not decide. The set is closed: it labels metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// There is no connection at the moment.
    Unconnected,
    /// There was no answer in time.
    TimedOut,
    /// The answer was a failure, or the connection broke.
    Failed,
}

impl Absence {
    /// The label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconnected => "unconnected",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
        }
    }
}

/// The connection of one gateway to Redis.
pub(super) struct Link {
    client: redis::Client,
    connection: ArcSwapOption<MultiplexedConnection>,
    failures: AtomicU32,
    lost: Notify,
    returned: Notify,
    time_out: Duration,
    watch: Arc<dyn Watch>,
}

impl Link {
    /// A link that is away until its task has run.
    pub(super) fn new(client: redis::Client, time_out: Duration, watch: Arc<dyn Watch>) -> Self {
        Self {
            client,
            connection: ArcSwapOption::empty(),
            failures: AtomicU32::new(0),
            lost: Notify::new(),
            returned: Notify::new(),
            time_out,
            watch,
        }
    }

    /// A call that somebody waits for.
    pub(super) async fn decide<T, F>(
        &self,
        call: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Absence>
    where
        F: Future<Output = RedisResult<T>>,
    {
        self.call(self.time_out, call).await
    }

    /// A call that nobody waits for.
    pub(super) async fn tend<T, F>(
        &self,
        call: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Absence>
    where
        F: Future<Output = RedisResult<T>>,
    {
        self.call(CONNECTING, call).await
    }

    async fn call<T, F>(
        &self,
        within: Duration,
        call: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Absence>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let connection = self.connection.load_full().ok_or(Absence::Unconnected)?;
        match timeout(within, call((*connection).clone())).await {
            Ok(Ok(answer)) => {
                // Read first: a store by each request would have the cores pass the line around.
                if self.failures.load(Ordering::Relaxed) != 0 {
                    self.failures.store(0, Ordering::Relaxed);
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.failed(&connection, error.is_unrecoverable_error(), error.category());
                Err(Absence::Failed)
            }
            Err(_) => {
                self.failed(&connection, false, "no answer in time");
                Err(Absence::TimedOut)
            }
        }
    }

    /// Counts a failure; the last of a row, or a broken connection, makes the link away.
    fn failed(&self, of: &Arc<MultiplexedConnection>, broken: bool, what: &str) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if !broken && failures < FAILURES {
            return;
        }
        let held = self.connection.compare_and_swap(of, None);
        // Of several that fail together, one sees the connection go.
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, of)) {
            tracing::warn!(what, "the shared counters are away");
            self.watch.counters(false);
            self.lost.notify_one();
        }
    }

    /// Waits until the link has come back.
    pub(super) async fn returned(&self) {
        self.returned.notified().await;
    }

    /// Brings the connection back whenever it is away, until `closing`. `probe` is what decisions
    /// will run, with nothing to decide.
    pub(super) async fn keep(self: Arc<Self>, probe: Script, closing: CancellationToken) {
        loop {
            match self.connect(&probe).await {
                Some(connection) => {
                    self.failures.store(0, Ordering::Relaxed);
                    self.connection.store(Some(Arc::new(connection)));
                    self.watch.counters(true);
                    self.returned.notify_one();
                    tokio::select! {
                        () = closing.cancelled() => return,
                        () = self.lost.notified() => {}
                    }
                }
                None => self.watch.counters(false),
            }
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// A connection that has proved that it answers in time.
    async fn connect(&self, probe: &Script) -> Option<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(CONNECTING));
        let connecting = async {
            let mut connection =
                self.client.get_multiplexed_async_connection_with_config(&config).await.ok()?;
            run(probe, &mut connection).await?;
            Some(connection)
        };
        let mut connection = timeout(CONNECTING, connecting).await.ok().flatten()?;
        // The first run may have loaded the script; the second is what a decision will see.
        timeout(self.time_out, run(probe, &mut connection)).await.ok()??;
        Some(connection)
    }
}

/// Runs the script with no rule to decide.
async fn run(probe: &Script, connection: &mut MultiplexedConnection) -> Option<()> {
    let mut invocation = probe.prepare_invoke();
    invocation.arg(0).arg(0).arg(0).arg(0);
    invocation.invoke_async::<Vec<i64>>(connection).await.ok().map(drop)
}

/// The client knows the password.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}
