//! A connection's bytes: gives back what was read to find out the protocol, and fails a write that
//! has waited too long without a byte being taken. (Reading is bounded by hyper's head timeout and
//! by the deadline on bodies.)
//!
//! Invariant: the clock runs only while a write waits. Over TLS what waits may be a flush, of at
//! most what rustls buffers (64 KiB).

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::head_clock::Arrived;

pub(super) struct Watched<IO> {
    io: IO,
    replay: Bytes,
    within: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    arrived: Arrived,
}

impl<IO> Watched<IO> {
    /// Reads `replay` first; gives a write `within` for its first byte; notes what arrives.
    pub(super) fn new(io: IO, replay: Bytes, within: Duration, arrived: Arrived) -> Self {
        Self { io, replay, within, timer: None, arrived }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<Result<T>>) -> Poll<Result<T>> {
        if polled.is_ready() {
            self.timer = None;
            return polled;
        }
        let within = self.within;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        timer
            .as_mut()
            .poll(cx)
            .map(|()| Err(Error::new(ErrorKind::TimedOut, "the peer takes no bytes")))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.replay.is_empty() {
            let before = into.filled().len();
            let polled = Pin::new(&mut this.io).poll_read(cx, into);
            if into.filled().len() > before {
                this.arrived.note();
            }
            return polled;
        }
        this.arrived.note();
        let length = this.replay.len().min(into.remaining());
        into.put_slice(&this.replay.split_to(length));
        // What has come meanwhile goes along, or hyper would grow its buffer for a second read. An
        // error can wait: the next read meets it, or the end that follows it.
        if into.remaining() > 0 {
            drop(Pin::new(&mut this.io).poll_read(cx, into));
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.watch(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_flush(cx);
        this.watch(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_shutdown(cx);
        this.watch(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn watched<IO>(io: IO, replay: Bytes, within: Duration) -> Watched<IO> {
        Watched::new(io, replay, within, Arrived::default())
    }

    #[tokio::test]
    async fn what_was_read_to_look_is_read_again() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b" / HTTP/1.1").await.unwrap();
        drop(far);
        let mut io = watched(near, Bytes::from_static(b"GET"), Duration::from_secs(1));
        let mut read = String::new();
        io.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "GET / HTTP/1.1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_and_one_that_goes_on_does_not() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut io = watched(near, Bytes::new(), Duration::from_secs(30));
        let slow_reader = async {
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                far.read_u8().await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(io.write_all(b"twelve bytes"), slow_reader);
        written.unwrap();
        let error = io.write_all(b"never").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
