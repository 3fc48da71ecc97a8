//! How an answer ended, for the layers that must know (measure, breaker). A body knows whether it
//! came to its end; whether that was the end of the run only its reader knows, and says so
//! through the [`Verdict`] that travels with the response.
//!
//! Invariant: each watcher is told exactly once, when the body is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};

use crate::error::{Kind, Result};
use crate::http::body::Body;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is whole.
    Whole,
    /// It broke off, or was not what the platform's API promises.
    Broken,
    /// A clock ran out.
    TimedOut,
    /// Its reader left before the end.
    Dropped,
}

/// What the reader of an answer finds. Said before the body is dropped; the last word counts.
#[derive(Clone, Debug, Default)]
pub struct Verdict(Arc<AtomicU8>);

const UNSAID: u8 = 0;
const WHOLE: u8 = 1;
const BROKEN: u8 = 2;

impl Verdict {
    /// The verdict on this response; the same for all who ask.
    pub fn of(response: &mut Response<Body>) -> Self {
        response.extensions_mut().get_or_insert_default::<Self>().clone()
    }

    /// The reader has all that it needs, even if bytes follow.
    pub fn is_whole(&self) {
        self.0.store(WHOLE, Ordering::Relaxed);
    }

    /// The answer is not what was promised, even if its bytes came to their end.
    pub fn is_broken(&self) {
        self.0.store(BROKEN, Ordering::Relaxed);
    }
}

/// Calls `told` with the end of the response's body.
pub fn watch(
    mut response: Response<Body>,
    told: impl FnOnce(End) + Send + Unpin + 'static,
) -> Response<Body> {
    let verdict = Verdict::of(&mut response);
    response
        .map(|body| Body::stream(Watched { body, seen: End::Dropped, verdict, told: Some(told) }))
}

struct Watched<F: FnOnce(End)> {
    body: Body,
    seen: End,
    verdict: Verdict,
    told: Option<F>,
}

impl<F: FnOnce(End) + Unpin> http_body::Body for Watched<F> {
    type Data = Bytes;
    type Error = crate::error::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.seen = End::Whole,
            Poll::Ready(Some(Err(error))) if error.kind() == Kind::UpstreamTimeout => {
                self.seen = End::TimedOut;
            }
            Poll::Ready(Some(Err(_))) => self.seen = End::Broken,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(End)> Drop for Watched<F> {
    fn drop(&mut self) {
        let end = match (self.seen, self.verdict.0.load(Ordering::Relaxed)) {
            // A reader that knows the length need not ask for the end.
            (End::Dropped, UNSAID) if http_body::Body::is_end_stream(&self.body) => End::Whole,
            (End::Dropped, WHOLE) => End::Whole,
            (End::Dropped | End::Whole, BROKEN) => End::Broken,
            (seen, _) => seen,
        };
        if let Some(told) = self.told.take() {
            told(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use http_body_util::BodyExt;

    use super::*;
    use crate::error::Error;
    use crate::outbound::layers::testing::{Piece, body_of};

    fn watched(pieces: Vec<Piece>) -> (Response<Body>, mpsc::Receiver<End>) {
        let (tell, told) = mpsc::channel();
        let response = Response::new(body_of(pieces));
        (watch(response, move |end| tell.send(end).unwrap()), told)
    }

    #[tokio::test]
    async fn a_body_ends_whole_broken_or_timed_out_and_is_told_when_dropped() {
        let broken = || Piece::Fail(Error::new(Kind::UpstreamProtocol, "x"));
        let late = || Piece::Fail(Error::new(Kind::UpstreamTimeout, "x"));
        for (pieces, end) in [
            (vec![Piece::Bytes("a")], End::Whole),
            (vec![Piece::Bytes("a"), broken()], End::Broken),
            (vec![late()], End::TimedOut),
        ] {
            let (mut response, told) = watched(pieces);
            while let Some(Ok(_)) = response.body_mut().frame().await {}
            assert!(told.try_recv().is_err(), "it was told before the reader had its say");
            drop(response);
            assert_eq!(told.try_recv(), Ok(end));
        }
    }

    #[tokio::test]
    async fn the_readers_verdict_counts_where_bytes_cannot_tell() {
        let (mut response, told) = watched(vec![Piece::Bytes("a"), Piece::Bytes("b")]);
        let verdict = Verdict::of(&mut response);
        assert!(response.body_mut().frame().await.is_some());
        verdict.is_whole();
        drop(response);
        assert_eq!(told.try_recv(), Ok(End::Whole));

        let (mut response, told) = watched(vec![]);
        let verdict = Verdict::of(&mut response);
        assert!(response.body_mut().frame().await.is_none());
        verdict.is_broken();
        drop(response);
        assert_eq!(told.try_recv(), Ok(End::Broken));
    }

    #[test]
    fn a_body_that_nobody_reads_to_its_end_is_dropped() {
        let (response, told) = watched(vec![Piece::Bytes("a")]);
        drop(response);
        assert_eq!(told.try_recv(), Ok(End::Dropped));
    }
}
