//! The permits that this node holds in Redis: renewed while they are held, given back in the
//! background when they are dropped. A node that dies gives its permits back when their leases end.
//!
//! Invariant: dropping a permit never waits, and a permit is given back once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::Script;
use tokio::sync::Notify;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use super::link::Link;

/// How long a permit lasts without being renewed: as long as a dead node's permits are missing.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// How often leases are renewed: two renewals may fail before one ends.
const RENEWAL: Duration = Duration::from_secs(20);

/// Permits in one call, so that none keeps Redis long.
const BATCH: usize = 500;

/// Permits that wait to be given back, at most, while Redis is away. The leases of others end by
/// themselves.
const MOST_WAITING: usize = 100_000;

/// The permits of this node.
#[derive(Debug)]
pub(super) struct Leases {
    node: String,
    next: AtomicU64,
    table: Mutex<Table>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    /// The set that each permit is in.
    held: HashMap<u64, Arc<str>>,
    dropped: Vec<(u64, Arc<str>)>,
}

/// A permit in Redis, given back when this is dropped.
#[derive(Debug)]
pub(in super::super) struct LeasePermit {
    id: u64,
    set: Arc<str>,
    /// Whether Redis has said what became of it.
    known: Known,
    leases: Arc<Leases>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It was asked for; the answer has not come, and may never.
    Asked,
    /// It is held.
    Taken,
    /// It was not given.
    Refused,
}

impl Leases {
    /// No permits yet, of the node of this name.
    pub(super) fn new(node: String) -> Arc<Self> {
        let (next, table) = (AtomicU64::new(0), Mutex::default());
        Arc::new(Self { node, next, table, changed: Notify::new() })
    }

    /// A permit that is about to be asked for. Dropped before the answer it is given back all the
    /// same, since Redis may have taken it.
    pub(super) fn prepare(self: &Arc<Self>, set: &str) -> LeasePermit {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        LeasePermit { id, set: set.into(), known: Known::Asked, leases: Arc::clone(self) }
    }

    fn name(&self, id: u64) -> String {
        format!("{}:{id}", self.node)
    }

    fn idle(&self) -> bool {
        let table = self.table.lock();
        table.held.is_empty() && table.dropped.is_empty()
    }

    /// Renews and gives back until `closing`, and then until no permit is left.
    pub(super) async fn keep(
        self: Arc<Self>,
        link: Arc<Link>,
        renew: Script,
        closing: CancellationToken,
    ) {
        let mut renewal = interval_at(Instant::now() + RENEWAL, RENEWAL);
        let mut closed = false;
        loop {
            let renewing = tokio::select! {
                () = self.changed.notified() => false,
                () = closing.cancelled(), if !closed => {
                    closed = true;
                    false
                }
                _ = renewal.tick() => true,
                // What Redis may have lost is put back.
                () = link.returned() => true,
            };
            let given_back = self.give_back(&link).await;
            if renewing {
                self.renew(&link, &renew).await;
            }
            // In the end nobody waits for a Redis that is away: leases end by themselves.
            if closed && (self.idle() || !given_back) {
                return;
            }
        }
    }

    /// Gives back what was dropped; whether Redis heard of all of it.
    async fn give_back(&self, link: &Link) -> bool {
        let dropped = std::mem::take(&mut self.table.lock().dropped);
        for (done, batch) in dropped.chunks(BATCH).enumerate() {
            let mut pipe = redis::pipe();
            for (id, set) in batch {
                pipe.cmd("ZREM").arg(&**set).arg(self.name(*id)).ignore();
            }
            let call =
                |mut connection| async move { pipe.query_async::<()>(&mut connection).await };
            if link.tend(call).await.is_err() {
                // Once more does no harm, so what may have been heard is kept as well.
                let rest = dropped.iter().skip(done * BATCH).cloned();
                self.table.lock().dropped.extend(rest);
                return false;
            }
        }
        true
    }

    async fn renew(&self, link: &Link, renew: &Script) {
        let held: Vec<(u64, Arc<str>)> =
            self.table.lock().held.iter().map(|(id, set)| (*id, Arc::clone(set))).collect();
        for batch in held.chunks(BATCH) {
            let mut invocation = renew.prepare_invoke();
            invocation.arg(micros(LEASE));
            for (id, set) in batch {
                invocation.key(&**set).arg(self.name(*id));
            }
            let call = |mut connection| async move {
                invocation.invoke_async::<i64>(&mut connection).await
            };
            if link.tend(call).await.is_err() {
                return;
            }
        }
    }
}

/// Whole microseconds.
pub(super) fn micros(of: Duration) -> u64 {
    u64::try_from(of.as_micros()).unwrap_or(u64::MAX)
}

impl LeasePermit {
    /// Its name in Redis.
    pub(super) fn name(&self) -> String {
        self.leases.name(self.id)
    }

    /// Redis has given it.
    pub(super) fn taken(&mut self) {
        self.known = Known::Taken;
        self.leases.table.lock().held.insert(self.id, Arc::clone(&self.set));
    }

    /// Redis has not given it.
    pub(super) fn refused(&mut self) {
        self.known = Known::Refused;
    }
}

impl Drop for LeasePermit {
    fn drop(&mut self) {
        if self.known == Known::Refused {
            return;
        }
        let mut table = self.leases.table.lock();
        table.held.remove(&self.id);
        if table.dropped.len() < MOST_WAITING {
            table.dropped.push((self.id, Arc::clone(&self.set)));
        }
        drop(table);
        self.leases.changed.notify_one();
    }
}
