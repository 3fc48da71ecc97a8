//! The memory of one hook: which messages have come within the replay window. Identity claims each
//! verified message before anything is done with it, and keeps the claim when the run is accepted.
//!
//! It is the memory of one process, and begins empty. That a message runs once on all nodes and
//! after a restart is seen to by its id, which is the idempotency key of its run.
//!
//! Invariant: of all requests with one id, one at most holds the claim, and an accepted one is
//! remembered until its timestamp is refused anyway. Where there is no room for that, nothing is
//! accepted.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use ring::digest;

use super::refused::Refused;
use super::verify::Verified;
use crate::clock::Timestamp;

/// Messages of a hook within its window, where nothing else is said: 160 a second over ten
/// minutes, in 13 MB.
pub const DEFAULT_CAPACITY: usize = 100_000;

/// An id, cut to what no two messages share: 128 bits of its SHA-256.
type Id = u128;

/// The messages that have come.
#[derive(Clone)]
pub struct Seen(Arc<Memory>);

struct Memory {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Id, Entry>,
    /// The same ids, the first to be forgotten first.
    ends: BTreeSet<(Timestamp, Id)>,
    /// The latest hour at which something was forgotten: a clock that goes back must not make a
    /// forgotten message new.
    forgotten_until: Option<Timestamp>,
    claims: u64,
}

struct Entry {
    /// The claim that put it in, or holds it still.
    claim: u64,
    /// When the latest attempt was signed.
    signed_at: Timestamp,
    forget_after: Timestamp,
}

/// A message that nobody else can claim. It may come again where this is dropped without
/// [`Claim::keep`].
#[must_use = "a claim that is dropped lets the message come again"]
pub struct Claim {
    seen: Seen,
    id: Id,
    claim: u64,
    is_kept: bool,
}

impl Seen {
    /// An empty memory for at most so many messages.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Memory { capacity, inner: Mutex::default() }))
    }

    /// Claims a message.
    ///
    /// # Errors
    ///
    /// [`Refused::Replayed`] where this very request, or a later attempt, has come before;
    /// [`Refused::Retried`] where the message has come before and its sender has now signed it
    /// anew: that is no replay, and may be answered with what became of the first.
    /// [`Refused::Full`] where it could not be remembered.
    pub fn claim(&self, message: &Verified, now: Timestamp) -> Result<Claim, Refused> {
        let id = short(&message.id);
        let mut inner = self.0.inner.lock();
        inner.forget(now);
        if inner.forgotten_until.is_some_and(|until| message.forget_after < until) {
            return Err(Refused::Replayed);
        }
        if inner.entries.contains_key(&id) {
            return Err(inner.come_again(id, message));
        }
        if inner.entries.len() >= self.0.capacity {
            return Err(Refused::Full);
        }
        inner.claims += 1;
        let claim = inner.claims;
        let Verified { signed_at, forget_after, .. } = *message;
        inner.entries.insert(id, Entry { claim, signed_at, forget_after });
        inner.ends.insert((forget_after, id));
        Ok(Claim { seen: self.clone(), id, claim, is_kept: false })
    }

    /// How many messages are remembered.
    pub fn len(&self) -> usize {
        self.0.inner.lock().entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    /// Forgets what is too old to be accepted.
    fn forget(&mut self, now: Timestamp) {
        while let Some((end, id)) = self.ends.first().copied()
            && end < now
        {
            self.ends.remove(&(end, id));
            self.entries.remove(&id);
            self.forgotten_until = self.forgotten_until.max(Some(now));
        }
    }

    /// Another request with the id of one that is remembered. A later attempt is remembered in its
    /// place, or it could be replayed itself.
    fn come_again(&mut self, id: Id, message: &Verified) -> Refused {
        let Some(entry) = self.entries.get_mut(&id) else { return Refused::Replayed };
        if message.signed_at <= entry.signed_at {
            return Refused::Replayed;
        }
        self.ends.remove(&(entry.forget_after, id));
        entry.signed_at = message.signed_at;
        entry.forget_after = message.forget_after;
        self.ends.insert((message.forget_after, id));
        Refused::Retried
    }
}

impl Claim {
    /// The message is accepted: it is remembered.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut inner = self.seen.0.inner.lock();
        // It may have been forgotten meanwhile, and another be there.
        if let Some(entry) = inner.entries.get(&self.id)
            && entry.claim == self.claim
        {
            let end = (entry.forget_after, self.id);
            inner.ends.remove(&end);
            inner.entries.remove(&self.id);
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({} of {})", self.len(), self.0.capacity)
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_kept { "Claim(kept)" } else { "Claim" })
    }
}

