//! Bounds how large a request body may be: by its own word before a byte is read (the caller that
//! sent `Expect: 100-continue` then never sends it), and by counting where it gave none. It rides
//! on the body, so it holds for every face.
//!
//! Order: innermost but for the faces, so that a body is only judged when it is wanted.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::timeout;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};

/// How much of a body that is too large is taken in before its sender is answered.
const DISCARDED_BYTES: usize = 8 * 1024 * 1024;
/// And for how long.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// The layer, with the largest body in bytes.
pub struct BodyLimitLayer(pub usize);

impl Step<Request<Body>> for BodyLimitLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let limit = self.0;
        // For a body that is announced, the lower bound is its Content-Length.
        if request.body().size_hint().lower() > limit as u64 {
            // Who asked whether to send it has sent nothing.
            if !request.headers().contains_key(EXPECT) {
                discard(request.into_body()).await;
            }
            return Err(too_large(limit));
        }
        let request = request.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            Body::stream(Limited { body, limit, left: limit })
        });
        next.run(request).await
    }
}

/// Takes in some of a body that nobody wants. A caller that is still sending when its connection
/// closes sees a broken pipe instead of the answer; one that sends far too much may.
async fn discard(body: Body) {
    let mut body = std::pin::pin!(body);
    let mut left = DISCARDED_BYTES;
    let discarding = poll_fn(|cx| {
        while let Some(Ok(frame)) = ready!(body.as_mut().poll_frame(cx)) {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(fewer) => left = fewer,
                None => break,
            }
        }
        Poll::Ready(())
    });
    // When the time is over the answer goes out all the same.
    timeout(DISCARD_TIME, discarding).await.ok();
}

struct Limited {
    body: Body,
    limit: usize,
    left: usize,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let polled = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let length = match &polled {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => 0,
        };
        Poll::Ready(match this.left.checked_sub(length) {
            Some(left) => {
                this.left = left;
                polled
            }
            None => Some(Err(too_large(this.limit))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::ContentTooLarge, format!("the body is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, done, post};
    use futures_util::stream;
    use http_body_util::StreamBody;

    fn chunks(count: usize) -> Body {
        let chunks = (0..count).map(|_| Ok(Frame::data(Bytes::from_static(b"0123456789"))));
        Body::stream(StreamBody::new(stream::iter(chunks.collect::<Vec<_>>())))
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_large_is_not_read() {
        let fixture = Fixture::default();
        let request = post("/v1/runs", Body::full("01234567890"));
        let inner = |_| -> Result<Response<Body>> { panic!("it was let in") };
        let refused = fixture.through(BodyLimitLayer(10), request, inner).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(Kind::ContentTooLarge));
        let request = post("/v1/runs", Body::full("0123456789"));
        assert!(fixture.through(BodyLimitLayer(10), request, done).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_counted_while_it_is_read() {
        for (count, wanted) in [(3, None), (4, Some(Kind::ContentTooLarge))] {
            let body = Body::stream(Limited { body: chunks(count), limit: 30, left: 30 });
            assert_eq!(body.read().await.err().map(|error| error.kind()), wanted);
        }
    }
}
