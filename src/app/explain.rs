//! Says why a caller would be let in or not, by asking the same engines as a request would,
//! without running anything and without counting anything. Limits are told after policy, also those
//! that a request meets before it. The admin face and the command line call it.

mod bounds;
mod caller;
mod wanted;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use self::caller::scope;
use self::wanted::Wanted;
use super::guard::Guard;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::keys::KeyAdmin;
use crate::inbound::admin::explain::{Asked, Explained, ExplainedStep, Explains};
use crate::model::agent::AgentRef;
use crate::model::judge::{Action, Circumstances, Question, When};
use crate::model::key::Key;
use crate::model::principal::Principal;
use crate::model::request::RunLimits;
use crate::outbound::pause::Pauses;
use crate::policy::access::Access;
use crate::policy::budget::{Asking, Budgets};
use crate::policy::limits::{Limits, Subject};

/// Asks the engines.
pub(super) struct Explainer {
    gateway: Gateway,
    configured: Vec<Key>,
    keys: KeyAdmin,
    access: Arc<Access>,
    pauses: Pauses,
    limits: Arc<Limits>,
    budgets: Arc<Budgets>,
    clock: Arc<dyn Clock>,
}

impl Explainer {
    pub(super) fn new(
        gateway: &Gateway,
        guard: &Guard,
        pauses: &Pauses,
        configured: Vec<Key>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            gateway: gateway.clone(),
            configured,
            keys: guard.keys.clone(),
            access: Arc::clone(&guard.access),
            pauses: pauses.clone(),
            limits: Arc::clone(&guard.limits),
            budgets: Arc::clone(&guard.budgets),
            clock: Arc::clone(clock),
        }
    }

    /// The agent that is meant. Who reads a run of its own need not see its agent any more.
    fn agent(
        &self,
        principal: &Principal,
        agent: &str,
        wanted: &Wanted<'_>,
    ) -> (Option<AgentRef>, ExplainedStep) {
        let found = match wanted.is_of_owned() {
            true => self.gateway.resolve(agent),
            false => self.gateway.visible(principal, agent).ok(),
        };
        match found.map(|found| AgentRef { upstream: found.upstream, native: found.id }) {
            Some(found) => {
                let step = passed("agent", format!("`{agent}` is {found}"));
                (Some(found), step)
            }
            None => {
                let said = "there is no such agent, or the key's list or the workspace leaves it \
                            out";
                (None, refused("agent", said))
            }
        }
    }

    /// How the policies decide, in full, and over each tool that is asked for.
    fn policy(&self, question: &Question<'_>) -> Result<(Value, ExplainedStep)> {
        let decided = self.access.explain(question)?;
        let mut step = ExplainedStep {
            step: "policy",
            passes: decided.allowed,
            because: decided.because.clone(),
        };
        for tool in question.circumstances.tools.unwrap_or_default() {
            if !step.passes || question.action != Action::Run {
                break;
            }
            let about = Question { action: Action::UseTool(tool), ..*question };
            let decided = self.access.explain(&about)?;
            if !decided.allowed {
                let because = format!("the tool `{tool}`: {}", decided.because);
                step = ExplainedStep { step: "policy", passes: false, because };
            }
        }
        let whole = serde_json::to_value(&decided).map_err(|cause| {
            Error::new(Kind::Internal, "the decision cannot be written").caused_by(cause)
        })?;
        Ok((whole, step))
    }
}

#[async_trait]
impl Explains for Explainer {
    async fn explain(&self, asked: &Asked) -> Result<Explained> {
        let (principal, identity) = self.caller(asked).await?;
        let wanted = Wanted::read(asked)?;
        let mut steps = vec![identity, scope(&principal, wanted.scope)];
        let mut explained = Explained::default();
        let mut reference = None;
        if let Some(agent) = &asked.agent {
            let (found, step) = self.agent(&principal, agent, &wanted);
            steps.push(step);
            reference = found;
        } else if wanted.needs_agent() {
            return Err(Error::invalid("agent", "is needed for this action"));
        }
        let servers: Vec<&str> = asked.mcp_servers.iter().map(String::as_str).collect();
        let address = asked.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let at = When::at(asked.at.unwrap_or_else(|| self.clock.now()));
        let circumstances = Circumstances {
            mode: wanted.mode,
            model: asked.model.as_deref(),
            tools: asked.tools.as_deref(),
            mcp_servers: &servers,
            max_cost_usd: asked.max_cost_usd,
            ..Circumstances::plain(wanted.face, at, address)
        };
        if let Some(resource) = wanted.resource(reference.as_ref(), &principal) {
            let (action, principal) = (wanted.action, &*principal);
            let question = Question { principal, action, resource, circumstances };
            let (policy, step) = self.policy(&question)?;
            explained.policy = Some(policy);
            steps.push(step);
        }
        // Limits of agents and platforms count runs, and nothing that is read.
        let target = reference.as_ref().filter(|_| wanted.is_run());
        if let Some(target) = target {
            steps.push(self.pauses(&principal, &target.upstream));
        }
        let agent = target.map(ToString::to_string);
        let subject = Subject {
            address: Some(address),
            workspace: Some(&principal.workspace),
            subject: Some(&principal.subject),
            class: principal.class.as_deref(),
            operation: Some(wanted.operation.name()),
            agent: agent.as_deref(),
            upstream: target.map(|agent| agent.upstream.as_str()),
            tool: None,
        };
        let (limits, step) = self.limits(&subject).await;
        explained.limits = limits;
        steps.push(step);
        if let (Some(agent), Action::Run) = (target, wanted.action) {
            let limits = &RunLimits { max_cost_usd: asked.max_cost_usd, ..RunLimits::default() };
            let principal = &principal;
            // Nothing is reserved, so nothing becomes overdue.
            let asking = Asking { principal, agent, limits, longest: Duration::ZERO };
            let (budgets, step) = self.budgets(&asking).await?;
            explained.budgets = budgets;
            steps.push(step);
        }
        let first = steps.iter().find(|step| !step.passes);
        explained.refused_by = first.map(|step| step.step.to_owned());
        explained.allowed = first.is_none();
        explained.steps = steps;
        Ok(explained)
    }
}

fn passed(step: &'static str, because: impl Into<String>) -> ExplainedStep {
    ExplainedStep { step, passes: true, because: because.into() }
}

fn refused(step: &'static str, because: impl Into<String>) -> ExplainedStep {
    ExplainedStep { step, passes: false, because: because.into() }
}
