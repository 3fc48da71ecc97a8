//! Reads runs, threads and upstreams. What policy does not let a caller see is not found.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::journal::Journal;
use crate::gateway::reader::Reader;
use crate::gateway::restore::View;
use crate::gateway::threads::{not_found, shown};
use crate::model::call::Call;
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::{Action, Owned, Question, Resource};
use crate::model::run::{Run, RunStatus};
use crate::model::thread::ThreadHead;
use crate::model::upstream::UpstreamView;
use crate::store::rows::RunsFilter;
use crate::store::runs::{Events, KeptRun};

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this agent, as its caller named it.
    pub agent: Option<String>,
    /// In this state.
    pub status: Option<RunStatus>,
    /// Of this thread.
    pub thread_id: Option<ThreadId>,
    /// Admitted after this time.
    pub created_after: Option<Timestamp>,
    /// At most so many; 1 to 100.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A page of runs, the newest first.
#[derive(Debug)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<Arc<Run>>,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<String>,
}

/// How many runs one page looks at: each of them asks policy. A page that has looked at so many
/// ends, and its cursor goes on from there.
const LOOKED_AT: usize = 1_000;
/// How many are taken off the shelf at once, so that policy is not asked under its lock.
const BATCH: usize = 128;

impl Gateway {
    /// A run that this caller may see, as it stands.
    pub async fn run(&self, call: &Call, id: &str) -> Result<Arc<Run>> {
        let journal = self.find(call, id).await?;
        Ok(View::of(&journal, call.principal()).run(journal.run()))
    }

    /// Runs that this caller may see.
    pub async fn runs(&self, call: &Call, filter: &RunFilter) -> Result<RunPage> {
        let mut before = match &filter.cursor {
            None => None,
            Some(cursor) => Some(
                RunId::parse(cursor)
                    .ok_or_else(|| Error::invalid("cursor", "not a cursor of this list"))?,
            ),
        };
        let mut runs = Vec::new();
        for _ in 0..LOOKED_AT / BATCH {
            let batch = self.batch(call, filter, before.clone()).await?;
            let is_last = batch.len() < BATCH;
            for journal in batch {
                // One more than asked for tells that there is a next page.
                if runs.len() == filter.limit {
                    return Ok(RunPage { runs, next_cursor: before.map(|id| id.to_string()) });
                }
                before = Some(journal.id.clone());
                // What it was when it was admitted picked it; what it is now may not.
                let is_picked = journal.with_run(|run| filter.picks(run));
                if is_picked && self.shows(call, &journal) {
                    runs.push(View::of(&journal, call.principal()).run(journal.run()));
                }
            }
            if is_last {
                return Ok(RunPage { runs, next_cursor: None });
            }
        }
        Ok(RunPage { runs, next_cursor: before.map(|id| id.to_string()) })
    }

    /// The next runs of a list: those of this process as they stand, others as they are kept.
    async fn batch(
        &self,
        call: &Call,
        filter: &RunFilter,
        before: Option<RunId>,
    ) -> Result<Vec<Arc<Journal>>> {
        let wanted = RunsFilter {
            // Other workspaces' runs are never listed: there are many, and policy is for the few.
            workspace: call.principal().workspace.clone(),
            agent: filter.agent.clone(),
            // The store knows only whether a run has ended.
            status: filter.status.filter(|status| status.is_terminal()),
            thread_id: filter.thread_id.clone(),
            created_after: filter.created_after,
            before,
        };
        let kept = self.0.keeper.runs.runs(&wanted, BATCH).await?;
        let journal = |kept: &KeptRun| match self.0.shelf.get(&kept.more.run.id) {
            Some(journal) => journal,
            None => Arc::new(self.restored(kept, Events::default())),
        };
        Ok(kept.iter().map(journal).collect())
    }

