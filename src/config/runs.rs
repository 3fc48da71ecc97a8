//! The section `runs`: what is kept of runs and threads, and their bounds. [`super::load`] calls
//! it.
//!
//! Invariant: everything that is kept is bounded.

use std::time::Duration;

use super::describe::Setting;
use super::reader::Section;
use super::units::{GIB, KIB, MIB};

/// What is kept of runs, and their bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// Silence after which a stream gets a comment line.
    pub heartbeat: Duration,
    /// Bytes that the reader who started a run may lag behind the platform.
    pub window_bytes: usize,
    /// Bytes of events kept of one run for readers that come later.
    pub journal_bytes: usize,
    /// Ended runs kept.
    pub kept: usize,
    /// Bytes of ended runs kept.
    pub kept_bytes: usize,
    /// Bytes of one answer.
    pub answer_bytes: usize,
    /// The longest run.
    pub max_duration: Duration,
    /// Bytes of history kept of one thread.
    pub history_bytes: usize,
    /// Runs that may be in flight with nobody reading them.
    pub max_background: usize,
}

/// Half of the 30 s after which common proxies close a silent connection.
const HEARTBEAT: Setting<Duration> = Setting::new(
    "heartbeat",
    "Silence after which a stream gets a comment line.",
    Duration::from_secs(15),
    Duration::from_secs(1)..=Duration::from_secs(300),
    "less is noise, and more keeps no connection open",
);
/// A TCP window's worth: enough to keep a fast reader busy, little for thousands of slow ones.
const WINDOW_BYTES: Setting<usize> = Setting::new(
    "window_bytes",
    "How far the reader who started a run may lag behind the platform.",
    64 * KIB,
    KIB..=64 * MIB,
    "less waits for every event, and each stream may take it",
);
/// Most answers fit several times, so that a reader who comes back finds all of it.
const JOURNAL_BYTES: Setting<usize> = Setting::new(
    "journal_bytes",
    "Events kept of one run for readers that come later.",
    MIB,
    KIB..=GIB,
    "less keeps no event, and it is memory",
);
/// At a few KiB each some tens of MiB, and hours of a small office's work.
const KEPT: Setting<u32> = Setting::new(
    "kept",
    "Ended runs kept.",
    10_000,
    1..=10_000_000,
    "a run must be there to be read once, and it is memory",
);
/// What a small machine can spare; the oldest runs go first.
const KEPT_BYTES: Setting<usize> = Setting::new(
    "kept_bytes",
    "Bytes of ended runs kept, all together.",
    64 * MIB,
    MIB..=64 * GIB,
    "less keeps no large run, and it is memory",
);
/// As large as what is read of a platform's answer.
const ANSWER_BYTES: Setting<usize> = Setting::new(
    "answer_bytes",
    "The largest answer of a run.",
    16 * MIB,
    KIB..=GIB,
    "less takes no answer, and it is held in memory",
);
/// Agents that call tools take minutes; half an hour is one that hangs.
const MAX_DURATION: Setting<Duration> = Setting::new(
    "max_duration",
    "The longest run.",
    Duration::from_secs(30 * 60),
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600),
    "less ends every run, and more is for ever",
);
/// About 60,000 tokens: what a common model reads at all.
const HISTORY_BYTES: Setting<usize> = Setting::new(
    "history_bytes",
    "History kept of one thread.",
    256 * KIB,
    KIB..=64 * MIB,
    "less holds no turn, and it is sent with each run",
);
/// Each holds a connection to its platform.
const MAX_BACKGROUND: Setting<u32> = Setting::new(
    "max_background",
    "Runs that may be in flight with nobody reading them.",
    1_000,
    1..=1_000_000,
    "none would refuse `background`, and a machine has no more sockets",
);

pub(super) fn read(root: &mut Section<'_>) -> Runs {
    let mut section = root.section("runs", "What is kept of runs and threads, and their bounds.");
    let runs = Runs {
        heartbeat: section.duration(&HEARTBEAT),
        window_bytes: section.bytes(&WINDOW_BYTES),
        journal_bytes: section.bytes(&JOURNAL_BYTES),
        kept: section.count(&KEPT) as usize,
        kept_bytes: section.bytes(&KEPT_BYTES),
        answer_bytes: section.bytes(&ANSWER_BYTES),
        max_duration: section.duration(&MAX_DURATION),
        history_bytes: section.bytes(&HISTORY_BYTES),
        max_background: section.count(&MAX_BACKGROUND) as usize,
    };
    section.finish();
    runs
}
