//! Says why a caller would be let in or not, by asking the same engines in the same order as a
//! request would, without running anything and without counting anything. The admin face and the
//! command line call it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::guard::Guard;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::keys::KeyAdmin;
use crate::http::operation::Operation;
use crate::inbound::admin::explain::{
    Asked, Explained, ExplainedBudget, ExplainedLimit, ExplainedStep, Explains,
};
use crate::model::agent::AgentRef;
use crate::model::judge::{Action, Circumstances, Mode, Question, Resource, When};
use crate::model::key::{Key, KeyId};
use crate::model::principal::{Identity, Principal, PrincipalKind};
use crate::model::scope::Scope;
use crate::policy::access::Access;
use crate::policy::budget::Budgets;
use crate::policy::limits::{Limits, Peek, Stage, Subject};

/// Asks the engines.
pub(super) struct Explainer {
    gateway: Gateway,
    configured: Vec<Key>,
    keys: KeyAdmin,
    access: Arc<Access>,
    limits: Arc<Limits>,
    budgets: Arc<Budgets>,
    clock: Arc<dyn Clock>,
}

impl Explainer {
    pub(super) fn new(
        gateway: &Gateway,
        guard: &Guard,
        configured: Vec<Key>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            gateway: gateway.clone(),
            configured,
            keys: guard.keys.clone(),
            access: Arc::clone(&guard.access),
            limits: Arc::clone(&guard.limits),
            budgets: Arc::clone(&guard.budgets),
            clock: Arc::clone(clock),
        }
    }

    /// The caller that is asked about, and what becomes of its credential.
    async fn caller(&self, asked: &Asked) -> Result<(Principal, ExplainedStep)> {
        match (&asked.key, &asked.subject) {
            (Some(key), None) => {
                let key = self.key(key, asked.workspace.as_deref()).await?;
                let step = credential(&key, self.clock.now());
                Ok((holder(&key), step))
            }
            (None, Some(subject)) => {
                let needed = || Error::invalid("workspace", "is needed with `subject`");
                let principal = Principal::new(Identity {
                    workspace: asked.workspace.clone().ok_or_else(needed)?,
                    subject: subject.clone(),
                    name: subject.clone(),
                    kind: PrincipalKind::Token,
                    groups: asked.groups.clone(),
                    scopes: asked.scopes.iter().copied().collect(),
                    agents: None,
                    class: asked.class.clone(),
                });
                Ok((principal, passed("identity", "the bearer of a token that holds")))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(Error::invalid("key", "name a caller by either `key` or `subject`"))
            }
        }
    }

    /// A key by its id, or by its name.
    async fn key(&self, wanted: &str, workspace: Option<&str>) -> Result<Key> {
        let is_meant = |key: &Key| {
            key.id.as_str() == wanted
                || key.name == wanted && workspace.is_none_or(|of| key.workspace == of)
        };
        let mut found: Vec<Key> =
            self.configured.iter().filter(|key| is_meant(key)).cloned().collect();
        if let Some(id) = KeyId::parse(wanted) {
            found.extend(self.keys.store.get(&id).await?);
        }
        if found.is_empty() {
            let mut after = None;
            loop {
                let page = self.keys.store.list(workspace, after.as_ref(), PAGE).await?;
                let is_last = page.len() < PAGE;
                after = page.last().map(|key| key.id.clone());
                found.extend(page.into_iter().filter(is_meant));
                if is_last {
                    break;
                }
            }
        }
        // A name may have been a revoked key's before it was this one's.
        found.sort_by_key(|key| key.revoked_at.is_some());
        let is_alone =
            found.len() == 1 || found.get(1).is_some_and(|other| other.revoked_at.is_some());
        match found.into_iter().next() {
            Some(key) if is_alone || key.id.as_str() == wanted => Ok(key),
            Some(_) => Err(Error::invalid("workspace", "more than one key has this name")),
            None => Err(Error::invalid("key", "there is no such key")),
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

    /// How the limits stand that such a request is held against.
    async fn limits(&self, subject: &Subject<'_>) -> (Vec<ExplainedLimit>, ExplainedStep) {
        let mut limits = Vec::new();
        let mut full = Vec::new();
        for stage in [Stage::Address, Stage::Caller, Stage::Run] {
            if stage == Stage::Run && subject.agent.is_none() {
                continue;
            }
            let Peek { windows, permits } = self.limits.peek(stage, subject).await;
            for state in windows {
                if state.remaining == 0 {
                    full.push(state.rule.to_string());
                }
                limits.push(ExplainedLimit {
                    limit: state.rule.to_string(),
                    quota: state.requests,
                    window_seconds: Some(state.window.as_secs_f64()),
                    remaining: state.remaining,
                });
            }
            for held in permits {
                if held.out >= held.limit {
                    full.push(held.rule.to_string());
                }
                limits.push(ExplainedLimit {
                    limit: held.rule.to_string(),
                    quota: held.limit,
                    window_seconds: None,
                    remaining: held.limit.saturating_sub(held.out),
                });
            }
        }
        let step = match full.is_empty() {
            true => passed("limits", "none of them is reached"),
            false => refused("limits", format!("reached: {}", full.join(", "))),
        };
        (limits, step)
    }

    async fn budgets(
        &self,
        principal: &Principal,
        agent: &AgentRef,
    ) -> Result<(Vec<ExplainedBudget>, ExplainedStep)> {
        let mut budgets = Vec::new();
        let mut full = Vec::new();
        for standing in self.budgets.balances(principal, agent).await? {
            let used = standing.spent + standing.reserved;
            let is_open = |used: i64, most: Option<i64>| most.is_none_or(|most| used < most);
            let ceilings = &standing.ceilings;
            let has_room = is_open(used.usd.0, ceilings.usd.map(|it| it.0))
                && is_open(used.tokens, ceilings.tokens)
                && is_open(used.credits.0, ceilings.credits.map(|it| it.0))
                && is_open(used.runs, ceilings.runs);
            if !has_room {
                full.push(standing.budget.clone());
            }
            budgets.push(ExplainedBudget {
                budget: standing.budget,
                subject: standing.subject,
                ceilings: standing.ceilings,
                spent: standing.spent,
                reserved: standing.reserved,
                resets_at: standing.resets_at,
            });
        }
        let step = match full.is_empty() {
            true => passed("budgets", "none of them is used up"),
            false => refused("budgets", format!("used up: {}", full.join(", "))),
        };
        Ok((budgets, step))
    }
}

/// Keys that are looked through at a time.
const PAGE: usize = 500;

#[async_trait]
impl Explains for Explainer {
    async fn explain(&self, asked: &Asked) -> Result<Explained> {
        let (principal, identity) = self.caller(asked).await?;
        let wanted = Wanted::read(asked)?;
        let mut steps = vec![identity, scope(&principal, wanted.scope)];
        let mut explained = Explained::default();
        let mut reference = None;
        if let Some(agent) = &asked.agent {
            match self.gateway.visible(&principal, agent) {
                Ok(found) => {
                    let found = AgentRef { upstream: found.upstream, native: found.id };
                    steps.push(passed("agent", format!("`{agent}` is {found}")));
                    reference = Some(found);
                }
                Err(_) => steps.push(refused(
                    "agent",
                    "there is no such agent, or the key's list or the workspace leaves it out",
                )),
            }
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
        let resource = match (&reference, wanted.action) {
            (_, Action::Administer) => Some(Resource::Gateway),
            (Some(agent), Action::Proxy) => Some(Resource::Upstream(&agent.upstream)),
            (Some(agent), _) => Some(Resource::Agent(agent.into())),
            (None, _) => None,
        };
        if let Some(resource) = resource {
            let (action, principal) = (wanted.action, &*principal);
            let question = Question { principal, action, resource, circumstances };
            let (policy, step) = self.policy(&question)?;
            explained.policy = Some(policy);
            steps.push(step);
        }
        let agent = reference.as_ref().map(ToString::to_string);
        let subject = Subject {
            address: Some(address),
            workspace: Some(&principal.workspace),
            subject: Some(&principal.subject),
            class: principal.class.as_deref(),
            operation: Some(wanted.operation.name()),
            agent: agent.as_deref(),
            upstream: reference.as_ref().map(|agent| agent.upstream.as_str()),
            tool: None,
        };
        let (limits, step) = self.limits(&subject).await;
        explained.limits = limits;
        steps.push(step);
        if let (Some(reference), Action::Run) = (&reference, wanted.action) {
            let (budgets, step) = self.budgets(&principal, reference).await?;
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

/// What is asked for, in the engines' words.
struct Wanted<'a> {
    action: Action<'a>,
    scope: Scope,
    operation: Operation,
    face: &'static str,
    mode: Mode,
}

impl<'a> Wanted<'a> {
    fn read(asked: &'a Asked) -> Result<Self> {
        let tool = asked.tools.as_deref().unwrap_or_default();
        let (action, scope, operation) = match asked.action.as_deref().unwrap_or("run") {
            "run" => (Action::Run, Scope::RunsWrite, Operation::CreateRun),
            "read" => (Action::Read, Scope::AgentsRead, Operation::ListUpstreams),
            "use_tool" => match tool {
                [tool] => (Action::UseTool(tool), Scope::RunsWrite, Operation::CreateRun),
                _ => return Err(Error::invalid("tools", "must name the one tool")),
            },
            "manage_agents" => (Action::ManageAgents, Scope::AgentsWrite, Operation::Unknown),
            "proxy" => (Action::Proxy, Scope::Proxy, Operation::Unknown),
            "administer" => (Action::Administer, Scope::Admin, Operation::GetConfig),
            _ => {
                let must = "must be `run`, `read`, `use_tool`, `manage_agents`, `proxy` or \
                            `administer`";
                return Err(Error::invalid("action", must));
            }
        };
        let faces = ["unified", "hooks", "acp", "admin", "proxy"];
        let face = asked.face.as_deref().unwrap_or("unified");
        let face = faces.into_iter().find(|name| *name == face).ok_or_else(|| {
            Error::invalid("face", "must be `unified`, `hooks`, `acp`, `admin` or `proxy`")
        })?;
        let mode = match asked.mode.as_deref().unwrap_or("whole") {
            "whole" => Mode::Whole,
            "stream" => Mode::Stream,
            "background" => Mode::Background,
            _ => {
                let must = "must be `whole`, `stream` or `background`";
                return Err(Error::invalid("mode", must));
            }
        };
        Ok(Self { action, scope, operation, face, mode })
    }

    fn needs_agent(&self) -> bool {
        self.action != Action::Administer
    }
}

fn credential(key: &Key, now: Timestamp) -> ExplainedStep {
    if let Some(at) = key.revoked_at {
        return refused("identity", format!("the key `{}` was revoked at {at}", key.name));
    }
    match key.expires_at {
        Some(at) if at <= now => {
            refused("identity", format!("the key `{}` expired at {at}", key.name))
        }
        Some(_) | None => {
            passed("identity", format!("the key `{}` of {}", key.name, key.workspace))
        }
    }
}

fn holder(key: &Key) -> Principal {
    Principal::new(Identity {
        workspace: key.workspace.clone(),
        subject: format!("key:{}", key.id),
        name: key.name.clone(),
        kind: PrincipalKind::Key,
        groups: key.groups.clone(),
        scopes: key.scopes,
        agents: key.agents.clone(),
        class: key.class.clone(),
    })
}

fn scope(principal: &Principal, scope: Scope) -> ExplainedStep {
    if principal.scopes.has(scope) {
        passed("scope", format!("the credential has `{scope}`"))
    } else {
        refused("scope", format!("the credential lacks `{scope}`"))
    }
}

fn passed(step: &'static str, because: impl Into<String>) -> ExplainedStep {
    ExplainedStep { step, passes: true, because: because.into() }
}

fn refused(step: &'static str, because: impl Into<String>) -> ExplainedStep {
    ExplainedStep { step, passes: false, because: because.into() }
}
