//! Budgets over a ledger in memory: each promise by itself here, all of them under random
//! interleavings in `model`.

mod ledger;
mod model;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use self::ledger::{Failing, MemoryLedger};
use super::{Asking, Budgets, Dimension, Only, Outcome, Per, Reservation, Rule, Standing, Verdict};
use crate::clock::{CountingIds, ManualClock, Timestamp};
use crate::error::{Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;
use crate::model::principal::{Identity, Principal};
use crate::model::request::RunLimits;
use crate::model::run::Usage;
use crate::tasks::Tasks;

const HOUR: Duration = Duration::from_secs(3_600);

struct House {
    budgets: Budgets,
    ledger: Arc<MemoryLedger>,
    clock: ManualClock,
    tasks: Tasks,
    principal: Principal,
    agent: AgentRef,
}

fn rule(usd: i64, reserve: i64) -> Rule {
    Rule {
        name: "daily".to_owned(),
        by: vec![Dimension::Principal],
        only: Only::default(),
        ceilings: Ceilings { usd: Some(Micro(usd)), ..Ceilings::default() },
        per: Per::Day,
        reserve: Amounts { usd: Micro(reserve), ..Amounts::default() },
    }
}

fn caller(workspace: &str, subject: &str) -> Principal {
    let (workspace, subject) = (workspace.to_owned(), subject.to_owned());
    Principal::new(Identity { workspace, subject, ..Identity::default() })
}

fn cost(usd: i64) -> Usage {
    Usage { cost_usd: Some(Micro(usd)), ..Usage::default() }
}

impl House {
    fn of(rules: Vec<Rule>) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let clock = ManualClock::at(Timestamp::parse("2026-03-01T22:00:00Z").unwrap());
        let (tasks, ids) = (Tasks::default(), Arc::new(CountingIds::default()));
        let held = Arc::clone(&ledger);
        let budgets = Budgets::new(rules, held, Arc::new(clock.clone()), ids, tasks.clone());
        let (principal, agent) = (caller("acme", "key:1"), AgentRef::parse("make:1").unwrap());
        Self { budgets, ledger, clock, tasks, principal, agent }
    }

    async fn ask(&self, cap: Option<i64>) -> Result<Option<Reservation>> {
        let limits = RunLimits { max_cost_usd: cap.map(Micro), ..RunLimits::default() };
        self.budgets.reserve(&self.asking(&limits)).await
    }

    fn asking<'a>(&'a self, limits: &'a RunLimits) -> Asking<'a> {
        Asking { principal: &self.principal, agent: &self.agent, limits, longest: HOUR }
    }

    async fn reserve(&self) -> Reservation {
        self.ask(None).await.unwrap().unwrap()
    }

    /// Spent and reserved of the first budget, in millionths of a dollar.
    async fn money(&self) -> (i64, i64) {
        self.settled().await;
        let standing = self.standing().await;
        (standing.spent.usd.0, standing.reserved.usd.0)
    }

    async fn standing(&self) -> Standing {
        let limits = RunLimits::default();
        self.budgets.balances(&self.asking(&limits)).await.unwrap().remove(0)
    }

    /// Waits for tasks that drops have left.
    async fn settled(&self) {
        assert!(self.tasks.drained(Duration::from_secs(300)).await);
    }
}

/// Starts a future and leaves it after its first step.
fn leave<T>(future: impl Future<Output = T>) {
    assert!(future.now_or_never().is_none());
}

#[tokio::test]
async fn what_is_reserved_is_held_against_the_ceiling_and_given_back() {
    let house = House::of(vec![rule(100, 40)]);
    let (one, two) = (house.reserve().await, house.reserve().await);
    assert_eq!(house.money().await, (0, 80));
    let refused = house.ask(None).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::BudgetExhausted);
    assert_eq!(refused.retry_in(), Some(2 * HOUR));
    // Nobody holds a run to it that says that it needs less.
    assert!(house.ask(Some(20)).await.is_err());
    let mut one = one;
    assert!(!one.note(&cost(5)));
    let before = house.ledger.writes();
    one.settle(Outcome::Ended).await;
    house.settled().await;
    assert_eq!(house.ledger.writes() - before, 1);
    assert_eq!(house.money().await, (5, 40));
    two.settle(Outcome::BrokenOff).await;
    // Nothing was reported, so what was reserved is charged.
    assert_eq!(house.money().await, (45, 0));
    let standing = house.standing().await;
    assert_eq!((standing.spent.runs, standing.subject.as_str()), (2, "acme/key:1"));
    assert_eq!(standing.resets_at, Timestamp::parse("2026-03-02T00:00:00Z"));
}

