//! Starts a run: finds the agent, holds the request against what its platform can do, finds or
//! opens the conversation, opens the journal, and has the run driven.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::gateway::journal::{Journal, Keep, Window};
use crate::gateway::reader::Reader;
use crate::gateway::{Gateway, Platform, drive};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::ids::{RunId, ThreadId};
use crate::model::plan::{Plan, PlannedThread, RunCall};
use crate::model::run::{Run, RunObject, RunRequest, RunStatus, RunUpstream, Usage, Warning};

/// An admitted run.
#[derive(Debug)]
pub struct Admitted {
    /// Its head.
    pub run: Arc<Run>,
    /// Reads it from its first event, and paces it.
    pub reader: Reader,
}

impl Gateway {
    /// Admits a run and has it driven. `agent` is a reference or an alias. Errors: whatever
    /// refuses it before the platform is asked; what fails later is in the run.
    pub async fn start(
        &self,
        call: &Arc<Call>,
        agent: &str,
        mut request: RunRequest,
        keep: Keep,
    ) -> Result<Admitted> {
        let target = self.resolve(agent)?;
        let platform = self.platform(&target.upstream)?;
        self.check_time(&request)?;
        if keep != Keep::WhileRead {
            self.check_room()?;
        }
        let mut warnings = std::mem::take(&mut request.warnings);
        let table = platform.vendor.capabilities();
        warnings.extend(table.admit(&mut request, &target.upstream)?);
        let thread = self.thread_for(call, agent, &target, &request, &mut warnings)?;
        let now = self.0.clock.now();
        let run_id = RunId::new(&*self.0.ids, now);
        let run = Run {
            id: run_id.clone(),
            object: RunObject::Run,
            status: RunStatus::Queued,
            agent: agent.to_owned(),
            upstream: RunUpstream {
                name: target.upstream.clone(),
                kind: platform.kind.clone(),
                run_id: None,
                thread_id: None,
            },
            thread_id: Some(thread.id.clone()),
            output: None,
            output_json: None,
            steps: Vec::new(),
            usage: Usage::default(),
            stop_reason: None,
            governance: Vec::new(),
            pii: Vec::new(),
            warnings,
            error: None,
            metadata: request.metadata.clone(),
            created_at: now,
            started_at: None,
            ended_at: None,
            duration_ms: None,
        };
        let plan = Plan {
            run_id,
            upstream: target.upstream,
            agent: target.id,
            preset: target.preset,
            request,
            thread,
        };
        // A background caller is answered before the platform is asked: what only the platform's
        // own encoder can refuse must be found now, or it would be told 202 for nothing.
        if keep == Keep::Detached
            && let Err(error) = platform.vendor.start(&plan)
        {
            self.0.threads.close(&plan.thread.id, crate::gateway::threads::Turn::default());
            return Err(error);
        }
        Ok(self.admit(call, run, plan, keep))
    }

    fn admit(&self, call: &Arc<Call>, run: Run, plan: Plan, keep: Keep) -> Admitted {
        let bounds = &self.0.bounds;
        let window = Window { lag: bounds.window_bytes, kept: bounds.journal_bytes };
        let head = Arc::new(run);
        let journal =
            Journal::open(Arc::clone(&head), call.principal.clone(), &call.id, window, keep)
                .counted(&self.0.detached);
        let journal = Arc::new(journal);
        self.0.shelf.put(Arc::clone(&journal));
        let reader = Reader::new(Arc::clone(&journal), 0, true);
        let run_call = RunCall { call: Arc::clone(call), plan: Arc::new(plan) };
        self.0.tasks.spawn("run", drive::drive(Arc::clone(&self.0), run_call, journal));
        Admitted { run: head, reader }
    }

    /// The agent of a reference or an alias.
    fn resolve(&self, agent: &str) -> Result<config::Agent> {
        if let Some(alias) = self.0.agents.get(agent) {
            return Ok(alias.clone());
        }
        let known = AgentRef::parse(agent)
            .filter(|reference| self.0.upstreams.contains_key(&reference.upstream));
        let reference = known.ok_or_else(|| {
            let said = "there is no such agent: give an alias or `<upstream>:<id>`";
            Error::new(Kind::AgentNotFound, said)
        })?;
        Ok(config::Agent {
            upstream: reference.upstream,
            id: reference.native,
            preset: serde_json::Map::new(),
        })
    }

    fn platform(&self, upstream: &str) -> Result<&Platform> {
        let missing = || Error::new(Kind::AgentNotFound, "the agent's upstream is not configured");
        self.0.upstreams.get(upstream).ok_or_else(missing)
    }

    fn check_time(&self, request: &RunRequest) -> Result<()> {
        let longest = self.0.bounds.max_duration;
        match request.limits.timeout {
            Some(timeout) if timeout > longest => Err(Error::invalid(
                "limits.timeout_seconds",
                format!("at most {} seconds here", longest.as_secs()),
            )),
            _ => Ok(()),
        }
    }

    /// Runs that nobody waits for are bounded: nobody's patience bounds them.
    fn check_room(&self) -> Result<()> {
        if self.0.detached.load(Ordering::Relaxed) < self.0.bounds.max_background {
            return Ok(());
        }
        let error = Error::new(Kind::Overloaded, "too many background runs are in flight");
        Err(error.retry_after(std::time::Duration::from_secs(5)))
    }

    fn thread_for(
        &self,
        call: &Call,
        agent: &str,
        target: &config::Agent,
        request: &RunRequest,
        warnings: &mut Vec<Warning>,
    ) -> Result<PlannedThread> {
        let target = AgentRef { upstream: target.upstream.clone(), native: target.id.clone() };
        let now = self.0.clock.now();
        let Some(id) = &request.thread_id else {
            let id = ThreadId::new(&*self.0.ids, now);
            return Ok(self.0.threads.open(id, &call.principal, agent, target, now));
        };
        let (thread, dropped) = self.0.threads.resume(id, &call.principal, &target, now)?;
        if dropped > 0 {
            let detail = format!("the thread's oldest {dropped} messages are no longer kept");
            warnings.push(Warning::new("history_truncated", Some("thread_id"), detail));
        }
        Ok(thread)
    }
}
