//! The section `overload`: when the gateway takes in less, and who goes first then.
//! [`super::load`] calls it.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::reader::Section;
use super::units::{GIB, MIB};
use crate::model::priority::Priorities;

/// When the gateway takes in less, and who goes first then.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    /// How long the gateway's own work may wait for a processor before less is taken in.
    pub delay: Duration,
    /// Request bodies in memory, all together, in bytes.
    pub body_bytes: usize,
    /// Who goes first.
    pub priorities: Priorities,
}

/// Calls that wait for a place at a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many may wait.
    pub most: usize,
    /// How long each may.
    pub within: Duration,
}

/// A healthy gateway's work waits for a millisecond or two, and agents think for seconds: what is
/// refused for less would have been answered well.
const DELAY: Setting<Duration> = Setting::new(
    "delay",
    "How long the gateway's own work may wait for a processor before it takes in less.",
    Duration::from_millis(25),
    Duration::from_millis(3)..=Duration::from_secs(10),
    "timers are no finer, and callers do not wait for ever",
);
const BODY_BYTES: Setting<usize> = Setting::new(
    "body_bytes",
    "Request bodies in memory, all together, beyond which requests are answered 503.",
    512 * MIB,
    MIB..=1024 * GIB,
    "less takes no attachment, and no machine has more",
);
const WAITING: Setting<u32> = Setting::new(
    "most",
    "Calls that may wait for a place; the next one, or one of a lower priority, is refused.",
    64,
    0..=100_000,
    "a machine has no more sockets",
);
/// With the answer's own way well below the 50 ms within which a refusal is to be there.
const WITHIN: Setting<Duration> = Setting::new(
    "within",
    "How long a call waits for a place before it is refused.",
    Duration::from_millis(25),
    Duration::from_millis(1)..=Duration::from_secs(60),
    "less is no waiting, and callers come back sooner by themselves",
);

pub(super) fn read(root: &mut Section<'_>) -> Overload {
    let mut section = root.section("overload", "When less is taken in, and who goes first then.");
    let overload = Overload {
        delay: section.duration(&DELAY),
        body_bytes: section.bytes(&BODY_BYTES),
        priorities: Priorities {
            high: section.texts(Key::new(
                "high",
                Shape::Texts,
                "The rate classes that go first: all of the room is theirs.",
            )),
            low: section.texts(Key::new(
                "low",
                Shape::Texts,
                "The rate classes that go last: seven tenths of the room are theirs; all others \
                 have nine.",
            )),
        },
    };
    if let Some(both) =
        overload.priorities.high.iter().find(|it| overload.priorities.low.contains(it))
    {
        section.refuse("low", format!("has `{both}`, which is in `high` too"));
    }
    section.finish();
    overload
}

pub(super) fn read_queue(upstream: &mut Section<'_>) -> Queue {
    let about = "Who waits when `max_concurrent` calls are under way.";
    let mut section = upstream.section("queue", about);
    let queue = Queue { most: section.count(&WAITING) as usize, within: section.duration(&WITHIN) };
    section.finish();
    queue
}
