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
    mut reader: Reader,
    encoder: impl Encode,
    heartbeat: Duration,
) -> Response<Body> {
    let rest = stream::poll_fn(move |cx| reader.poll_next(cx));
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
        // Whether the clock of silence must be set anew before it is asked.
        was_heard: bool,
        is_over: bool,
    }
}

impl<S, E> EventBody<S, E> {
    /// Encodes `events`, with a comment after each `heartbeat` of silence.
    pub fn new(events: S, encoder: E, heartbeat: Duration) -> Self {
        let silence = sleep(heartbeat);
        Self { events, silence, heartbeat, encoder, was_heard: false, is_over: false }
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
                    if std::mem::take(this.was_heard) {
                        this.silence.as_mut().reset(Instant::now() + *this.heartbeat);
                    }
                    std::task::ready!(this.silence.as_mut().poll(cx));
                    Bytes::from_static(KEEP_ALIVE)
                }
            };
            *this.was_heard = true;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::samples;
    use crate::model::event::Body as What;
    use crate::model::run::RunStatus;
    use http_body_util::BodyExt;
    use std::future::poll_fn;

    /// Writes the names of events, but not of reasoning.
    struct Names;
    impl Encode for Names {
        fn encode(&mut self, event: &Recorded) -> Option<Bytes> {
            let name = event.body.name();
            (name != "reasoning.delta").then(|| Bytes::from_static(name.as_bytes()))
        }
    }

    fn delta() -> Arc<Recorded> {
        Arc::new(samples::event(1, What::MessageDelta("x".into())))
    }

    fn ended() -> Arc<Recorded> {
        let run = Arc::new(samples::run(RunStatus::Completed));
        Arc::new(samples::event(2, What::Ended(run)))
    }

    fn body_of(
        events: impl Stream<Item = Arc<Recorded>> + Send + 'static,
    ) -> Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send>> {
        Box::pin(EventBody::new(events, Names, Duration::from_secs(15)))
    }

    async fn next(
        body: &mut Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send>>,
    ) -> Option<String> {
        let frame = body.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_stream_ends_with_the_terminal_event_and_reads_nothing_after_it() {
        let thinking = Arc::new(samples::event(1, What::ReasoningDelta("hm".into())));
        let mut body = body_of(stream::iter([thinking, delta(), ended(), delta()]));
        assert_eq!(next(&mut body).await.unwrap(), "message.delta");
        assert!(!body.is_end_stream());
        assert_eq!(next(&mut body).await.unwrap(), "run.completed");
        assert!(body.is_end_stream());
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test]
    async fn a_reader_that_fell_behind_ends_the_stream_without_a_terminal_event() {
        let mut body = body_of(stream::iter([delta()]));
        assert_eq!(next(&mut body).await.unwrap(), "message.delta");
        assert_eq!(next(&mut body).await, None);
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_comment_and_counted_from_the_last_bytes() {
        let start = Instant::now();
        let late = stream::once(async {
            sleep(Duration::from_secs(40)).await;
            delta()
        });
        let mut body = body_of(stream::iter([delta()]).chain(late).chain(stream::pending()));
        let mut seen = Vec::new();
        for _ in 0..5 {
            let text = next(&mut body).await.unwrap();
            seen.push((start.elapsed().as_secs(), text));
        }
        let comment = ": keep-alive\n\n";
        let seen: Vec<_> = seen.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(
            seen,
            [
                (0, "message.delta"),
                (15, comment),
                (30, comment),
                (40, "message.delta"),
                (55, comment)
            ]
        );
    }

    #[tokio::test]
    async fn events_are_taken_only_as_the_caller_takes_bytes() {
        let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let events = stream::poll_fn(move |_| {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Poll::Ready(Some(delta()))
        });
        let mut body = body_of(events);
        for expected in 1..=3 {
            poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
            assert_eq!(taken.load(std::sync::atomic::Ordering::Relaxed), expected);
        }
    }
}
