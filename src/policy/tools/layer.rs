//! Watches the tools of a run in its stream: judges each call, tells the decision, and hides or
//! ends what may not be.
//!
//! Order: outside conform, whose order it relies on (a call stands before its answer); inside the
//! answer's own checks, which judge what the caller would get.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::unfold;

use super::watch::{Verdict, Watch, hidden};
use crate::clock::Clock;
use crate::config::OnViolation;
use crate::error::{Error, Kind, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::call::Call;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::judge::{Action, Judge, Question, Resource, When};
use crate::model::plan::{Plan, RunCall};
use crate::policy::limits::layer as limits;
use crate::policy::limits::{Limits, Outcome, Stage, Subject};
use crate::telemetry::metrics::PolicyMetrics;
use crate::telemetry::traces::spans;

/// The layer.
#[derive(Clone)]
pub struct ToolsGoverned(pub Arc<Parts>);

/// What it asks.
pub struct Parts {
    /// Decides by policy.
    pub judge: Arc<dyn Judge>,
    /// Decides by number.
    pub limits: Arc<Limits>,
    /// Tells the hour.
    pub clock: Arc<dyn Clock>,
    /// What becomes of a tool that may not be used.
    pub on_violation: OnViolation,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

impl Step<RunCall> for ToolsGoverned {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let (call, plan) = (Arc::clone(&request.call), Arc::clone(&request.plan));
        let watch = Watch::new(plan.tools.tells);
        let events = next.run(request).await?;
        let parts = Arc::clone(&self.0);
        let run =
            Governed { parts, call, plan, watch, events, ready: VecDeque::new(), over: false };
        Ok(Box::pin(unfold(run, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        })))
    }
}

/// One run.
struct Governed {
    parts: Arc<Parts>,
    call: Arc<Call>,
    plan: Arc<Plan>,
    watch: Watch,
    events: RunEvents,
    ready: VecDeque<RunEvent>,
    over: bool,
}

impl Governed {
    async fn next(&mut self) -> Option<RunEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let event = self.events.next().await?;
            self.take(event).await;
        }
    }

    async fn take(&mut self, event: RunEvent) {
        let RunEvent { synthetic, what } = event;
        match what {
            Happening::ToolCallStarted { call_id, name, arguments } => {
                let judging = judged(&self.parts, &self.call, &self.plan, &name);
                let verdict = spans::judging("tools", judging, Verdict::is_allowed).await;
                self.parts.metrics.tool_decided(verdict.is_allowed());
                let (id, tool) = (call_id.clone(), name.clone());
                let started = Happening::ToolCallStarted { call_id, name, arguments };
                self.ready.push_back(RunEvent { synthetic, what: started });
                let is_denied = !verdict.is_allowed();
                self.ready.extend(self.watch.called(&id, &tool, verdict, synthetic));
                if is_denied && self.parts.on_violation == OnViolation::End {
                    self.end(id, tool, synthetic);
                }
            }
            Happening::ToolCallCompleted { call_id, name, status, result, duration_ms } => {
                self.ready.extend(self.watch.overdue(Some(&call_id), synthetic));
                let verdict = self.watch.verdict(&call_id);
                let is_shown = self.parts.on_violation == OnViolation::Record
                    || verdict.is_some_and(Verdict::is_allowed);
                let what = if is_shown {
                    Happening::ToolCallCompleted { call_id, name, status, result, duration_ms }
                } else {
                    hidden(call_id, name, duration_ms)
                };
                self.ready.push_back(RunEvent { synthetic, what });
            }
            Happening::Governance(governance) => {
                if self.watch.decided(&governance) {
                    let what = Happening::Governance(governance);
                    self.ready.push_back(RunEvent { synthetic, what });
                }
            }
            Happening::Ended(ending) => {
                self.ready.extend(self.watch.overdue(None, synthetic));
                self.ready.push_back(RunEvent { synthetic, what: Happening::Ended(ending) });
                self.over = true;
            }
            what @ (Happening::Started
            | Happening::Upstream { .. }
            | Happening::MessageDelta(_)
            | Happening::MessageCompleted(_)
            | Happening::ReasoningDelta(_)
            | Happening::Usage(_)
            | Happening::Structured(_)
            | Happening::Pii(_)
            | Happening::Warning(_)) => self.ready.push_back(RunEvent { synthetic, what }),
        }
    }

    /// Hides what the tool answers and ends the run: nothing more of it is read.
    fn end(&mut self, call_id: String, tool: String, synthetic: bool) {
        let said = format!("the agent used the tool `{tool}`, which this run may not use");
        let error = Error::new(Kind::ToolDenied, said);
        self.ready.push_back(RunEvent { synthetic, what: hidden(call_id, tool, None) });
        self.ready.push_back(RunEvent::live(Happening::Ended(Ending::Failed(error))));
        self.over = true;
    }
}

/// What policy and limits say to a tool call of a run.
async fn judged(parts: &Parts, call: &Call, plan: &Plan, tool: &str) -> Verdict {
    let asked = plan.request.tools.as_deref();
    let is_asked_for = |tools: &[String]| tools.iter().any(|entry| names(entry, tool));
    if !plan.tools.restricts && asked.is_some_and(|tools| !is_asked_for(tools)) {
        return Verdict::NotAskedFor;
    }
    let servers = plan.servers();
    let question = Question {
        principal: call.principal(),
        action: Action::UseTool(tool),
        resource: Resource::Agent((&plan.target).into()),
        circumstances: plan.circumstances(call, When::at(parts.clock.now()), &servers),
    };
    if let Err(error) = parts.judge.judge(&question) {
        return Verdict::Forbidden(error.message().to_owned());
    }
    let agent = plan.target.to_string();
    let subject = Subject { tool: Some(tool), ..limits::of_plan(call, plan, &agent) };
    match parts.limits.ask(Stage::Tool, &subject).await {
        Outcome::Allowed { .. } => Verdict::Allowed,
        Outcome::Refused(refused) => {
            Verdict::Limited(format!("the limit `{}` is reached", refused.rule))
        }
    }
}

/// Whether an entry of `tools` names a tool: by its name, or by a beginning with a `*` behind it.
fn names(entry: &str, tool: &str) -> bool {
    entry == tool || entry.strip_suffix('*').is_some_and(|beginning| tool.starts_with(beginning))
}
