//! Bounds the calls to one platform that are under way at a time, so that a slow one cannot take
//! the gateway's memory from the others.
//!
//! Order: inside the breaker, whose refusals take no permit; outside the clocks, which do not run
//! for what is refused.
//!
//! Invariant: a permit is held to the last byte of the answer.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::sync::Semaphore;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::telemetry::metrics::UpstreamMetrics;

/// The layer.
#[derive(Debug)]
pub struct Permits {
    upstream: String,
    free: Arc<Semaphore>,
    metrics: Arc<UpstreamMetrics>,
}

impl Permits {
    /// At most so many calls to this upstream at a time.
    pub fn new(upstream: &str, max_concurrent: usize, metrics: Arc<UpstreamMetrics>) -> Self {
        let count = max_concurrent.min(Semaphore::MAX_PERMITS);
        metrics.calls_limited(count);
        Self { upstream: upstream.to_owned(), free: Arc::new(Semaphore::new(count)), metrics }
    }
}

impl Step<Request<Body>> for Permits {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        // Refused rather than queued: a queue here would hide how long a run waits.
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            let message = format!("upstream `{}` has as many runs as it may", self.upstream);
            Error::new(Kind::Overloaded, message).retry_after(Duration::from_secs(1))
        })?;
        let permit = (permit, self.metrics.call_permitted());
        Ok(next.run(request).await?.map(|body| body.guard(permit)))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::clock::Timestamp;
    use crate::outbound::layers::testing::{answers, call, response, wrapped};
    use crate::telemetry::metrics::Metrics;

    #[tokio::test]
    async fn a_permit_is_held_to_the_last_byte() {
        let good = || Ok(response(200, Body::full("x")));
        let fail = Err(Error::new(Kind::UpstreamTimeout, "late"));
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let counted = Arc::new(metrics.upstream("up", "fake"));
        let service =
            wrapped(Permits::new("up", 1, counted), answers(vec![good(), fail, good(), good()]));

        let held = call(&service, "/").await.unwrap();
        let text = metrics.render().unwrap();
        for line in ["calls_in_flight{upstream=\"up\"} 1", "calls_limit{upstream=\"up\"} 1"] {
            assert!(text.contains(&format!("switchyard_upstream_{line}")), "{text}");
        }
        let error = call(&service, "/").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Overloaded);
        assert_eq!(error.retry_in(), Some(Duration::from_secs(1)));
        held.into_body().collect().await.unwrap();

        assert_eq!(call(&service, "/").await.unwrap_err().kind(), Kind::UpstreamTimeout);
        drop(call(&service, "/").await.unwrap());
        assert!(call(&service, "/").await.is_ok());
    }
}
