//! Asks the limits, as early as all that each of them counts by is known: by address before any
//! credential is looked at, by caller when it is known, by agent when a run is asked for. (By tool
//! asks [`crate::policy::tools::layer`].)
//!
//! Permits ride on the answer's body, or among the run's grants: what is limited in number is
//! limited to its last byte.

use std::sync::Arc;

use http::{Request, Response};

use super::{Limits, Outcome, Permits, Refused, Stage, State, Subject};
use crate::error::Result;
use crate::http::body::Body;
use crate::http::edge::call;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::Needs;
use crate::http::passage;
use crate::model::allowance::Allowance;
use crate::model::call::Call;
use crate::model::plan::{Admission, Plan, Proposal};
use crate::telemetry::traces::spans;

/// Limits by address.
///
/// Order: outside of identity, so that guessing credentials costs the guesser and not the gateway.
pub struct ByAddress(pub Arc<Limits>);

impl Step<Request<Body>> for ByAddress {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        // Whoever looks after the gateway must see it while it is under attack.
        if call::route_of(&request)?.operation.needs() == Needs::Nothing {
            return next.run(request).await;
        }
        let subject = Subject { address: Some(call.address), ..Subject::default() };
        let permits = ask(&self.0, Stage::Address, &subject, &call).await?;
        answer(next.run(request).await, permits)
    }
}

/// Limits by caller, workspace and operation.
///
/// Order: inside identity.
pub struct ByCaller(pub Arc<Limits>);

impl Step<Request<Body>> for ByCaller {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        if call::route_of(&request)?.operation.needs() == Needs::Nothing {
            return next.run(request).await;
        }
        let mut permits = ask(&self.0, Stage::Caller, &of_call(&call), &call).await?;
        if permits.is_empty() {
            return next.run(request).await;
        }
        // A run that goes on behind its answer, in the background, holds its own for as long.
        let of_run = Arc::new(permits.of_run());
        call.facts.holds(&of_run);
        let held = (permits, of_run);
        next.run(request).await.map(|answer| answer.map(|body| body.guard(held)))
    }
}

/// Limits by agent and upstream.
///
/// Order: in the ADMIT stack, inside of who may run at all.
pub struct ByRun(pub Arc<Limits>);

impl Step<Proposal> for ByRun {
    type Response = Admission;

    async fn run<S: Rest<Proposal, Admission>>(
        &self,
        mut proposal: Proposal,
        next: Next<'_, S>,
    ) -> Result<Admission> {
        let agent = proposal.plan.target.to_string();
        let subject = of_plan(&proposal.call, &proposal.plan, &agent);
        let permits = ask(&self.0, Stage::Run, &subject, &proposal.call).await?;
        let held = proposal.call.facts.held();
        proposal.plan.tools.must_be_seen |= self.0.count_tools();
        let mut admission = next.run(proposal).await?;
        if !permits.is_empty() {
            admission.grants.add(permits);
        }
        if let Some(callers) = held {
            admission.grants.add(callers);
        }
        Ok(admission)
    }
}

/// Limits by upstream, of calls of a platform's own API.
///
/// Order: in the PROXY stack, inside of who may reach the platform at all. One that starts a run is
/// counted where every run is.
pub struct ByPassage(pub Arc<Limits>);

impl Step<Request<Body>> for ByPassage {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let passage = passage::of(&request)?;
        if passage.is_run {
            return next.run(request).await;
        }
        let agent = passage.agent.as_ref().map(ToString::to_string);
        let subject = Subject {
            agent: agent.as_deref(),
            upstream: Some(&passage.upstream),
            ..of_call(&passage.call)
        };
        let permits = ask(&self.0, Stage::Run, &subject, &passage.call).await?;
        answer(next.run(request).await, permits)
    }
}

/// The permits of a request that may go on. How the limits stand is noted either way.
async fn ask(limits: &Limits, stage: Stage, subject: &Subject<'_>, call: &Call) -> Result<Permits> {
    let asking = async {
        match limits.ask(stage, subject).await {
            Outcome::Allowed { states, permits } => {
                call.facts.limited(states.into_iter().map(allowance));
                Ok(permits)
            }
            Outcome::Refused(refused) => {
                call.facts.limited(told(&refused));
                Err(refused.error())
            }
        }
    };
    spans::deciding("limits", asking).await
}

/// What limits may count of a call.
fn of_call(call: &Call) -> Subject<'_> {
    let principal = call.principal();
    Subject {
        address: Some(call.address),
        workspace: Some(&principal.workspace),
        subject: Some(&principal.subject),
        class: principal.class.as_deref(),
        operation: Some(call.operation),
        ..Subject::default()
    }
}

/// What limits may count of a run; `agent` is its reference.
pub fn of_plan<'a>(call: &'a Call, plan: &'a Plan, agent: &'a str) -> Subject<'a> {
    Subject { agent: Some(agent), upstream: Some(plan.upstream()), ..of_call(call) }
}

fn answer(answer: Result<Response<Body>>, permits: Permits) -> Result<Response<Body>> {
    if permits.is_empty() {
        return answer;
    }
    answer.map(|answer| answer.map(|body| body.guard(permits)))
}

fn allowance(state: State) -> Allowance {
    let State { rule, requests, window, burst, remaining, full_in } = state;
    Allowance { limit: rule, quota: requests, window, burst, remaining, full_in, retry_after: None }
}

/// The same for a refusal, whose own window says when to come back.
fn told(refused: &Refused) -> impl Iterator<Item = Allowance> {
    refused.states.iter().cloned().map(allowance).map(|mut one| {
        if one.limit == refused.rule {
            one.retry_after = Some(refused.retry_after);
        }
        one
    })
}
