//! The audit as it grows, as server-sent events: the log is asked twice a second as long as
//! somebody reads. Called by `audit.rs`.
//!
//! Invariant: no task and no channel; a slow reader is given records as it takes them, and none is
//! left out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::gateway::audit::{AuditAdmin, AuditItem};
use crate::http::body::Body;
use crate::inbound::headers::EVENT_STREAM;

/// How often the log is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How often it is asked whether the gateway still takes requests: a reader that never leaves must
/// not hold up the end.
pub(super) const HEED: Duration = Duration::from_millis(100);
/// Silence after which the stream gets a comment line, so that nobody on the way takes it for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Whether the gateway is shutting down.
pub type Draining = Arc<dyn Fn() -> bool + Send + Sync>;

/// A reader at its place.
struct Tail {
    audit: AuditAdmin,
    next: u64,
    draining: Draining,
    read: VecDeque<AuditItem>,
    asked: Option<Instant>,
    heard: Instant,
}

/// The answer that streams records from `next` on.
pub fn answer(audit: AuditAdmin, next: u64, draining: Draining) -> Response<Body> {
    let heard = Instant::now();
    let tail = Tail { audit, next, draining, read: VecDeque::new(), asked: None, heard };
    let frames = stream::unfold(tail, |mut tail| async move {
        let bytes = tail.bytes().await?;
        Some((Ok::<_, Error>(Frame::data(bytes)), tail))
    });
    events(Body::stream(StreamBody::new(frames)))
}

/// The answer that streams these events.
pub(super) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

impl Tail {
    /// What is sent next; none at the end.
    async fn bytes(&mut self) -> Option<Bytes> {
        loop {
            if (self.draining)() {
                return None;
            }
            if let Some(item) = self.read.pop_front() {
                self.next = item.seq.saturating_add(1);
                self.heard = Instant::now();
                let event = format!("id: {}\nevent: record\ndata: {}\n\n", item.seq, item.line());
                return Some(event.into());
            }
            if self.asked.is_none_or(|asked| asked.elapsed() >= EVERY) {
                self.asked = Some(Instant::now());
                // A store that is away for a moment is no reason to send the reader away.
                match self.audit.after(self.next).await {
                    Ok(items) => self.read.extend(items),
                    Err(error) => tracing::warn!(?error, "the audit cannot be followed now"),
                }
                if !self.read.is_empty() {
                    // There may be more than were read at once.
                    self.asked = None;
                    continue;
                }
            }
            if self.heard.elapsed() >= SILENCE {
                self.heard = Instant::now();
                return Some(Bytes::from_static(b": keep-alive\n\n"));
            }
            sleep(HEED).await;
        }
    }
}
