//! Bounds the calls to one platform that are under way at a time, so that a slow one cannot take
//! the gateway's memory from the others. A few more wait for a moment, by priority.
//!
//! Order: inside the breaker, whose refusals take no permit; outside the clocks, which do not run
//! for what waits or is refused.
//!
//! Invariant: a permit is held to the last byte of the answer, and goes from hand to hand while
//! somebody waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::config::Queue;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::model::call::Call;
use crate::model::priority::{Priorities, Priority};
use crate::telemetry::metrics::{QueueMetrics, UpstreamMetrics};

/// The layer.
pub struct Permits {
    upstream: String,
    queue: Queue,
    priorities: Priorities,
    places: Arc<Places>,
    metrics: Arc<UpstreamMetrics>,
}

struct Places {
    state: Mutex<State>,
    metrics: QueueMetrics,
}

struct State {
    free: usize,
    waiting: BTreeMap<Turn, oneshot::Sender<Permit>>,
    next: u64,
}

/// A place in the queue: by priority, then by who came first.
type Turn = (Priority, u64);

impl Permits {
    /// At most so many calls to this upstream at a time.
    pub fn new(
        upstream: &str,
        max_concurrent: usize,
        queue: Queue,
        priorities: Priorities,
        waiting: QueueMetrics,
        metrics: Arc<UpstreamMetrics>,
    ) -> Self {
        metrics.calls_limited(max_concurrent);
        let state = State { free: max_concurrent, waiting: BTreeMap::new(), next: 0 };
        let places = Arc::new(Places { state: Mutex::new(state), metrics: waiting });
        Self { upstream: upstream.to_owned(), queue, priorities, places, metrics }
    }

    async fn permit(&self, priority: Priority) -> Option<Permit> {
        let (waiter, permit) = match self.places.enter(priority, self.queue.most) {
            Entered::Free(permit) => return Some(permit),
            Entered::Full => {
                self.places.refused("full");
                return None;
            }
            Entered::Waits(waiter, permit) => (waiter, permit),
        };
        let permit = tokio::time::timeout(self.queue.within, permit).await;
        drop(waiter);
        match permit {
            Ok(Ok(permit)) => Some(permit),
            // Somebody who goes before it has its place.
            Ok(Err(_)) => {
                self.places.refused("full");
                None
            }
            Err(_) => {
                self.places.refused("late");
                None
            }
        }
    }
}

enum Entered {
    Free(Permit),
    Waits(Waiter, oneshot::Receiver<Permit>),
    Full,
}

impl Places {
    fn enter(self: &Arc<Self>, priority: Priority, most: usize) -> Entered {
        let mut state = self.state.lock();
        if state.free > 0 {
            state.free -= 1;
            return Entered::Free(Permit(Some(Arc::clone(self))));
        }
        let mut gone = None;
        if state.waiting.len() >= most {
            // The last of them gives way to who goes before it.
            match state.waiting.last_entry() {
                Some(last) if last.key().0 > priority => gone = Some(last.remove()),
                Some(_) | None => return Entered::Full,
            }
        }
        let turn = (priority, state.next);
        state.next += 1;
        let (give, permit) = oneshot::channel();
        state.waiting.insert(turn, give);
        let count = state.waiting.len();
        drop(state);
        drop(gone);
        self.shown(count);
        Entered::Waits(Waiter { places: Arc::clone(self), turn }, permit)
    }

    /// A permit is free: it goes to who is next.
    fn give(self: &Arc<Self>) {
        loop {
            let (next, count) = {
                let mut state = self.state.lock();
                match state.waiting.pop_first() {
                    Some((_, next)) => (next, state.waiting.len()),
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            self.shown(count);
            match next.send(Permit(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // It has just left. This permit must not be given back twice.
                Err(mut permit) => permit.0 = None,
            }
        }
    }

    fn shown(&self, waiting: usize) {
        self.metrics.waiting(waiting);
    }

    fn refused(&self, why: &'static str) {
        self.metrics.refused(why);
    }
}

/// A call that is let through.
struct Permit(Option<Arc<Places>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.give();
        }
    }
}

/// Leaves the queue when it is dropped.
struct Waiter {
    places: Arc<Places>,
    turn: Turn,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let (gone, count) = {
            let mut state = self.places.state.lock();
            (state.waiting.remove(&self.turn), state.waiting.len())
        };
        drop(gone);
        self.places.shown(count);
    }
}

