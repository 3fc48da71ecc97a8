//! Budgets around a run: reserved before it is admitted, raised while the platform reports what it
//! uses, settled before its end is told. Two layers, because admission and driving are two stacks;
//! the reservation rides from one to the other among the run's grants.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::unfold;

use super::{Asking, Budgets, Outcome, Reservation, STOP_REASON, Verdict};
use crate::error::{Kind, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::{Admission, Grants, Proposal, RunCall};
use crate::telemetry::metrics::PolicyMetrics;
use crate::telemetry::traces::spans;

/// Reserves before a run is admitted.
///
/// Order: innermost of the ADMIT stack, so that nothing that refuses comes after it.
pub struct Reserve {
    /// The budgets.
    pub budgets: Arc<Budgets>,
    /// The longest run.
    pub longest: Duration,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

impl Step<Proposal> for Reserve {
    type Response = Admission;

    async fn run<S: Rest<Proposal, Admission>>(
        &self,
        proposal: Proposal,
        next: Next<'_, S>,
    ) -> Result<Admission> {
        let plan = &proposal.plan;
        let asking = Asking {
            principal: proposal.call.principal(),
            agent: &plan.target,
            limits: &plan.request.limits,
            longest: self.longest,
        };
        let reserving = spans::deciding("budget", self.budgets.reserve(&asking));
        let reserved = reserving.await.inspect_err(|error| {
            if error.kind() == Kind::BudgetExhausted {
                error.rules().iter().for_each(|budget| self.metrics.over_budget(budget));
            }
        })?;
        let mut admission = next.run(proposal).await?;
        if let Some(reservation) = reserved {
            admission.grants.add(reservation);
        }
        Ok(admission)
    }
}

/// Settles what a run has reserved, and holds whatever else was taken for it until it is over.
///
/// Order: outermost of the RUN stack, so that whoever ends the run, its end is told only when it
/// has been paid for.
pub struct Settle {
    /// What is counted.
    pub metrics: PolicyMetrics,
}

impl Step<RunCall> for Settle {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        mut request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let reservation = request.grants.take::<Reservation>();
        let grants = std::mem::take(&mut request.grants);
        let events = match next.run(request).await {
            Ok(events) => events,
            Err(error) => {
                if let Some(reservation) = reservation {
                    reservation.settle(Outcome::of_refused(&error)).await;
                }
                return Err(error);
            }
        };
        let metrics = self.metrics.clone();
        let ready = VecDeque::new();
        let run =
            Paid { reservation, grants, events, ready, metrics, has_begun: false, is_over: false };
        Ok(Box::pin(unfold(run, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        })))
    }
}

/// A run that is paid for. Dropped, it settles what is known by then.
struct Paid {
    /// None where no budget applies, and when it is settled.
    reservation: Option<Reservation>,
    /// What else was taken for the run. Given back before its end is told, so that who reads the
    /// end can begin the next run.
    grants: Grants,
    events: RunEvents,
    ready: VecDeque<RunEvent>,
    metrics: PolicyMetrics,
    /// Whether anything has come of the run: then its platform has had it.
    has_begun: bool,
    is_over: bool,
}

impl Paid {
    async fn next(&mut self) -> Option<RunEvent> {
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        if self.is_over {
            return None;
        }
        let event = self.events.next().await?;
        match &event.what {
            Happening::Usage(usage) => {
                if let Some(reservation) = &mut self.reservation
                    && reservation.note(usage)
                {
                    let verdict = reservation.raise().await;
                    self.act(verdict).await;
                }
            }
            Happening::Ended(ending) => {
                let outcome = outcome_of(ending, self.has_begun);
                self.settle(outcome).await;
            }
            Happening::Started
            | Happening::Upstream { .. }
            | Happening::MessageDelta(_)
            | Happening::MessageCompleted(_)
            | Happening::ReasoningDelta(_)
            | Happening::ToolCallStarted { .. }
            | Happening::ToolCallCompleted { .. }
            | Happening::Governance(_)
            | Happening::Structured(_)
            | Happening::Pii(_)
            | Happening::Warning(_) => {}
        }
        self.has_begun |= is_news(&event);
        Some(event)
    }

    /// Ends the run where what it has used cannot be reserved any more.
    async fn act(&mut self, verdict: Result<Verdict>) {
        let ending = match verdict {
            Ok(Verdict::Continue) => return,
            Ok(Verdict::Stop { budget }) => {
                self.metrics.over_budget(&budget);
                let stop_reason = Some(STOP_REASON.to_owned());
                Ending::Incomplete { output: None, stop_reason }
            }
            Err(error) => Ending::Failed(error),
        };
        self.settle(Outcome::BrokenOff).await;
        self.ready.push_back(RunEvent::live(Happening::Ended(ending)));
    }

    async fn settle(&mut self, outcome: Outcome) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(outcome).await;
        }
        self.grants = Grants::default();
        self.is_over = true;
    }
}

/// Whether an event tells that the platform has had the run. A start of the gateway's own does
/// not: it is told before a platform is asked that says nothing until it is done.
fn is_news(event: &RunEvent) -> bool {
    match event.what {
        Happening::Pii(_) | Happening::Warning(_) | Happening::Ended(_) => false,
        Happening::Started => !event.synthetic,
        Happening::Upstream { .. }
        | Happening::MessageDelta(_)
        | Happening::MessageCompleted(_)
        | Happening::ReasoningDelta(_)
        | Happening::ToolCallStarted { .. }
        | Happening::ToolCallCompleted { .. }
        | Happening::Governance(_)
        | Happening::Usage(_)
        | Happening::Structured(_) => true,
    }
}

/// What became of a run that ended like this.
fn outcome_of(ending: &Ending, has_begun: bool) -> Outcome {
    match ending {
        Ending::Completed { .. } => Outcome::Ended,
        // The platform stopped by itself, or was stopped here at the cap on the run's cost.
        Ending::Incomplete { stop_reason, .. } => match stop_reason.as_deref() {
            Some("max_cost_usd") => Outcome::BrokenOff,
            Some(_) | None => Outcome::Ended,
        },
        Ending::Failed(error) if !has_begun => Outcome::of_refused(error),
        Ending::Failed(_) | Ending::Cancelled => Outcome::BrokenOff,
    }
}
