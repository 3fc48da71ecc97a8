//! One connection, with the statements that it has prepared, and one transaction on it.
//!
//! Invariant: the task that drives a connection ends soon after its session is dropped, also when
//! the server no longer answers.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Connection, Error, GenericClient, IsolationLevel, Row, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tasks::Tasks;

/// Values of a statement.
pub(super) type Values<'a> = [&'a (dyn ToSql + Sync)];

/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open connection. The fields are dropped in this order: the client asks the connection to
/// end before the task is told to wait no longer.
pub(super) struct Session {
    client: Client,
    statements: Statements,
    _end: DropGuard,
}

/// What is prepared, by its text; as many as the engine has statements.
type Statements = Mutex<HashMap<&'static str, Statement>>;

impl Session {
    /// Drives a new connection in the background.
    pub(super) fn start<S, T>(client: Client, connection: Connection<S, T>, tasks: &Tasks) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let end = CancellationToken::new();
        let ended = end.clone();
        tasks.spawn("postgres connection", async move {
            let mut connection = pin!(connection);
            tokio::select! {
                // What went wrong is told to the calls that were on it.
                _ = &mut connection => {}
                () = ended.cancelled() => {
                    tokio::time::timeout(GOODBYE, connection).await.ok();
                }
            }
        });
        Self { client, statements: Statements::default(), _end: end.drop_guard() }
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) async fn set(&self, settings: &str) -> Result<(), Error> {
        self.client.batch_execute(settings).await
    }

    /// Runs one statement, which is a transaction of its own.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        values: &Values<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = prepared(&self.client, &self.statements, sql).await?;
        self.client.query(&statement, values).await
    }

    /// Begins a transaction. It is rolled back where it is dropped before it is committed.
    pub(super) async fn begin(&mut self) -> Result<Work<'_>, Error> {
        // Each statement is to see what was committed before it began: it locks, then reads.
        let level = IsolationLevel::ReadCommitted;
        let transaction = self.client.build_transaction().isolation_level(level).start().await?;
        Ok(Work { transaction, statements: &self.statements })
    }
}

/// A transaction that has begun.
pub(super) struct Work<'a> {
    transaction: Transaction<'a>,
    statements: &'a Statements,
}

impl Work<'_> {
    /// Runs one statement. Several that are polled together are sent together, in that order.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        values: &Values<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = prepared(&self.transaction, self.statements, sql).await?;
        self.transaction.query(&statement, values).await
    }

    /// Runs one statement. How many rows it wrote.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: &Values<'_>,
    ) -> Result<u64, Error> {
        let statement = prepared(&self.transaction, self.statements, sql).await?;
        self.transaction.execute(&statement, values).await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    pub(super) async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }
}

async fn prepared(
    client: &(impl GenericClient + Sync),
    statements: &Statements,
    sql: &'static str,
) -> Result<Statement, Error> {
    let known = statements.lock().get(sql).cloned();
    if let Some(statement) = known {
        return Ok(statement);
    }
    let statement = client.prepare(sql).await?;
    statements.lock().insert(sql, statement.clone());
    Ok(statement)
}
