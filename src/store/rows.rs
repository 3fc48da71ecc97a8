//! Rows of runs, conversations and callbacks as an engine keeps them: what rows are found by, in
//! clear, and everything that callers and agents have said, sealed. [`super::runs`] makes them.
//!
//! Invariant: nothing that is not sealed was said by a caller or an agent.

use async_trait::async_trait;

use super::log::Entry;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{BootId, CallbackId, RunId, ThreadId};
use crate::model::run::RunStatus;

/// A run.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The life that drives it.
    pub boot: BootId,
    /// Whose it is.
    pub workspace: String,
    /// Who of them.
    pub subject: String,
    /// The agent, as the caller named it.
    pub agent: String,
    /// Its conversation.
    pub thread_id: Option<ThreadId>,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The rest.
    pub sealed: Vec<u8>,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct ThreadRow {
    /// Its id.
    pub id: ThreadId,
    /// Whose it is.
    pub workspace: String,
    /// Who of them.
    pub subject: String,
    /// Counts the runs that have ended in it.
    pub version: i64,
    /// The run that is at work in it.
    pub busy: Option<RunId>,
    /// When its last run began.
    pub updated_at: Timestamp,
    /// The rest.
    pub sealed: Vec<u8>,
}

/// What a run does to a conversation when it is admitted.
#[derive(Clone, Debug)]
pub enum Occupy {
    /// It opens one.
    Open(ThreadRow),
    /// It goes on with one that stands at this version.
    Resume(ThreadId, i64),
}

/// A key of a caller, bound to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The digest of caller, route and key.
    pub key: [u8; 32],
    /// The digest of the request.
    pub fingerprint: [u8; 32],
    /// The run.
    pub run_id: RunId,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// A run is admitted.
#[derive(Clone, Debug)]
pub struct AdmitRows {
    /// The run.
    pub run: RunRow,
    /// Its conversation.
    pub thread: Option<Occupy>,
    /// The key that is bound to it.
    pub binding: Option<Binding>,
    /// Its record.
    pub entries: Vec<Entry>,
}

/// Whether a run was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It was.
    Kept,
    /// Its key was bound before, to another run; nothing was written.
    Bound(Binding),
    /// Its conversation is not as it was, or another run is at work in it; nothing was written.
    Busy,
}

/// A run ends.
#[derive(Clone, Debug)]
pub struct EndRows {
    /// The run as it is then.
    pub run: RunRow,
    /// Its last events.
    pub events: Option<EventsRow>,
    /// Its conversation as it is then.
    pub thread: Option<ThreadRow>,
    /// The callback that tells of it.
    pub callback: Option<CallbackRow>,
    /// Whether its key is free again.
    pub frees_key: bool,
    /// Its records.
    pub entries: Vec<Entry>,
}

/// Some events of a run, side by side.
#[derive(Clone, Debug)]
pub struct EventsRow {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// What they are.
    pub sealed: Vec<u8>,
}

/// A callback on its way.
#[derive(Clone, Debug)]
pub struct CallbackRow {
    /// Its id, the same at every try.
    pub id: CallbackId,
    /// The run that it tells of.
    pub run_id: RunId,
    /// Whose run.
    pub workspace: String,
    /// Where it stands.
    pub state: CallbackState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When the run ended.
    pub created_at: Timestamp,
    /// What came of the last try, in a word of ours.
    pub last: Option<String>,
    /// Address and content.
    pub sealed: Vec<u8>,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackState {
    /// It is to be tried.
    Pending,
    /// Its receiver has it.
    Delivered,
    /// It is not tried any more.
    Dead,
}

impl CallbackState {
    /// Its name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Dead].into_iter().find(|it| it.name() == name)
    }
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct RunsFilter {
    /// Of this workspace.
    pub workspace: String,
    /// Of this agent, as its caller named it.
    pub agent: Option<String>,
    /// In this state.
    pub status: Option<RunStatus>,
    /// Of this conversation.
    pub thread_id: Option<ThreadId>,
    /// Admitted after this time.
    pub created_after: Option<Timestamp>,
    /// Before this one.
    pub before: Option<RunId>,
}

/// What a life that tells it is still there learns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Whether it still counts; else its runs were closed, and it must not go on with them.
    pub counts: bool,
    /// Its runs that somebody wants stopped.
    pub cancels: Vec<RunId>,
}

