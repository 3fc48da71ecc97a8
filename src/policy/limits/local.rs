//! The limits of this process alone: the plan with a counter to each rule. Asked directly, or by
//! the shared counters while Redis is away.
//!
//! Invariant: it never waits. A refusal gives back the permits that were taken before it in the
//! same stage; what it took from windows before it stays taken.

use std::sync::Arc;

use super::concurrent::{Concurrent, Entrance};
use super::key::Subject;
use super::outcome::{Outcome, Permit, Permits, SOON, State, States, Why};
use super::plan::{Plan, Planned};
use super::rule::{RuleKind, Stage};
use super::window::{Verdict, Window};
use super::{Held, Peek};
use crate::clock::Clock;

/// Keys that one rule counts, at most. A key takes 73 bytes of a table that is 44 to 88 % full, so a
/// full rule takes at most 17 MB.
pub(super) const MAX_KEYS: usize = 100_000;

/// The counters of this process.
#[derive(Debug)]
pub(super) struct Local {
    address: Vec<Counted>,
    caller: Vec<Counted>,
    run: Vec<Counted>,
    tool: Vec<Counted>,
}

/// A rule and its counters.
#[derive(Debug)]
struct Counted {
    rule: Planned,
    counter: Counter,
}

#[derive(Debug)]
enum Counter {
    Window(Box<Window>),
    Concurrent(Arc<Concurrent>),
}

impl Counted {
    fn new(rule: &Planned, most: usize, clock: &Arc<dyn Clock>) -> Option<Self> {
        let counter = match rule.kind {
            RuleKind::Window(quota) => {
                Counter::Window(Box::new(Window::new(quota, most, Arc::clone(clock))?))
            }
            RuleKind::Concurrent(limit) => Counter::Concurrent(Concurrent::new(limit, most)),
        };
        Some(Self { rule: rule.clone(), counter })
    }
}

impl Local {
    /// Untouched counters for a plan whose rules have been checked, each with room for so many
    /// keys.
    pub(super) fn new(plan: &Plan, most: usize, clock: &Arc<dyn Clock>) -> Self {
        let stage = |stage| {
            plan.rules(stage).iter().filter_map(|rule| Counted::new(rule, most, clock)).collect()
        };
        Self {
            address: stage(Stage::Address),
            caller: stage(Stage::Caller),
            run: stage(Stage::Run),
            tool: stage(Stage::Tool),
        }
    }

    fn stage(&self, stage: Stage) -> &[Counted] {
        match stage {
            Stage::Address => &self.address,
            Stage::Caller => &self.caller,
            Stage::Run => &self.run,
            Stage::Tool => &self.tool,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Counted> {
        Stage::ALL.into_iter().flat_map(|stage| self.stage(stage))
    }

    /// Asks the rules of a stage, up to the first that refuses.
    pub(super) fn ask(&self, stage: Stage, of: &Subject<'_>) -> Outcome {
        let mut states = States::new();
        let mut permits = Permits::default();
        for Counted { rule, counter } in self.stage(stage) {
            let Some(key) = rule.key(of) else { continue };
            let refused = |why, states, after| Outcome::refused(&rule.name, why, states, after);
            match counter {
                Counter::Concurrent(concurrent) => match concurrent.enter(key) {
                    Entrance::Open(held) => {
                        let permit = Permit::Local { _held: held };
                        permits.hold(&rule.name, permit, rule.lasts());
                    }
                    Entrance::Taken => return refused(Why::Concurrency, states, SOON),
                    Entrance::Crowded => return refused(Why::Crowded, states, SOON),
                },
                Counter::Window(window) => match window.take(&key) {
                    Verdict::Pass(reading) => {
                        states.push(State::new(&rule.name, window.quota(), reading));
                    }
                    Verdict::Wait(after) => {
                        let reading = window.pace().next_in(after);
                        states.push(State::new(&rule.name, window.quota(), reading));
                        return refused(Why::Rate, states, after);
                    }
                    Verdict::Crowded => return refused(Why::Crowded, states, SOON),
                },
            }
        }
        Outcome::Allowed { states, permits }
    }

    /// How full the counters of a stage are for this request, without counting it.
    pub(super) fn peek(&self, stage: Stage, of: &Subject<'_>) -> Peek {
        let mut peek = Peek::default();
        for Counted { rule, counter } in self.stage(stage) {
            let Some(key) = rule.key(of) else { continue };
            match counter {
                Counter::Window(window) => {
                    let reading = window.peek(&key);
                    peek.windows.push(State::new(&rule.name, window.quota(), reading));
                }
                Counter::Concurrent(concurrent) => peek.permits.push(Held {
                    rule: Arc::clone(&rule.name),
                    limit: concurrent.limit(),
                    out: concurrent.out(&key),
                }),
            }
        }
        peek
    }

    /// Forgets keys that are as if they had never been used.
    pub(super) fn sweep(&self) {
        for counted in self.all() {
            match &counted.counter {
                Counter::Window(window) => window.sweep(),
                // A permit that is given back takes its key along.
                Counter::Concurrent(_) => {}
            }
        }
    }

    /// How many keys are counted.
    pub(super) fn keys(&self) -> usize {
        let keys = self.all().map(|counted| match &counted.counter {
            Counter::Window(window) => window.keys(),
            Counter::Concurrent(concurrent) => concurrent.keys(),
        });
        keys.sum()
    }
}
