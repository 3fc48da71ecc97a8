//! Asks a platform whether it is there, through its own stack: the breaker sees the answer like any
//! other, so that a sick platform is known before a caller meets it, and a well one is called again
//! without a caller's run to try it.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tower::ServiceExt;

use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::error::Error;
use crate::http::body::Body;
use crate::http::service::UpstreamService;
use crate::outbound::layers::clocks::Patience;

/// What is read of an answer; it says nothing but that there is one.
const MOST: usize = 64 * 1024;

/// A check of one upstream. Cheap to clone.
#[derive(Clone)]
pub struct Check {
    name: String,
    service: UpstreamService,
    settings: config::Check,
    clock: Arc<dyn Clock>,
    last: Arc<Mutex<Option<LastCheck>>>,
}

/// What came of the last check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// When it was over.
    pub at: Timestamp,
    /// The status of the platform's answer, or why there was none: a code of the error table.
    pub came: Result<u16, &'static str>,
}

impl Check {
    /// Checks the upstream behind this stack.
    pub fn new(
        name: &str,
        service: UpstreamService,
        settings: config::Check,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { name: name.to_owned(), service, settings, clock, last: Arc::default() }
    }

    /// What came of the last one that is over.
    pub fn last(&self) -> Option<LastCheck> {
        self.last.lock().clone()
    }

    /// The upstream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it is to be asked.
    pub fn every(&self) -> Duration {
        self.settings.every
    }

    /// Asks once. What comes of it, the breaker knows, and whoever asks for the last word.
    pub async fn ask(&self) {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&self.settings.path)
            .extension(Patience(self.settings.within))
            .body(Body::empty());
        // A path that is no target was refused with the configuration.
        let Ok(request) = request else { return };
        let came = self.came(request).await.map_err(|error| error.kind().code());
        *self.last.lock() = Some(LastCheck { at: self.clock.now(), came });
    }

    /// The status of the answer, which is read as far as it matters.
    async fn came(&self, request: Request<Body>) -> Result<u16, Error> {
        let response = self.service.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            read += frame?.data_ref().map_or(0, bytes::Bytes::len);
            if read > MOST {
                break;
            }
        }
        Ok(status)
    }
}
