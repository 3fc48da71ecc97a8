//! The parts `clocks`, `breaker` and `caps` of an upstream: how long, how often and how much.
//! [`super::upstreams`] calls it.
//!
//! Invariant: no clock is longer than the whole call, and a line fits an event fits an answer.

use std::time::Duration;

use super::describe::Setting;
use super::reader::Section;
use super::units::{GIB, KIB, MIB};

/// The four clocks of a call to a platform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clocks {
    /// From wanting a connection to having one.
    pub connect: Duration,
    /// From sending the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two bytes of the answer.
    pub idle: Duration,
    /// From sending the request to the last byte of the answer.
    pub total: Duration,
}

/// When to stop calling a platform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// Failures in a row that open the breaker.
    pub failures: u32,
    /// How long it stays open before a probe.
    pub open: Duration,
}

/// Bounds of a platform's answer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caps {
    /// A whole JSON answer, and a whole stream.
    pub answer: usize,
    /// One line of a stream.
    pub line: usize,
    /// One event of a stream.
    pub event: usize,
}

/// The least that a clock can mean something over a network, and the longest that somebody waits.
const CLOCK_WHY: &str = "less is shorter than a network is, and more is for ever";
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A handshake across the world takes one second; five leave room for a lost packet.
const CONNECT: Setting<Duration> = Setting::new(
    "connect",
    "From wanting a connection to having one.",
    Duration::from_secs(5),
    SHORTEST..=Duration::from_secs(300),
    "less is shorter than a network is, and more is for ever",
);
/// JSON answers arrive whole, after the agent's last step: agents take minutes.
const FIRST_BYTE: Setting<Duration> = Setting::new(
    "first_byte",
    "From sending the request to the first byte of the answer.",
    Duration::from_secs(600),
    SHORTEST..=LONGEST,
    CLOCK_WHY,
);
/// A tool call in the middle of a stream may be silent for a minute.
const IDLE: Setting<Duration> = Setting::new(
    "idle",
    "Between two bytes of the answer.",
    Duration::from_secs(120),
    SHORTEST..=LONGEST,
    CLOCK_WHY,
);
/// As long as the longest run.
const TOTAL: Setting<Duration> = Setting::new(
    "total",
    "From sending the request to the last byte of the answer.",
    Duration::from_secs(30 * 60),
    SHORTEST..=LONGEST,
    CLOCK_WHY,
);

/// Five in a row is no accident.
const FAILURES: Setting<u32> = Setting::new(
    "failures",
    "Failures in a row after which it is not called any more.",
    5,
    1..=10_000,
    "none would never call, and more never stops",
);
/// Long enough for a restart, short enough that nobody calls the operator.
const OPEN: Setting<Duration> = Setting::new(
    "open",
    "How long it is not called before a probe.",
    Duration::from_secs(10),
    Duration::from_millis(100)..=Duration::from_secs(3600),
    "less is no pause, and more is an outage of its own",
);

const CAP_WHY: &str = "less takes no answer, and it is held in memory";
/// Answers are text; 16 MiB is a library of it.
const ANSWER: Setting<usize> = Setting::new(
    "answer",
    "A whole JSON answer, and a whole stream.",
    16 * MIB,
    KIB..=GIB,
    CAP_WHY,
);
/// The largest lines known are whole messages with their tool results, some 100 KiB.
const LINE: Setting<usize> = Setting::new("line", "One line of a stream.", MIB, KIB..=GIB, CAP_WHY);
/// Events of several lines are rare, and short.
const EVENT: Setting<usize> =
    Setting::new("event", "One event of a stream.", 4 * MIB, KIB..=GIB, CAP_WHY);

pub(super) fn read_clocks(upstream: &mut Section<'_>) -> Clocks {
    let mut section = upstream.section("clocks", "How long a call may take.");
    let clocks = Clocks {
        connect: section.duration(&CONNECT),
        first_byte: section.duration(&FIRST_BYTE),
        idle: section.duration(&IDLE),
        total: section.duration(&TOTAL),
    };
    let parts =
        [("connect", clocks.connect), ("first_byte", clocks.first_byte), ("idle", clocks.idle)];
    for (name, part) in parts {
        // A default that is longer than a total of somebody's choice is cut by it: no fault.
        if section.is_clean() && section.has(name) && part > clocks.total {
            section.refuse(name, "is longer than the whole call may take (`total`)");
        }
    }
    section.finish();
    clocks
}

pub(super) fn read_breaker(upstream: &mut Section<'_>) -> Breaker {
    let mut section = upstream.section("breaker", "When to stop calling it.");
    let breaker = Breaker { failures: section.count(&FAILURES), open: section.duration(&OPEN) };
    section.finish();
    breaker
}

pub(super) fn read_caps(upstream: &mut Section<'_>) -> Caps {
    let mut section = upstream.section("caps", "How much of its answer is read.");
    let caps = Caps {
        answer: section.bytes(&ANSWER),
        line: section.bytes(&LINE),
        event: section.bytes(&EVENT),
    };
    let pairs =
        [("line", caps.line, "event", caps.event), ("event", caps.event, "answer", caps.answer)];
    for (part, part_size, whole, whole_size) in pairs {
        if section.is_clean() && section.has(part) && part_size > whole_size {
            section.refuse(part, format!("is larger than `{whole}`, which holds it"));
        }
    }
    section.finish();
    caps
}
