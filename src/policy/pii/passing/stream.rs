//! Treats an answer while it streams: text as one text, whatever the borders of its pieces; events
//! one by one, and the pieces of a text that goes on from event to event as that text.
//!
//! Invariant: joined, what goes out is the same for every cutting of what came in; an event that
//! holds nothing but what is not decided yet waits for the next.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;

use super::super::findings::{Tally, refusal};
use super::super::scan::{Failure, Utf8Pieces};
use super::super::treat::Treatment;
use super::Answering;
use super::events::Events;
use crate::error::Result;
use crate::http::body::Body;
use crate::model::vault::TokenVault;

/// A text, treated.
pub(super) fn text(by: Answering, body: Body) -> Body {
    let treatment = Treatment::new(by.plan.clone(), by.vault.clone());
    treated(by, body, Channel::Text(Box::new(treatment)))
}

/// A stream of events, treated.
pub(super) fn events(by: Answering, body: Body) -> Body {
    let events = Events::new(&by);
    treated(by, body, Channel::Events(Box::new(events)))
}

fn treated(by: Answering, body: Body, channel: Channel) -> Body {
    let pieces = Utf8Pieces::default();
    Body::stream(Treated { by, body, channel, pieces, ready: VecDeque::new(), is_over: false })
}

enum Channel {
    Text(Box<Treatment>),
    Events(Box<Events>),
}

struct Treated {
    by: Answering,
    body: Body,
    channel: Channel,
    pieces: Utf8Pieces,
    ready: VecDeque<Result<Bytes>>,
    is_over: bool,
}

impl Treated {
    /// Takes the next bytes, or the end.
    fn take(&mut self, bytes: Option<&[u8]>) -> Result<String, Failure> {
        let Self { by, channel, pieces, .. } = self;
        let vault = by.vault.as_deref();
        let mut out = String::new();
        let mut sink = |piece: &str| match channel {
            Channel::Text(treatment) => {
                let mut treated = String::new();
                treatment.feed(piece, &mut treated)?;
                restore(vault, &treated, &mut out);
                Ok(())
            }
            Channel::Events(events) => events.feed(piece, &mut out),
        };
        match bytes {
            Some(bytes) => pieces.feed(bytes, &mut sink)?,
            None => {
                pieces.finish(&mut sink)?;
                match channel {
                    Channel::Text(treatment) => {
                        let mut treated = String::new();
                        treatment.finish(&mut treated)?;
                        restore(vault, &treated, &mut out);
                    }
                    Channel::Events(events) => events.finish(&mut out)?,
                }
            }
        }
        Ok(out)
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let found = match &self.channel {
            Channel::Text(treatment) => Tally::of(treatment.counts()),
            Channel::Events(events) => Tally::of(events.counts()),
        };
        self.by.count(&found);
    }
}

/// Adds a treated text with values in the place of its tokens, which no border cuts.
pub(super) fn restore(vault: Option<&super::super::vault::Vault>, text: &str, out: &mut String) {
    let restored = vault.and_then(|vault| vault.restore(text));
    out.push_str(restored.as_deref().unwrap_or(text));
}

impl http_body::Body for Treated {
    type Data = Bytes;
    type Error = crate::error::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Poll::Ready(Some(next.map(Frame::data)));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let treated = match polled {
                Some(Ok(frame)) => match frame.data_ref() {
                    Some(bytes) => self.take(Some(bytes)),
                    None => continue,
                },
                Some(Err(error)) => {
                    self.end();
                    // What is held back is the beginning of what cannot be judged any more.
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    let last = self.take(None);
                    self.end();
                    last
                }
            };
            match treated {
                Ok(text) if text.is_empty() => {}
                Ok(text) => self.ready.push_back(Ok(text.into())),
                Err(failure) => {
                    self.end();
                    self.ready.push_back(Err(refusal(&failure, "answer")));
                }
            }
        }
    }
}

impl Drop for Treated {
    fn drop(&mut self) {
        self.end();
    }
}
