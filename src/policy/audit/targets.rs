//! Where checkpoints go besides the store, so that somebody else has them before anybody could
//! change the log: a folder, or an address. The app starts a task for each of them.
//!
//! Invariant: no commit waits for a target. What could not be delivered is tried again, with the
//! newest checkpoint there then is; a checkpoint that a folder has is never written over.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use parking_lot::Mutex;
use tokio::sync::watch;
use tower::ServiceExt;

use super::log::Checkpoint;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::client::Client;
use crate::store::log::{CheckpointRow, Log};
use crate::tasks::Tasks;

/// Name, connection and TLS of an address.
const CONNECT: Duration = Duration::from_secs(5);
/// One delivery, from its start to the answer's head.
const DELIVERY: Duration = Duration::from_secs(15);
/// How long after a failure it is tried again at first; twice as long each time after that.
const PAUSE: Duration = Duration::from_secs(1);
/// How long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Checkpoints that are read of the store at a time.
const PAGE: usize = 256;
/// How long the last deliveries may take when the process ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// Delivers checkpoints, each target in a task of its own.
pub struct Targets {
    /// None from the end on.
    newest: Mutex<Option<watch::Sender<Option<CheckpointRow>>>>,
    tasks: Tasks,
}

impl Targets {
    /// Starts to deliver to each of `to`. A folder also gets the checkpoints that other processes
    /// make, and those that were made while nobody wrote into it.
    ///
    /// # Errors
    ///
    /// A target is no folder and no address.
    pub async fn start(to: &[String], log: &Arc<dyn Log>) -> Result<Self> {
        let (newest, _) = watch::channel(None);
        let tasks = Tasks::default();
        for target in to {
            let target = Target::read(target, log).await?;
            tasks.spawn("checkpoints", deliver(target, newest.subscribe()));
        }
        Ok(Self { newest: Mutex::new(Some(newest)), tasks })
    }

    /// There is a new checkpoint.
    pub fn send(&self, checkpoint: &CheckpointRow) {
        if let Some(newest) = &*self.newest.lock() {
            newest.send_replace(Some(checkpoint.clone()));
        }
    }

    /// Delivers the newest one a last time, as far as that is possible soon.
    pub async fn end(&self) {
        self.newest.lock().take();
        if !self.tasks.drained(GOODBYE).await {
            tracing::warn!("a checkpoint could not be delivered before the end");
        }
    }
}

async fn deliver(mut target: Target, mut newest: watch::Receiver<Option<CheckpointRow>>) {
    // It fails when nobody sends any more and the last one was seen.
    while newest.changed().await.is_ok() {
        let mut pause = PAUSE;
        loop {
            let Some(checkpoint) = newest.borrow_and_update().clone() else { break };
            let Err(error) = target.take(&checkpoint).await else { break };
            tracing::warn!(target = target.name(), ?error, "a checkpoint was not delivered");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                ended = ended(&newest) => return ended,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Waits until nobody sends any more.
async fn ended(newest: &watch::Receiver<Option<CheckpointRow>>) {
    let mut newest = newest.clone();
    while newest.changed().await.is_ok() {}
}

enum Target {
    Folder { folder: PathBuf, log: Arc<dyn Log>, written: u64 },
    Address { uri: Uri, client: Box<Client> },
}

impl Target {
    async fn read(text: &str, log: &Arc<dyn Log>) -> Result<Self> {
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = PathBuf::from(folder.strip_prefix("//").unwrap_or(folder));
            let written = match latest(&folder) {
                Some(size) => size,
                None => log.head().await?.signed,
            };
            return Ok(Self::Folder { folder, log: Arc::clone(log), written });
        }
        let wrong = |cause| Error::invalid("audit.checkpoint.to", format!("no address: {cause}"));
        let uri = Uri::try_from(text).map_err(wrong)?;
        Ok(Self::Address { uri, client: Box::new(Client::new("checkpoints", CONNECT)?) })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "folder",
            Self::Address { .. } => "address",
        }
    }

    async fn take(&mut self, checkpoint: &CheckpointRow) -> Result<()> {
        match self {
            Self::Address { uri, client } => {
                let post = post((**client).clone(), uri.clone(), checkpoint.note.clone());
                tokio::time::timeout(DELIVERY, post).await.map_err(|_| late())?
            }
            Self::Folder { folder, log, written } => {
                while *written < checkpoint.size {
                    let page = log.checkpoints(*written, PAGE).await?;
                    let Some(last) = page.last().map(|last| last.size) else { break };
                    let into = folder.clone();
                    let put = move || page.iter().try_for_each(|row| put(&into, row));
                    let put = tokio::task::spawn_blocking(put).await;
                    let put = put.unwrap_or_else(|broken| Err(io::Error::other(broken)));
                    put.map_err(|cause| {
                        Error::new(Kind::Internal, "the folder cannot be written").caused_by(cause)
                    })?;
                    *written = last;
                }
                Ok(())
            }
        }
    }
}

fn late() -> Error {
    Error::new(Kind::UpstreamTimeout, "the address did not answer in time")
}

async fn post(client: Client, uri: Uri, note: String) -> Result<()> {
    let mut request = Request::new(Body::full(Bytes::from(note)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    request.headers_mut().insert(CONTENT_TYPE, plain);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("switchyard"));
    let answer = client.oneshot(request).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    let said = format!("the address answered {}", answer.status().as_u16());
    Err(Error::new(Kind::UpstreamError, said))
}

/// What the newest one in a folder is called besides its own name.
const LATEST: &str = "latest";

/// The size of the newest checkpoint in a folder; none where there is none.
fn latest(folder: &Path) -> Option<u64> {
    let note = std::fs::read_to_string(folder.join(LATEST)).ok()?;
    let (text, _) = note.rsplit_once("\n\n")?;
    Checkpoint::parse(&format!("{text}\n")).ok().map(|checkpoint| checkpoint.size)
}

/// Puts a checkpoint into a folder, under its size and as the newest.
fn put(folder: &Path, row: &CheckpointRow) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // As many digits as the largest size has, so that names sort as sizes do.
    let path = folder.join(format!("{:020}", row.size));
    match std::fs::read(&path) {
        Ok(there) if there == row.note.as_bytes() => {}
        // Two checkpoints over as many records: one of the two logs was tampered with, or the
        // store was put back to an earlier state. Whoever compares the two will know.
        Ok(_) => {
            let said = format!("another checkpoint of {} records is in the folder", row.size);
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, said));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(folder, &path, row)?,
        Err(error) => return Err(error),
    }
    if latest(folder).is_none_or(|size| size < row.size) {
        replace(folder, &folder.join(LATEST), row)?;
    }
    std::fs::File::open(folder)?.sync_all()
}

/// Puts a file at its place, whole or not at all.
fn replace(folder: &Path, path: &Path, row: &CheckpointRow) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".{:020}.{}.{next}", row.size, std::process::id()));
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(row.note.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
