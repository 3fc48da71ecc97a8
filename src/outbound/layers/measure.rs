//! Measures each try of a platform: how it came out and how long it took, to its last byte.
//!
//! Order: outermost, so that refusals of the breaker and the permits are counted too.
//!
//! Invariant: every try is reported exactly once, one that is given up as well.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tower::Service;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::client::is_not_connected;
use crate::http::layer::{Next, Step};
use crate::outbound::layers::end::{End, watch};

/// How a try came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryOutcome {
    /// A success, whole.
    Ok,
    /// Another 4xx than 429; or a status that is neither success nor failure.
    ClientError,
    /// 429.
    RateLimited,
    /// 5xx.
    ServerError,
    /// No connection: nothing was sent.
    ConnectFailed,
    /// A clock ran out.
    Timeout,
    /// The answer broke off, or was not what was promised.
    Broken,
    /// Given up by the gateway or its caller.
    Cancelled,
    /// Not tried: the breaker is open or all permits are taken.
    Refused,
}

impl TryOutcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = &[
        Self::Ok,
        Self::ClientError,
        Self::RateLimited,
        Self::ServerError,
        Self::ConnectFailed,
        Self::Timeout,
        Self::Broken,
        Self::Cancelled,
        Self::Refused,
    ];

    /// Its name, as a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::ConnectFailed => "connect_failed",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    fn of_error(error: &Error) -> Self {
        if is_not_connected(error) {
            return Self::ConnectFailed;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "what else fails, fails in an answer")]
        match error.kind() {
            Kind::UpstreamUnavailable | Kind::Overloaded => Self::Refused,
            Kind::UpstreamTimeout => Self::Timeout,
            _ => Self::Broken,
        }
    }

    fn of_end(end: End) -> Self {
        match end {
            End::Whole => Self::Ok,
            End::Broken => Self::Broken,
            End::TimedOut => Self::Timeout,
            End::Dropped => Self::Cancelled,
        }
    }
}

/// Who wants to know of tries: the metrics.
pub trait Tries: Send + Sync + 'static {
    /// A try has come to its end.
    fn finished(&self, upstream: &str, outcome: TryOutcome, took: Duration);
}

/// The layer.
pub struct Measure {
    upstream: Arc<str>,
    tries: Arc<dyn Tries>,
    clock: Arc<dyn Clock>,
}

impl Measure {
    /// Reports the tries of this upstream.
    pub fn new(upstream: &str, tries: Arc<dyn Tries>, clock: Arc<dyn Clock>) -> Self {
        Self { upstream: upstream.into(), tries, clock }
    }
}

impl Step<Request<Body>> for Measure {
    type Response = Response<Body>;

    async fn run<S>(&self, request: Request<Body>, next: Next<'_, S>) -> Result<Response<Body>>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Error>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let mut attempt = Attempt {
            upstream: Arc::clone(&self.upstream),
            tries: Arc::clone(&self.tries),
            clock: Arc::clone(&self.clock),
            began: self.clock.monotonic(),
            outcome: TryOutcome::Cancelled,
        };
        let response = next.run(request).await.inspect_err(|error| {
            attempt.outcome = TryOutcome::of_error(error);
        })?;
        attempt.outcome = match response.status().as_u16() {
            200..=299 => {
                return Ok(watch(response, move |end| attempt.finish(TryOutcome::of_end(end))));
            }
            429 => TryOutcome::RateLimited,
            500.. => TryOutcome::ServerError,
            _ => TryOutcome::ClientError,
        };
        Ok(response)
    }
}

/// Reports when it is dropped: at the try's end, or where it was given up.
struct Attempt {
    upstream: Arc<str>,
    tries: Arc<dyn Tries>,
    clock: Arc<dyn Clock>,
    began: Duration,
    outcome: TryOutcome,
}

impl Attempt {
    /// Takes all of the attempt, so that a closure that calls this holds all of it.
    fn finish(mut self, outcome: TryOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let took = self.clock.monotonic().saturating_sub(self.began);
        self.tries.finished(&self.upstream, self.outcome, took);
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
    struct Seen(Mutex<Vec<(String, TryOutcome, Duration)>>);

    impl Tries for Seen {
        fn finished(&self, upstream: &str, outcome: TryOutcome, took: Duration) {
            self.0.lock().push((upstream.to_owned(), outcome, took));
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
        assert_eq!((seen.len(), seen[0].0.as_str()), (1, "up"));
        seen[0].1
    }

    #[tokio::test]
    async fn each_end_of_a_try_has_its_outcome() {
        let fails = |kind| Err(Error::new(kind, "x"));
        let breaks = |kind| Ok(response(200, body_of(vec![Piece::Fail(Error::new(kind, "x"))])));
        for (answer, expected) in [
            (Ok(response(200, Body::full("x"))), TryOutcome::Ok),
            (Ok(response(404, Body::empty())), TryOutcome::ClientError),
            (Ok(response(302, Body::empty())), TryOutcome::ClientError),
            (Ok(response(429, Body::empty())), TryOutcome::RateLimited),
            (Ok(response(503, Body::empty())), TryOutcome::ServerError),
            (fails(Kind::UpstreamUnavailable), TryOutcome::Refused),
            (fails(Kind::Overloaded), TryOutcome::Refused),
            (fails(Kind::UpstreamTimeout), TryOutcome::Timeout),
            (fails(Kind::UpstreamProtocol), TryOutcome::Broken),
            (breaks(Kind::UpstreamProtocol), TryOutcome::Broken),
            (breaks(Kind::UpstreamTimeout), TryOutcome::Timeout),
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
        assert_eq!(outcome(Err(error)).await, TryOutcome::ConnectFailed);
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
        let expected = ("up".to_owned(), TryOutcome::Cancelled, Duration::from_secs(3));
        assert_eq!(*seen.0.lock(), [expected]);
    }

    #[tokio::test]
    async fn a_try_given_up_before_its_answer_is_cancelled() {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(ManualClock::default());
        let silent = crate::outbound::layers::testing::platform(|_| std::future::pending());
        let service = wrapped(Measure::new("up", Arc::clone(&seen) as _, clock), silent);
        let waiting = tokio::time::timeout(Duration::ZERO, call(&service, "/")).await;
        assert!(waiting.is_err());
        assert_eq!(seen.0.lock()[0].1, TryOutcome::Cancelled);
    }

    #[test]
    fn every_outcome_has_its_own_name() {
        let names: std::collections::HashSet<_> =
            TryOutcome::ALL.iter().map(|outcome| outcome.name()).collect();
        assert_eq!(names.len(), 9);
    }
}
