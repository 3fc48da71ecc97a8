//! Starts a run: finds the agent, holds the request against what its platform can do, finds or
//! opens the conversation, asks the ADMIT stack, opens the journal, and has the run driven.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tower::ServiceExt;

use crate::error::{Error, Kind, Result};
use crate::gateway::journal::{Journal, Keep, Window};
use crate::gateway::reader::Reader;
use crate::gateway::restore::View;
use crate::gateway::threads::{Threads, Turn};
use crate::gateway::{Gateway, drive};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::capability::{Field, Support};
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::{Circumstances, Mode};
use crate::model::plan::{Admission, Plan, PlannedThread, Proposal, RunCall, ToolControl};
use crate::model::request::RunRequest;
use crate::model::run::{Run, RunObject, RunStatus, RunUpstream, Usage, Warning};

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
        let alias = self.visible(call.principal(), agent)?;
        let platform = self.platform(&alias.upstream)?;
        let table = platform.vendor.capabilities();
        let target = AgentRef { upstream: alias.upstream, native: alias.id };
        let mode = match keep {
            Keep::Detached => Mode::Background,
            Keep::WhileRead | Keep::UntilDetached if request.stream => Mode::Stream,
            Keep::WhileRead | Keep::UntilDetached => Mode::Whole,
        };
        let told = |target: &AgentRef, request: &RunRequest, error| {
            self.refused(call, target, request, mode, error)
        };
        self.check(&request, keep).map_err(|error| told(&target, &request, error))?;
        let mut warnings = std::mem::take(&mut request.warnings);
        let admitted = table.admit(&mut request, &target.upstream);
        warnings.extend(admitted.map_err(|error| told(&target, &request, error))?);
        let thread = self.thread_for(call, agent, &target, &request, &mut warnings);
        let thread = thread.map_err(|error| told(&target, &request, error))?;
        let busy = Busy {
            threads: &self.0.threads,
            id: Some(thread.id.clone()),
            is_new: !thread.is_continued,
        };
        let run_id = RunId::new(&*self.0.ids, self.0.clock.now());
        let plan = Plan {
            run_id,
            target,
            kind: platform.kind.clone(),
            mode,
            tools: ToolControl {
                tells: platform.vendor.governs_tools(),
                restricts: table.support(Field::Tools) == Support::Native,
                must_be_seen: request.tools.is_some(),
            },
            preset: alias.preset,
            request,
            pii: Vec::new(),
            thread,
        };
        // A background caller is answered before the platform is asked: what only the platform's
        // own encoder can refuse must be found now, or it would be told 202 for nothing.
        if keep == Keep::Detached {
            let started = platform.vendor.start(&plan);
            started.map_err(|error| told(&plan.target, &plan.request, error))?;
        }
        let proposal = Proposal { call: Arc::clone(call), plan };
        let admission = self.0.admission.clone().oneshot(proposal).await?;
        call.facts.admitted();
        let run = self.head(agent, &admission.plan, warnings);
        busy.handed_over();
        Ok(self.admit(call, run, admission, keep))
    }

    /// The run as it stands when it is admitted.
    fn head(&self, agent: &str, plan: &Plan, warnings: Vec<Warning>) -> Run {
        Run {
            id: plan.run_id.clone(),
            object: RunObject::Run,
            status: RunStatus::Queued,
            agent: agent.to_owned(),
            upstream: RunUpstream {
                name: plan.upstream().to_owned(),
                kind: plan.kind.clone(),
                run_id: None,
                thread_id: None,
            },
            thread_id: Some(plan.thread.id.clone()),
            output: None,
            output_json: None,
            steps: Vec::new(),
            usage: Usage::default(),
            stop_reason: None,
            governance: Vec::new(),
            pii: plan.pii.clone(),
            warnings,
            error: None,
            metadata: plan.request.metadata.clone(),
            created_at: self.0.clock.now(),
            started_at: None,
            ended_at: None,
            duration_ms: None,
        }
    }

    fn admit(&self, call: &Arc<Call>, run: Run, admission: Admission, keep: Keep) -> Admitted {
        let Admission { plan, grants } = admission;
        let bounds = &self.0.bounds;
        let window = Window { lag: bounds.window_bytes, kept: bounds.journal_bytes };
        let head = Arc::new(run);
        let (owner, target) = (call.principal().clone(), plan.target.clone());
        let journal = Journal::open(Arc::clone(&head), owner, target, &call.id, window, keep)
            .veiled_by(plan.thread.vault.clone())
            .counted(&self.0.detached);
        let journal = Arc::new(journal);
        self.0.shelf.put(Arc::clone(&journal));
        let view = View::own(&journal);
        let reader = Reader::new(Arc::clone(&journal), 0, true, view.clone());
        let halt = Arc::clone(&journal) as _;
        let run_call = RunCall { call: Arc::clone(call), plan: Arc::new(plan), grants, halt };
        self.0.tasks.spawn("run", drive::drive(Arc::clone(&self.0), run_call, journal));
        Admitted { run: view.run(head), reader }
    }

    /// What is told of a request that is refused before the ADMIT stack has been asked.
    fn refused(
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

    fn check(&self, request: &RunRequest, keep: Keep) -> Result<()> {
        self.check_time(request)?;
        if keep == Keep::WhileRead { Ok(()) } else { self.check_room() }
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
        target: &AgentRef,
        request: &RunRequest,
        warnings: &mut Vec<Warning>,
    ) -> Result<PlannedThread> {
        let now = self.0.clock.now();
        let who = call.principal();
        let Some(id) = &request.thread_id else {
            let id = ThreadId::new(&*self.0.ids, now);
            return Ok(self.0.threads.open(id, who, agent, target.clone(), now));
        };
        let (thread, dropped) = self.0.threads.resume(id, who, target, now)?;
        if dropped > 0 {
            let detail = format!("the thread's oldest {dropped} messages are no longer kept");
            warnings.push(Warning::new("history_truncated", Some("thread_id"), detail));
        }
        Ok(thread)
    }
}

/// A conversation that waits for its run to be admitted. Dropped, because the run was refused or
/// its caller has left, it is as it was before.
struct Busy<'a> {
    threads: &'a Threads,
    id: Option<ThreadId>,
    is_new: bool,
}

impl Busy<'_> {
    /// The run's own task closes it from here on.
    fn handed_over(mut self) {
        self.id = None;
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        match self.id.take() {
            Some(id) if self.is_new => self.threads.forget(&id),
            Some(id) => self.threads.close(&id, Turn::default()),
            None => {}
        }
    }
}
