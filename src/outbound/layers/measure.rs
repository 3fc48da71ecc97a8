//! Measures each try of a platform: how long its head took, and how it came out, to its last byte.
//!
//! Order: outermost, so that refusals of the breaker and the permits are counted too.
//!
//! Invariant: every try is reported exactly once, one that is given up as well.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tracing::{Instrument, Span};

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::client::is_not_connected;
use crate::http::layer::{Next, Rest, Step};
use crate::outbound::layers::end::{End, watch};
use crate::telemetry::labels::TryOutcome;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::telemetry::traces::spans;

/// How a try came out that has no answer.
fn of_error(error: &Error) -> TryOutcome {
    if is_not_connected(error) {
        return TryOutcome::Unreachable;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else fails, fails in an answer")]
    match error.kind() {
        Kind::UpstreamUnavailable | Kind::Overloaded => TryOutcome::Refused,
        Kind::UpstreamTimeout => TryOutcome::TimedOut,
        _ => TryOutcome::Broken,
    }
}

/// How a try came out whose answer ended like this.
fn of_end(end: End) -> TryOutcome {
    match end {
        End::Whole => TryOutcome::Success,
        End::Broken => TryOutcome::Broken,
        End::TimedOut => TryOutcome::TimedOut,
        End::Dropped => TryOutcome::Cancelled,
    }
}

/// Who wants to know of tries: the metrics.
pub trait Tries: Send + Sync + 'static {
    /// The head of an answer is in, so long after the try began.
    fn answered(&self, took: Duration);
    /// A try has come to its end.
    fn ended(&self, outcome: TryOutcome);
}

impl Tries for UpstreamMetrics {
    fn answered(&self, took: Duration) {
        self.try_answered(took);
    }
    fn ended(&self, outcome: TryOutcome) {
        self.try_ended(outcome);
    }
}

/// The layer.
pub struct Measure {
    upstream: String,
    tries: Arc<dyn Tries>,
    clock: Arc<dyn Clock>,
}

impl Measure {
    /// Reports to `tries`.
    pub fn new(upstream: &str, tries: Arc<dyn Tries>, clock: Arc<dyn Clock>) -> Self {
        Self { upstream: upstream.to_owned(), tries, clock }
    }
}

impl Step<Request<Body>> for Measure {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let began = self.clock.monotonic();
        let span = spans::tried(&self.upstream, request.method());
        let (tries, outcome) = (Arc::clone(&self.tries), TryOutcome::Cancelled);
        let mut attempt = Attempt { tries, outcome, span: span.clone() };
        let answer = next.run(request);
        let answer =
            if span.is_disabled() { answer.await } else { answer.instrument(span.clone()).await };
        let response = answer.inspect_err(|error| {
            attempt.outcome = of_error(error);
        })?;
        self.tries.answered(self.clock.monotonic().saturating_sub(began));
        spans::try_answered(&span, response.status().as_u16());
        attempt.outcome = match response.status().as_u16() {
            200..=299 => {
                return Ok(watch(response, move |end| attempt.finish(of_end(end))));
            }
            429 => TryOutcome::Limited,
            500.. => TryOutcome::Failed,
            _ => TryOutcome::Rejected,
        };
        Ok(response)
    }
}

/// Reports when it is dropped: at the try's end, or where it was given up.
struct Attempt {
    tries: Arc<dyn Tries>,
    outcome: TryOutcome,
    span: Span,
}

impl Attempt {
    /// Takes all of the attempt, so that a closure that calls this holds all of it.
    fn finish(mut self, outcome: TryOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.tries.ended(self.outcome);
        spans::try_ended(&self.span, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use parking_lot::Mutex;

    use super::*;
    use crate::clock::ManualClock;
    use crate::outbound::layers::testing::{Piece, answers, body_of, call, response, wrapped};

    #[derive(Default)]
    struct Seen(Mutex<Vec<TryOutcome>>);

    impl Tries for Seen {
        fn answered(&self, _: Duration) {}
        fn ended(&self, outcome: TryOutcome) {
            self.0.lock().push(outcome);
        }
    }

    async fn outcome(answer: Result<Response<Body>>) -> TryOutcome {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(ManualClock::default());
        let service =
            wrapped(Measure::new("up", Arc::clone(&seen) as _, clock), answers(vec![answer]));
        if let Ok(response) = call(&service, "/").await {
            let _bytes = response.into_body().collect().await;
        }
        let seen = seen.0.lock();
        assert_eq!(seen.len(), 1);
        seen[0]
    }

    #[tokio::test]
    async fn each_end_of_a_try_has_its_outcome() {
        let fails = |kind| Err(Error::new(kind, "x"));
        let breaks = |kind| Ok(response(200, body_of(vec![Piece::Fail(Error::new(kind, "x"))])));
        for (answer, expected) in [
            (Ok(response(200, Body::full("x"))), TryOutcome::Success),
            (Ok(response(404, Body::empty())), TryOutcome::Rejected),
            (Ok(response(302, Body::empty())), TryOutcome::Rejected),
            (Ok(response(429, Body::empty())), TryOutcome::Limited),
            (Ok(response(503, Body::empty())), TryOutcome::Failed),
            (fails(Kind::UpstreamUnavailable), TryOutcome::Refused),
            (fails(Kind::Overloaded), TryOutcome::Refused),
            (fails(Kind::UpstreamTimeout), TryOutcome::TimedOut),
            (fails(Kind::UpstreamProtocol), TryOutcome::Broken),
            (breaks(Kind::UpstreamProtocol), TryOutcome::Broken),
            (breaks(Kind::UpstreamTimeout), TryOutcome::TimedOut),
        ] {
            assert_eq!(outcome(answer).await, expected);
        }
    }

    #[tokio::test]
    async fn a_missing_connection_is_told_from_a_refusal() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = crate::http::client::Client::new("up", Duration::from_secs(1)).unwrap();
        let request = Request::get(format!("http://{free}/")).body(Body::empty()).unwrap();
        let error = tower::ServiceExt::oneshot(client, request).await.unwrap_err();
        assert_eq!(outcome(Err(error)).await, TryOutcome::Unreachable);
    }

    #[tokio::test]
    async fn a_try_lasts_to_its_last_byte_or_to_where_it_is_given_up() {
        let seen = Arc::new(Seen::default());
        let clock = ManualClock::default();
        let body = || response(200, body_of(vec![Piece::Bytes("a"), Piece::Bytes("b")]));
        let service = wrapped(
            Measure::new("up", Arc::clone(&seen) as _, Arc::new(clock.clone())),
            answers(vec![Ok(body())]),
        );
        let mut response = call(&service, "/").await.unwrap();
        assert!(response.body_mut().frame().await.is_some());
        clock.advance(Duration::from_secs(3));
        assert!(seen.0.lock().is_empty());
        drop(response);
        assert_eq!(*seen.0.lock(), [TryOutcome::Cancelled]);
    }

    #[tokio::test]
    async fn a_try_given_up_before_its_answer_is_cancelled() {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(ManualClock::default());
        let silent = crate::outbound::layers::testing::platform(|_| std::future::pending());
        let service = wrapped(Measure::new("up", Arc::clone(&seen) as _, clock), silent);
        let waiting = tokio::time::timeout(Duration::ZERO, call(&service, "/")).await;
        assert!(waiting.is_err());
        assert_eq!(seen.0.lock()[0], TryOutcome::Cancelled);
    }
}