#[tokio::test]
async fn a_run_that_no_budget_is_about_reserves_nothing() {
    let only = Only { workspaces: vec!["other".to_owned()], ..Only::default() };
    let house = House::of(vec![Rule { only, ..rule(0, 0) }]);
    assert!(house.ask(None).await.unwrap().is_none());
    assert_eq!(house.ledger.writes(), 0);
}

#[tokio::test]
async fn one_budget_without_room_refuses_and_leaves_the_others_alone() {
    let total = Rule { name: "all".to_owned(), by: vec![], per: Per::Total, ..rule(50, 0) };
    let house = House::of(vec![rule(100, 40), total]);
    let _held = house.reserve().await;
    let refused = house.ask(None).await.unwrap_err();
    assert_eq!(refused.message(), "the budget `all` has no room for this run");
    assert_eq!((refused.retry_in(), house.money().await), (None, (0, 40)));
}

#[tokio::test]
async fn a_budget_of_runs_counts_runs_that_may_have_run() {
    let ceilings = Ceilings { runs: Some(2), ..Ceilings::default() };
    let house = House::of(vec![Rule { ceilings, ..rule(0, 0) }]);
    house.reserve().await.settle(Outcome::NeverHad).await;
    house.reserve().await.settle(Outcome::BrokenOff).await;
    let _second = house.reserve().await;
    assert_eq!(house.ask(None).await.unwrap_err().kind(), Kind::BudgetExhausted);
}

#[tokio::test]
async fn a_run_that_uses_more_is_raised_in_steps_and_stopped_at_the_ceiling() {
    let house = House::of(vec![rule(100, 10)]);
    let mut run = house.reserve().await;
    let before = house.ledger.writes();
    for usd in 1..=40 {
        if run.note(&cost(usd)) {
            assert_eq!(run.raise().await.unwrap(), Verdict::Continue);
        }
        assert!(run.reserved().usd >= Micro(usd));
    }
    // From 10 to 21 to 42.
    assert_eq!(house.ledger.writes() - before, 2);
    let other = house.ask(Some(55)).await.unwrap().unwrap();
    assert!(run.note(&cost(43)));
    assert_eq!(run.raise().await.unwrap(), Verdict::Continue);
    assert_eq!(run.reserved().usd, Micro(43));
    assert!(run.note(&cost(46)));
    assert_eq!(run.raise().await.unwrap(), Verdict::Stop { budget: "daily".to_owned() });
    run.settle(Outcome::BrokenOff).await;
    other.settle(Outcome::NeverHad).await;
    assert_eq!(house.money().await, (46, 0));
}

#[tokio::test]
async fn an_agents_past_decides_what_is_reserved_for_its_next_run() {
    let house = House::of(vec![rule(10_000, 10)]);
    for outcome in [Outcome::Ended, Outcome::BrokenOff] {
        for usd in 1..=8 {
            let mut run = house.reserve().await;
            assert_eq!(run.reserved().usd, Micro(if outcome == Outcome::Ended { 10 } else { 8 }));
            // Of a run that broke off, the figures are no pattern.
            let _raised_later = run.note(&cost(if outcome == Outcome::Ended { usd } else { 99 }));
            run.settle(outcome).await;
        }
    }
    // Other rules know it too, and never reserve more than their ceiling.
    let other = Rule { name: "other".to_owned(), ..rule(5, 1) };
    let house = House { budgets: house.budgets.with_rules(vec![other]), ..house };
    assert_eq!(house.reserve().await.reserved().usd, Micro(5));
}

#[tokio::test]
async fn a_caller_cannot_choose_the_price_of_a_run_that_reports_nothing() {
    let house = House::of(vec![rule(100, 40)]);
    drop(house.ask(Some(1)).await.unwrap());
    assert_eq!(house.money().await, (40, 0));
}

