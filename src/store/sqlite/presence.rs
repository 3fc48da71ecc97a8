//! How processes on one file know of each other's end at once: each locks a file of its own for as
//! long as it lives, and the system lets go of it whatever the process dies of.
//!
//! Invariant: a life is called over only where its lock was free, never because its file is gone.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::model::ids::BootId;

/// The lives on one store.
pub(super) struct Presence {
    folder: PathBuf,
    held: Mutex<Vec<(BootId, File)>>,
}

impl Presence {
    /// Beside the store's file.
    pub(super) fn beside(store: &Path) -> Self {
        let mut name = store.file_name().unwrap_or_default().to_owned();
        name.push("-lives");
        Self { folder: store.with_file_name(name), held: Mutex::default() }
    }

    /// A life of this process begins.
    pub(super) fn begin(&self, boot: &BootId) -> io::Result<()> {
        let mut folder = DirBuilder::new();
        let mut options = OpenOptions::new();
        folder.recursive(true);
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
            folder.mode(0o700);
            options.mode(0o600);
        }
        folder.create(&self.folder)?;
        let file = options.open(self.folder.join(boot.as_str()))?;
        file.try_lock().map_err(io::Error::from)?;
        self.held.lock().push((boot.clone(), file));
        Ok(())
    }

    /// Whether a life is over; none where it cannot be told.
    pub(super) fn is_over(&self, boot: &BootId) -> Option<bool> {
        let file = OpenOptions::new().write(true).open(self.folder.join(boot.as_str())).ok()?;
        // Shared, so that two who ask at once do not take each other for the life.
        match file.try_lock_shared() {
            Ok(()) => Some(true),
            Err(TryLockError::WouldBlock) => Some(false),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// A life is over, and nobody asks for it any more.
    pub(super) fn end(&self, boot: &BootId) {
        self.held.lock().retain(|(held, _)| held != boot);
        fs::remove_file(self.folder.join(boot.as_str())).ok();
    }
}