impl Step<Request<Body>> for Permits {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = request.extensions().get::<Arc<Call>>();
        let class = call.and_then(|call| call.principal().class.as_deref());
        let priority = self.priorities.of(class);
        let permit = self.permit(priority).await.ok_or_else(|| {
            let message = format!("upstream `{}` has as many runs as it may", self.upstream);
            Error::new(Kind::Overloaded, message).retry_after(Duration::from_secs(1))
        })?;
        let permit = (permit, self.metrics.call_permitted());
        Ok(next.run(request).await?.map(|body| body.guard(permit)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    use super::*;
    use crate::clock::Timestamp;
    use crate::outbound::layers::testing::{answers, call, response, wrapped};
    use crate::telemetry::metrics::Metrics;

    fn permits(count: usize, most: usize) -> Permits {
        counted(count, most, &Metrics::new(Timestamp(0)).unwrap())
    }

    fn counted(count: usize, most: usize, metrics: &Metrics) -> Permits {
        let queue = Queue { most, within: Duration::from_millis(25) };
        let (waiting, calls) = (metrics.overload().queue("up"), metrics.upstream("up", "fake"));
        Permits::new("up", count, queue, Priorities::default(), waiting, Arc::new(calls))
    }

    #[tokio::test]
    async fn a_permit_is_held_to_the_last_byte() {
        let good = || Ok(response(200, Body::full("x")));
        let fail = Err(Error::new(Kind::UpstreamTimeout, "late"));
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let permits = counted(1, 0, &metrics);
        let service = wrapped(permits, answers(vec![good(), fail, good(), good()]));
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

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_let_through_when_a_place_is_free_and_refused_when_it_takes_too_long() {
        let permits = permits(1, 8);
        let held = permits.permit(Priority::Normal).await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(permits.permit(Priority::Normal).await.is_none());
        assert_eq!(began.elapsed(), Duration::from_millis(25));
        let mut waiting = std::pin::pin!(permits.permit(Priority::Normal));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waiting.await.is_some());
        assert!(permits.permit(Priority::Normal).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn places_go_by_priority_and_the_last_in_a_full_queue_gives_way() {
        let permits = permits(1, 2);
        let held = permits.permit(Priority::High).await.unwrap();
        let mut low = Box::pin(permits.permit(Priority::Low));
        let mut normal = Box::pin(permits.permit(Priority::Normal));
        assert!(low.as_mut().now_or_never().is_none());
        assert!(normal.as_mut().now_or_never().is_none());
        // Nobody of a lower priority waits: at once.
        assert!(permits.permit(Priority::Low).now_or_never().unwrap().is_none());
        let mut high = Box::pin(permits.permit(Priority::High));
        assert!(high.as_mut().now_or_never().is_none());
        assert!(low.now_or_never().unwrap().is_none());
        drop(held);
        assert!(normal.as_mut().now_or_never().is_none());
        let first = high.now_or_never().unwrap().unwrap();
        drop(first);
        assert!(normal.now_or_never().unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_queue_takes_no_place_along() {
        let permits = permits(1, 1);
        let held = permits.permit(Priority::Normal).await.unwrap();
        let mut left = Box::pin(permits.permit(Priority::Normal));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        let mut given = Box::pin(permits.permit(Priority::Normal));
        assert!(given.as_mut().now_or_never().is_none());
        drop(held);
        // It has its place, and leaves with it.
        drop(given);
        assert!(permits.permit(Priority::Normal).now_or_never().unwrap().is_some());
        assert_eq!(permits.places.state.lock().free, 1);
    }
}
