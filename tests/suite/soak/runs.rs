//! Which runs the callers of a soak ask for, and how each may end.

use switchyard::simulator::random::Random;

use crate::faces::scenario;
use crate::harness::VENDORS;

/// A run that may be asked for.
pub struct Wanted {
    pub agent: String,
    pub input: String,
    /// What it is, in the ledger.
    pub name: String,
    /// Its status, or the code of its failure, is one of these.
    pub ends: &'static [&'static str],
}

const WELL: &[&str] = &["completed"];
const BROKEN: &[&str] = &["upstream_protocol"];
const LATE: &[&str] = &["upstream_timeout"];

/// Scenarios that each platform plays.
const SCENARIOS: &[(&str, &[&str])] = &[
    ("tools", WELL),
    ("drip", &["completed", "upstream_timeout"]),
    ("slow", &["completed", "upstream_timeout"]),
    ("stopped", &["completed", "incomplete"]),
    ("failed", &["upstream_error"]),
    ("html-error", &["upstream_error"]),
    ("missing", &["agent_not_found", "upstream_error"]),
    ("model-missing", &["upstream_misconfigured", "upstream_error"]),
    ("too-large", &["content_too_large", "upstream_error"]),
    ("reset", BROKEN),
    ("broken-off", BROKEN),
    ("eof", BROKEN),
    ("half-event", BROKEN),
    ("garbage", BROKEN),
    ("idle", LATE),
    ("after-end", WELL),
    ("endless", &["upstream_protocol", "upstream_timeout", "upstream_error"]),
    ("big-line", BROKEN),
    ("comments", &["completed", "upstream_protocol", "upstream_timeout"]),
    ("crlf", WELL),
    ("bom", &["completed", "upstream_protocol"]),
    ("invalid-utf8", &["completed", "upstream_protocol"]),
    ("gzip", BROKEN),
    ("wrong-type", &["completed", "upstream_protocol"]),
    ("head-reset", &["upstream_protocol", "upstream_unavailable"]),
    ("head-cut", BROKEN),
    ("head-stall", LATE),
    ("bad-http", BROKEN),
];

/// Agents of their own, behind upstreams that are not well or names that choose.
const AGENTS: &[(&str, &[&str])] = &[
    ("acp:late", WELL),
    ("acp:error", &["upstream_error"]),
    ("best", WELL),
    ("doubled", WELL),
    ("turning", WELL),
    ("fragile:html-error", &["upstream_error", "upstream_unavailable"]),
    ("fragile:ok", &["completed", "upstream_unavailable"]),
    ("narrow:ok", &["completed", "overloaded"]),
    ("narrow:late", &["completed", "overloaded"]),
    ("crowded:ok", &["completed", "rate_limited"]),
    ("crowded:busy", &["rate_limited"]),
    ("away:ok", &["upstream_unavailable"]),
];

/// Half of all runs meet no fault, a third one of a platform's, the others an agent of their own.
pub fn any(random: &mut Random) -> Wanted {
    let vendor = pick(random, &VENDORS);
    match random.number() % 6 {
        0..=2 => of(vendor, "ok", WELL, &text(random)),
        3..=4 => {
            let (name, ends) = pick(random, SCENARIOS);
            of(vendor, name, ends, &text(random))
        }
        _ => {
            let (agent, ends) = pick(random, AGENTS);
            Wanted { agent: agent.into(), input: text(random), name: agent.into(), ends }
        }
    }
}

/// A run that meets no fault, on any platform.
pub fn well(random: &mut Random) -> Wanted {
    of(pick(random, &VENDORS), "ok", WELL, &text(random))
}

/// A run whose platform does not begin to answer.
pub fn stalled(random: &mut Random) -> Wanted {
    of(pick(random, &VENDORS), "head-stall", LATE, &text(random))
}

/// A stream that goes on for as long as it may.
pub fn endless(random: &mut Random) -> Wanted {
    of(pick(random, &["make", "acp", "agentbase"]), "endless", &[], &text(random))
}

fn of(vendor: &str, name: &str, ends: &'static [&'static str], text: &str) -> Wanted {
    let (agent, input) = scenario(vendor, name);
    let input = input.replace("Hello", text);
    Wanted { agent, input, name: format!("{vendor}:{name}"), ends }
}

/// Short and long, in one of four with something that may not leave.
fn text(random: &mut Random) -> String {
    let length = 1_usize << (random.number() % 12);
    let text = "Which tickets are open? ".repeat(1 + length / 24);
    match random.number() % 4 {
        0 => format!("{text} Ask ada{}@example.com.", random.number() % 1_000),
        _ => text,
    }
}

/// One of these.
pub fn pick<T: Copy>(random: &mut Random, all: &[T]) -> T {
    all[random.number() as usize % all.len()]
}
