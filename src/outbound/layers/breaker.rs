//! Stops calling a platform that is sick: failed connects, 5xx, time-outs and answers that broke
//! off before their end count; 4xx, 429 and callers who left do not.
//!
//! Order: inside measure, so that refusals are seen; outside permits, so that a sick platform
//! takes none.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::model::upstream::Health;
use crate::outbound::layers::circuit::{Circuit, Pass, Sign};
use crate::outbound::layers::end::{End, watch};

/// The layer, and the handle on it: clones share one circuit.
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    upstream: String,
    circuit: Mutex<Circuit>,
    clock: Arc<dyn Clock>,
}

impl Breaker {
    /// Guards the upstream of this name.
    pub fn new(upstream: &str, settings: config::Breaker, clock: Arc<dyn Clock>) -> Self {
        let circuit = Mutex::new(Circuit::new(settings));
        Self(Arc::new(Shared { upstream: upstream.to_owned(), circuit, clock }))
    }

    /// How the upstream is doing.
    pub fn health(&self) -> Health {
        self.0.circuit.lock().health(self.0.clock.monotonic())
    }

    /// How long calls are still refused; none where they are not.
    pub fn rests(&self) -> Option<Duration> {
        self.0.circuit.lock().rests(self.0.clock.monotonic())
    }

    fn admit(&self) -> Result<Ticket> {
        let admitted = self.0.circuit.lock().admit(self.0.clock.monotonic());
        match admitted {
            Ok(pass) => Ok(Ticket { shared: Arc::clone(&self.0), pass, sign: Sign::None }),
            Err(after) => {
                let upstream = &self.0.upstream;
                let message = format!("upstream `{upstream}` has failed too often; it is rested");
                Err(Error::new(Kind::UpstreamUnavailable, message)
                    .upstream(upstream, None, None)
                    .retry_after(after))
            }
        }
    }
}

impl Step<Request<Body>> for Breaker {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let mut ticket = self.admit()?;
        let response = next.run(request).await.inspect_err(|error| {
            ticket.sign = of_error(error);
        })?;
        match response.status().as_u16() {
            200..=299 => {
                ticket.answering();
                Ok(watch(response, move |end| ticket.finish(of_end(end))))
            }
            500.. => {
                ticket.sign = Sign::Bad;
                Ok(response)
            }
            _ => {
                ticket.sign = Sign::Good;
                Ok(response)
            }
        }
    }
}

fn of_error(error: &Error) -> Sign {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else refuses is not the platform")]
    match error.kind() {
        Kind::UpstreamUnavailable | Kind::UpstreamTimeout | Kind::UpstreamProtocol => Sign::Bad,
        _ => Sign::None,
    }
}

fn of_end(end: End) -> Sign {
    match end {
        End::Whole => Sign::Good,
        End::Broken | End::TimedOut => Sign::Bad,
        End::Dropped => Sign::None,
    }
}

/// Tells the circuit when it is dropped: at the call's end, or where it was given up.
struct Ticket {
    shared: Arc<Shared>,
    pass: Pass,
    sign: Sign,
}

impl Ticket {
    fn answering(&self) {
        self.tell(Sign::Answering);
    }

    /// Takes all of the ticket, so that a closure that calls this holds all of it.
    fn finish(mut self, sign: Sign) {
        self.sign = sign;
    }

    fn tell(&self, sign: Sign) {
        let now = self.shared.clock.monotonic();
        self.shared.circuit.lock().tell(self.pass, sign, now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell(self.sign);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::clock::ManualClock;
    use crate::outbound::layers::testing::{Piece, answers, body_of, call, response, wrapped};

    type Answer = Result<Response<Body>>;

    fn breaker(clock: &ManualClock) -> Breaker {
        let settings = config::Breaker { failures: 2, open: Duration::from_secs(10) };
        Breaker::new("up", settings, Arc::new(clock.clone()))
    }

    /// The health after these answers, each read to its end.
    async fn health_after(list: Vec<Answer>) -> Health {
        let clock = ManualClock::default();
        let breaker = breaker(&clock);
        let count = list.len();
        let service = wrapped(breaker.clone(), answers(list));
        for _ in 0..count {
            if let Ok(response) = call(&service, "/").await {
                let _bytes = response.into_body().collect().await;
            }
        }
        breaker.health()
    }

    #[tokio::test]
    async fn what_the_platform_is_to_blame_for_opens_it() {
        let breaks = |kind| Ok(response(200, body_of(vec![Piece::Fail(Error::new(kind, "x"))])));
        let sick: [fn() -> Answer; 4] = [
            || Ok(response(503, Body::empty())),
            || Err(Error::new(Kind::UpstreamUnavailable, "no connection")),
            || Err(Error::new(Kind::UpstreamTimeout, "late")),
            || Err(Error::new(Kind::UpstreamProtocol, "garbage")),
        ];
        for answer in sick {
            assert_eq!(health_after(vec![answer(), answer()]).await, Health::Unavailable);
        }
        for kind in [Kind::UpstreamProtocol, Kind::UpstreamTimeout] {
            assert_eq!(health_after(vec![breaks(kind), breaks(kind)]).await, Health::Unavailable);
        }
    }

    #[tokio::test]
    async fn what_the_platform_is_not_to_blame_for_does_not_open_it() {
        let well: [fn() -> Answer; 4] = [
            || Ok(response(429, Body::empty())),
            || Ok(response(400, Body::empty())),
            || Ok(response(200, Body::full("x"))),
            || Err(Error::new(Kind::Overloaded, "no permit")),
        ];
        for answer in well {
            assert_eq!(health_after(vec![answer(), answer()]).await, Health::Healthy);
        }
    }

    #[tokio::test]
    async fn a_caller_who_leaves_says_nothing_of_the_platform() {
        let clock = ManualClock::default();
        let breaker = breaker(&clock);
        let body = || Ok(response(200, body_of(vec![Piece::Bytes("a"), Piece::Bytes("b")])));
        let service = wrapped(breaker.clone(), answers(vec![body(), body(), body()]));
        for _ in 0..3 {
            let mut response = call(&service, "/").await.unwrap();
            assert!(response.body_mut().frame().await.is_some());
        }
        assert_eq!(breaker.health(), Health::Healthy);
    }

    #[tokio::test]
    async fn an_open_breaker_refuses_and_a_good_probe_closes_it() {
        let clock = ManualClock::default();
        let breaker = breaker(&clock);
        let bad = || Ok(response(500, Body::empty()));
        let good = Ok(response(200, Body::full("x")));
        let service = wrapped(breaker.clone(), answers(vec![bad(), bad(), good]));
        for _ in 0..2 {
            drop(call(&service, "/").await.unwrap());
        }
        clock.advance(Duration::from_secs(4));
        let error = call(&service, "/").await.unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamUnavailable);
        assert_eq!(error.retry_in(), Some(Duration::from_secs(6)));
        assert_eq!(error.upstream_fault().unwrap().name, "up");
        clock.advance(Duration::from_secs(6));
        assert_eq!(breaker.health(), Health::Probing);
        let response = call(&service, "/").await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!(breaker.health(), Health::Healthy);
    }
}
