//! A run that is asked for becomes one that may be sent: the request is held against what the
//! agent's platform can do, its conversation is found or opened, and the ADMIT stack is asked. Of
//! several agents under one name, the first that takes the run is the one.

use std::sync::Arc;

use tower::ServiceExt;

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::choose::{Choice, Ticket, is_of_target, target_of};
use crate::gateway::journal::Keep;
use crate::gateway::threads::{Threads, not_found};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::capability::{Field, Support};
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::{Circumstances, Mode};
use crate::model::plan::{Admission, Grants, Plan, PlannedThread, Proposal, ToolControl};
use crate::model::record::RunFacts;
use crate::model::request::RunRequest;
use crate::model::run::Warning;

/// Who asks for a run, and how it is wanted.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) call: Arc<Call>,
    /// The agent, as its caller named it.
    pub(super) agent: String,
    pub(super) keep: Keep,
    pub(super) mode: Mode,
    /// Whether its agent may have been given tools, servers or other agents.
    pub(super) may_act: bool,
}

/// A run that may be sent.
pub(super) struct Proposed {
    pub(super) plan: Plan,
    pub(super) grants: Grants,
    pub(super) warnings: Vec<Warning>,
    /// The version at which its conversation stands.
    pub(super) version: i64,
    /// Its say in what is known of its agent.
    pub(super) ticket: Option<Ticket>,
}

/// The run that is to be another agent's.
pub(super) struct Same {
    pub(super) run_id: RunId,
    pub(super) thread: PlannedThread,
}

impl Same {
    /// The run of a plan, as it was before it was sent.
    pub(super) fn of(plan: &Plan) -> Self {
        let PlannedThread { id, is_continued, native, history, vault } = &plan.thread;
        Self {
            run_id: plan.run_id.clone(),
            thread: PlannedThread {
                id: id.clone(),
                is_continued: *is_continued,
                native: native.clone(),
                history: history.clone(),
                vault: vault.clone(),
            },
        }
    }
}

