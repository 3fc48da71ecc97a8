//! The load: connections that are kept, each with one request at a time. Called by the measures.
//!
//! Invariant: every answer is checked; one that is not what was asked for ends the run, because
//! refusals are cheap and would pass for speed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::answer::Answer;
use crate::requests::Load;
use crate::upstream::HELD;

/// What a party did under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// Answers that were whole in time.
    pub(crate) requests: u64,
    /// How long the load stood.
    pub(crate) took: Duration,
}

impl Tally {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64()
    }
}

/// Asks on each of `connections` again as soon as the answer is there, for `took`.
pub(crate) async fn closed_loop(
    to: SocketAddr,
    load: &Load,
    connections: usize,
    took: Duration,
) -> Outcome<Tally> {
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        sockets.push(connect(to).await?);
    }
    let clock = Arc::new(SystemClock::new());
    let mut workers = JoinSet::new();
    for socket in sockets {
        workers.spawn(ask_until(socket, load.clone(), Arc::clone(&clock), took));
    }
    let mut requests = 0;
    while let Some(worker) = workers.join_next().await {
        requests += worker??;
    }
    Ok(Tally { requests, took })
}

async fn ask_until(
    mut socket: TcpStream,
    load: Load,
    clock: Arc<SystemClock>,
    end: Duration,
) -> Outcome<u64> {
    let mut answer = Answer::default();
    let mut buffer = vec![0; 32 * 1024];
    let mut requests = 0;
    loop {
        exchange(&mut socket, load.request.as_ref(), &mut answer, &mut buffer).await?;
        answer.check(load.least_bytes, load.least_events)?;
        if clock.monotonic() >= end {
            return Ok(requests);
        }
        requests += 1;
    }
}

/// Sends a request and reads its answer to the end.
pub(crate) async fn exchange(
    socket: &mut TcpStream,
    request: &[u8],
    answer: &mut Answer,
    buffer: &mut [u8],
) -> Outcome<()> {
    answer.reset();
    socket.write_all(request).await?;
    loop {
        let read = socket.read(buffer).await?;
        if read == 0 {
            return Err("the connection was closed in the middle of an answer".into());
        }
        if answer.feed(&buffer[..read])? {
            return Ok(());
        }
    }
}

/// Opens streams that stay open, and has the first event of each.
pub(crate) async fn hold_open(
    to: SocketAddr,
    load: &Load,
    streams: usize,
) -> Outcome<Vec<TcpStream>> {
    /// At a time: no party's accept queue shall overflow.
    const AT_A_TIME: usize = 64;
    let mut held = Vec::with_capacity(streams);
    let mut opening = JoinSet::new();
    for _ in 0..streams {
        opening.spawn(hold_one(to, Arc::clone(&load.request)));
        if opening.len() >= AT_A_TIME
            && let Some(one) = opening.join_next().await
        {
            held.push(one??);
        }
    }
    while let Some(one) = opening.join_next().await {
        held.push(one??);
    }
    Ok(held)
}

async fn hold_one(to: SocketAddr, request: Arc<[u8]>) -> Outcome<TcpStream> {
    let mut socket = connect(to).await?;
    socket.write_all(&request).await?;
    let mut seen = Vec::new();
    while memchr::memmem::find(&seen, HELD.as_bytes()).is_none() {
        let patience = Duration::from_secs(20);
        let read = tokio::time::timeout(patience, socket.read_buf(&mut seen)).await;
        let read = read.map_err(|_| format!("no first event in {patience:?}"))??;
        if read == 0 || seen.len() > 64 * 1024 {
            let said = String::from_utf8_lossy(&seen[..seen.len().min(500)]).into_owned();
            return Err(format!("a stream did not stay open: {said}").into());
        }
    }
    Ok(socket)
}

async fn connect(to: SocketAddr) -> Outcome<TcpStream> {
    let socket = TcpStream::connect(to).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}
