//! What all connections of one simulator share: the scripts that tests put in the platforms'
//! place, signals, the journal and the counts. Server and player use it.
//!
//! Invariant: no lock is held across an await, and what grows with traffic is bounded.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::agents::Agents;
use super::journal::Journal;
use super::platform;
use super::request::Received;
use super::script::Script;
use super::zaia::Executions;

/// How a simulator plays.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Cuts all answers at random byte borders; each answer has its own, from this and its number.
    pub seed: Option<u64>,
    /// The pause between what a platform sends, for people who watch.
    pub pace: Duration,
    /// How many requests the journal keeps.
    pub remember: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: None, pace: Duration::ZERO, remember: 10_000 }
    }
}

/// Exchanges that the peer broke off before their script had ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrokenOff {
    /// How many.
    pub count: u64,
    /// When the last one was noticed.
    pub last: Option<Instant>,
}

/// A script that stands in for the platform.
#[derive(Debug)]
struct StandIn {
    needle: String,
    script: Script,
    once: bool,
}

/// The shared state.
#[derive(Debug)]
pub struct Stage {
    options: Options,
    /// The requests so far.
    pub journal: Journal,
    stand_ins: Mutex<Vec<StandIn>>,
    signals: watch::Sender<HashSet<String>>,
    broken_off: watch::Sender<BrokenOff>,
    received: AtomicU64,
    executions: Executions,
    agents: Agents,
    /// Open connections.
    pub connections: Count,
    /// Requests whose script is being played.
    pub exchanges: Count,
    /// Bytes of answers that the system has taken.
    pub sent: Total,
}

impl Stage {
    /// A stage with nothing on it.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            journal: Journal::new(options.remember),
            stand_ins: Mutex::default(),
            signals: watch::Sender::default(),
            broken_off: watch::Sender::default(),
            received: AtomicU64::new(0),
            executions: Executions::default(),
            agents: Agents::default(),
            connections: Count::default(),
            exchanges: Count::default(),
            sent: Total::default(),
        }
    }

    /// Puts a script in the platform's place for targets that contain `needle`.
    pub fn stand_in(&self, needle: String, script: Script, once: bool) {
        self.stand_ins.lock().push(StandIn { needle, script, once });
    }

    /// Notes the request and says how it is answered.
    pub fn answer(&self, mut received: Received) -> Script {
        received.at = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let received = Arc::new(received);
        self.journal.record(&received);
        let script = self.stand_in_for(&received).unwrap_or_else(|| {
            let script = platform::answer(&received, &self.executions, &self.agents);
            match self.options.pace {
                Duration::ZERO => script,
                pace => script.delay_each(pace),
            }
        });
        match self.options.seed {
            None => script,
            Some(seed) => script.split(seed.wrapping_add(received.at)),
        }
    }

    /// Those for one request go before those for all.
    fn stand_in_for(&self, received: &Received) -> Option<Script> {
        let mut stand_ins = self.stand_ins.lock();
        let fits = |one: &StandIn| received.target.contains(&one.needle);
        match stand_ins.iter().position(|one| one.once && fits(one)) {
            Some(at) => Some(stand_ins.remove(at).script),
            None => stand_ins.iter().find(|one| fits(one)).map(|one| one.script.clone()),
        }
    }

    /// Gives a signal, for good.
    pub fn signal(&self, name: &str) {
        self.signals.send_modify(|given| {
            given.insert(name.to_owned());
        });
    }

    /// Waits for a signal.
    pub async fn signalled(&self, name: &str) {
        // The sender is a field beside: the wait cannot fail.
        self.signals.subscribe().wait_for(|given| given.contains(name)).await.ok();
    }

    /// Notes that a peer left early.
    pub fn note_broken_off(&self) {
        self.broken_off.send_modify(|broken_off| {
            broken_off.count += 1;
            broken_off.last = Some(Instant::now());
        });
    }

    /// The peers that left early, and the news of it.
    pub fn broken_off(&self) -> watch::Receiver<BrokenOff> {
        self.broken_off.subscribe()
    }
}

/// How many bytes there have been.
#[derive(Debug, Default)]
pub struct Total(AtomicU64);

impl Total {
    /// So many more.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many of something there are just now.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more, until the guard is dropped.
    pub fn enter(&self) -> Entered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(Arc::clone(&self.0))
    }

    /// So many.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts for as long as it lives.
#[derive(Debug)]
pub struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