fn short(id: &str) -> Id {
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    hash.as_ref().iter().take(16).fold(0, |short, byte| short << 8 | Id::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The window of the messages here, in microseconds.
    const WINDOW: i64 = 300;

    fn message(id: &str, signed_at: i64) -> Verified {
        let (signed_at, forget_after) = (Timestamp(signed_at), Timestamp(signed_at + WINDOW));
        Verified { id: id.to_owned(), signed_at, forget_after }
    }

    fn why(claim: Result<Claim, Refused>) -> Refused {
        claim.unwrap_err()
    }

    #[test]
    fn an_accepted_message_does_not_come_twice() {
        let seen = Seen::new(10);
        seen.claim(&message("a", 0), Timestamp(0)).unwrap().keep();
        assert_eq!(why(seen.claim(&message("a", 0), Timestamp(300))), Refused::Replayed);
        seen.claim(&message("b", 0), Timestamp(0)).unwrap().keep();
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn a_message_that_was_refused_may_come_again_and_meanwhile_no_other() {
        let seen = Seen::new(10);
        let claim = seen.claim(&message("a", 0), Timestamp(0)).unwrap();
        assert_eq!(why(seen.claim(&message("a", 0), Timestamp(0))), Refused::Replayed);
        drop(claim);
        assert!(seen.is_empty());
        seen.claim(&message("a", 0), Timestamp(0)).unwrap().keep();
    }

    #[test]
    fn a_sender_that_signs_anew_is_told_from_a_replay() {
        let seen = Seen::new(10);
        seen.claim(&message("a", 0), Timestamp(0)).unwrap().keep();
        assert_eq!(why(seen.claim(&message("a", 5), Timestamp(5))), Refused::Retried);
        for signed_at in [5, 3, 0] {
            let again = seen.claim(&message("a", signed_at), Timestamp(6));
            assert_eq!(why(again), Refused::Replayed);
        }
        // The later attempt is what has to be remembered now.
        assert_eq!(why(seen.claim(&message("a", 5), Timestamp(305))), Refused::Replayed);
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn a_claim_that_is_dropped_late_leaves_its_successor_alone() {
        let seen = Seen::new(10);
        let late = seen.claim(&message("a", 0), Timestamp(0)).unwrap();
        let next = seen.claim(&message("a", 400), Timestamp(400)).unwrap();
        drop(late);
        assert_eq!(why(seen.claim(&message("a", 400), Timestamp(400))), Refused::Replayed);
        next.keep();
    }

    #[test]
    fn a_full_memory_accepts_nothing_until_something_is_too_old() {
        let seen = Seen::new(2);
        seen.claim(&message("a", 0), Timestamp(0)).unwrap().keep();
        seen.claim(&message("b", 10), Timestamp(10)).unwrap().keep();
        assert_eq!(why(seen.claim(&message("c", 10), Timestamp(300))), Refused::Full);
        assert_eq!(why(seen.claim(&message("b", 10), Timestamp(300))), Refused::Replayed);
        seen.claim(&message("c", 301), Timestamp(301)).unwrap().keep();
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_message_new() {
        let seen = Seen::new(10);
        seen.claim(&message("a", 0), Timestamp(0)).unwrap().keep();
        seen.claim(&message("b", 301), Timestamp(301)).unwrap().keep();
        assert_eq!(why(seen.claim(&message("a", 0), Timestamp(0))), Refused::Replayed);
    }

    #[test]
    fn of_many_at_once_one_has_the_claim() {
        let seen = Seen::new(10);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let seen = seen.clone();
                std::thread::spawn(move || {
                    seen.claim(&message("a", 0), Timestamp(0)).map(Claim::keep).is_ok()
                })
            })
            .collect();
        let claimed = threads.into_iter().filter_map(|thread| thread.join().ok());
        assert_eq!(claimed.filter(|claimed| *claimed).count(), 1);
    }

    proptest! {
        #[test]
        fn no_request_is_accepted_twice_whatever_comes(
            requests in proptest::collection::vec((0..5u8, 0..40i64, 0..30i64, any::<bool>()), 1..80),
        ) {
            let (seen, mut now) = (Seen::new(3), 0);
            let mut accepted = std::collections::HashSet::new();
            for (id, ago, on, is_kept) in requests {
                now += on * 10;
                let signed_at = now - ago * 10;
                if signed_at + WINDOW < now {
                    continue;
                }
                let id = id.to_string();
                if let Ok(claim) = seen.claim(&message(&id, signed_at), Timestamp(now)) && is_kept {
                    claim.keep();
                    prop_assert!(accepted.insert((id, signed_at)));
                }
                prop_assert!(seen.len() <= 3);
                let inner = seen.0.inner.lock();
                prop_assert_eq!(inner.ends.len(), inner.entries.len());
            }
        }
    }
}
