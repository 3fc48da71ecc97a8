//! The listener of the pretend platforms and the handle on it; `simulate`, `demo`, the suite and
//! the benches start it.
//!
//! Invariant: every connection is a tracked task that ends with the handle.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::player::{Peer, Played};
use super::receive::Missing;
use super::request::Received;
use super::script::Script;
use super::stage::{Options, Stage};
use crate::tasks::Tasks;

/// The most connections at a time. Further ones wait in the listener's backlog.
const CONNECTIONS: usize = 20_000;

/// How long to leave an accept that failed, for want of file descriptors mostly.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What the system takes of an answer ahead of a peer that reads nothing. Left alone it grows to
/// megabytes, and it would take long until a script meets the peer's pace.
const SEND_BUFFER: usize = 64 * 1024;

/// The four platforms on one port.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Listens and answers until the handle is shut down or dropped. A platform's base URL is
    /// this address with `/make/api/v2`, `/zaia`, `/acp` or `/agentbase`.
    pub async fn start(listen: SocketAddr, tasks: &Tasks, options: Options) -> io::Result<Running> {
        let listener = TcpListener::bind(listen).await?;
        // Sockets that are accepted inherit it.
        socket2::SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER)?;
        let addr = listener.local_addr()?;
        let stage = Arc::new(Stage::new(options));
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::clone(&stage), tasks.clone(), stop.clone());
        let until = stop.clone();
        tasks.spawn("simulator", async move {
            until.run_until_cancelled(accepting).await;
        });
        Ok(Running { addr, stage, stop })
    }
}

/// A simulator that listens.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    stage: Arc<Stage>,
    stop: CancellationToken,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it received, oldest first, as far as the journal reaches back.
    pub fn journal(&self) -> Vec<Arc<Received>> {
        self.stage.journal.entries()
    }

    /// Plays `script` to the next request whose path and query contain `needle`, in the
    /// platform's place. Several wait in the order in which they were put up.
    pub fn on(&self, needle: impl Into<String>, script: Script) {
        self.stage.stand_in(needle.into(), script, true);
    }

    /// Plays `script` to every request whose path and query contain `needle`. Nothing is computed
    /// for it: the way to measure what is in front of the simulator.
    pub fn always(&self, needle: impl Into<String>, script: Script) {
        self.stage.stand_in(needle.into(), script, false);
    }

    /// Lets all scripts go on that wait for this signal, now and later.
    pub fn signal(&self, name: &str) {
        self.stage.signal(name);
    }

    /// Open connections, idle ones included.
    pub fn connections_open(&self) -> usize {
        self.stage.connections.get()
    }

    /// Requests whose answer is being played.
    pub fn exchanges_open(&self) -> usize {
        self.stage.exchanges.get()
    }

    /// How many exchanges the peer broke off before their script had ended.
    pub fn broken_off(&self) -> u64 {
        self.stage.broken_off().borrow().count
    }

    /// Bytes of answers that the system has taken so far.
    pub fn bytes_sent(&self) -> u64 {
        self.stage.sent.get()
    }

    /// Waits until the peer broke off `count` exchanges in all; when the last one was noticed.
    pub async fn wait_for_broken_off(&self, count: u64) -> Instant {
        let mut news = self.stage.broken_off();
        let enough = news.wait_for(|broken_off| broken_off.count >= count).await;
        // The sender is in the stage that we hold: the wait cannot fail.
        enough.ok().and_then(|broken_off| broken_off.last).unwrap_or_else(Instant::now)
    }

    /// Stops listening and drops all connections.
    pub fn shutdown(&self) {
        self.stop.cancel();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown();
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>, tasks: Tasks, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(seat) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (stage, stop) = (Arc::clone(&stage), stop.clone());
                tasks.spawn("simulated connection", async move {
                    stop.run_until_cancelled(converse(stream, &stage)).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the simulator could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, stage: &Stage) {
    let _open = stage.connections.enter();
    // Each step of a script is a write of its own that the peer shall see at once. A socket that
    // takes no options is gone, as the first read will tell.
    stream.set_nodelay(true).ok();
    let mut peer = Peer::new(stream);
    loop {
        let received = match peer.request().await {
            Ok(received) => received,
            Err(Missing::Gone) => return,
            Err(Missing::Refused(status, reason)) => return peer.refuse(status, reason).await,
        };
        let last = received.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
        let exchange = stage.exchanges.enter();
        let played = peer.play(stage.answer(received), stage).await;
        drop(exchange);
        match played {
            Played::Through if last => return peer.close().await,
            Played::Through => {}
            Played::Ended => return,
            Played::BrokenOff => return stage.note_broken_off(),
        }
    }
}
