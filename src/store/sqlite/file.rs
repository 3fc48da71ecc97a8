//! One thread's connection to the file. A connection that failed is let go, and the next command
//! opens another: so the store works again as soon as the disk does.
//!
//! Invariant: no command runs on a file that is no longer the one at the path. What would be
//! written to it would be gone with the process.

use std::fs;
use std::io;
use std::path::PathBuf;

use rusqlite::Connection;

use super::connect::{self, Access};
use crate::error::{Error, Result};
use crate::store::failure::unavailable;

/// A connection that is made anew when it is needed.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    access: Access,
    open: Option<(Connection, Identity)>,
    failing: bool,
}

impl File {
    pub(super) fn to_write(path: PathBuf) -> Self {
        Self { path, access: Access::Write, open: None, failing: false }
    }

    pub(super) fn to_read(path: PathBuf) -> Self {
        Self { path, access: Access::Read, open: None, failing: false }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// The connection. It never makes a file: one that has vanished took revoked keys with it,
    /// and an empty one in its place would bring them back to life.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        let at_path = identity(&self.path).map_err(unavailable)?;
        let open = match self.open.take() {
            Some((connection, opened)) if opened == at_path => (connection, opened),
            Some(_) | None => {
                (connect::connect(&self.path, self.access).map_err(unavailable)?, at_path)
            }
        };
        Ok(&mut self.open.insert(open).0)
    }

    /// Tells whether a use of the connection went well; else it is let go. Logs the first failure
    /// and the end of failing.
    pub(super) fn went(&mut self, failure: Option<&Error>) {
        match (self.failing, failure) {
            (false, Some(error)) => tracing::error!(?error, "the store fails"),
            (true, None) => tracing::info!("the store works again"),
            (true, Some(_)) | (false, None) => {}
        }
        self.failing = failure.is_some();
        if self.failing {
            self.open = None;
        }
    }
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &PathBuf) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &PathBuf) -> io::Result<Identity> {
    fs::metadata(path).map(|_| ())
}
