//! Three of the four clocks of a call to a platform: first byte, idle and total. The fourth,
//! connect, is the client's own, and runs within the first byte's.
//!
//! Order: inside permits; outside credentials and the client, whose time it measures.
//!
//! Invariant: the idle clock runs only while the gateway waits for the platform, never while a
//! slow reader keeps the gateway waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};

/// How long one request's caller waits for the first byte, where that is less than others do.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

/// The layer.
#[derive(Debug)]
pub struct Clocks {
    upstream: Arc<str>,
    clocks: config::Clocks,
}

impl Clocks {
    /// The clocks of this upstream.
    pub fn new(upstream: &str, clocks: config::Clocks) -> Self {
        Self { upstream: upstream.into(), clocks }
    }
}

impl Step<Request<Body>> for Clocks {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let ends = Instant::now() + self.clocks.total;
        let patience = request.extensions().get::<Patience>().map(|patience| patience.0);
        let first_byte = self.clocks.first_byte.min(self.clocks.total);
        let first_byte = patience.map_or(first_byte, |patience| patience.min(first_byte));
        let response = tokio::time::timeout(first_byte, next.run(request))
            .await
            .map_err(|_| timeout(&self.upstream, "did not begin to answer", first_byte))??;
        Ok(response.map(|body| {
            Body::stream(TimedBody {
                body,
                waiting_since: None,
                ends,
                alarm: None,
                upstream: Arc::clone(&self.upstream),
                clocks: self.clocks,
            })
        }))
    }
}

fn timeout(upstream: &str, what: &str, within: Duration) -> Error {
    let message = format!("upstream `{upstream}` {what} within {within:?}");
    Error::new(Kind::UpstreamTimeout, message).upstream(upstream, None, None)
}

struct TimedBody {
    body: Body,
    /// Since when the platform has been waited for.
    waiting_since: Option<Instant>,
    /// When the total clock runs out.
    ends: Instant,
    /// Set on the first wait and then moved only when it rings, not with each frame.
    alarm: Option<Pin<Box<Sleep>>>,
    upstream: Arc<str>,
    clocks: config::Clocks,
}

impl TimedBody {
    /// Ready when a clock has run out while the platform is waited for.
    fn poll_clocks(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let idle_ends = since + self.clocks.idle;
        let due = idle_ends.min(self.ends);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() < due {
                alarm.as_mut().reset(due);
                continue;
            }
            return Poll::Ready(if idle_ends <= self.ends {
                timeout(&self.upstream, "sent nothing more", self.clocks.idle)
            } else {
                timeout(&self.upstream, "did not end its answer", self.clocks.total)
            });
        }
        Poll::Pending
    }
}

impl http_body::Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(_))) if Instant::now() >= self.ends => {
                // A platform that never pauses must not outrun the total clock.
                let error = timeout(&self.upstream, "did not end its answer", self.clocks.total);
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(frame) => {
                self.waiting_since = None;
                Poll::Ready(frame)
            }
            Poll::Pending => self.poll_clocks(cx).map(|error| Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::outbound::layers::testing::{
        Piece, answers, body_of, call, platform, response, wrapped,
    };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn clocks() -> Clocks {
        let clocks = config::Clocks {
            connect: seconds(1),
            first_byte: seconds(5),
            idle: seconds(10),
            total: seconds(60),
        };
        Clocks::new("up", clocks)
    }

    /// What came of a body of these pieces, and after how many seconds.
    async fn read(pieces: Vec<Piece>) -> (Result<Bytes>, u64) {
        let service = wrapped(clocks(), answers(vec![Ok(response(200, body_of(pieces)))]));
        let began = Instant::now();
        let response = call(&service, "/").await.unwrap();
        let read = response.into_body().collect().await.map(|body| body.to_bytes());
        (read, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_does_not_begin_is_given_up() {
        let service = wrapped(clocks(), platform(|_| std::future::pending()));
        let began = Instant::now();
        let error = call(&service, "/").await.unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamTimeout);
        assert!(error.message().contains("`up` did not begin to answer within 5s"));
        assert_eq!(began.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_falls_silent_is_given_up() {
        let steady = || [Piece::Wait(seconds(9)), Piece::Bytes("x")];
        let pieces = steady().into_iter().chain(steady()).chain([Piece::Wait(seconds(11))]);
        let (read, took) = read(pieces.collect()).await;
        assert!(read.unwrap_err().message().contains("sent nothing more within 10s"));
        assert_eq!(took, 28);
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_never_ends_is_given_up() {
        let pieces = || (0..20).flat_map(|_| [Piece::Wait(seconds(7)), Piece::Bytes("x")]);
        let (error, took) = read(pieces().collect()).await;
        assert!(error.unwrap_err().message().contains("did not end its answer within 60s"));
        assert_eq!(took, 60);
        let (whole, took) = read(pieces().take(16).collect()).await;
        assert_eq!((whole.unwrap(), took), (Bytes::from("xxxxxxxx"), 56));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_does_not_run_the_idle_clock() {
        let pieces = vec![Piece::Bytes("a"), Piece::Wait(seconds(1)), Piece::Bytes("b")];
        let service = wrapped(clocks(), answers(vec![Ok(response(200, body_of(pieces)))]));
        let mut body = call(&service, "/").await.unwrap().into_body();
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(seconds(40)).await;
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.is_none());
    }
}
