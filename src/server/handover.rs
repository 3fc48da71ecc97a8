//! One process takes over from another: it is given the listening sockets, so that no connection is
//! refused, and the older process serves to their end the requests that it has begun.
//!
//! Both meet in a folder that only their user can enter. `serving` names the process that serves,
//! which holds a lock on it for as long as it lives; `serving.next` is held by the one that takes
//! over; `sockets` is where sockets are handed over, at SIGQUIT. The older process goes on serving
//! until the newer one has put its own name in the place of the older; if that never comes, it has
//! lost nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::listen::{self, Sockets};

/// How long a new process may take to serve, once it has the sockets.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the older process looks whether the newer one serves.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Bytes that the system takes of the path of a socket.
const PATH_BYTES: usize = 107;

/// Why no process hands over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// There is nobody to take over from.
    #[error(
        "no process serves that hands over in {}: start without `--upgrade`, or name the folder \
         of the one that does in `listen.handover`",
        .0.display()
    )]
    Nobody(PathBuf),
    /// The path of a socket would be longer than the system takes.
    #[error("{} is too long a path for a socket: name a shorter folder in `listen.handover`", .0.display())]
    TooLong(PathBuf),
    /// The folder cannot be used, or the process that serves did not answer.
    #[error("cannot take over in {}: {cause}", folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// That this process serves, told in a folder. Forgotten when it is dropped.
#[derive(Debug)]
pub struct Handover {
    folder: PathBuf,
    _lock: File,
}

impl Handover {
    /// Tells that this process serves, without taking over from another; none where another one
    /// does.
    pub fn claim(folder: &Path) -> Result<Option<Self>, HandoverError> {
        let failed = |cause| failed(folder, cause);
        make(folder).map_err(failed)?;
        let mut options = OpenOptions::new();
        let path = folder.join("serving");
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(path);
        let mut file = file.map_err(failed)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        write_name(&mut file).map_err(failed)?;
        Ok(Some(Self { folder: folder.to_owned(), _lock: file }))
    }

    /// Hands the sockets over to the process that has asked for them, and waits until it serves.
    /// Blocks; the caller serves meanwhile.
    pub fn give(&self, sockets: &Sockets) -> Result<(), HandoverError> {
        let failed = |cause| failed(&self.folder, cause);
        listen::send(sockets, &self.folder.join("sockets")).map_err(failed)?;
        let mut waited = Duration::ZERO;
        while self.is_named().map_err(failed)? {
            if waited > PATIENCE || self.is_forsaken() {
                let said = "the process that has the sockets does not serve; this one goes on";
                return Err(failed(io::Error::other(said)));
            }
            std::thread::sleep(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
        Ok(())
    }

    /// Whether the process that takes over has gone.
    fn is_forsaken(&self) -> bool {
        let next = File::open(self.folder.join("serving.next"));
        next.is_ok_and(|next| next.try_lock().is_ok())
    }

    /// Whether it is still this process that is named.
    fn is_named(&self) -> io::Result<bool> {
        Ok(named(&File::open(self.folder.join("serving"))?)? == std::process::id())
    }
}

/// A process that takes over, and does not serve yet. Dropped, it leaves everything as it was.
#[derive(Debug)]
pub struct Taking {
    folder: PathBuf,
    lock: File,
    /// The sockets of the process that serves.
    pub sockets: Sockets,
}

impl Taking {
    /// Tells that this process serves in place of the one that did until now.
    pub fn succeed(mut self) -> Result<Handover, HandoverError> {
        let failed = |cause| failed(&self.folder, cause);
        write_name(&mut self.lock).map_err(failed)?;
        let (next, serving) = (self.folder.join("serving.next"), self.folder.join("serving"));
        fs::rename(next, serving).map_err(failed)?;
        Ok(Handover { folder: self.folder, _lock: self.lock })
    }
}

/// Asks the process that serves for its sockets. Blocks.
pub fn ask(folder: &Path) -> Result<Taking, HandoverError> {
    let nobody = || HandoverError::Nobody(folder.to_owned());
    let failed = |cause| failed(folder, cause);
    let to = folder.join("sockets");
    if to.as_os_str().len() > PATH_BYTES {
        return Err(HandoverError::TooLong(to));
    }
    let serving = OpenOptions::new().read(true).write(true).open(folder.join("serving"));
    let serving = serving.map_err(|_| nobody())?;
    if serving.try_lock().is_ok() {
        // Whoever was named there is gone.
        return Err(nobody());
    }
    let process = named(&serving).map_err(failed)?;
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or_else(nobody)?;
    let mut options = OpenOptions::new();
    // Emptied only when it is ours: another process may be about to tell its name there.
    let next = options.create(true).truncate(false).write(true).mode(0o600);
    let lock = next.open(folder.join("serving.next")).map_err(failed)?;
    let taken = || io::Error::other("another process is taking over");
    lock.try_lock().map_err(|_| failed(taken()))?;
    // It connects as often as it takes until we listen.
    kill_process(process, Signal::QUIT).map_err(|error| failed(error.into()))?;
    let sockets = listen::receive(&to).map_err(failed)?;
    Ok(Taking { folder: folder.to_owned(), lock, sockets })
}

/// Makes the folder, and sees to it that nobody else can enter it.
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn write_name(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}

fn named(mut file: &File) -> io::Result<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let wrong = |_| io::Error::other("`serving` does not name a process");
    text.trim().parse().map_err(wrong)
}

fn failed(folder: &Path, cause: io::Error) -> HandoverError {
    HandoverError::Failed { folder: folder.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_serves_in_a_folder_that_only_its_user_enters() {
        use std::os::unix::fs::PermissionsExt;

        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("handover");
        let first = Handover::claim(&folder).unwrap().unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(first.is_named().unwrap());
        assert!(Handover::claim(&folder).unwrap().is_none());
        drop(first);
        assert!(matches!(ask(&folder), Err(HandoverError::Nobody(_))));
        assert!(Handover::claim(&folder).unwrap().is_some());
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(ask(&folder), Err(HandoverError::Nobody(_))));
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_named() {
        let long = PathBuf::from("/").join("x".repeat(108));
        let error = ask(&long).unwrap_err().to_string();
        assert!(error.contains("listen.handover"), "{error}");
    }
}
