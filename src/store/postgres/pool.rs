//! A few sessions, shared by all calls. A session that is lost is replaced when it is needed; a
//! server that cannot be reached, or that did not answer in time, is left alone for a moment and
//! then tried by one call for all, and the others fail at once meanwhile.
//!
//! Invariant: at most so many sessions, so many waiting calls, and no call beyond its clock; a
//! transaction is tried again only where it surely did not happen.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::cause::failed;
use super::connect::Server;
use super::session::{Session, Values, Work};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::failure::{CALL_CLOCK, Damaged, Unserved, unavailable};
use crate::store::meter::Meter;
use crate::tasks::Tasks;

/// How many sessions. Each commit waits for the server's disk, which commits in groups; a server
/// commonly allows 100 connections to all nodes together.
const SESSIONS: usize = 8;

/// How many calls may be served or wait: at some milliseconds each, what their clock allows.
const CALLS: usize = 4_096;

/// How often a transaction is tried.
const ATTEMPTS: usize = 5;

/// How long a server that could not be reached is left alone: doubled each time, up to a bound
/// that keeps the way back short.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long one call alone tries to reach a server that failed, before another one tries too: the
/// one may be given up by who waits for it, and must not be all that is hoped for.
const TRIAL: Duration = Duration::from_secs(1);

/// Why an operation did not end well.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is refused, and undone.
    Refused(Error),
    /// It did not happen, and may be tried again.
    Again(Error),
    /// The server failed.
    Engine(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let is_over = error.code().is_some_and(|code| {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code)
        });
        if error.is_closed() || is_over || was_in_the_way(&error) {
            return Self::Again(failed(&error));
        }
        Self::Engine(failed(&error))
    }
}

impl From<Damaged> for Failure {
    fn from(damaged: Damaged) -> Self {
        Self::Refused(damaged.into())
    }
}

/// Whether the server undid a transaction in favour of another.
fn was_in_the_way(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
    })
}

/// What is to become of what an operation wrote.
#[derive(Debug)]
pub(super) enum Verdict<T> {
    Keep(T),
    Undo(T),
}

/// What runs as one transaction. It may be run several times.
#[async_trait]
pub(super) trait Operation: Sync {
    type Output: Send;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Self::Output>, Failure>;
}

/// The sessions with one server.
pub(super) struct Pool {
    server: Server,
    clock: Arc<dyn Clock>,
    meter: Meter,
    tasks: Tasks,
    calls: Semaphore,
    sessions: Semaphore,
    idle: Mutex<Vec<Session>>,
    reach: Mutex<Reach>,
}

/// How reaching the server went.
#[derive(Debug, Default)]
struct Reach {
    failures: u32,
    not_before: Duration,
}

impl Pool {
    pub(super) fn new(
        server: Server,
        session: Session,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        meter: Meter,
    ) -> Self {
        Self {
            server,
            clock,
            meter,
            tasks,
            calls: Semaphore::new(CALLS),
            sessions: Semaphore::new(SESSIONS),
            idle: Mutex::new(vec![session]),
            reach: Mutex::default(),
        }
    }

    /// Runs one statement, which must not mind to run twice.
    pub(super) async fn query(&self, sql: &'static str, values: &Values<'_>) -> Result<Vec<Row>> {
        self.within_clock(async {
            let mut tried = 0;
            loop {
                match self.query_once(sql, values).await {
                    Ok(rows) => return Ok(rows),
                    Err(failure) => again(failure, &mut tried)?,
                }
            }
        })
        .await
    }

