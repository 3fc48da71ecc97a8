//! Ends a run that takes longer than its caller, or the configuration, allows.
//!
//! Order: outermost, so that the clock covers everything that the RUN stack does.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::time::{Sleep, sleep, timeout};

use crate::error::{Error, Kind, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;

/// The layer.
#[derive(Debug)]
pub struct Deadline {
    /// The longest run.
    pub longest: Duration,
}

impl Step<RunCall> for Deadline {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let wanted = request.plan.request.limits.timeout;
        let within = wanted.unwrap_or(self.longest).min(self.longest);
        let started = tokio::time::Instant::now();
        let events = timeout(within, next.run(request)).await.map_err(|_| late(within))??;
        let clock = Box::pin(sleep(within.saturating_sub(started.elapsed())));
        Ok(Box::pin(Bounded { events, clock, within, is_late: false }))
    }
}

fn late(within: Duration) -> Error {
    let said = format!("the run took longer than {} seconds", within.as_secs_f64());
    Error::new(Kind::UpstreamTimeout, said)
}

struct Bounded {
    events: RunEvents,
    clock: Pin<Box<Sleep>>,
    within: Duration,
    is_late: bool,
}

impl Stream for Bounded {
    type Item = RunEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        if self.is_late {
            return Poll::Ready(None);
        }
        if let Poll::Ready(event) = self.events.as_mut().poll_next(cx) {
            return Poll::Ready(event);
        }
        std::task::ready!(self.clock.as_mut().poll(cx));
        self.is_late = true;
        Poll::Ready(Some(RunEvent::live(Happening::Ended(Ending::Failed(late(self.within))))))
    }
}
