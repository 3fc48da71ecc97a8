//! Where a window keeps its counters: governor's keyed store with a hard bound on how many keys it
//! holds. [`super::window`] gives it to governor.
//!
//! Invariant: there are never more cells than the bound; a key that finds no room is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};

use super::key::Key;

/// When a cell that does not exist would be free: in more than a century, which every window takes
/// for a refusal. It leaves room to be added to any time in 64 bits of nanoseconds.
pub(super) const NEVER: u64 = u64::MAX / 4;

/// The cells of one window. Clones are the same cells.
#[derive(Clone, Debug)]
pub(super) struct Cells(Arc<Store>);

#[derive(Debug)]
struct Store {
    map: DashMapStateStore<Key>,
    /// Cells in the map and places that are reserved in it: never less than the map holds.
    count: AtomicUsize,
    most: usize,
}

/// When the window of this cell is full again, nanoseconds from the limiter's start.
fn full_at(cell: &InMemoryState) -> Option<Nanos> {
    cell.measure_and_replace(&NotKeyed::NonKey, Err::<((), Nanos), _>).err().flatten()
}

impl Cells {
    /// Room for so many keys.
    pub(super) fn new(most: usize) -> Self {
        let map = DashMapStateStore::default();
        Self(Arc::new(Store { map, count: AtomicUsize::new(0), most }))
    }

    /// When the window of this key is full again, if it has a cell.
    pub(super) fn full_at(&self, key: &Key) -> Option<Nanos> {
        self.0.map.get(key).and_then(|cell| full_at(&cell))
    }

    /// Takes a place for one more cell, if there is one.
    fn reserve(&self) -> bool {
        let more = |count| (count < self.0.most).then_some(count + 1);
        self.0.count.try_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl StateStore for Cells {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(cell) = self.0.map.get(key) {
            return cell.measure_and_replace(&NotKeyed::NonKey, decide);
        }
        // The place is taken before the cell is made, so that the bound holds at every moment.
        if !self.reserve() {
            return decide(Some(Nanos::new(NEVER))).map(|(decision, _)| decision);
        }
        let mut made = false;
        let cell = self.0.map.entry(key.clone()).or_insert_with(|| {
            made = true;
            InMemoryState::default()
        });
        let decision = cell.measure_and_replace(&NotKeyed::NonKey, decide);
        drop(cell);
        if !made {
            self.0.count.fetch_sub(1, Ordering::Relaxed);
        }
        decision
    }
}

impl ShrinkableKeyedStateStore<Key> for Cells {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut gone = 0;
        self.0.map.retain(|_, cell| {
            let keep = full_at(cell).is_some_and(|at| at > drop_below);
            gone += usize::from(!keep);
            keep
        });
        self.0.count.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Gives back what the map has grown by, which a sweep alone does not.
    fn shrink_to_fit(&self) {
        self.0.map.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// Keeps `at` for the key, or says what the cell held.
    fn set(cells: &Cells, name: &str, at: u64) -> bool {
        let never = Some(Nanos::new(NEVER));
        let decide = |held| if held == never { Err(()) } else { Ok(((), Nanos::new(at))) };
        cells.measure_and_replace(&key(name), decide).is_ok()
    }

    #[test]
    fn a_full_store_takes_no_new_key_and_keeps_the_old() {
        let cells = Cells::new(2);
        assert!(set(&cells, "a", 10) && set(&cells, "b", 20));
        assert!(!set(&cells, "c", 30));
        assert!(set(&cells, "a", 11));
        assert_eq!(cells.len(), 2);
        assert_eq!(cells.full_at(&key("a")), Some(Nanos::new(11)));
        assert_eq!(cells.full_at(&key("c")), None);
    }

    #[test]
    fn a_sweep_makes_room_of_what_is_full_again() {
        let cells = Cells::new(2);
        assert!(set(&cells, "a", 10) && set(&cells, "b", 20));
        cells.retain_recent(Nanos::new(10));
        assert_eq!(cells.len(), 1);
        assert!(set(&cells, "c", 30));
        assert!(!set(&cells, "d", 30));
    }

    #[test]
    fn the_bound_holds_while_many_threads_bring_new_keys_and_one_sweeps() {
        let cells = Cells::new(100);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let cells = cells.clone();
                scope.spawn(move || {
                    for n in 0..2_000 {
                        set(&cells, &format!("{}", (thread % 4) * 10_000 + n), 1 + n);
                        assert!(cells.len() <= 100);
                    }
                });
            }
            for below in 0..2_000 {
                cells.retain_recent(Nanos::new(below));
                assert!(cells.0.map.len() <= 100);
            }
        });
        assert_eq!(cells.len(), cells.0.map.len());
    }
}
