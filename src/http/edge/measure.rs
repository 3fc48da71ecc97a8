//! Counts and times every request to the head of its answer, and counts event streams while they
//! are open. A stream's whole life is not a latency: how long runs take is measured by the gateway.
//!
//! Order: outside of rescue, so that it sees the status that the caller sees; outside of drain and
//! shed, so that what they refuse is counted too.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};

use super::call;
use crate::clock::Clock;
use crate::error::Result;
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::Operation;
use crate::model::call::Call;
use crate::telemetry::metrics::{Metrics, OperationMetrics};

/// The layer.
pub struct MeasureLayer {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// By the operation's number; the last is for unknown ones.
    operations: Vec<OperationMetrics>,
}

impl MeasureLayer {
    /// Resolves the handles of every operation.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let operations = Operation::ALL
            .iter()
            .chain([&Operation::Unknown])
            .map(|operation| metrics.operation(operation.name()))
            .collect();
        Self { metrics, clock, operations }
    }
}

impl Step<Request<Body>> for MeasureLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let operation = call::route_of(&request)?.operation;
        let mut pending = Pending {
            metrics: self.operations.get(operation as usize),
            clock: &*self.clock,
            call: &call,
        };
        let answer = next.run(request).await;
        let status = answer.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, Response::status);
        pending.answered(status);
        answer.map(|answer| {
            if !is_event_stream(&answer) {
                return answer;
            }
            let open = self.metrics.stream_opened();
            answer.map(|body| body.guard(open))
        })
    }
}

fn is_event_stream(answer: &Response<Body>) -> bool {
    answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream"))
}

/// A request that has no answer yet. Dropped without one, its caller has left, or a panic is on
/// its way to the layer outside.
struct Pending<'a> {
    metrics: Option<&'a OperationMetrics>,
    clock: &'a dyn Clock,
    call: &'a Call,
}

impl Pending<'_> {
    fn answered(&mut self, status: StatusCode) {
        if let Some(metrics) = self.metrics.take() {
            let now = self.clock.monotonic();
            let took = now.saturating_sub(self.call.received);
            metrics.answered(status, took, call::own_time(self.call, now));
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.answered(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let Some(metrics) = self.metrics.take() {
            metrics.left();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, done, get};
    use futures_util::FutureExt;
    use std::panic::AssertUnwindSafe;

    fn step(fixture: &Fixture) -> MeasureLayer {
        MeasureLayer::new(Arc::clone(&fixture.metrics), Arc::new(fixture.clock.clone()))
    }

    #[tokio::test]
    async fn an_answer_is_counted_by_operation_and_status() {
        let fixture = Fixture::default();
        fixture.through(step(&fixture), get("/v1/runs"), done).await.unwrap();
        let text = fixture.metrics.render().unwrap();
        let line = r#"switchyard_http_requests_total{operation="list_runs",status="2xx"} 1"#;
        assert!(text.contains(line), "{text}");
    }

    #[tokio::test]
    async fn a_panic_is_counted_as_a_failure_and_not_as_a_caller_who_left() {
        let fixture = Fixture::default();
        let answer = fixture.through(step(&fixture), get("/nowhere"), |_| panic!("on purpose"));
        assert!(AssertUnwindSafe(answer).catch_unwind().await.is_err());
        let text = fixture.metrics.render().unwrap();
        for line in [
            r#"switchyard_http_requests_total{operation="unknown",status="5xx"} 1"#,
            r#"switchyard_http_requests_total{operation="unknown",status="left"} 0"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[tokio::test]
    async fn an_event_stream_is_open_until_its_body_is_dropped() {
        let fixture = Fixture::default();
        let answer = fixture
            .through(step(&fixture), get("/v1/runs/r/events"), |_| {
                let mut answer = Response::new(Body::full("data: 1\n\n"));
                answer.headers_mut().insert(CONTENT_TYPE, "text/event-stream".parse().unwrap());
                Ok(answer)
            })
            .await
            .unwrap();
        assert!(fixture.metrics.render().unwrap().contains("switchyard_open_streams 1"));
        drop(answer);
        assert!(fixture.metrics.render().unwrap().contains("switchyard_open_streams 0"));
    }
}
