//! The conversations that have a run at work. A conversation is bound to the caller that opened it,
//! belongs to one agent, and has one run at a time: two at once would each answer without the
//! other's turn. Between runs a conversation is in the store alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::content::{Message, Role, Text};
use crate::model::ids::ThreadId;
use crate::model::plan::PlannedThread;
use crate::model::principal::Principal;
use crate::model::thread::{Thread, ThreadHead};
use crate::model::vault::TokenVault;
use crate::store::runs::KeptThread;

/// The conversations that have a run at work.
#[derive(Debug)]
pub struct Threads {
    history_bytes: usize,
    busy: Mutex<BTreeMap<ThreadId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    thread: Thread,
    version: i64,
    /// What stands behind the tokens of its history, and of its runs.
    vault: Option<Arc<dyn TokenVault>>,
}

/// What a run leaves in its conversation.
#[derive(Debug, Default)]
pub struct Turn {
    /// What the caller said; empty where the platform remembers for itself, or the run failed.
    pub said: Vec<Message>,
    /// What the agent answered.
    pub answered: Option<Text>,
    /// The platform's id of the conversation.
    pub native: Option<String>,
    /// What stands behind its tokens.
    pub vault: Option<Arc<dyn TokenVault>>,
}

impl Threads {
    /// Keeps so many bytes of history of each conversation.
    pub fn new(history_bytes: usize) -> Self {
        Self { history_bytes, busy: Mutex::default() }
    }

    /// Opens a conversation, busy with its first run.
    pub fn open(
        &self,
        id: ThreadId,
        owner: &Principal,
        agent: &str,
        target: AgentRef,
        now: Timestamp,
    ) -> PlannedThread {
        let thread = Thread {
            id: id.clone(),
            owner: owner.clone(),
            agent: agent.to_owned(),
            target,
            native: None,
            history: Vec::new(),
            dropped: 0,
            created_at: now,
            updated_at: now,
        };
        self.busy.lock().insert(id.clone(), Entry { thread, version: 0, vault: None });
        PlannedThread { id, is_continued: false, native: None, history: Vec::new(), vault: None }
    }

    /// Refuses to continue a conversation that has a run at work here.
    pub fn check_idle(&self, id: &ThreadId, who: &Principal, target: &AgentRef) -> Result<()> {
        match self.busy.lock().get(id) {
            None => Ok(()),
            Some(entry) => check(&entry.thread, who, target).and(Err(busy())),
        }
    }

    /// Continues a conversation of this caller's with this agent; it is busy from then on. Also
    /// returns how many messages have been dropped from its history.
    pub fn resume(
        &self,
        kept: KeptThread,
        vault: Option<Arc<dyn TokenVault>>,
        who: &Principal,
        target: &AgentRef,
        now: Timestamp,
    ) -> Result<(PlannedThread, usize)> {
        let KeptThread { mut thread, version, busy: at_work, .. } = kept;
        check(&thread, who, target)?;
        if at_work.is_some() {
            return Err(busy());
        }
        thread.updated_at = now;
        let (id, dropped) = (thread.id.clone(), thread.dropped);
        let planned = PlannedThread {
            id: id.clone(),
            is_continued: true,
            native: thread.native.clone(),
            history: thread.history.clone(),
            vault: vault.clone(),
        };
        let mut all = self.busy.lock();
        if all.contains_key(&id) {
            return Err(busy());
        }
        all.insert(id, Entry { thread, version, vault });
        Ok((planned, dropped))
    }

    /// The conversation as its run leaves it, to be kept. What is at work here stays as it is, so
    /// that a run whose end could not be kept may leave it otherwise.
    pub fn turned(&self, id: &ThreadId, turn: Turn) -> Option<KeptThread> {
        let mut kept = self.kept(id)?;
        if let Some(vault) = turn.vault.filter(|vault| !vault.is_empty()) {
            kept.vault = vault.saved();
        }
        let thread = &mut kept.thread;
        thread.native = turn.native.or(thread.native.take());
        thread.history.extend(turn.said);
        if let Some(answer) = turn.answered {
            thread.history.push(Message::new(Role::Assistant, answer));
        }
        thread.dropped += drop_oldest_turns(&mut thread.history, self.history_bytes);
        kept.version += 1;
        Some(kept)
    }

    /// A conversation as it stands, with its run at work.
    pub fn kept(&self, id: &ThreadId) -> Option<KeptThread> {
        self.busy.lock().get(id).map(Entry::kept)
    }

    /// The run that opens a conversation is another agent's: nobody has seen it yet.
    pub(super) fn moved(&self, id: &ThreadId, target: &AgentRef) {
        if let Some(entry) = self.busy.lock().get_mut(id) {
            entry.thread.target = target.clone();
        }
    }

    /// Its run is over, or there never was one.
    pub fn release(&self, id: &ThreadId) {
        self.busy.lock().remove(id);
    }

    /// Whose a conversation is, with which agent, and what a caller is shown of it.
    pub fn get(&self, id: &ThreadId) -> Option<(Principal, AgentRef, ThreadHead)> {
        self.busy.lock().get(id).map(|entry| shown(&entry.thread))
    }
}

impl Entry {
    fn kept(&self) -> KeptThread {
        let vault = self.vault.as_ref().filter(|vault| !vault.is_empty());
        KeptThread {
            thread: self.thread.clone(),
            version: self.version,
            busy: None,
            vault: vault.map_or(Value::Null, |vault| vault.saved()),
        }
    }
}

