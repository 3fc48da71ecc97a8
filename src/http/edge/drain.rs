//! Knows how many requests are in flight, from their head to the last byte of their answer, and
//! refuses new ones while the gateway is shutting down. The server starts the drain and waits for
//! it; `/readyz` asks whether it has begun.
//!
//! Order: inside rescue, which answers the refusal; outside of shed, which asks it for its count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{Request, Response};
use tokio::sync::Notify;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};

/// The requests in flight on one socket. Clones are the same drain.
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<State>);

#[derive(Debug, Default)]
struct State {
    draining: AtomicBool,
    in_flight: AtomicUsize,
    idle: Notify,
}

impl Drain {
    /// From now on new requests are refused.
    pub fn start(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the gateway is shutting down, and so not ready.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// How many requests have not had the last byte of their answer.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until none is in flight.
    pub async fn idle(&self) {
        loop {
            // Registered before the count is read, so that no last request is missed.
            let mut changed = std::pin::pin!(self.0.idle.notified());
            changed.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Counts a request until the guard is dropped. The count is raised before the flag is read,
    /// so that a drain that has seen no request in flight has seen all of them.
    fn enter(&self) -> Result<InFlight> {
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        let entered = InFlight(Arc::clone(&self.0));
        if self.is_draining() {
            return Err(Error::new(Kind::Draining, "the gateway is shutting down"));
        }
        Ok(entered)
    }
}

/// One request in flight.
struct InFlight(Arc<State>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// The layer.
pub struct DrainLayer(pub Drain);

impl Step<Request<Body>> for DrainLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let in_flight = self.0.enter()?;
        let answer = next.run(request).await?;
        Ok(answer.map(|body| body.guard(in_flight)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, get};
    use futures_util::FutureExt;

    fn answered(_: Request<Body>) -> Result<Response<Body>> {
        Ok(Response::new(Body::full("all of it")))
    }

    #[tokio::test]
    async fn a_request_is_in_flight_until_its_body_is_read() {
        let drain = Drain::default();
        let step = DrainLayer(drain.clone());
        let answer = Fixture::default().through(step, get("/v1/runs"), answered).await.unwrap();
        assert_eq!(drain.in_flight(), 1);
        drain.start();
        assert!(drain.idle().now_or_never().is_none());
        answer.into_body().read().await.unwrap();
        assert_eq!(drain.in_flight(), 0);
        assert!(drain.idle().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_new_request_is_refused_while_draining_and_not_waited_for() {
        let drain = Drain::default();
        drain.start();
        let step = DrainLayer(drain.clone());
        let refused = Fixture::default().through(step, get("/v1/runs"), answered).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(Kind::Draining));
        assert_eq!(drain.in_flight(), 0);
    }

    #[tokio::test]
    async fn the_last_request_wakes_the_waiting_drain() {
        let drain = Drain::default();
        let first = drain.enter().unwrap();
        let second = drain.enter().unwrap();
        let waiting = drain.idle();
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(second);
        assert!(waiting.now_or_never().is_some());
    }
}