#[tokio::test]
async fn a_dropped_reservation_is_settled_with_what_is_known() {
    let house = House::of(vec![rule(100, 40)]);
    let mut run = house.reserve().await;
    assert!(!run.note(&cost(7)));
    drop(run);
    assert_eq!(house.money().await, (7, 0));
    drop(house.reserve().await);
    assert_eq!(house.money().await, (47, 0));
}

#[tokio::test]
async fn a_caller_who_leaves_while_it_is_reserved_or_settled_changes_nothing() {
    let house = House::of(vec![rule(100, 40)]);
    leave(house.ask(None));
    assert_eq!(house.money().await, (0, 0));
    assert_eq!(house.ledger.ended().len(), 1);
    let mut run = house.reserve().await;
    assert!(run.note(&cost(50)));
    leave(run.raise());
    leave(run.settle(Outcome::Ended));
    assert_eq!(house.money().await, (50, 0));
}

#[tokio::test]
async fn a_run_belongs_to_the_window_in_which_it_was_reserved() {
    let house = House::of(vec![rule(100, 40)]);
    let mut run = house.reserve().await;
    house.clock.advance(3 * HOUR);
    assert!(run.note(&cost(60)));
    assert_eq!(run.raise().await.unwrap(), Verdict::Continue);
    assert_eq!(house.money().await, (0, 0));
    run.settle(Outcome::Ended).await;
    assert_eq!(house.money().await, (0, 0));
    let (account, balance, _) = house.ledger.accounts().remove(0);
    assert_eq!(account.window_end, Timestamp::parse("2026-03-02T00:00:00Z"));
    assert_eq!(balance.spent.usd, Micro(60));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_refuses_runs_and_is_told_the_end_of_others_when_it_is_back() {
    let house = House::of(vec![rule(100, 40)]);
    let mut run = house.reserve().await;
    house.ledger.fail(Failing::Before(5));
    assert_eq!(house.ask(None).await.unwrap_err().kind(), Kind::Internal);
    assert!(run.note(&cost(50)));
    assert!(run.raise().await.is_err());
    run.settle(Outcome::Ended).await;
    assert_eq!(house.money().await, (50, 0));
}

#[tokio::test]
async fn a_reservation_that_the_store_made_without_saying_so_is_given_back() {
    let house = House::of(vec![rule(100, 40)]);
    house.ledger.fail(Failing::After(1));
    assert_eq!(house.ask(None).await.unwrap_err().kind(), Kind::Internal);
    assert_eq!(house.money().await, (0, 0));
    assert_eq!(house.ledger.ended().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn settling_is_tried_for_a_minute() {
    let house = House::of(vec![rule(100, 40)]);
    let run = house.reserve().await;
    // The call of `settle` itself and all tries of its task but the last.
    house.ledger.fail(Failing::Before(10));
    let began = tokio::time::Instant::now();
    run.settle(Outcome::NeverHad).await;
    assert_eq!(house.money().await, (0, 0));
    assert!((50..60).contains(&began.elapsed().as_secs()));
}

#[test]
fn a_reservation_that_outlives_its_runtime_is_left_to_become_overdue() {
    let house = House::of(vec![rule(100, 40)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let run = runtime.block_on(house.reserve());
    drop(runtime);
    drop(run);
    assert_eq!(house.ledger.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_settled_is_charged_in_full_when_it_is_overdue() {
    let house = House::of(vec![rule(100, 40)]);
    let mut run = house.reserve().await;
    assert!(!run.note(&cost(1)));
    // The call of `settle` itself and the ten tries of its task.
    house.ledger.fail(Failing::Before(11));
    run.settle(Outcome::Ended).await;
    house.settled().await;
    assert_eq!((house.ledger.open(), house.money().await), (1, (0, 40)));
    house.clock.advance(HOUR + super::MARGIN - Duration::from_micros(1));
    assert_eq!(house.budgets.tend().await.unwrap().overdue, 0);
    house.clock.advance(Duration::from_micros(1));
    assert_eq!(house.budgets.tend().await.unwrap().overdue, 1);
    let (_, balance, _) = house.ledger.accounts().remove(0);
    assert_eq!((balance.spent.usd, balance.reserved.usd), (Micro(40), Micro(0)));
    house.clock.advance(super::KEPT);
    assert_eq!(house.budgets.tend().await.unwrap().pruned, 0);
    house.clock.advance(24 * HOUR);
    assert_eq!(house.budgets.tend().await.unwrap().pruned, 1);
}
