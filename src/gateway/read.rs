//! Reads runs, threads and upstreams. What is another caller's is not found.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::journal::Journal;
use crate::gateway::reader::Reader;
use crate::gateway::threads::not_found;
use crate::model::ids::{RunId, ThreadId};
use crate::model::principal::Principal;
use crate::model::run::{Run, RunStatus};
use crate::model::thread::ThreadHead;
use crate::model::upstream::UpstreamView;

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

impl Gateway {
    /// A run of this caller's, as it stands.
    pub async fn run(&self, who: &Principal, id: &str) -> Result<Arc<Run>> {
        Ok(self.find(who, id)?.run())
    }

    /// Runs of this caller's.
    pub async fn runs(&self, who: &Principal, filter: &RunFilter) -> Result<RunPage> {
        let before = match &filter.cursor {
            None => None,
            Some(cursor) => Some(
                RunId::parse(cursor)
                    .ok_or_else(|| Error::invalid("cursor", "not a cursor of this list"))?,
            ),
        };
        let wanted =
            |journal: &Journal| journal.owner == *who && journal.with_run(|run| filter.picks(run));
        // One more than asked for tells whether there is a next page.
        let mut found = self.0.shelf.newest(before.as_ref(), filter.limit + 1, wanted);
        let more = found.len() > filter.limit;
        found.truncate(filter.limit);
        let last = found.last().map(|journal| journal.id.to_string());
        Ok(RunPage {
            runs: found.iter().map(|journal| journal.run()).collect(),
            next_cursor: last.filter(|_| more),
        })
    }

    /// Reads a run of this caller's after event `after`; 0 for all of it.
    pub async fn follow(&self, who: &Principal, id: &str, after: u64) -> Result<Reader> {
        let journal = self.find(who, id)?;
        // Waiting for it would pass over all that comes before, the end included.
        if after > journal.last_seq() {
            let said = format!("the run has no event {after} yet");
            return Err(Error::new(Kind::InvalidRequest, said));
        }
        Ok(Reader::new(journal, after, false))
    }

    /// A thread of this caller's.
    pub async fn thread(&self, who: &Principal, id: &str) -> Result<ThreadHead> {
        let id = ThreadId::parse(id).ok_or_else(not_found)?;
        Ok(self.0.threads.get(&id, who)?.head())
    }

    /// The configured upstreams.
    pub fn upstreams(&self) -> Vec<UpstreamView> {
        let view = |(name, platform): (&String, &crate::gateway::Platform)| UpstreamView {
            name: name.clone(),
            kind: platform.kind.clone(),
            health: (platform.health)(),
            capabilities: platform.vendor.capabilities().view(),
        };
        self.0.upstreams.iter().map(view).collect()
    }

    pub(super) fn find(&self, who: &Principal, id: &str) -> Result<Arc<Journal>> {
        let found = RunId::parse(id).and_then(|id| self.0.shelf.get(&id));
        found.filter(|journal| journal.owner == *who).ok_or_else(|| {
            Error::new(Kind::RunNotFound, "there is no such run, or it is another caller's")
        })
    }
}

impl RunFilter {
    fn picks(&self, run: &Run) -> bool {
        self.agent.as_ref().is_none_or(|agent| run.agent == *agent)
            && self.status.is_none_or(|status| run.status == status)
            && self.thread_id.as_ref().is_none_or(|id| run.thread_id.as_ref() == Some(id))
            && self.created_after.is_none_or(|after| run.created_at > after)
    }
}
