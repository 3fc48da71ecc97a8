//! Runs, their events, conversations and callbacks, in the model's words: this seals what was said
//! and makes rows of it, and reads them back. The gateway uses it.
//!
//! Invariant: nothing that a caller or an agent has said reaches an engine unsealed; tokens of PII
//! policy are kept as tokens, and the values behind them in a part of their own, sealed too.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::log::Entry;
use super::rows::{
    AdmitRows, Admitted, Binding, CallbackRow, CallbackState, EndRows, EventsRow, Occupy, Rows,
    RunRow, RunsFilter, ThreadRow,
};
use super::seal::Sealer;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::content::Message;
use crate::model::event::Recorded;
use crate::model::ids::{BootId, CallbackId, RunId, ThreadId};
use crate::model::principal::{Identity, Principal, PrincipalKind};
use crate::model::record::{CallFacts, RunFacts};
use crate::model::run::Run;
use crate::model::thread::Thread;

/// Runs and what belongs to them. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    /// The engine.
    pub rows: Arc<dyn Rows>,
    /// What seals.
    pub sealer: Sealer,
}

/// A run as it is kept.
#[derive(Clone, Debug)]
pub struct KeptRun {
    /// The life that drives it.
    pub boot: BootId,
    /// Whose it is.
    pub owner: Principal,
    /// The rest.
    pub more: More,
}

/// What is sealed of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct More {
    /// The run.
    pub run: Arc<Run>,
    /// The agent.
    pub target: AgentRef,
    /// What its caller is called.
    pub name: String,
    /// By what it was known.
    pub kind: PrincipalKind,
    /// The call that asked for it.
    pub call: CallFacts,
    /// What its records say of it.
    pub facts: RunFacts,
    /// Whom its end is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackTo>,
    /// The values behind its tokens.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub vault: Value,
}

/// Whom the end of a run is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackTo {
    /// The address.
    pub url: String,
    /// Of which ends, `run.completed`; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Only where the caller was answered before the run had ended.
    #[serde(default)]
    pub only_late: bool,
}

/// A conversation as it is kept.
#[derive(Clone, Debug)]
pub struct KeptThread {
    /// The conversation.
    pub thread: Thread,
    /// Counts the runs that have ended in it.
    pub version: i64,
    /// The run that is at work in it.
    pub busy: Option<RunId>,
    /// The values behind its tokens.
    pub vault: Value,
}

#[derive(Serialize, Deserialize)]
struct SealedThread {
    agent: String,
    target: AgentRef,
    name: String,
    kind: PrincipalKind,
    native: Option<String>,
    history: Vec<Message>,
    dropped: usize,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    vault: Value,
}

/// Some events of a run, with the values behind their tokens where there are new ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Events {
    /// The events, in their order.
    pub events: Vec<Arc<Recorded>>,
    /// The values behind all tokens of the run so far; null where they are as before.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub vault: Value,
}

/// A callback as it is kept.
#[derive(Clone, Debug)]
pub struct KeptCallback {
    /// Its row.
    pub row: CallbackRow,
    /// What is sent.
    pub content: CallbackContent,
}

/// What a callback sends, and where to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallbackContent {
    /// The address.
    pub url: String,
    /// `run.completed` and its siblings.
    pub r#type: String,
    /// The run, with tokens.
    pub run: Arc<Run>,
    /// Whose run.
    pub owner: (String, String),
    /// The values behind its tokens.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub vault: Value,
}

/// A run that is to be admitted.
#[derive(Debug)]
pub struct NewRun {
    /// The run.
    pub run: KeptRun,
    /// Its conversation: a new one, or one at this version.
    pub thread: Option<NewTurn>,
    /// The key that is bound to it.
    pub binding: Option<Binding>,
    /// Its record.
    pub entries: Vec<Entry>,
}

/// What a run that is to be admitted does to its conversation.
#[derive(Debug)]
pub enum NewTurn {
    /// It opens this one.
    Opens(Box<KeptThread>),
    /// It goes on with one that stands at this version.
    Resumes(ThreadId, i64),
}

