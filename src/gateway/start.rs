//! Starts a run: finds the agent, holds the request against what its platform can do, finds or
//! opens the conversation, asks the ADMIT stack, has the run recorded, opens the journal, and has
//! the run driven. A request whose key is bound to a run is answered by that run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tower::ServiceExt;
use tracing::Instrument;

use crate::config::Durability;
use crate::error::{Error, Kind, Result};
use crate::gateway::drive::{self, Task};
use crate::gateway::head::Recorded;
use crate::gateway::journal::{Journal, Keep, Window};
use crate::gateway::reader::Reader;
use crate::gateway::replay::KeyGuard;
use crate::gateway::restore::View;
use crate::gateway::threads::{Threads, busy, not_found};
use crate::gateway::{Gateway, records};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::capability::{Field, Support};
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::{Circumstances, Mode};
use crate::model::plan::{Admission, Grants, Plan, PlannedThread, Proposal, RunCall, ToolControl};
use crate::model::record::RunFacts;
use crate::model::request::RunRequest;
use crate::model::run::{Run, Warning};
use crate::store::health::unrecorded;
use crate::store::rows::Admitted as Written;
use crate::store::runs::CallbackTo;
use crate::telemetry::traces::spans;

/// An admitted run.
#[derive(Debug)]
pub struct Admitted {
    /// Its head.
    pub run: Arc<Run>,
    /// Reads it from its first event, and paces it.
    pub reader: Reader,
    /// Whether it is a run that an earlier request began.
    pub is_replayed: bool,
}

/// How a caller wants its run.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What becomes of it when nobody reads it.
    pub keep: Keep,
    /// The caller's key: the same request under the same key is the same run.
    pub key: Option<String>,
    /// Whom its end is told.
    pub callback: Option<CallbackTo>,
}

impl From<Keep> for Wanted {
    fn from(keep: Keep) -> Self {
        Self { keep, key: None, callback: None }
    }
}

impl Gateway {
    /// Admits a run and has it driven. `agent` is a reference or an alias. Errors: whatever
    /// refuses it before the platform is asked; what fails later is in the run.
    pub async fn start(
        &self,
        call: &Arc<Call>,
        agent: &str,
        mut request: RunRequest,
        wanted: impl Into<Wanted>,
    ) -> Result<Admitted> {
        let Wanted { keep, key, callback } = wanted.into();
        let mut alias = self.visible(call.principal(), agent)?;
        self.preset(call, &mut alias).await?;
        let platform = self.platform(&alias.upstream)?;
        let table = platform.vendor.capabilities();
        let target = AgentRef { upstream: alias.upstream, native: alias.id };
        call.facts.tell(RunFacts::of(agent, &target));
        let mode = match keep {
            Keep::Detached => Mode::Background,
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept if request.stream => Mode::Stream,
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept => Mode::Whole,
        };
        let told = |target: &AgentRef, request: &RunRequest, error| {
            self.refused(call, target, request, mode, error)
        };
        let text = canonical(&request)?;
        let keyed = key.map(|key| self.keyed(call, &key, &target, &text));
        let mut guard = None;
        if let Some(keyed) = &keyed {
            let held = self.0.keys.hold(keyed).await;
            if let Some(admitted) = self.replayed(call, keyed).await.map_err(unrecorded)? {
                return Ok(admitted);
            }
            guard = Some(held);
        }
        if let Some(to) = &callback {
            let checked = self.0.callbacks.check(&to.url);
            checked.map_err(|error| told(&target, &request, error))?;
        }
        self.check(&request, keep).map_err(|error| told(&target, &request, error))?;
        self.0.keeper.check()?;
        let mut warnings = std::mem::take(&mut request.warnings);
        let admitted = table.admit(&mut request, &target.upstream);
        warnings.extend(admitted.map_err(|error| told(&target, &request, error))?);
        let thread = self.thread_for(call, agent, &target, &request, &mut warnings).await;
        let (thread, version) = thread.map_err(|error| told(&target, &request, error))?;
        let busy = Busy { threads: &self.0.threads, id: Some(thread.id.clone()) };
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
        let Admission { plan, grants } = admission;
        let plan = Arc::new(plan);
        let said = match &self.0.keeper.payloads {
            Some(keeps) => Some(keeps.of(call, &plan, self.0.clock.now()).await?),
            None => None,
        };
        let run = self.head(agent, &plan, warnings);
        busy.handed_over();
        let request = records::digest(&self.0.keeper.runs.sealer, &text);
        // A run that can be come back to goes on when its caller hangs up.
        let keep = match keep {
            Keep::WhileRead | Keep::UntilDetached if keyed.is_some() || callback.is_some() => {
                Keep::Kept
            }
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept | Keep::Detached => keep,
        };
        let recorded = Recorded { request, keyed, callback, version, said };
        self.admit(call, run, (plan, grants), keep, recorded, guard).await
    }

