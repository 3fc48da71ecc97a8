//! Refuses a request when as many are in flight as the gateway is meant to carry: a quick 503
//! serves callers better than a slow answer to everybody.
//!
//! Order: inside drain, whose count it reads, and which holds until the last byte of a stream;
//! outside of everything that costs.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

use super::drain::Drain;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::telemetry::metrics::Metrics;

/// Most requests are over by then.
const COME_BACK: Duration = Duration::from_secs(1);

/// The layer.
pub struct ShedLayer {
    /// Knows how many requests are in flight, this one among them.
    pub drain: Drain,
    /// How many may be.
    pub max_in_flight: usize,
    /// Counts what is refused.
    pub metrics: Arc<Metrics>,
}

impl Step<Request<Body>> for ShedLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        if self.drain.in_flight() > self.max_in_flight {
            self.metrics.shed();
            return Err(Error::new(Kind::Overloaded, "too many requests are in flight")
                .retry_after(COME_BACK));
        }
        next.run(request).await
    }
}
