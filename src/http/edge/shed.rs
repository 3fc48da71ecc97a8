//! Refuses a request when the gateway has as much to do as it can: a quick 503 serves callers
//! better than a slow answer to everybody. Two layers ask one valve: the first before anything
//! costs, the second when it is known who asks, so that who can wait is refused first.

use std::time::Duration;

use http::{Request, Response};
use http_body::Body as _;

use super::call;
use super::drain::Drain;
use super::valve::{Shed, Valve};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::model::priority::Priority;

/// Most requests are over by then.
const COME_BACK: Duration = Duration::from_secs(1);

/// The first layer.
///
/// Order: inside drain, whose count it reads, and which holds until the last byte of a stream;
/// outside of everything that costs.
pub struct ShedLayer {
    /// Knows how many requests are in flight, this one among them.
    pub drain: Drain,
    /// How many may be.
    pub max_in_flight: usize,
    /// The largest body, which one of unknown length may have.
    pub body_bytes: usize,
    /// How many may be at work.
    pub valve: Valve,
    /// Whether the valve counts here: who looks after a gateway must see it while it is loaded.
    pub is_counted: bool,
}

impl Step<Request<Body>> for ShedLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let refused = |why| refuse(&self.valve, why, Priority::High);
        if self.drain.in_flight() > self.max_in_flight {
            return Err(refused(Shed::InFlight));
        }
        if !self.is_counted {
            return next.run(request).await;
        }
        let at_work = self.valve.enter(call::of(&request)?.received).map_err(refused)?;
        let largest = u64::try_from(self.body_bytes).unwrap_or(u64::MAX);
        let bytes = request.body().size_hint().upper().unwrap_or(largest).min(largest);
        let memory = self.valve.body(usize::try_from(bytes).unwrap_or(usize::MAX));
        let memory = memory.map_err(refused)?;
        let answer = next.run(request).await;
        drop((at_work, memory));
        answer
    }
}

/// The second layer.
///
/// Order: inside of identity, which tells it the rate class.
pub struct PriorityLayer {
    /// How many may be at work.
    pub valve: Valve,
    /// Whether the valve counts here.
    pub is_counted: bool,
}

impl Step<Request<Body>> for PriorityLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        if self.is_counted {
            let call = call::of(&request)?;
            let priority = self.valve.priority(call.principal().class.as_deref());
            if !self.valve.has_room(priority) {
                return Err(refuse(&self.valve, Shed::Delay, priority));
            }
        }
        next.run(request).await
    }
}

fn refuse(valve: &Valve, why: Shed, priority: Priority) -> Error {
    valve.shed(why, priority);
    let said = match why {
        Shed::InFlight => "too many requests are in flight",
        Shed::Delay => "the gateway has as much to do as it can",
        Shed::Memory => "the bodies of requests take as much memory as they may",
    };
    Error::new(Kind::Overloaded, said).retry_after(COME_BACK)
}
