//! The thread that writes. It takes all commands that wait, runs them in one transaction, each in
//! a savepoint of its own, commits once, and only then answers them: many callers share one wait
//! for the disk. Where many ask, it lets a moment pass between two commits, so that more of them
//! share one: most of what a commit costs is the same for one command and for a hundred.
//!
//! Invariant: an answer other than an error is given after the commit; a command that is refused
//! undoes nothing but itself; where the commit fails, none of its group has happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::file::File;
use super::queue::{Command, GROUP, Order, Queue, Ran, next};
use super::{MIGRATIONS, connect, migrate};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::failure::{Unserved, unavailable};
use crate::store::meter::Meter;
use crate::store::open::OpenError;

/// The time from the beginning of one group to that of the next, where many ask. Short beside what
/// a platform takes, and beside a disk's own wait.
const PACE: Duration = Duration::from_millis(2);
/// So many commands in a group are many: whoever is alone, or one of few, waits for nobody.
const MANY: usize = 4;

/// Starts the thread, which makes, opens and migrates the file before it serves.
pub(super) async fn start(
    mut file: File,
    clock: Arc<dyn Clock>,
    meter: Meter,
) -> Result<Queue, OpenError> {
    let (queue, orders) = Queue::new(meter.clone());
    let (tell, opened) = oneshot::channel();
    let body = move || {
        let ready = open(&mut file, &*clock);
        let is_ready = ready.is_ok();
        if tell.send(ready).is_ok() && is_ready {
            serve(file, orders, &meter);
        }
    };
    let name = "store-writer".to_owned();
    thread::Builder::new().name(name).spawn(body).map_err(OpenError::unusable)?;
    opened.await.map_err(OpenError::unusable)??;
    Ok(queue)
}

fn open(file: &mut File, clock: &dyn Clock) -> Result<(), OpenError> {
    connect::make(file.path())?;
    // Not by `File::connection`: here the operator is told the cause.
    let mut connection =
        connect::connect(file.path(), connect::Access::Write).map_err(OpenError::unusable)?;
    migrate::migrate(&mut connection, MIGRATIONS, clock.now())
}

fn serve(mut file: File, mut orders: mpsc::Receiver<Order>, meter: &Meter) {
    let mut stops = Vec::new();
    let mut earliest = Duration::ZERO;
    let others_come = |earliest| move || thread::sleep(meter.until(earliest));
    while let Some(mut commands) = next(&mut orders, GROUP, others_come(earliest), &mut stops) {
        // A fault in one command must not end the store. What it had written is rolled back with
        // its connection.
        let began = meter.begins();
        earliest = if commands.len() < MANY { began } else { began + PACE };
        let group = catch_unwind(AssertUnwindSafe(|| write(&mut file, &mut commands)));
        let group = group.unwrap_or_else(|_| Err(unavailable(Unserved::Closed)));
        if group.is_ok() {
            meter.committed(commands.len(), began);
        } else {
            file.went(group.as_ref().err());
        }
        for command in commands {
            command.answer(&group);
        }
    }
    drop(file);
    for done in stops {
        done.send(()).ok();
    }
}

fn write(file: &mut File, commands: &mut [Box<dyn Command>]) -> Result<()> {
    let connection = file.connection()?;
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    let mut failure = None;
    for command in commands.iter_mut().filter(|command| !command.is_forsaken()) {
        savepoint(&transaction, "SAVEPOINT command")?;
        match command.run(&transaction) {
            Ran::Kept => {}
            // A full or failing disk may have made SQLite roll the whole transaction back.
            Ran::Refused | Ran::Failed(_) if transaction.is_autocommit() => {
                return Err(unavailable(RolledBack));
            }
            Ran::Refused => savepoint(&transaction, "ROLLBACK TO command")?,
            Ran::Failed(error) => {
                failure = Some(error);
                savepoint(&transaction, "ROLLBACK TO command")?;
            }
        }
        savepoint(&transaction, "RELEASE command")?;
    }
    transaction.commit().map_err(unavailable)?;
    file.went(failure.as_ref());
    Ok(())
}

fn savepoint(connection: &Connection, statement: &str) -> Result<()> {
    let run = connection.prepare_cached(statement).and_then(|mut run| run.execute([]));
    run.map(|_| ()).map_err(unavailable)
}

#[derive(Debug, thiserror::Error)]
#[error("a command of the group failed, and SQLite rolled all of them back")]
struct RolledBack;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Failure;
    use super::super::queue::command;
    use super::*;
    use crate::error::{Error, Kind};

    fn table() -> (PathBuf, File) {
        let path = tempfile::tempdir().unwrap().keep().join("store.db");
        connect::make(&path).unwrap();
        let mut file = File::to_write(path.clone());
        file.connection().unwrap().execute_batch("CREATE TABLE t (n INTEGER UNIQUE)").unwrap();
        (path, file)
    }

    fn insert(connection: &Connection, n: i64) -> Result<(), Failure> {
        connection.execute("INSERT INTO t VALUES (?1)", [n])?;
        Ok(())
    }

    fn kept(file: &mut File) -> Vec<i64> {
        let mut all = file.connection().unwrap().prepare("SELECT n FROM t ORDER BY n").unwrap();
        all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_command_that_is_refused_or_fails_undoes_itself_alone() {
        let (path, mut file) = table();
        let refused = |connection: &Connection| -> Result<(), Failure> {
            insert(connection, 2)?;
            Err(Failure::Refused(Error::new(Kind::Conflict, "no")))
        };
        let failing = |connection: &Connection| -> Result<(), Failure> {
            insert(connection, 3)?;
            insert(connection, 1)
        };
        let (one, mut first) = command(|connection| insert(connection, 1));
        let (two, mut second) = command(refused);
        let (three, mut third) = command(failing);
        let (four, forsaken) = command(|connection| insert(connection, 4));
        let (five, mut last) = command(|connection| insert(connection, 5));
        drop(forsaken);
        let mut commands = vec![one, two, three, four, five];
        let group = write(&mut file, &mut commands);
        assert!(first.try_recv().is_err(), "no answer before the group is committed");
        group.as_ref().unwrap();
        commands.into_iter().for_each(|command| command.answer(&group));
        assert!(first.try_recv().unwrap().is_ok() && last.try_recv().unwrap().is_ok());
        assert_eq!(second.try_recv().unwrap().unwrap_err().kind(), Kind::Conflict);
        assert!(third.try_recv().unwrap().unwrap_err().retry_in().is_some());
        assert_eq!(kept(&mut file), [1, 5]);
        drop(file);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn where_the_commit_fails_nobody_is_told_that_it_happened() {
        let (path, mut file) = table();
        // A constraint that is checked by the commit.
        let promise = "PRAGMA foreign_keys = ON; CREATE TABLE u (n INTEGER REFERENCES t (n) \
                       DEFERRABLE INITIALLY DEFERRED)";
        file.connection().unwrap().execute_batch(promise).unwrap();
        let broken = |connection: &Connection| -> Result<(), Failure> {
            connection.execute("INSERT INTO u VALUES (77)", [])?;
            Ok(())
        };
        let (one, mut first) = command(|connection| insert(connection, 1));
        let (two, mut second) = command(broken);
        let mut commands = vec![one, two];
        let group = write(&mut file, &mut commands);
        commands.into_iter().for_each(|command| command.answer(&group));
        assert!(first.try_recv().unwrap().is_err() && second.try_recv().unwrap().is_err());
        assert_eq!(kept(&mut file), [0; 0]);
        drop(file);
        std::fs::remove_file(path).unwrap();
    }
}
