//! Looks whether the file is whole, copies it, and empties the log beside it.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use rusqlite::Connection;

use super::Failure;
use super::connect::{self, Access};
use crate::error::{Error, Kind, Result};
use crate::store::failure::unavailable;

/// What SQLite finds wrong, each in its words.
pub(super) fn check(file: &Connection) -> Result<Vec<String>, Failure> {
    let mut wanted = file.prepare("PRAGMA integrity_check(20)")?;
    let said = wanted.query_map([], |row| row.get::<_, String>(0))?;
    let said = said.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(said.into_iter().filter(|line| line != "ok").collect())
}

/// Empties the log beside the file, so that nothing stands there that the file no longer has. Where
/// somebody reads meanwhile, that is done by whoever writes later.
pub(super) async fn empty_log(path: PathBuf) -> Result<()> {
    let empty = move || {
        let file = connect::connect(&path, Access::Write).map_err(unavailable)?;
        let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
        file.query_row(empty, [], |_| Ok(())).map_err(unavailable)
    };
    tokio::task::spawn_blocking(empty).await.map_err(unavailable)?
}

/// Copies the file as it is at one moment, beside whoever writes to it. It takes as long as it
/// takes, on a thread and a connection of its own. A copy is readable by its owner alone.
pub(super) async fn backup(from: PathBuf, to: PathBuf) -> Result<()> {
    let copy = move || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&to).map_err(|cause| {
            let said = format!("{} cannot be made: {cause}", to.display());
            Error::new(Kind::InvalidRequest, said)
        })?;
        let file = connect::connect(&from, Access::Read).map_err(unavailable)?;
        let name = to.to_string_lossy();
        file.execute("VACUUM INTO ?1", [&*name]).map_err(unavailable)?;
        File::open(&to).and_then(|file| file.sync_all()).map_err(unavailable)
    };
    tokio::task::spawn_blocking(copy).await.map_err(unavailable)?
}
