//! Plays a script on a connection and notices when the peer leaves before the end; the server's
//! connections use it.
//!
//! Invariant: whatever the script is doing, a peer that leaves ends it at once.

use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::receive::{Missing, receive};
use super::request::Received;
use super::script::{Act, Script};
use super::stage::{Stage, Total};

/// How much of the next requests is read while an answer is played. Beyond it the peer's leaving
/// is noticed by the next write only.
const READ_AHEAD_BYTES: usize = 1024 * 1024;

/// How long a refused peer may go on sending before the connection is dropped, so that it can
/// read why.
const LINGER: Duration = Duration::from_secs(1);

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// All of it; the connection is good for the next request.
    Through,
    /// The script ended the connection.
    Ended,
    /// The peer left first.
    BrokenOff,
}

/// The other end of one connection.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Peer {
    /// The peer of an accepted connection.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// Its next request.
    pub async fn request(&mut self) -> Result<Received, Missing> {
        receive(&mut self.stream, &mut self.buffer).await
    }

    /// Plays a script to it.
    pub async fn play(&mut self, script: Script, stage: &Stage) -> Played {
        for act in script.acts {
            let there = match act {
                Act::Send(bytes) => self.send(&bytes, &stage.sent).await,
                Act::Repeat { bytes, times, every } => {
                    self.repeat(&bytes, times, every, &stage.sent).await
                }
                Act::Wait(time) => self.pause(time).await,
                Act::WaitForSignal(name, at_most) => {
                    let signal = tokio::time::timeout(at_most, stage.signalled(&name));
                    self.meanwhile(async { drop(signal.await) }).await
                }
                Act::Stall => self.meanwhile(std::future::pending()).await,
                Act::Close => {
                    self.close().await;
                    return Played::Ended;
                }
                Act::Reset => {
                    // Dropped with this set, the connection ends in a reset. A socket that takes
                    // no options is gone already.
                    self.stream.set_zero_linger().ok();
                    return Played::Ended;
                }
            };
            if !there {
                return Played::BrokenOff;
            }
        }
        Played::Through
    }

    /// Says why a request is not taken, and ends the connection.
    pub async fn refuse(&mut self, status: u16, reason: &str) {
        let answer = Script::text(status, "text/plain", reason);
        if self.send(&answer.bytes(), &Total::default()).await {
            self.close().await;
            let mut rest = [0; 4096];
            let drain = async { while matches!(self.stream.read(&mut rest).await, Ok(1..)) {} };
            tokio::time::timeout(LINGER, drain).await.ok();
        }
    }

    /// Ends our side in order.
    pub async fn close(&mut self) {
        // A peer that has gone needs no farewell.
        self.stream.shutdown().await.ok();
    }

    async fn repeat(&mut self, bytes: &[u8], times: u64, every: Duration, sent: &Total) -> bool {
        for _ in 0..times {
            if !(self.send(bytes, sent).await && self.pause(every).await) {
                return false;
            }
        }
        true
    }

    async fn pause(&mut self, time: Duration) -> bool {
        if time.is_zero() {
            tokio::task::yield_now().await;
            return true;
        }
        self.meanwhile(tokio::time::sleep(time)).await
    }

    /// Writes first and looks for the peer only when the write has to wait: a peer that only shut
    /// its sending side still gets an answer that is ready.
    async fn send(&mut self, bytes: &[u8], sent: &Total) -> bool {
        let (mut reading, mut writing) = self.stream.split();
        let there = tokio::select! {
            biased;
            written = writing.write_all(bytes) => written.is_ok(),
            () = gone(&mut reading, &mut self.buffer) => false,
        };
        if there {
            sent.add(bytes.len());
        }
        there
    }

    async fn meanwhile(&mut self, wait: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = wait => true,
            () = gone(&mut self.stream, &mut self.buffer) => false,
        }
    }
}

/// Ends when the peer has gone; keeps what it sends before. Cancel-safe: what was read is kept.
async fn gone(reading: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) {
    while buffer.len() < READ_AHEAD_BYTES {
        if matches!(reading.read_buf(buffer).await, Ok(0) | Err(_)) {
            return;
        }
    }
    std::future::pending().await
}
