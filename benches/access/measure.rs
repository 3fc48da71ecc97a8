//! Times one set: its start, its decisions kept, and its decisions evaluated.
//!
//! Invariant: each figure is the median of five, and every answer is looked at.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use switchyard::model::judge::{Action, Agent, Circumstances, Question, Resource, When};
use switchyard::model::principal::Identity;
use switchyard::policy::access::{Access, Verdict};

use crate::Outcome;
use crate::sets::{Shape, caller, engine};

/// Callers that take turns: more than a busy gateway sees in a minute.
const CALLERS: usize = 10_000;
/// Decisions between two looks at the clock.
const BATCH: usize = 16;

/// The figures of one set, as a row of the table.
pub(crate) fn row(shape: Shape, count: usize, quick: bool) -> Outcome<String> {
    let long = Duration::from_millis(if quick { 20 } else { 200 });
    let clock = SystemClock::new();
    let start = clock.monotonic();
    let access = engine(shape, count)?;
    let started = clock.monotonic() - start;
    let callers: Vec<Identity> = (0..CALLERS).map(caller).collect();
    let one = &callers[..1];
    let same = nanos(&access, one, long, Access::decide)?;
    let evaluated = nanos(&access, one, long, Access::decide_afresh)?;
    for caller in &callers {
        access.decide(&question(caller));
    }
    let many = nanos(&access, &callers, long, Access::decide)?;
    Ok(format!(
        "| {count} | {} | {:.0} | {same:.0} | {many:.0} | {:.1} |",
        shape.name(),
        started.as_secs_f64() * 1e3,
        evaluated / 1e3,
    ))
}

type Decide = fn(&Access, &Question<'_>) -> Verdict;

/// Nanoseconds a decision, each of the callers in turn.
fn nanos(access: &Access, callers: &[Identity], long: Duration, decide: Decide) -> Outcome<f64> {
    let clock = SystemClock::new();
    let mut turns = callers.iter().cycle();
    let mut samples = Vec::new();
    for _ in 0..5 {
        let (mut took, mut times) = (Duration::ZERO, 0_usize);
        while took < long {
            let start = clock.monotonic();
            for caller in turns.by_ref().take(BATCH) {
                if !decide(access, &question(caller)).allowed() {
                    return Err("a question was refused".into());
                }
            }
            took += clock.monotonic() - start;
            times += BATCH;
        }
        samples.push(took.as_nanos() as f64 / times as f64);
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples[samples.len() / 2])
}

/// May this caller run the agent.
fn question(caller: &Identity) -> Question<'_> {
    let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
    let when = When { hour: 12, weekday: 1 };
    let agent = Agent { upstream: "make-eu", id: "3c9a5f52-07f7-4b8e-9f0e-5a2f6c1d7b90" };
    Question {
        principal: caller,
        action: Action::Run,
        resource: Resource::Agent(agent),
        circumstances: Circumstances::plain("unified", when, address),
    }
}
