//! The one body type, of requests and responses, on both sides of the gateway.
//!
//! What must last until the last byte (a permit, the drain count, the measure of a stream) is a
//! guard that rides on the body and is dropped with it.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use smallvec::SmallVec;

use crate::error::{Error, Kind, Result};

/// A body with guards.
#[derive(Default)]
pub struct Body {
    source: Source,
    guards: SmallVec<[Box<dyn Any + Send>; 2]>,
}

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Full(Option<Bytes>),
    Incoming(hyper::body::Incoming),
    Stream(Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send>>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self { source: Source::Full(Some(bytes.into())), guards: SmallVec::new() }
    }

    /// What arrives on a connection.
    pub fn incoming(incoming: hyper::body::Incoming) -> Self {
        Self { source: Source::Incoming(incoming), guards: SmallVec::new() }
    }

    /// What another body makes.
    pub fn stream(
        body: impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static,
    ) -> Self {
        Self { source: Source::Stream(Box::pin(body)), guards: SmallVec::new() }
    }

    /// Keeps `guard` until the last byte has been handed on, or the body is dropped.
    pub fn guard(mut self, guard: impl Any + Send) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// Reads it to its end. A body that comes in one piece is not copied. How much and how long
    /// is bounded by the EDGE layers, on the body itself.
    pub async fn read(mut self) -> Result<Bytes> {
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| self.poll_next(cx)).await {
            let Ok(bytes) = frame?.into_data() else { continue };
            if first.is_empty() && joined.is_empty() {
                first = bytes;
                continue;
            }
            if joined.is_empty() {
                joined.reserve(first.len() + bytes.len());
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&bytes);
        }
        Ok(if joined.is_empty() { first } else { joined.freeze() })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        http_body::Body::poll_frame(Pin::new(self), cx)
    }

    /// Takes the bytes out of a body that is whole already, without waiting.
    pub fn take_full(&mut self) -> Option<Bytes> {
        match &mut self.source {
            Source::Full(bytes) => Some(bytes.take().unwrap_or_default()),
            Source::Empty => Some(Bytes::new()),
            Source::Incoming(_) | Source::Stream(_) => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            Source::Empty => "[empty body]",
            Source::Full(_) => "[whole body]",
            Source::Incoming(_) => "[incoming body]",
            Source::Stream(_) => "[stream body]",
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(|cause| {
                Error::new(Kind::InvalidRequest, "the body broke off").caused_by(cause)
            }),
            Source::Stream(body) => body.as_mut().poll_frame(cx),
        };
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.guards.clear();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Full(bytes) => bytes.is_none(),
            Source::Incoming(incoming) => incoming.is_end_stream(),
            Source::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Source::Incoming(incoming) => incoming.size_hint(),
            Source::Stream(body) => body.size_hint(),
        }
    }
}