/// A run that ends.
#[derive(Debug)]
pub struct EndedRun {
    /// The run as it is then.
    pub run: KeptRun,
    /// Its last events.
    pub events: Option<Events>,
    /// Its conversation as it is then.
    pub thread: Option<KeptThread>,
    /// The callback that tells of it.
    pub callback: Option<KeptCallback>,
    /// Whether its key is free again.
    pub frees_key: bool,
    /// Its records.
    pub entries: Vec<Entry>,
}

const RUN: &str = "run";
const EVENTS: &str = "events";
const THREAD: &str = "thread";
const CALLBACK: &str = "callback";

impl Runs {
    /// Admits a run.
    pub async fn admit(&self, new: &NewRun) -> Result<Admitted> {
        let thread = match &new.thread {
            None => None,
            Some(NewTurn::Resumes(id, version)) => Some(Occupy::Resume(id.clone(), *version)),
            Some(NewTurn::Opens(thread)) => Some(Occupy::Open(self.thread_row(thread)?)),
        };
        let rows = AdmitRows {
            run: self.run_row(&new.run)?,
            thread,
            binding: new.binding.clone(),
            entries: new.entries.clone(),
        };
        self.rows.admit(rows).await
    }

    /// Ends a run; whether it had not ended before.
    pub async fn end(&self, ended: &EndedRun) -> Result<bool> {
        let run = self.run_row(&ended.run)?;
        let events = ended.events.as_ref().filter(|events| !events.events.is_empty());
        let (thread, callback) = (ended.thread.as_ref(), ended.callback.as_ref());
        let rows = EndRows {
            events: events.map(|events| self.events_row(&run.id, events)).transpose()?,
            thread: thread.map(|thread| self.thread_row(thread)).transpose()?,
            callback: callback.map(|callback| self.callback_row(callback)).transpose()?,
            frees_key: ended.frees_key,
            entries: ended.entries.clone(),
            run,
        };
        self.rows.end(rows).await
    }

    /// Adds events of a run that goes on.
    pub async fn note(&self, run: &RunId, events: &Events) -> Result<()> {
        self.rows.note(run, self.events_row(run, events)?).await
    }

    /// A run.
    pub async fn run(&self, id: &RunId) -> Result<Option<KeptRun>> {
        self.rows.run(id).await?.map(|row| self.kept_run(&row)).transpose()
    }

    /// The newest runs that `filter` picks, the newest first.
    pub async fn runs(&self, filter: &RunsFilter, limit: usize) -> Result<Vec<KeptRun>> {
        let rows = self.rows.runs(filter, limit).await?;
        rows.iter().map(|row| self.kept_run(row)).collect()
    }

    /// Runs in flight of a life.
    pub async fn driven_by(&self, boot: &BootId, limit: usize) -> Result<Vec<KeptRun>> {
        let rows = self.rows.driven_by(boot, limit).await?;
        rows.iter().map(|row| self.kept_run(row)).collect()
    }

    /// The events of a run after this one, and the values behind their tokens.
    pub async fn events(&self, run: &RunId, after: u64) -> Result<Events> {
        let mut all = Events::default();
        for row in self.rows.events(run, after).await? {
            let read: Events = self.open(EVENTS, &events_name(run, row.first), &row.sealed)?;
            all.events.extend(read.events.into_iter().filter(|event| event.seq > after));
            if !read.vault.is_null() {
                all.vault = read.vault;
            }
        }
        Ok(all)
    }

    /// A conversation.
    pub async fn thread(&self, id: &ThreadId) -> Result<Option<KeptThread>> {
        let Some(row) = self.rows.thread(id).await? else { return Ok(None) };
        let sealed: SealedThread = self.open(THREAD, id.as_str(), &row.sealed)?;
        let thread = Thread {
            id: row.id,
            owner: principal(row.workspace, row.subject, sealed.name, sealed.kind),
            agent: sealed.agent,
            target: sealed.target,
            native: sealed.native,
            history: sealed.history,
            dropped: sealed.dropped,
            created_at: sealed.created_at,
            updated_at: row.updated_at,
        };
        Ok(Some(KeptThread { thread, version: row.version, busy: row.busy, vault: sealed.vault }))
    }