/// Whose a conversation is, with which agent, and what a caller is shown of it.
pub(super) fn shown(thread: &Thread) -> (Principal, AgentRef, ThreadHead) {
    (thread.owner.clone(), thread.target.clone(), thread.head())
}

fn check(thread: &Thread, who: &Principal, target: &AgentRef) -> Result<()> {
    if thread.owner != *who {
        return Err(not_found());
    }
    // By what the names stand for: an alias and its reference are the same agent.
    if thread.target != *target {
        let said = format!("this thread is with agent `{}`", thread.agent);
        return Err(Error::invalid("thread_id", said));
    }
    Ok(())
}

/// What a caller is told that continues a conversation which has a run at work.
pub(super) fn busy() -> Error {
    Error::new(Kind::Conflict, "another run of this thread is in flight")
}

/// What callers are told of a conversation that is not there, or not theirs.
pub(super) fn not_found() -> Error {
    Error::new(Kind::ThreadNotFound, "there is no such thread, or it is another caller's")
}

/// Drops whole turns (a caller's messages with their answer) from the front until the rest fits.
/// How many messages went.
fn drop_oldest_turns(history: &mut Vec<Message>, bytes: usize) -> usize {
    let weigh = |message: &Message| {
        let files: usize = message.attachments.iter().map(|file| file.base64.len()).sum();
        message.content.len() + files + 32
    };
    let mut total: usize = history.iter().map(weigh).sum();
    let mut dropped = 0;
    while total > bytes && dropped < history.len() {
        // A turn ends with the agent's answer, or where the history does.
        let rest = &history[dropped..];
        let answer = rest.iter().position(|message| message.role == Role::Assistant);
        let turn = answer.map_or(rest.len(), |at| at + 1);
        total -= rest[..turn].iter().map(weigh).sum::<usize>();
        dropped += turn;
    }
    history.drain(..dropped);
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::CountingIds;
    use crate::model::principal::Identity;

    const NOW: Timestamp = Timestamp(0);

    fn agent(native: &str) -> AgentRef {
        AgentRef { upstream: "up".to_owned(), native: native.to_owned() }
    }

    fn other() -> Principal {
        let (workspace, subject) = ("other".to_owned(), "someone".to_owned());
        Principal::new(Identity { workspace, subject, ..Identity::default() })
    }

    fn turn(said: &str, answered: &str) -> Turn {
        Turn {
            said: vec![Message::new(Role::User, said)],
            answered: Some(answered.into()),
            ..Turn::default()
        }
    }

    /// A conversation of `me` with agent `a` after these turns, as it is kept.
    fn kept(threads: &Threads, me: &Principal, turns: Vec<Turn>) -> KeptThread {
        let id = ThreadId::new(&CountingIds::default(), NOW);
        threads.open(id.clone(), me, "a", agent("a"), NOW);
        let mut kept = threads.kept(&id).unwrap();
        for turn in turns {
            kept = threads.turned(&id, turn).unwrap();
            threads.release(&id);
            threads.resume(kept.clone(), None, me, &agent("a"), NOW).unwrap();
        }
        threads.release(&id);
        kept
    }

    #[test]
    fn a_thread_is_bound_to_its_caller_and_its_agent() {
        let (threads, me) = (Threads::new(1_000), Principal::anonymous());
        let kept = kept(&threads, &me, vec![Turn::default()]);
        let resume =
            |who: &Principal, native| threads.resume(kept.clone(), None, who, &agent(native), NOW);
        assert_eq!(resume(&other(), "a").unwrap_err().kind(), Kind::ThreadNotFound);
        assert_eq!(resume(&me, "b").unwrap_err().kind(), Kind::InvalidRequest);
        assert!(resume(&me, "a").is_ok());
    }

    #[test]
    fn a_thread_has_one_run_at_a_time() {
        let (threads, me) = (Threads::new(1_000), Principal::anonymous());
        let kept = kept(&threads, &me, vec![Turn::default()]);
        let id = &kept.thread.id;
        let resume = |kept: KeptThread| threads.resume(kept, None, &me, &agent("a"), NOW);
        assert!(threads.check_idle(id, &me, &agent("a")).is_ok());
        resume(kept.clone()).unwrap();
        assert_eq!(resume(kept.clone()).unwrap_err().kind(), Kind::Conflict);
        let refused = threads.check_idle(id, &me, &agent("a")).unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        let refused = threads.check_idle(id, &other(), &agent("a")).unwrap_err();
        assert_eq!(refused.kind(), Kind::ThreadNotFound);
        threads.release(id);
        resume(kept.clone()).unwrap();
        threads.release(id);
        // Another process has it at work.
        let run = crate::model::ids::RunId::new(&CountingIds::default(), NOW);
        let at_work = KeptThread { busy: Some(run), ..kept };
        assert_eq!(resume(at_work).unwrap_err().kind(), Kind::Conflict);
    }

    #[test]
    fn the_oldest_whole_turns_go_first() {
        let (threads, me) = (Threads::new(200), Principal::anonymous());
        let turns = (0..4).map(|n| turn(&format!("question {n}"), &format!("answer {n}")));
        let kept = kept(&threads, &me, turns.collect());
        assert_eq!(kept.version, 4);
        let (thread, dropped) = threads.resume(kept, None, &me, &agent("a"), NOW).unwrap();
        assert_eq!(dropped, 4);
        let texts: Vec<_> = thread.history.iter().map(|m| m.content.as_str()).collect();
        assert_eq!(texts, ["question 2", "answer 2", "question 3", "answer 3"]);
    }
}
