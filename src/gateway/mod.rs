//! Use cases: what a face may ask for, in the model's words. A run is driven by a task of its
//! own, which writes to the run's journal; whoever waits for the run reads the journal.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::call::Call;
use crate::model::event::Recorded;
use crate::model::ids::ThreadId;
use crate::model::principal::Principal;
use crate::model::run::{Run, RunRequest, RunStatus};
use crate::model::thread::ThreadHead;
use crate::model::upstream::UpstreamView;

/// The gateway, as faces see it. One for the process; shared by reference count.
#[derive(Debug)]
pub struct Gateway {}

/// What becomes of a run when nobody reads it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is cancelled.
    WhileRead,
    /// It goes on.
    Detached,
}

/// An admitted run.
#[derive(Debug)]
pub struct Admitted {
    /// Its head.
    pub run: Arc<Run>,
    /// Reads it from its first event, and paces it.
    pub reader: Reader,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this agent, as callers name it.
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
    /// Admits a run and has it driven. `agent` is a reference or an alias. Errors: whatever
    /// refuses it before the platform is asked; what fails later is in the run.
    pub async fn start(
        &self,
        _call: &Arc<Call>,
        _agent: &str,
        _request: RunRequest,
        _keep: Keep,
    ) -> Result<Admitted> {
        todo!()
    }

    /// A run of this caller's, as it stands.
    pub async fn run(&self, _who: &Principal, _id: &str) -> Result<Arc<Run>> {
        todo!()
    }

    /// Runs of this caller's.
    pub async fn runs(&self, _who: &Principal, _filter: &RunFilter) -> Result<RunPage> {
        todo!()
    }

    /// Reads a run of this caller's after event `after`; 0 for all of it.
    pub async fn follow(&self, _who: &Principal, _id: &str, _after: u64) -> Result<Reader> {
        todo!()
    }

    /// Stops a run of this caller's and waits for its end. `Conflict` when it has ended.
    pub async fn cancel(&self, _call: &Arc<Call>, _id: &str) -> Result<Arc<Run>> {
        todo!()
    }

    /// A thread of this caller's.
    pub async fn thread(&self, _who: &Principal, _id: &str) -> Result<ThreadHead> {
        todo!()
    }

    /// The configured upstreams.
    pub fn upstreams(&self) -> Vec<UpstreamView> {
        todo!()
    }
}

/// Reads a run's journal in order. Dropping the last reader of a `Keep::WhileRead` run cancels it.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    /// The next event; none after the terminal one, or when this reader has fallen behind what
    /// is kept. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Recorded>> {
        todo!()
    }

    /// The run when it is over, without reading what comes before. Cancel-safe.
    pub async fn end(&mut self) -> Arc<Run> {
        todo!()
    }

    /// Lets the run go on without this reader.
    pub fn detach(self) {}
}