    /// Runs one transaction.
    pub(super) async fn transact<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        self.within_clock(async {
            let mut tried = 0;
            loop {
                match self.transact_once(operation).await {
                    Ok(output) => return Ok(output),
                    Err(failure) => again(failure, &mut tried)?,
                }
            }
        })
        .await
    }

    /// Waits for the calls in flight, within the clock of a call, and refuses later ones.
    pub(super) async fn close(&self) {
        let all = u32::try_from(SESSIONS).unwrap_or(u32::MAX);
        let finished = tokio::time::timeout(CALL_CLOCK, self.sessions.acquire_many(all)).await;
        if finished.is_err() {
            tracing::warn!("the store did not close in time");
        }
        self.sessions.close();
        self.idle.lock().clear();
    }

    async fn query_once(
        &self,
        sql: &'static str,
        values: &Values<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let mut lease = self.lease().await?;
        Ok(lease.session()?.query(sql, values).await?)
    }

    async fn transact_once<O: Operation>(&self, operation: &O) -> Result<O::Output, Failure> {
        let mut lease = self.lease().await?;
        let work = lease.session()?.begin().await?;
        match operation.run(&work).await? {
            Verdict::Undo(output) => {
                work.rollback().await?;
                Ok(output)
            }
            Verdict::Keep(output) => match self.committed(work).await {
                Ok(()) => Ok(output),
                Err(error) if was_in_the_way(&error) => Err(error.into()),
                // Nobody knows whether it happened.
                Err(error) => Err(Failure::Engine(failed(&error))),
            },
        }
    }

    /// The server groups commits of its own; here each is one.
    async fn committed(&self, work: Work<'_>) -> Result<(), tokio_postgres::Error> {
        let began = self.meter.begins();
        let committed = work.commit().await;
        if committed.is_ok() {
            self.meter.committed(1, began);
        }
        committed
    }

    async fn within_clock<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let Ok(_call) = self.calls.try_acquire() else { return Err(unavailable(Unserved::Full)) };
        // On the heap, once: what waits for a server is large, and every layer here holds it.
        let call = Box::pin(call);
        let answered = async {
            tokio::time::timeout(CALL_CLOCK, call).await.unwrap_or_else(|_| {
                // A server that is this slow may be gone: what is idle is not trusted either.
                self.idle.lock().clear();
                let slow = unavailable(Unserved::Slow);
                self.unreached(&slow);
                Err(slow)
            })
        };
        self.meter.call(answered).await
    }

    async fn lease(&self) -> Result<Lease<'_>, Failure> {
        let closed = |_| Failure::Engine(unavailable(Unserved::Closed));
        let permit = self.sessions.acquire().await.map_err(closed)?;
        let session = match self.take_idle() {
            Some(session) => session,
            None => self.connect().await?,
        };
        Ok(Lease { pool: self, session: Some(session), _permit: permit })
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock();
        idle.retain(|session| !session.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> Result<Session, Failure> {
        self.may_try()?;
        match self.server.connect(&self.tasks).await {
            Ok(session) => {
                let failures = std::mem::take(&mut *self.reach.lock()).failures;
                if failures > 0 {
                    tracing::info!("the store is reached again");
                }
                Ok(session)
            }
            Err(error) => {
                let error = failed(&error);
                self.unreached(&error);
                Err(Failure::Engine(error))
            }
        }
    }

    /// Whether the server may be tried now; for a while, nobody else may if it failed before.
    fn may_try(&self) -> Result<(), Failure> {
        let (now, mut reach) = (self.clock.monotonic(), self.reach.lock());
        if now < reach.not_before {
            return Err(Failure::Engine(unavailable(Unserved::BackingOff)));
        }
        if reach.failures > 0 {
            reach.not_before = now + TRIAL;
        }
        Ok(())
    }

    /// The server was not reached, or did not answer: it is left alone for a moment.
    fn unreached(&self, error: &Error) {
        let mut reach = self.reach.lock();
        if reach.failures == 0 {
            tracing::error!(?error, "the store cannot be reached");
        }
        let pause = PAUSE * 2_u32.saturating_pow(reach.failures.min(8));
        reach.failures = reach.failures.saturating_add(1);
        reach.not_before = self.clock.monotonic() + pause.min(LONGEST_PAUSE);
    }
}

/// Whether to try again after a failure, or what to tell the caller.
fn again(failure: Failure, tried: &mut usize) -> Result<()> {
    *tried += 1;
    match failure {
        Failure::Again(_) if *tried < ATTEMPTS => Ok(()),
        Failure::Again(error) | Failure::Engine(error) | Failure::Refused(error) => Err(error),
    }
}

/// A session for one call, which gives it back. A call that is dropped half-way does so too: the
/// roll-back is on its way to the server before whatever comes next.
struct Lease<'a> {
    pool: &'a Pool,
    session: Option<Session>,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    fn session(&mut self) -> Result<&mut Session, Failure> {
        // It is there until the lease is dropped.
        self.session.as_mut().ok_or_else(|| Failure::Engine(unavailable(Unserved::Closed)))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let session = self.session.take().filter(|session| !session.is_closed());
        if let Some(session) = session
            && !self.pool.sessions.is_closed()
        {
            self.pool.idle.lock().push(session);
        }
    }
}
