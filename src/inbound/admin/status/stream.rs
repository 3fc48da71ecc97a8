//! How the gateway is doing, again and again, as server-sent events: one call, and one record of
//! it, however long a page is open. Called by `handle.rs`.
//!
//! Invariant: no task and no channel; a reader that is slow is told less often. When the gateway
//! goes, each reader is told so once, and its stream ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::{Instant, sleep};

use super::Tells;
use crate::error::Error;
use crate::http::body::Body;
use crate::inbound::admin::tail::{self, Draining, HEED};

/// How often it is told: soon enough for somebody who looks.
const EVERY: Duration = Duration::from_secs(2);

/// A reader.
struct Telling {
    tells: Arc<dyn Tells>,
    draining: Draining,
    told: Option<Instant>,
    has_ended: bool,
}

/// The answer that streams how the gateway is doing.
pub(super) fn answer(tells: Arc<dyn Tells>, draining: Draining) -> Response<Body> {
    let telling = Telling { tells, draining, told: None, has_ended: false };
    let frames = stream::unfold(telling, |mut telling| async move {
        let bytes = telling.bytes().await?;
        Some((Ok::<_, Error>(Frame::data(bytes)), telling))
    });
    tail::events(Body::stream(StreamBody::new(frames)))
}

impl Telling {
    /// What is sent next; none at the end.
    async fn bytes(&mut self) -> Option<Bytes> {
        loop {
            if self.has_ended {
                return None;
            }
            self.has_ended = (self.draining)();
            if self.has_ended || self.told.is_none_or(|told| told.elapsed() >= EVERY) {
                self.told = Some(Instant::now());
                let status = serde_json::to_string(&self.tells.status().await).ok()?;
                return Some(format!("event: status\ndata: {status}\n\n").into());
            }
            sleep(HEED).await;
        }
    }
}