    /// Callbacks that are due; nobody else is given them before `until`.
    pub async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<KeptCallback>> {
        let rows = self.rows.claim(now, until, limit).await?;
        rows.into_iter().map(|row| self.kept_callback(row)).collect()
    }

    /// Callbacks in a state.
    pub async fn callbacks(
        &self,
        state: CallbackState,
        workspace: Option<&str>,
        before: Option<&CallbackId>,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        self.rows.callbacks(state, workspace, before, limit).await
    }

    fn run_row(&self, kept: &KeptRun) -> Result<RunRow> {
        let run = &kept.more.run;
        Ok(RunRow {
            id: run.id.clone(),
            boot: kept.boot.clone(),
            workspace: kept.owner.workspace.clone(),
            subject: kept.owner.subject.clone(),
            agent: run.agent.clone(),
            thread_id: run.thread_id.clone(),
            status: run.status,
            created_at: run.created_at,
            ended_at: run.ended_at,
            sealed: self.seal(RUN, run.id.as_str(), &kept.more)?,
        })
    }

    fn kept_run(&self, row: &RunRow) -> Result<KeptRun> {
        let more: More = self.open(RUN, row.id.as_str(), &row.sealed)?;
        let (workspace, subject) = (row.workspace.clone(), row.subject.clone());
        let owner = principal(workspace, subject, more.name.clone(), more.kind);
        Ok(KeptRun { boot: row.boot.clone(), owner, more })
    }

    fn events_row(&self, run: &RunId, events: &Events) -> Result<EventsRow> {
        let first = events.events.first().map_or(0, |event| event.seq);
        let last = events.events.last().map_or(0, |event| event.seq);
        let sealed = self.seal(EVENTS, &events_name(run, first), events)?;
        Ok(EventsRow { first, last, sealed })
    }

    fn thread_row(&self, kept: &KeptThread) -> Result<ThreadRow> {
        let thread = &kept.thread;
        let sealed = SealedThread {
            agent: thread.agent.clone(),
            target: thread.target.clone(),
            name: thread.owner.name.clone(),
            kind: thread.owner.kind,
            native: thread.native.clone(),
            history: thread.history.clone(),
            dropped: thread.dropped,
            created_at: thread.created_at,
            vault: kept.vault.clone(),
        };
        Ok(ThreadRow {
            id: thread.id.clone(),
            workspace: thread.owner.workspace.clone(),
            subject: thread.owner.subject.clone(),
            version: kept.version,
            busy: kept.busy.clone(),
            updated_at: thread.updated_at,
            sealed: self.seal(THREAD, thread.id.as_str(), &sealed)?,
        })
    }

    fn callback_row(&self, kept: &KeptCallback) -> Result<CallbackRow> {
        let sealed = self.seal(CALLBACK, kept.row.id.as_str(), &kept.content)?;
        Ok(CallbackRow { sealed, ..kept.row.clone() })
    }

    fn kept_callback(&self, row: CallbackRow) -> Result<KeptCallback> {
        let content = self.open(CALLBACK, row.id.as_str(), &row.sealed)?;
        Ok(KeptCallback { row, content })
    }

    fn seal(&self, kind: &str, name: &str, value: &impl Serialize) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(value).map_err(|cause| {
            Error::new(Kind::Internal, "what is to be kept has no JSON").caused_by(cause)
        })?;
        self.sealer.seal(kind, name, &text)
    }

    fn open<T: DeserializeOwned>(&self, kind: &str, name: &str, sealed: &[u8]) -> Result<T> {
        let text = self.sealer.open(kind, name, sealed)?;
        serde_json::from_slice(&text).map_err(|cause| {
            Error::new(Kind::Internal, "what the store holds cannot be read").caused_by(cause)
        })
    }
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[runs]")
    }
}

/// Batches of events are sealed one by one.
fn events_name(run: &RunId, first: u64) -> String {
    format!("{run}/{first}")
}

/// A caller as far as what it owns needs to know it: what its credential allows is not kept.
fn principal(workspace: String, subject: String, name: String, kind: PrincipalKind) -> Principal {
    Principal::new(Identity { workspace, subject, name, kind, ..Identity::default() })
}
