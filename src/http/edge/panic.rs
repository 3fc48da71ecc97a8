//! A panic of ours becomes a 500 for one caller instead of a broken connection for all that share
//! it. Its place is logged by the hook of `telemetry/tracing.rs`; its message, which may quote
//! what a caller sent, is never read.
//!
//! Order: inside call, whose ids the answer carries; outside of everything else, so that a panic
//! in any layer is caught. It renders by itself, because rescue may be what panicked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::{Request, Response};

use super::call;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::problem::Render;
use crate::telemetry::metrics::Metrics;

/// The layer.
pub struct PanicLayer {
    /// Shapes the answer.
    pub render: Render,
    /// Counts panics.
    pub metrics: Arc<Metrics>,
}

impl Step<Request<Body>> for PanicLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let face = call::route_of(&request)?.face;
        // Nothing is used again after a panic but what is behind locks and atomics of its own.
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(answer) => answer,
            Err(_message) => {
                self.metrics.panicked();
                tracing::error!(
                    request_id = %call.id,
                    operation = call.operation,
                    "a request ended in a panic"
                );
                let error = Error::new(Kind::Internal, "the gateway failed on this request");
                Ok((self.render)(face, &error, &call))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, get};
    use crate::http::problem;

    #[tokio::test]
    async fn a_panic_is_answered_and_counted() {
        let fixture = Fixture::default();
        let render: Render = |_, error, call| problem::render(error, call);
        let step = PanicLayer { render, metrics: Arc::clone(&fixture.metrics) };
        let answer = fixture
            .through(step, get("/v1/runs"), |_| panic!("a secret of the caller"))
            .await
            .unwrap();
        assert_eq!(answer.status(), 500);
        let body = answer.into_body().read().await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains("internal_error") && !text.contains("secret"), "{text}");
        assert!(fixture.metrics.render().unwrap().contains("switchyard_panics_total 1"));
    }
}