impl Gateway {
    /// Proposes a run to the agents of a choice until one of them takes it. What the first
    /// refused that might have let it in another time is what its caller is told.
    pub(super) async fn propose(
        &self,
        ask: &Ask,
        choice: &mut Choice,
        same: impl Fn() -> Option<Same>,
    ) -> Result<Proposed> {
        let mut told: Option<Error> = None;
        while let Some((aim, ticket)) = choice.next(&self.0.choices) {
            let Some(request) = choice.request() else { break };
            match self.propose_to(ask, aim, request, same()).await {
                Ok(proposed) => return Ok(Proposed { ticket, ..proposed }),
                Err(error) => {
                    let goes_on = choice.has_more() && is_of_target(&error);
                    let says_more = |told: &Error| {
                        matches!(told.kind(), Kind::Forbidden | Kind::AgentNotFound)
                            || !is_of_target(&error)
                    };
                    if told.as_ref().is_none_or(says_more) {
                        told = Some(error);
                    }
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        Err(told.unwrap_or_else(Error::no_such_agent))
    }

    async fn propose_to(
        &self,
        ask: &Ask,
        mut aim: config::Agent,
        mut request: RunRequest,
        same: Option<Same>,
    ) -> Result<Proposed> {
        let Ask { call, agent, keep, mode, may_act } = ask;
        let target = target_of(&aim);
        let platform = self.platform(&target.upstream)?;
        let table = platform.vendor.capabilities();
        call.facts.tell(RunFacts::of(agent, &target));
        self.preset(call, &mut aim).await?;
        if !may_act && aim.has_tools() {
            let said = "the agent has tools, whose doings would be done twice";
            return Err(Error::new(Kind::Forbidden, said));
        }
        let told = |target: &AgentRef, request: &RunRequest, error| {
            self.refused(call, target, request, *mode, error)
        };
        let mut warnings = std::mem::take(&mut request.warnings);
        let admitted = table.admit(&mut request, &target.upstream);
        warnings.extend(admitted.map_err(|error| told(&target, &request, error))?);
        let is_new = same.is_none();
        let (run_id, (thread, version)) = match same {
            Some(Same { run_id, thread }) => (run_id, (thread, 0)),
            None => {
                let thread = self.thread_for(call, agent, &target, &request, &mut warnings).await;
                let thread = thread.map_err(|error| told(&target, &request, error))?;
                (RunId::new(&*self.0.ids, self.0.clock.now()), thread)
            }
        };
        let id = is_new.then(|| thread.id.clone());
        let busy = Busy { threads: &self.0.threads, id };
        let plan = Plan {
            run_id,
            target,
            kind: platform.kind.clone(),
            mode: *mode,
            tools: ToolControl {
                tells: platform.vendor.governs_tools(),
                restricts: table.support(Field::Tools) == Support::Native,
                must_be_seen: request.tools.is_some(),
            },
            preset: aim.preset,
            request,
            pii: Vec::new(),
            thread,
            native: None,
        };
        // A background caller is answered before the platform is asked: what only the platform's
        // own encoder can refuse must be found now, or it would be told 202 for nothing.
        if *keep == Keep::Detached {
            let started = platform.vendor.start(&plan);
            started.map_err(|error| told(&plan.target, &plan.request, error))?;
        }
        let proposal = Proposal { call: Arc::clone(call), plan };
        let admission = self.0.admission.clone().oneshot(proposal).await?;
        let Admission { plan, grants } = admission;
        busy.handed_over();
        Ok(Proposed { plan, grants, warnings, version, ticket: None })
    }

    /// What is told of a request that is refused before the ADMIT stack has been asked.
    pub(super) fn refused(
        &self,
        call: &Call,
        target: &AgentRef,
        request: &RunRequest,
        mode: Mode,
        error: Error,
    ) -> Error {
        let servers: Vec<&str> = request.mcp_servers.iter().map(|it| it.url.as_str()).collect();
        let circumstances = Circumstances {
            mode,
            model: request.model.as_deref(),
            tools: request.tools.as_deref(),
            mcp_servers: &servers,
            max_cost_usd: request.limits.max_cost_usd,
            ..self.plain(call)
        };
        self.told(call, target, circumstances, error)
    }

    /// The agent that a conversation is with, where it is known.
    pub(super) async fn stays_with(&self, id: &ThreadId) -> Result<Option<AgentRef>> {
        if let Some((_, target, _)) = self.0.threads.get(id) {
            return Ok(Some(target));
        }
        Ok(self.0.keeper.runs.thread(id).await?.map(|kept| kept.thread.target))
    }

    /// The conversation of a run, and the version at which it stands.
    async fn thread_for(
        &self,
        call: &Call,
        agent: &str,
        target: &AgentRef,
        request: &RunRequest,
        warnings: &mut Vec<Warning>,
    ) -> Result<(PlannedThread, i64)> {
        let now = self.0.clock.now();
        let who = call.principal();
        let Some(id) = &request.thread_id else {
            let id = ThreadId::new(&*self.0.ids, now);
            return Ok((self.0.threads.open(id, who, agent, target.clone(), now), 0));
        };
        self.0.threads.check_idle(id, who, target)?;
        let keeper = &self.0.keeper;
        let kept = keeper.runs.thread(id).await?.ok_or_else(not_found)?;
        let version = kept.version;
        let vault = keeper.vaults.restored(who, id.as_str(), &kept.vault);
        let (thread, dropped) = self.0.threads.resume(kept, vault, who, target, now)?;
        if dropped > 0 {
            let detail = format!("the thread's oldest {dropped} messages are no longer kept");
            warnings.push(Warning::new("history_truncated", Some("thread_id"), detail));
        }
        Ok((thread, version))
    }
}

/// A conversation that waits for its run to be admitted. Dropped, because the run was refused or
/// its caller has left, it is as it was before.
pub(super) struct Busy<'a> {
    pub(super) threads: &'a Threads,
    pub(super) id: Option<ThreadId>,
}

impl Busy<'_> {
    /// The run's own task closes it from here on.
    pub(super) fn handed_over(mut self) {
        self.id = None;
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.threads.release(&id);
        }
    }
}
