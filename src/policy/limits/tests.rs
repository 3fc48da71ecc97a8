//! The engine with the counters of this process.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::clock::{ManualClock, Timestamp};

fn window(name: &str, by: &[Dimension], burst: u32, seconds: u64) -> Rule {
    let quota = Quota { requests: burst, per: Duration::from_secs(seconds), burst };
    let only = Filters::default();
    Rule { name: name.into(), by: by.to_vec(), only, kind: RuleKind::Window(quota) }
}

fn concurrent(name: &str, by: &[Dimension], limit: u32) -> Rule {
    Rule { kind: RuleKind::Concurrent(limit), ..window(name, by, 1, 1) }
}

fn limits(rules: Vec<Rule>) -> (Limits, ManualClock) {
    let clock = ManualClock::at(Timestamp(1_000_000));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    (Limits::local(rules, &shared, Arc::new(())).unwrap(), clock)
}

const ANNA: Subject<'static> = Subject {
    address: None,
    workspace: Some("acme"),
    subject: Some("key:1"),
    class: None,
    operation: Some("runs.create"),
    agent: Some("support"),
    upstream: Some("make-eu"),
    tool: Some("search"),
};

/// What passed, or the rule that refused and why.
fn ask(
    limits: &Limits,
    stage: Stage,
    of: &Subject<'_>,
) -> Result<(States, Permits), (String, Why)> {
    match limits.ask_now(stage, of).unwrap() {
        Outcome::Allowed { states, permits } => Ok((states, permits)),
        Outcome::Refused(refused) => Err((refused.rule.to_string(), refused.why)),
    }
}

fn remaining(limits: &Limits, stage: Stage) -> Vec<(String, u32)> {
    let peek = match &limits.counters {
        Counters::Local(local) => local.peek(stage, &ANNA),
        Counters::Shared(_) => panic!("these are local"),
    };
    peek.windows.iter().map(|state| (state.rule.to_string(), state.remaining)).collect()
}

#[test]
fn a_refusal_costs_the_narrower_windows_one_request_and_the_wider_ones_none() {
    let by = [Dimension::Principal];
    let (limits, _) = limits(vec![
        window("day", &by, 100, 86_400),
        window("minute", &by, 2, 60),
        window("second", &by, 2, 1),
    ]);
    for _ in 0..2 {
        assert!(ask(&limits, Stage::Caller, &ANNA).is_ok());
    }
    let left = |second, minute, day| {
        [("second", second), ("minute", minute), ("day", day)].map(|(name, n)| (name.to_owned(), n))
    };
    assert_eq!(remaining(&limits, Stage::Caller), left(0, 0, 98));
    let refused = ask(&limits, Stage::Caller, &ANNA).unwrap_err();
    assert_eq!(refused, ("second".into(), Why::Rate));
    assert_eq!(remaining(&limits, Stage::Caller), left(0, 0, 98));
}

