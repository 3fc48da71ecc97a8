//! How many of a key are under way at once, counted here. [`super::local`] asks it; a permit gives
//! its place back when it is dropped.
//!
//! Invariant: of one key never more permits are out than the limit, and a key with none out takes
//! no memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::key::Key;

/// Parts of the table that are locked by themselves, so that callers seldom meet. A lock is held
/// for one look-up.
const SHARDS: usize = 16;

/// The counters of one rule.
#[derive(Debug)]
pub(super) struct Concurrent {
    limit: u32,
    most: usize,
    keys: AtomicUsize,
    hasher: RandomState,
    shards: [Mutex<HashMap<Key, u32>>; SHARDS],
}

/// What a counter says to a request.
#[derive(Debug)]
pub(super) enum Entrance {
    /// It may go on while it holds this.
    Open(LocalPermit),
    /// As many as may are under way.
    Taken,
    /// There is no room to count this key.
    Crowded,
}

/// A place, given back when this is dropped.
#[derive(Debug)]
pub(super) struct LocalPermit {
    of: Arc<Concurrent>,
    key: Key,
}

impl Concurrent {
    /// So many at once of each key, with room for so many keys.
    pub(super) fn new(limit: u32, most: usize) -> Arc<Self> {
        let shards = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self {
            limit,
            most,
            keys: AtomicUsize::new(0),
            hasher: RandomState::new(),
            shards,
        })
    }

    fn shard(&self, key: &Key) -> Option<&Mutex<HashMap<Key, u32>>> {
        // The low bits choose here; the table inside has a hasher of its own.
        self.shards.get(self.hasher.hash_one(key) as usize % SHARDS)
    }

    /// Takes a place.
    pub(super) fn enter(self: &Arc<Self>, key: Key) -> Entrance {
        let Some(shard) = self.shard(&key) else { return Entrance::Crowded };
        match shard.lock().entry(key.clone()) {
            Entry::Occupied(mut out) if *out.get() < self.limit => *out.get_mut() += 1,
            Entry::Occupied(_) => return Entrance::Taken,
            Entry::Vacant(place) => {
                let more = |keys| (keys < self.most).then_some(keys + 1);
                if self.keys.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
                    return Entrance::Crowded;
                }
                place.insert(1);
            }
        }
        Entrance::Open(LocalPermit { of: Arc::clone(self), key })
    }

    /// How many of this key are under way.
    pub(super) fn out(&self, key: &Key) -> u32 {
        self.shard(key).and_then(|shard| shard.lock().get(key).copied()).unwrap_or(0)
    }

    /// The limit.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// How many keys have permits out.
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn leave(&self, key: &Key) {
        let Some(shard) = self.shard(key) else { return };
        let mut table = shard.lock();
        match table.get_mut(key) {
            Some(out) if *out > 1 => *out -= 1,
            Some(_) => {
                table.remove(key);
                self.keys.fetch_sub(1, Ordering::Relaxed);
                // A burst of keys leaves a large empty table behind.
                if table.is_empty() {
                    table.shrink_to_fit();
                }
            }
            None => {}
        }
    }
}

impl Drop for LocalPermit {
    fn drop(&mut self) {
        self.of.leave(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::key::Subject;
    use crate::policy::limits::rule::Dimension;

    fn key(agent: &str) -> Key {
        Key::new(&[Dimension::Agent], &Subject { agent: Some(agent), ..Subject::default() })
    }

    fn open(of: &Arc<Concurrent>, agent: &str) -> Option<LocalPermit> {
        match of.enter(key(agent)) {
            Entrance::Open(permit) => Some(permit),
            Entrance::Taken | Entrance::Crowded => None,
        }
    }

    #[test]
    fn a_permit_lasts_as_long_as_it_is_held() {
        let of = Concurrent::new(2, 10);
        let first = open(&of, "a").unwrap();
        let second = open(&of, "a").unwrap();
        assert!(matches!(of.enter(key("a")), Entrance::Taken));
        assert!(open(&of, "b").is_some());
        drop(first);
        assert_eq!(of.out(&key("a")), 1);
        let third = open(&of, "a").unwrap();
        drop((second, third));
        assert_eq!((of.out(&key("a")), of.keys()), (0, 0));
    }

    #[test]
    fn a_key_without_room_is_refused_and_one_with_none_out_takes_none() {
        let of = Concurrent::new(1, 1);
        let held = open(&of, "a").unwrap();
        assert!(matches!(of.enter(key("b")), Entrance::Crowded));
        assert!(matches!(of.enter(key("a")), Entrance::Taken));
        drop(held);
        assert!(open(&of, "b").is_some());
    }

    #[test]
    fn under_contention_no_more_are_out_than_may() {
        let of = Concurrent::new(3, 4);
        let inside = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let entered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (of, inside, entered) = (&of, &inside, &entered);
                scope.spawn(move || {
                    let (name, inside) = (["a", "b"][thread % 2], &inside[thread % 2]);
                    for _ in 0..5_000 {
                        if let Some(permit) = open(of, name) {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                            entered.fetch_add(1, Ordering::Relaxed);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(permit);
                        }
                    }
                });
            }
        });
        assert!(entered.into_inner() >= 3);
        assert_eq!(of.keys(), 0);
    }
}
