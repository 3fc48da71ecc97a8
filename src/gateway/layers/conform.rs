//! Holds a run's events to the order that faces and readers rely on.
//!
//! Order: innermost but for the dispatcher, so that every other layer sees an orderly stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;

use crate::error::{Error, Kind, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;
use crate::model::progress::Progress;

/// The layer.
#[derive(Debug)]
pub struct Conform;

impl Step<RunCall> for Conform {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let events = next.run(request).await?;
        Ok(Box::pin(Orderly { events, progress: Progress::default(), ready: VecDeque::new() }))
    }
}

struct Orderly {
    events: RunEvents,
    progress: Progress,
    ready: VecDeque<RunEvent>,
}

impl Stream for Orderly {
    type Item = RunEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            if this.progress.has_ended() {
                return Poll::Ready(None);
            }
            let event = match std::task::ready!(this.events.as_mut().poll_next(cx)) {
                Some(event) => event,
                None => {
                    let said = "the answer broke off before its end";
                    let error = Error::new(Kind::UpstreamProtocol, said);
                    RunEvent::live(Happening::Ended(Ending::Failed(error)))
                }
            };
            this.progress.next(event, &mut this.ready);
        }
    }
}