#[test]
fn a_window_asked_before_the_one_that_refuses_stays_spent() {
    let (limits, clock) = limits(vec![
        window("narrow", &[Dimension::Principal], 2, 1),
        window("wide", &[Dimension::Principal], 3, 3_600),
    ]);
    for _ in 0..3 {
        assert!(ask(&limits, Stage::Caller, &ANNA).is_ok());
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(ask(&limits, Stage::Caller, &ANNA).unwrap_err(), ("wide".into(), Why::Rate));
    assert_eq!(remaining(&limits, Stage::Caller)[0], ("narrow".into(), 1));
}

#[test]
fn a_permit_taken_before_a_refusal_is_given_back() {
    let (limits, _) = limits(vec![
        window("minute", &[Dimension::Principal], 1, 60),
        concurrent("streams", &[Dimension::Principal], 1),
    ]);
    let (_, permits) = ask(&limits, Stage::Caller, &ANNA).unwrap();
    assert_eq!(permits.len(), 1);
    // While the permit is out, no window is spent.
    assert_eq!(ask(&limits, Stage::Caller, &ANNA).unwrap_err().1, Why::Concurrency);
    drop(permits);
    for _ in 0..2 {
        assert_eq!(ask(&limits, Stage::Caller, &ANNA).unwrap_err().1, Why::Rate);
    }
    let peek = match &limits.counters {
        Counters::Local(local) => local.peek(Stage::Caller, &ANNA),
        Counters::Shared(_) => panic!("these are local"),
    };
    assert_eq!(peek.permits, [Held { rule: "streams".into(), limit: 1, out: 0 }]);
}

#[test]
fn each_rule_is_asked_at_its_stage_and_by_its_own_key() {
    let (limits, _) = limits(vec![
        window("address", &[Dimension::Address], 1, 60),
        window("pair", &[Dimension::Principal, Dimension::Operation], 1, 60),
        window("agent", &[Dimension::Agent], 1, 60),
        window("tool", &[Dimension::Tool], 1, 60),
    ]);
    let named = |stage| ask(&limits, stage, &ANNA).map(|(states, _)| states[0].rule.to_string());
    for (stage, name) in Stage::ALL.into_iter().zip(["address", "pair", "agent", "tool"]) {
        assert_eq!(named(stage), Ok(name.to_owned()));
        assert_eq!(named(stage), Err((name.to_owned(), Why::Rate)));
    }
    let other = Subject { operation: Some("runs.read"), ..ANNA };
    assert!(ask(&limits, Stage::Caller, &other).is_ok());
    let namesake = Subject { workspace: Some("umbrella"), ..ANNA };
    assert!(ask(&limits, Stage::Caller, &namesake).is_ok());
    let tool = Subject { tool: Some("mail"), ..ANNA };
    assert!(ask(&limits, Stage::Tool, &tool).is_ok());
}

#[test]
fn a_rule_that_is_not_for_a_request_neither_counts_nor_refuses_it() {
    let only = Filters { upstreams: Some(vec!["zaia".into()]), ..Filters::default() };
    let (limits, _) = limits(vec![Rule { only, ..window("zaia", &[Dimension::Workspace], 1, 60) }]);
    for _ in 0..3 {
        assert!(ask(&limits, Stage::Run, &ANNA).unwrap().0.is_empty());
    }
    assert_eq!(limits.keys(), 0);
    let zaia = Subject { upstream: Some("zaia"), ..ANNA };
    assert!(ask(&limits, Stage::Run, &zaia).is_ok());
    assert!(ask(&limits, Stage::Run, &zaia).is_err());
}

#[test]
fn keys_are_forgotten_when_they_are_as_if_never_used() {
    let (limits, clock) = limits(vec![
        window("minute", &[Dimension::Agent], 6, 60),
        concurrent("runs", &[Dimension::Agent], 1),
    ]);
    let agents: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    for agent in &agents {
        assert!(ask(&limits, Stage::Run, &Subject { agent: Some(agent), ..ANNA }).is_ok());
    }
    assert_eq!(limits.keys(), 1_000);
    clock.advance(Duration::from_secs(20));
    limits.sweep();
    assert_eq!(limits.keys(), 0);
}

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<(String, Why)>>);

impl Watch for Seen {
    fn refused(&self, rule: &str, why: Why) {
        self.0.lock().push((rule.to_owned(), why));
    }
    fn fell_back(&self, _: Absence) {}
    fn counters(&self, _: bool) {}
}

#[tokio::test]
async fn refusals_are_counted_and_the_future_is_ready_at_once() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(0)));
    let seen = Arc::new(Seen::default());
    let rules = vec![window("minute", &[Dimension::Principal], 1, 60)];
    let limits = Limits::local(rules, &clock, Arc::clone(&seen) as Arc<dyn Watch>).unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for passes in [true, false] {
        let mut asking = std::pin::pin!(limits.ask(Stage::Caller, &ANNA));
        let std::task::Poll::Ready(outcome) = asking.as_mut().poll(&mut context) else {
            panic!("it waited")
        };
        assert_eq!(matches!(outcome, Outcome::Allowed { .. }), passes);
    }
    assert_eq!(*seen.0.lock(), [("minute".to_owned(), Why::Rate)]);
}

#[test]
fn mistakes_of_all_rules_are_told_at_once() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(0)));
    let wrong = vec![window("a", &[], 0, 60), concurrent("b", &[], 0)];
    let error = Limits::local(wrong, &clock, Arc::new(())).unwrap_err();
    assert!(error.to_string().contains("`a`") && error.to_string().contains("`b`"));
}
