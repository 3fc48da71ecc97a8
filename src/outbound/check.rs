//! Asks a platform whether it is there, through its own stack: the breaker sees the answer like any
//! other, so that a sick platform is known before a caller meets it, and a well one is called again
//! without a caller's run to try it.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::config;
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
}

impl Check {
    /// Checks the upstream behind this stack.
    pub fn new(name: &str, service: UpstreamService, settings: config::Check) -> Self {
        Self { name: name.to_owned(), service, settings }
    }

    /// The upstream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it is to be asked.
    pub fn every(&self) -> Duration {
        self.settings.every
    }

    /// Asks once. What comes of it, the breaker knows.
    pub async fn ask(&self) {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&self.settings.path)
            .extension(Patience(self.settings.within))
            .body(Body::empty());
        // A path that is no target was refused with the configuration.
        let Ok(request) = request else { return };
        let Ok(response) = self.service.clone().oneshot(request).await else { return };
        let mut body = response.into_body();
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, bytes::Bytes::len);
            if read > MOST {
                return;
            }
        }
    }
}
