//! Stops a run whose reported cost passes the cap that its caller set.
//!
//! Order: outside conform, whose order it relies on.

use std::future::ready;

use futures_util::StreamExt;

use crate::error::Result;
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;

/// The layer.
#[derive(Debug)]
pub struct CostCap;

impl Step<RunCall> for CostCap {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let Some(cap) = request.plan.request.limits.max_cost_usd else {
            return next.run(request).await;
        };
        let events = next.run(request).await?;
        let capped = events.flat_map(move |event| {
            let passed = matches!(&event.what,
                Happening::Usage(usage) if usage.cost_usd.is_some_and(|cost| cost > cap));
            let end = passed.then(|| {
                let stop_reason = Some("max_cost_usd".to_owned());
                RunEvent::live(Happening::Ended(Ending::Incomplete { output: None, stop_reason }))
            });
            futures_util::stream::iter([Some(event), end].into_iter().flatten())
        });
        // The platform's own end may follow the one that the cap made: only the first counts.
        let first_end = capped.scan(false, |ended, event| {
            let over = std::mem::replace(ended, *ended || is_end(&event));
            ready((!over).then_some(event))
        });
        Ok(Box::pin(first_end))
    }
}

fn is_end(event: &RunEvent) -> bool {
    matches!(event.what, Happening::Ended(_))
}
