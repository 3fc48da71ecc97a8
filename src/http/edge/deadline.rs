//! Bounds how long a request body may take to arrive. It rides on the body, so it holds for every
//! face, however that reads.
//!
//! Order: inside shed, so that a refused request costs no timer; beside the body limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};

/// The layer: from the first byte that was waited for to the last.
pub struct DeadlineLayer(pub Duration);

impl Step<Request<Body>> for DeadlineLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let request = request.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            Body::stream(Timed { body, within: self.0, timer: None })
        });
        next.run(request).await
    }
}

/// A body with a clock, which is only started when a byte has to be waited for: most bodies have
/// arrived with their head.
struct Timed {
    body: Body,
    within: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if let ready @ Poll::Ready(_) = Pin::new(&mut this.body).poll_frame(cx) {
            return ready;
        }
        let within = this.within;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        timer.as_mut().poll(cx).map(|()| {
            Some(Err(Error::new(Kind::RequestTimeout, "the body took too long to arrive")))
        })
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
    use super::*;

    /// Gives a byte every 400 ms, for ever.
    struct Trickle(Pin<Box<Sleep>>);

    impl http_body::Body for Trickle {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>>>> {
            std::task::ready!(self.0.as_mut().poll(cx));
            self.0 = Box::pin(tokio::time::sleep(Duration::from_millis(400)));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_cut_off_at_the_deadline() {
        let started = tokio::time::Instant::now();
        let trickle = Trickle(Box::pin(tokio::time::sleep(Duration::ZERO)));
        let within = Duration::from_secs(1);
        let body = Body::stream(Timed { body: Body::stream(trickle), within, timer: None });
        let refused = body.read().await.err().map(|error| error.kind());
        assert_eq!(refused, Some(Kind::RequestTimeout));
        assert!(started.elapsed() < Duration::from_millis(1_100));
    }
}
