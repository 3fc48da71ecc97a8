//! PII around a run. Two layers, because admission and driving are two stacks: what a caller asks
//! is treated before there is a run, so that a blocked one is refused with its status; what the
//! platform says is treated on its way to the journal, so that no reader can miss it.

use std::any::Any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, stream};
use serde_json::Value;

use super::answer::Answer;
use super::findings::{Tally, refusal};
use super::json::JsonTreatment;
use super::plan::{self, Direction};
use super::request;
use super::rules::{Rules, Scope};
use super::scan::Failure;
use super::vault::{Vault, entries_of};
use crate::error::{Error, Kind, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::call::Call;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::halt::Halt;
use crate::model::payload::ToAudit;
use crate::model::plan::{Admission, Plan, Proposal, RunCall};
use crate::model::principal::Principal;
use crate::model::vault::{TokenVault, Vaults};
use crate::telemetry::metrics::PolicyMetrics;
use crate::telemetry::traces::spans;

/// Texts from which on a treatment takes milliseconds, and would hold up others of its thread.
const LARGE: usize = 256 * 1024;

/// What both layers ask.
#[derive(Debug)]
pub struct Policy {
    /// What is done to what.
    pub rules: Rules,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

/// Treats what a caller asks.
///
/// Order: before anything is spent for the run; after access, which judges names as they were
/// given.
#[derive(Debug)]
pub struct Outgoing(pub Arc<Policy>);

impl Step<Proposal> for Outgoing {
    type Response = Admission;

    async fn run<S: Rest<Proposal, Admission>>(
        &self,
        proposal: Proposal,
        next: Next<'_, S>,
    ) -> Result<Admission> {
        if self.0.rules.is_empty() {
            return next.run(proposal).await;
        }
        let proposal = if request::weight(&proposal.plan.request) < LARGE {
            spans::decided("pii", || self.0.outgoing(proposal))?
        } else {
            let policy = Arc::clone(&self.0);
            let treated = tokio::task::spawn_blocking(move || policy.outgoing(proposal));
            let broke = |_| Error::new(Kind::Internal, "the request could not be examined");
            spans::deciding("pii", async { treated.await.map_err(broke)? }).await?
        };
        next.run(proposal).await
    }
}

/// Treats what the platform says.
///
/// Order: outside whatever ends a run on our side, so that what it holds back is told before; inside
/// the check of the answer's shape, which judges what the caller gets.
#[derive(Debug)]
pub struct Incoming(pub Arc<Policy>);

impl Step<RunCall> for Incoming {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        if self.0.rules.is_empty() {
            return next.run(request).await;
        }
        let Some(mut answer) = self.0.incoming(&request.call, &request.plan)? else {
            return next.run(request).await;
        };
        let halt = Arc::clone(&request.halt);
        let metrics = self.0.metrics.clone();
        match next.run(request).await {
            Ok(events) => {
                let ready = VecDeque::new();
                Ok(Box::pin(Treated { answer, events, halt, ready, metrics, is_over: false }))
            }
            Err(error) => {
                let error = answer.failure(error).unwrap_or_else(|failure| refused(&failure));
                let Tally(found) = answer.found();
                if found.is_empty() {
                    return Err(error);
                }
                count(&metrics, &found);
                let end = Happening::Ended(Ending::Failed(error));
                let events = [Happening::Pii(found), end].map(RunEvent::live);
                Ok(Box::pin(stream::iter(events)))
            }
        }
    }
}

impl Policy {
    /// A run that is asked for, treated.
    fn outgoing(&self, mut proposal: Proposal) -> Result<Proposal> {
        let Proposal { call, plan } = &mut proposal;
        let to_upstream = self.plan(call, plan, Direction::ToUpstream)?;
        let to_caller = self.plan(call, plan, Direction::ToCaller)?;
        let mut vault = vault_of(plan);
        if vault.is_none() && (to_upstream.makes_tokens() || to_caller.makes_tokens()) {
            let who = call.principal();
            let conversation = plan.thread.id.as_str();
            vault = Some(Arc::new(self.rules.vault(&who.workspace, &who.subject, conversation)));
        }
        plan.thread.vault = vault.clone().map(|vault| vault as Arc<dyn TokenVault>);
        let mut treatment = JsonTreatment::new(to_upstream, vault);
        let treated = request::treat(&mut treatment, &mut plan.request);
        Tally(plan.pii) = Tally::of(treatment.counts());
        count(&self.metrics, &plan.pii);
        treated.map(|()| proposal)
    }

    /// What treats the answer of a run; nothing where it passes as it is.
    fn incoming(&self, call: &Call, plan: &Plan) -> Result<Option<Answer>> {
        let to_caller = self.plan(call, plan, Direction::ToCaller)?;
        let vault = vault_of(plan);
        let does_nothing = to_caller.is_empty() && vault.is_none();
        Ok((!does_nothing).then(|| Answer::new(&to_caller, vault.as_ref())))
    }

    fn plan(&self, call: &Call, plan: &Plan, direction: Direction) -> Result<Arc<plan::Plan>> {
        let who = call.principal();
        let scope = Scope {
            direction,
            face: call.face,
            upstream: plan.upstream(),
            agent: &plan.target.to_string(),
            groups: &who.groups,
            workspace: &who.workspace,
        };
        self.rules.plan(&scope).map_err(|failure| refusal(&failure, "request"))
    }
}

impl ToAudit for Policy {
    fn treat(&self, call: &Call, plan: &Plan, said: &mut Value) -> Result<()> {
        let rules = self.plan(call, plan, Direction::ToAudit)?;
        if rules.is_empty() {
            return Ok(());
        }
        let mut vault = vault_of(plan);
        if vault.is_none() && rules.makes_tokens() {
            let who = call.principal();
            let conversation = plan.thread.id.as_str();
            vault = Some(Arc::new(self.rules.vault(&who.workspace, &who.subject, conversation)));
        }
        let mut treatment = JsonTreatment::new(rules, vault);
        let treated = treatment.treat("", said);
        let Tally(found) = Tally::of(treatment.counts());
        count(&self.metrics, &found);
        treated.map_err(|failure| refusal(&failure, "record"))
    }
}

impl Vaults for Policy {
    fn restored(
        &self,
        principal: &Principal,
        conversation: &str,
        saved: &Value,
    ) -> Option<Arc<dyn TokenVault>> {
        let entries = entries_of(saved).filter(|entries| !entries.is_empty())?;
        let vault = self.rules.vault(&principal.workspace, &principal.subject, conversation);
        // What fits when it was kept fits again.
        vault.load(entries).ok()?;
        Some(Arc::new(vault))
    }
}

/// The vault of a conversation that has one.
fn vault_of(plan: &Plan) -> Option<Arc<Vault>> {
    let vault: Arc<dyn Any + Send + Sync> = plan.thread.vault.clone()?;
    vault.downcast().ok()
}

/// The events of a run, treated.
struct Treated {
    answer: Answer,
    events: RunEvents,
    halt: Arc<dyn Halt>,
    ready: VecDeque<RunEvent>,
    metrics: PolicyMetrics,
    is_over: bool,
}

impl Treated {
    fn take(&mut self, event: RunEvent) {
        let told = self.ready.len();
        let is_end = matches!(event.what, Happening::Ended(_));
        if let Err(failure) = self.answer.take(event, |event| self.ready.push_back(event)) {
            // What was decided of the event before it failed is not told either.
            self.ready.truncate(told);
            self.end(RunEvent::live(Happening::Ended(Ending::Failed(refused(&failure)))));
        } else if is_end && let Some(end) = self.ready.pop_back() {
            self.end(end);
        }
    }

    /// The platform broke off, or the run is stopped: what was held back is told.
    fn broken_off(&mut self) {
        let told = self.ready.len();
        if self.answer.end_texts(|event| self.ready.push_back(event)).is_err() {
            self.ready.truncate(told);
        }
        self.say_found();
    }

    fn end(&mut self, end: RunEvent) {
        self.say_found();
        self.ready.push_back(end);
    }

    fn say_found(&mut self) {
        self.is_over = true;
        // The platform is let go of.
        self.events = Box::pin(stream::empty());
        let Tally(found) = self.answer.found();
        count(&self.metrics, &found);
        if !found.is_empty() {
            self.ready.push_back(RunEvent::live(Happening::Pii(found)));
        }
    }
}

impl Stream for Treated {
    type Item = RunEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            if self.halt.poll_stop(cx).is_ready() {
                self.broken_off();
                continue;
            }
            match ready!(self.events.as_mut().poll_next(cx)) {
                Some(event) => self.take(event),
                None => self.broken_off(),
            }
        }
    }
}

fn refused(failure: &Failure) -> Error {
    refusal(failure, "answer")
}

/// Counts what was found.
pub(super) fn count(metrics: &PolicyMetrics, found: &[crate::model::pii::PiiCount]) {
    for of in found {
        metrics.pii_found(&of.entity, &of.direction, &of.action, of.count);
    }
}
