//! Makes the file where there is none, and opens connections to it with the settings that the
//! store relies on.
//!
//! Invariant: a file that this makes is readable by its owner alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::super::open::OpenError;

/// How long to wait for another process that is writing. Its transactions take milliseconds; one
/// that takes longer is stuck, and calls must fail within their clock.
const BUSY: Duration = Duration::from_secs(2);

/// More than there are statements, so that each is prepared once.
const STATEMENTS: usize = 128;

/// Pages of the write-ahead log, 32 MiB, after which they are copied to where they belong. The same
/// page is written to the log by many commits and copied once; more of them would be read again at
/// a start.
const LOG_PAGES: u32 = 8_192;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Held while a file is made. Closing any handle on a file drops every lock that the process has
/// on it, those of SQLite's connections too, so none may open it in the meantime.
static MAKING: Mutex<()> = Mutex::new(());

/// Makes the file and its folder where they are missing.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    let made = MAKING.lock();
    make_missing(path).map_err(OpenError::unusable)?;
    drop(made);
    Ok(())
}

fn make_missing(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folders.mode(0o700);
        file.mode(0o600);
    }
    folders.create(folder)?;
    match file.open(path) {
        Ok(_) => {}
        // It must not even be opened: see `MAKING`.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    // The names must be as durable as what stands in the file.
    #[cfg(unix)]
    for folder in [folder, folder_of(folder)] {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new(if path.is_absolute() { "/" } else { "." }))
}

/// Opens a connection to a file that is there.
pub(super) fn connect(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let mode = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let mut connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_handler(Some(wait_for_lock))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // `fullfsync` matters on macOS, where a plain fsync does not reach the disk.
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    if access == Access::Write {
        use_log(&connection)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    }
    Ok(connection)
}

/// Turns the write-ahead log on, which is kept in the file. SQLite does not wait for a process
/// that is doing the same.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let set = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        match set {
            Err(error) if is_busy(&error) && waited < BUSY => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            other => return other,
        }
    }
}

/// Waits a moment for another process that holds the lock, unless it has waited long enough.
/// SQLite's own handler waits longer and longer, and would let a process that writes without
/// pause starve this one.
fn wait_for_lock(waited: i32) -> bool {
    const MOMENT: Duration = Duration::from_millis(1);
    std::thread::sleep(MOMENT);
    MOMENT.saturating_mul(waited.unsigned_abs()) < BUSY
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    error.sqlite_error_code().is_some_and(|code| matches!(code, DatabaseBusy | DatabaseLocked))
}
