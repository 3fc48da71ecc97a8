//! Starts a run: finds the agent, has the run proposed to it, has it recorded, opens the journal,
//! and has the run driven. A request whose key is bound to a run is answered by that run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tracing::Instrument;

use crate::config::Durability;
use crate::error::{Error, Kind, Result};
use crate::gateway::choose::target_of;
use crate::gateway::drive::{self, Task};
use crate::gateway::failover::Spare;
use crate::gateway::head::Recorded;
use crate::gateway::journal::{Journal, Keep, Window};
use crate::gateway::propose::{Ask, Busy, Proposed};
use crate::gateway::reader::Reader;
use crate::gateway::replay::KeyGuard;
use crate::gateway::restore::View;
use crate::gateway::threads::busy;
use crate::gateway::{Gateway, records};
use crate::model::call::Call;
use crate::model::ids::RunId;
use crate::model::judge::Mode;
use crate::model::plan::{Grants, Plan, RunCall};
use crate::model::record::RunFacts;
use crate::model::request::RunRequest;
use crate::model::run::Run;
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
    /// The run that it is a copy of, for comparison.
    pub shadow_of: Option<RunId>,
    /// Whether its agent may have been given tools, servers or other agents.
    pub may_act: bool,
}

impl From<Keep> for Wanted {
    fn from(keep: Keep) -> Self {
        Self { keep, key: None, callback: None, shadow_of: None, may_act: true }
    }
}

/// What is sent, and to whom else it may be.
pub(super) struct Sending {
    pub(super) plan: Arc<Plan>,
    pub(super) grants: Grants,
    pub(super) spare: Option<Box<Spare>>,
}

impl Gateway {
    /// Admits a run and has it driven. `agent` is a reference or an alias. Errors: whatever
    /// refuses it before the platform is asked; what fails later is in the run.
    pub async fn start(
        &self,
        call: &Arc<Call>,
        agent: &str,
        request: RunRequest,
        wanted: impl Into<Wanted>,
    ) -> Result<Admitted> {
        let Wanted { keep, key, callback, shadow_of, may_act } = wanted.into();
        let named = self.resolve(agent).ok_or_else(Error::no_such_agent)?;
        let aims = self.visible_of(call.principal(), agent, &named);
        let target = aims.first().map(target_of).ok_or_else(Error::no_such_agent)?;
        call.facts.tell(RunFacts::of(agent, &target));
        let mode = match keep {
            Keep::Detached => Mode::Background,
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept if request.stream => Mode::Stream,
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept => Mode::Whole,
        };
        let told = |error| self.refused(call, &target, &request, mode, error);
        let text = canonical(&request)?;
        // Of several agents, whichever is chosen: the same request is the same run.
        let keyed = key.map(|key| self.keyed(call, &key, &target_of(&named), &text));
        let mut guard = None;
        if let Some(keyed) = &keyed {
            let held = self.0.keys.hold(keyed).await;
            if let Some(admitted) = self.replayed(call, keyed).await.map_err(unrecorded)? {
                return Ok(admitted);
            }
            guard = Some(held);
        }
        if let Some(to) = &callback {
            self.0.callbacks.check(&to.url).map_err(told)?;
        }
        self.check(&request, keep).map_err(told)?;
        self.0.keeper.check()?;
        let shadowed = self.shadowed(agent, &named, &request);
        let stays = match &request.thread_id {
            Some(id) if named.pool.is_some() => self.stays_with(id).await?,
            Some(_) | None => None,
        };
        let mut choice = self.choice(agent, &named, aims, stays.as_ref(), request);
        let ask = Ask { call: Arc::clone(call), agent: agent.to_owned(), keep, mode, may_act };
        let proposed = Box::pin(self.propose(&ask, &mut choice, || None)).await?;
        let Proposed { plan, grants, warnings, version, ticket } = proposed;
        let busy = Busy { threads: &self.0.threads, id: Some(plan.thread.id.clone()) };
        if named.pool.is_some() {
            self.0.choices.metrics.chosen("chosen");
        }
        let is_several = ticket.is_some() || choice.has_more();
        let spare = is_several.then(|| Box::new(Spare { ask, choice, ticket }));
        let plan = Arc::new(plan);
        let said = match &self.0.keeper.payloads {
            Some(keeps) => Some(keeps.of(call, &plan, self.0.clock.now()).await?),
            None => None,
        };
        let run = self.head(agent, &plan, warnings);
        let first = run.id.clone();
        busy.handed_over();
        let request = records::digest(&self.0.keeper.runs.sealer, &text);
        // A run that can be come back to goes on when its caller hangs up.
        let keep = match keep {
            Keep::WhileRead | Keep::UntilDetached if keyed.is_some() || callback.is_some() => {
                Keep::Kept
            }
            Keep::WhileRead | Keep::UntilDetached | Keep::Kept | Keep::Detached => keep,
        };
        let recorded = Recorded { request, keyed, callback, version, said, shadow_of };
        let sending = Sending { plan, grants, spare };
        let admitted = self.admit(call, run, sending, keep, recorded, guard).await?;
        if let Some(shadowed) = shadowed.filter(|_| !admitted.is_replayed) {
            self.copy(call, first, shadowed);
        }
        Ok(admitted)
    }

    /// Has the run recorded and driven, and waits until it is recorded.
    pub(super) async fn admit(
        &self,
        call: &Arc<Call>,
        run: Run,
        sending: Sending,
        keep: Keep,
        recorded: Recorded,
        guard: Option<KeyGuard>,
    ) -> Result<Admitted> {
        let Sending { plan, grants, spare } = sending;
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
        let task = Task { run_call, journal, new, said, is_strict, tell, guard, spare };
        parts.tasks.spawn("run", drive::run(Arc::clone(parts), task).instrument(span));
        let lost = |_| Error::new(Kind::Internal, "the run's task ended unexpectedly");
        match told.await.map_err(lost)?? {
            Written::Kept => Ok(Admitted { run: view.run(head), reader, is_replayed: false }),
            Written::Bound(binding) => self.attach(call, &binding.run_id).await,
            Written::Busy => Err(busy()),
        }
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
}

/// A request as text: the same for two requests that ask for the same.
fn canonical(request: &RunRequest) -> Result<Vec<u8>> {
    serde_json::to_vec(request)
        .map_err(|cause| Error::new(Kind::Internal, "the request has no JSON").caused_by(cause))
}
