//! A run's events as a response body: pulled from the journal as the caller takes them, so that
//! a slow caller slows the run and holds no memory. Called by every face that streams.
//!
//! Invariant: no task and no channel; dropping the body drops the reader.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};
use http_body::Frame;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::error::Error;
use crate::gateway::Reader;
use crate::http::body::Body;
use crate::inbound::headers::EVENT_STREAM;
use crate::model::event::Recorded;

/// What silence sounds like: a comment line, which clients skip.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// A face's way to write an event; nothing for events that it has no word for.
pub trait Encode: Send + 'static {
    /// The bytes of one event.
    fn encode(&mut self, event: &Recorded) -> Option<Bytes>;
}

/// An answer that streams: what was `read` already, then what `reader` brings.
pub fn answer(
    read: Vec<Arc<Recorded>>,
    reader: Reader,
    encoder: impl Encode,
    heartbeat: Duration,
) -> Response<Body> {
    let rest = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    });
    let events = EventBody::new(stream::iter(read).chain(rest), encoder, heartbeat);
    let mut response = Response::new(Body::stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Asks nginx and its like on the way not to collect the stream.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

pin_project! {
    /// The body of a stream.
    pub struct EventBody<S, E> {
        #[pin]
        events: S,
        #[pin]
        silence: Sleep,
        heartbeat: Duration,
        encoder: E,
        is_over: bool,
    }
}

impl<S, E> EventBody<S, E> {
    /// Encodes `events`, with a comment after each `heartbeat` of silence.
    pub fn new(events: S, encoder: E, heartbeat: Duration) -> Self {
        Self { events, silence: sleep(heartbeat), heartbeat, encoder, is_over: false }
    }
}

impl<S, E> http_body::Body for EventBody<S, E>
where
    S: Stream<Item = Arc<Recorded>>,
    E: Encode,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut this = self.project();
        while !*this.is_over {
            let bytes = match this.events.as_mut().poll_next(cx) {
                Poll::Ready(Some(event)) => {
                    *this.is_over = event.body.is_terminal();
                    let Some(bytes) = this.encoder.encode(&event) else { continue };
                    bytes
                }
                // The reader fell behind what is kept: the caller comes back for the rest.
                Poll::Ready(None) => {
                    *this.is_over = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    std::task::ready!(this.silence.as_mut().poll(cx));
                    Bytes::from_static(KEEP_ALIVE)
                }
            };
            this.silence.as_mut().reset(Instant::now() + *this.heartbeat);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}