    /// Has the run recorded and driven, and waits until it is recorded.
    async fn admit(
        &self,
        call: &Arc<Call>,
        run: Run,
        (plan, grants): (Arc<Plan>, Grants),
        keep: Keep,
        recorded: Recorded,
        guard: Option<KeyGuard>,
    ) -> Result<Admitted> {
        let (parts, keeper) = (&self.0, &self.0.keeper);
        let head = Arc::new(run);
        let span = spans::run(&head.agent, &plan.target, &plan.kind);
        let is_stored = keep.goes_on() || plan.thread.is_continued;
        let recorded_is_keyed = recorded.keyed.is_some();
        let said = recorded.said.clone();
        let new = self.new_run(call, &head, &plan, recorded, is_stored)?;
        let window = Window { lag: parts.bounds.window_bytes, kept: parts.bounds.journal_bytes };
        let (owner, target) = (call.principal().clone(), plan.target.clone());
        let journal = Journal::open(Arc::clone(&head), owner, target, &call.id, window, keep)
            .veiled_by(plan.thread.vault.clone())
            .counted(&parts.detached);
        let journal = Arc::new(if is_stored { journal.stored() } else { journal });
        // Of two requests with one key, or in one conversation, on whichever nodes, one is written;
        // the other must not have been sent.
        let is_strict = keeper.durability == Durability::Strict
            || recorded_is_keyed
            || plan.thread.is_continued;
        let view = View::own(&journal);
        let reader = Reader::new(Arc::clone(&journal), 0, true, view.clone());
        let halt = Arc::clone(&journal) as _;
        let run_call = RunCall { call: Arc::clone(call), plan, grants, halt };
        // From here on the run is its own task's: whoever hangs up now takes nothing along.
        let (tell, told) = oneshot::channel();
        let task = Task { run_call, journal, new, said, is_strict, tell, guard };
        parts.tasks.spawn("run", drive::run(Arc::clone(parts), task).instrument(span));
        let lost = |_| Error::new(Kind::Internal, "the run's task ended unexpectedly");
        match told.await.map_err(lost)?? {
            Written::Kept => Ok(Admitted { run: view.run(head), reader, is_replayed: false }),
            Written::Bound(binding) => self.attach(call, &binding.run_id).await,
            Written::Busy => Err(busy()),
        }
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

/// A request as text: the same for two requests that ask for the same.
fn canonical(request: &RunRequest) -> Result<Vec<u8>> {
    serde_json::to_vec(request)
        .map_err(|cause| Error::new(Kind::Internal, "the request has no JSON").caused_by(cause))
}

/// A conversation that waits for its run to be admitted. Dropped, because the run was refused or
/// its caller has left, it is as it was before.
struct Busy<'a> {
    threads: &'a Threads,
    id: Option<ThreadId>,
}

impl Busy<'_> {
    /// The run's own task closes it from here on.
    fn handed_over(mut self) {
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
