//! The conversations that are remembered, in memory, within a bound. A conversation is bound to
//! the caller that opened it, belongs to one agent, and has one run at a time: two at once would
//! each answer without the other's turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::content::{Message, Role, Text};
use crate::model::ids::ThreadId;
use crate::model::plan::PlannedThread;
use crate::model::principal::Principal;
use crate::model::thread::{Thread, ThreadHead};
use crate::model::vault::TokenVault;

/// The remembered conversations.
#[derive(Debug)]
pub struct Threads {
    kept: usize,
    history_bytes: usize,
    state: Mutex<BTreeMap<ThreadId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    thread: Thread,
    is_busy: bool,
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
    /// Room for so many conversations, with so many bytes of history each.
    pub fn new(kept: usize, history_bytes: usize) -> Self {
        Self { kept, history_bytes, state: Mutex::new(BTreeMap::new()) }
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
        let mut state = self.state.lock();
        if state.len() >= self.kept
            && let Some(oldest) = state.iter().find(|(_, e)| !e.is_busy).map(|(id, _)| id.clone())
        {
            state.remove(&oldest);
        }
        state.insert(id.clone(), Entry { thread, is_busy: true, vault: None });
        PlannedThread { id, is_continued: false, native: None, history: Vec::new(), vault: None }
    }

    /// Continues a conversation of this caller's with this agent; it is busy from then on. Also
    /// returns how many messages have been dropped from its history.
    pub fn resume(
        &self,
        id: &ThreadId,
        who: &Principal,
        target: &AgentRef,
        now: Timestamp,
    ) -> Result<(PlannedThread, usize)> {
        let mut state = self.state.lock();
        let entry = state.get_mut(id).filter(|entry| entry.thread.owner == *who);
        let entry = entry.ok_or_else(not_found)?;
        // By what the names stand for: an alias and its reference are the same agent.
        if entry.thread.target != *target {
            let said = format!("this thread is with agent `{}`", entry.thread.agent);
            return Err(Error::invalid("thread_id", said));
        }
        if entry.is_busy {
            return Err(Error::new(Kind::Conflict, "another run of this thread is in flight"));
        }
        entry.is_busy = true;
        entry.thread.updated_at = now;
        let thread = PlannedThread {
            id: id.clone(),
            is_continued: true,
            native: entry.thread.native.clone(),
            history: entry.thread.history.clone(),
            vault: entry.vault.clone(),
        };
        Ok((thread, entry.thread.dropped))
    }

    /// The run in it is over; `turn` is what it leaves.
    pub fn close(&self, id: &ThreadId, turn: Turn) {
        let mut state = self.state.lock();
        let Some(entry) = state.get_mut(id) else { return };
        entry.is_busy = false;
        entry.vault = turn.vault.or(entry.vault.take());
        let thread = &mut entry.thread;
        thread.native = turn.native.or(thread.native.take());
        thread.history.extend(turn.said);
        if let Some(answer) = turn.answered {
            thread.history.push(Message::new(Role::Assistant, answer));
        }
        thread.dropped += drop_oldest_turns(&mut thread.history, self.history_bytes);
    }

    /// A conversation that was opened for a run that there is not.
    pub fn forget(&self, id: &ThreadId) {
        self.state.lock().remove(id);
    }

    /// Whose a conversation is, with which agent, and what a caller is shown of it.
    pub fn get(&self, id: &ThreadId) -> Option<(Principal, AgentRef, ThreadHead)> {
        let state = self.state.lock();
        let thread = &state.get(id)?.thread;
        Some((thread.owner.clone(), thread.target.clone(), thread.head()))
    }
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

    #[test]
    fn a_thread_is_bound_to_its_caller_and_its_agent() {
        let (threads, me) = (Threads::new(10, 1_000), Principal::anonymous());
        let id = ThreadId::new(&CountingIds::default(), NOW);
        threads.open(id.clone(), &me, "a", agent("a"), NOW);
        threads.close(&id, Turn::default());
        assert_eq!(
            threads.resume(&id, &other(), &agent("a"), NOW).unwrap_err().kind(),
            Kind::ThreadNotFound
        );
        assert!(threads.get(&id).unwrap().0 == me);
        assert_eq!(
            threads.resume(&id, &me, &agent("b"), NOW).unwrap_err().kind(),
            Kind::InvalidRequest
        );
        assert!(threads.resume(&id, &me, &agent("a"), NOW).is_ok());
    }

    #[test]
    fn a_thread_has_one_run_at_a_time() {
        let (threads, me) = (Threads::new(10, 1_000), Principal::anonymous());
        let id = ThreadId::new(&CountingIds::default(), NOW);
        threads.open(id.clone(), &me, "a", agent("a"), NOW);
        assert_eq!(threads.resume(&id, &me, &agent("a"), NOW).unwrap_err().kind(), Kind::Conflict);
        threads.close(&id, Turn::default());
        assert!(threads.resume(&id, &me, &agent("a"), NOW).is_ok());
    }

    #[test]
    fn the_oldest_whole_turns_go_first() {
        let (threads, me) = (Threads::new(10, 200), Principal::anonymous());
        let id = ThreadId::new(&CountingIds::default(), NOW);
        threads.open(id.clone(), &me, "a", agent("a"), NOW);
        for n in 0..4 {
            threads.close(&id, turn(&format!("question {n}"), &format!("answer {n}")));
        }
        let (thread, dropped) = threads.resume(&id, &me, &agent("a"), NOW).unwrap();
        assert_eq!(dropped, 4);
        let texts: Vec<_> = thread.history.iter().map(|m| m.content.0.as_str()).collect();
        assert_eq!(texts, ["question 2", "answer 2", "question 3", "answer 3"]);
    }

    #[test]
    fn the_number_of_threads_is_bounded_and_busy_ones_stay() {
        let (threads, me, ids) =
            (Threads::new(2, 200), Principal::anonymous(), CountingIds::default());
        let made: Vec<_> = (0..3)
            .map(|n| {
                let id = ThreadId::new(&ids, NOW);
                threads.open(id.clone(), &me, "a", agent("a"), NOW);
                if n == 1 {
                    threads.close(&id, Turn::default());
                }
                id
            })
            .collect();
        assert!(threads.get(&made[0]).is_some());
        assert!(threads.get(&made[1]).is_none());
        assert!(threads.get(&made[2]).is_some());
    }
}
