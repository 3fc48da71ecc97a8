//! A span around each request, so that every line written meanwhile tells which request it is
//! about, and a line at `debug` when the answer's head goes out. (What came of a run is logged by
//! the gateway at `info`; a second line for each request there would only cost.)
//!
//! Order: inside call, whose ids it shows; outside of rescue, whose lines belong in the span.

use std::sync::Arc;

use http::{Request, Response};
use tracing::Instrument;

use super::call;
use crate::clock::Clock;
use crate::error::Result;
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};

/// The layer.
pub struct TraceLayer {
    /// Tells how long it took.
    pub clock: Arc<dyn Clock>,
}

impl Step<Request<Body>> for TraceLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let span = tracing::info_span!(
            "request",
            request_id = %call.id,
            trace_id = call.trace.trace_id(),
            operation = call.operation,
        );
        async {
            let answer = next.run(request).await?;
            tracing::debug!(
                status = answer.status().as_u16(),
                duration_ms = self.clock.monotonic().saturating_sub(call.received).as_millis(),
                "answered"
            );
            Ok(answer)
        }
        .instrument(span)
        .await
    }
}