/// Another life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub boot: BootId,
    /// How often it has told that it is there.
    pub beats: i64,
    /// Whether it is known to be over; none where only its silence tells.
    pub is_over: Option<bool>,
}

/// Rows of runs, conversations and callbacks, and the lives that drive them.
#[async_trait]
pub trait Rows: Send + Sync {
    /// Admits a run.
    async fn admit(&self, rows: AdmitRows) -> Result<Admitted>;
    /// Ends a run; whether it had not ended before. Nothing is written where it had.
    async fn end(&self, rows: EndRows) -> Result<bool>;
    /// Adds events of a run that goes on. Nothing is written of one that has ended: whoever ended
    /// it has written its last event.
    async fn note(&self, run: &RunId, events: EventsRow) -> Result<()>;
    /// A run.
    async fn run(&self, id: &RunId) -> Result<Option<RunRow>>;
    /// The newest runs that `filter` picks, the newest first.
    async fn runs(&self, filter: &RunsFilter, limit: usize) -> Result<Vec<RunRow>>;
    /// The events of a run after this one.
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<EventsRow>>;
    /// What a key is bound to.
    async fn binding(&self, key: &[u8; 32], now: Timestamp) -> Result<Option<Binding>>;
    /// A conversation.
    async fn thread(&self, id: &ThreadId) -> Result<Option<ThreadRow>>;
    /// Asks whoever drives a run to stop it; whether it goes on.
    async fn cancel(&self, run: &RunId, now: Timestamp) -> Result<bool>;

    /// Whether the engine knows when a life is over. Where it does not, silence tells.
    fn knows_ends(&self) -> bool {
        false
    }
    /// A life begins.
    async fn join(&self, boot: &BootId, now: Timestamp) -> Result<()>;
    /// A life tells that it is there.
    async fn renew(&self, boot: &BootId) -> Result<Renewed>;
    /// The other lives.
    async fn members(&self, but: &BootId) -> Result<Vec<Member>>;
    /// The runs in flight of a life, at most `limit`.
    async fn driven_by(&self, boot: &BootId, limit: usize) -> Result<Vec<RunRow>>;
    /// A life is over: it counts no more.
    async fn leave(&self, boot: &BootId) -> Result<()>;

    /// Callbacks that are due, at most `limit`; nobody else is given them before `until`.
    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<CallbackRow>>;
    /// Says what came of a try. Its content is forgotten with it where there is no other. Of one
    /// that is no longer pending only the records are kept: a faster try has settled it.
    async fn tried(&self, row: &CallbackRow, entries: Vec<Entry>) -> Result<()>;
    /// The newest callbacks in a state, of one workspace or of all.
    async fn callbacks(
        &self,
        state: CallbackState,
        workspace: Option<&str>,
        before: Option<&CallbackId>,
        limit: usize,
    ) -> Result<Vec<CallbackRow>>;
    /// Has a dead callback tried again; whether there is such a one.
    async fn resend(&self, id: &CallbackId, now: Timestamp) -> Result<bool>;

    /// Forgets runs that ended before this time, with their events, at most `limit` of them; and at
    /// most as many each of keys that have expired, conversations that have rested since, and
    /// callbacks of runs that ended before it, unless they are to be tried; of all of these the
    /// oldest. How many runs there were.
    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<u64>;
    /// The bytes of all that is kept, roughly. Room that forgotten rows have left is not counted: it
    /// comes to use again.
    async fn bytes(&self) -> Result<u64>;
}