    /// Reads a run that this caller may see after event `after`; 0 for all of it.
    pub async fn follow(&self, call: &Call, id: &str, after: u64) -> Result<Reader> {
        let journal = self.find(call, id).await?;
        // Waiting for it would pass over all that comes before, the end included. Of a run that was
        // driven elsewhere, the caller may have seen more than was noted.
        if after > journal.last_seq() && !journal.is_mirror() {
            let said = format!("the run has no event {after} yet");
            return Err(Error::new(Kind::InvalidRequest, said));
        }
        let view = View::of(&journal, call.principal());
        let reader = Reader::new(Arc::clone(&journal), after, false, view);
        self.mirror(&journal);
        Ok(reader)
    }

    /// A thread that this caller may see.
    pub async fn thread(&self, call: &Call, id: &str) -> Result<ThreadHead> {
        let id = ThreadId::parse(id).ok_or_else(not_found)?;
        let (owner, reference, head) = match self.0.threads.get(&id) {
            Some(busy) => busy,
            None => {
                let kept = self.0.keeper.runs.thread(&id).await?.ok_or_else(not_found)?;
                shown(&kept.thread)
            }
        };
        let (workspace, subject) = (owner.workspace.as_str(), owner.subject.as_str());
        let owned = Owned { id: id.as_str(), agent: (&reference).into(), workspace, subject };
        let may = self.ask(call, Action::Read, Resource::Thread(owned)).is_ok();
        if may && is_of(call, workspace) && self.reaches(call.principal(), &reference) {
            Ok(head)
        } else {
            Err(not_found())
        }
    }

    /// The configured upstreams that this caller can see, and that policy lets it read.
    pub fn upstreams(&self, call: &Call) -> Vec<UpstreamView> {
        let seen = |(name, platform): &(&String, &std::sync::Arc<crate::gateway::Platform>)| {
            self.sees_upstream(call.principal(), name, platform)
                && self.ask(call, Action::Read, Resource::Upstream(name)).is_ok()
        };
        let view =
            |(name, platform): (&String, &std::sync::Arc<crate::gateway::Platform>)| UpstreamView {
                name: name.clone(),
                kind: platform.kind.clone(),
                health: (platform.health)(),
                capabilities: platform.vendor.capabilities().view(),
            };
        self.0.upstreams.iter().filter(seen).map(view).collect()
    }

    /// A run that this caller may see.
    pub(super) async fn find(&self, call: &Call, id: &str) -> Result<Arc<Journal>> {
        let found = match RunId::parse(id) {
            Some(id) => self.locate(&id).await?,
            None => None,
        };
        let found = found.filter(|journal| self.shows(call, journal));
        found.ok_or_else(|| {
            Error::new(Kind::RunNotFound, "there is no such run, or it is another caller's")
        })
    }

    /// Whether a caller may see a run. Neither its workspace nor the list of its credential is
    /// widened by any policy.
    fn shows(&self, call: &Call, journal: &Journal) -> bool {
        is_of(call, &journal.owner.workspace)
            && self.reaches(call.principal(), &journal.target())
            && self.may(call, Action::Read, journal).is_ok()
    }

    /// Asks policy about a run.
    pub(super) fn may(&self, call: &Call, action: Action<'_>, journal: &Journal) -> Result<()> {
        let target = journal.target();
        let (id, agent) = (journal.id.as_str(), (&target).into());
        let (workspace, subject) = (&*journal.owner.workspace, &*journal.owner.subject);
        self.ask(call, action, Resource::Run(Owned { id, agent, workspace, subject }))
    }

    /// Asks policy about anything.
    pub(super) fn ask(
        &self,
        call: &Call,
        action: Action<'_>,
        resource: Resource<'_>,
    ) -> Result<()> {
        let (principal, circumstances) = (call.principal(), self.plain(call));
        self.0.judge.judge(&Question { principal, action, resource, circumstances })
    }
}

/// Whether a thing is of the caller's own workspace.
fn is_of(call: &Call, workspace: &str) -> bool {
    call.principal().workspace == workspace
}

impl RunFilter {
    fn picks(&self, run: &Run) -> bool {
        self.agent.as_ref().is_none_or(|agent| run.agent == *agent)
            && self.status.is_none_or(|status| run.status == status)
            && self.thread_id.as_ref().is_none_or(|id| run.thread_id.as_ref() == Some(id))
            && self.created_after.is_none_or(|after| run.created_at > after)
    }
}
