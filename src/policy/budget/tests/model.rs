//! Many runs at once, in random interleavings of every step that the store can tell apart, with
//! callers who leave, processes that die, a store that fails and windows that end. Held against
//! what the runs themselves say that they have cost.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use tokio::task::yield_now;

use super::{Failing, HOUR, House, caller, rule};
use crate::error::Kind;
use crate::model::agent::AgentRef;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;
use crate::model::request::RunLimits;
use crate::model::run::Usage;
use crate::policy::budget::unit::Unit;
use crate::policy::budget::{Asking, Dimension, Outcome, Per, Rule, Verdict};

/// What one run does, if it is left to.
#[derive(Clone, Debug)]
struct Script {
    principal: u8,
    agent: u8,
    cap: Option<i64>,
    /// Money and tokens until each report.
    reports: Vec<(i64, u64)>,
    /// Whether the platform reports tokens and money, or tokens only.
    tells_money: bool,
    outcome: Outcome,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    /// Run number so goes on by one step.
    Step(usize),
    /// The caller of run number so leaves.
    Leave(usize),
    /// The process of run number so dies.
    Crash(usize),
    /// Tasks go on by one step.
    Tasks,
    Advance(Duration),
    Tend,
    Fail(Failing),
}

/// What a run says of itself at each moment; what it is to be charged, if it ended now.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    usd: Option<i64>,
    tokens: Option<i64>,
    /// What the last report added.
    added: Amounts,
    reserved: Amounts,
    never_had: bool,
}

type Said = RefCell<HashMap<String, Known>>;

fn rules() -> Vec<Rule> {
    let daily = rule(100, 10);
    let ceilings = Ceilings { tokens: Some(150), runs: Some(12), ..Ceilings::default() };
    let by = vec![Dimension::Workspace];
    let monthly = Rule { name: "monthly".to_owned(), by, ceilings, per: Per::Month, ..rule(0, 0) };
    let by = vec![Dimension::Agent];
    let total = Rule { name: "total".to_owned(), by, per: Per::Total, ..rule(160, 25) };
    vec![daily, monthly, total]
}

async fn run(house: &House, script: &Script, said: &Said) {
    let principal = caller("acme", &script.principal.to_string());
    let agent = AgentRef { upstream: "make".to_owned(), native: script.agent.to_string() };
    let limits = RunLimits { max_cost_usd: script.cap.map(Micro), ..RunLimits::default() };
    let asking =
        Asking { principal: &principal, agent: &agent, limits: &limits, longest: 3 * HOUR };
    let mut reservation = match house.budgets.reserve(&asking).await {
        Ok(reservation) => reservation.unwrap(),
        Err(error) => {
            assert!(matches!(error.kind(), Kind::BudgetExhausted | Kind::Internal), "{error:?}");
            return;
        }
    };
    let id = reservation.id.clone();
    let mut known = Known { reserved: reservation.reserved(), ..Known::default() };
    let mut usage = Usage::default();
    let mut outcome = script.outcome;
    let tell = |known: Known| {
        said.borrow_mut().insert(id.clone(), known);
    };
    tell(known);
    for (usd, tokens) in &script.reports {
        usage.total_tokens = Some(usage.total_tokens.unwrap_or(0) + tokens);
        known.tokens = usage.total_tokens.map(|tokens| tokens as i64);
        if script.tells_money {
            usage.cost_usd = Some(Micro(usage.cost_usd.unwrap_or_default().0 + usd));
            known.usd = usage.cost_usd.map(|cost| cost.0);
        }
        known.added = Amounts { usd: Micro(*usd), tokens: *tokens as i64, ..Amounts::default() };
        tell(known);
        if reservation.note(&usage) {
            let verdict = reservation.raise().await;
            known.reserved = reservation.reserved();
            tell(known);
            if !matches!(verdict, Ok(Verdict::Continue)) {
                outcome = Outcome::BrokenOff;
                break;
            }
        }
        // Nothing goes on that is not reserved.
        assert!(known.usd.unwrap_or(0) <= known.reserved.usd.0, "{known:?}");
        assert!(known.tokens.unwrap_or(0) <= known.reserved.tokens, "{known:?}");
        yield_now().await;
    }
    known.never_had = outcome == Outcome::NeverHad;
    tell(known);
    reservation.settle(outcome).await;
}

/// What is promised of accounts at every moment.
fn check(house: &House) {
    for (account, balance, over) in house.ledger.accounts() {
        let rules = rules();
        let rule = rules.iter().find(|rule| rule.name == account.budget).unwrap();
        for unit in Unit::ALL {
            let Some(ceiling) = unit.ceiling(&rule.ceilings) else { continue };
            let used = unit.of(&balance.spent) + unit.of(&balance.reserved);
            let most = ceiling + unit.of(&over);
            assert!(used <= most, "{unit:?} of {account:?}: {used} of {most}");
        }
    }
}

/// What is promised of each reservation in the end.
fn check_ends(house: &House, said: &HashMap<String, Known>) {
    let mut sums: HashMap<_, Amounts> = HashMap::new();
    for (id, ended) in house.ledger.ended() {
        for account in &ended.accounts {
            *sums.entry(account.clone()).or_default() += ended.charged;
        }
        // However often the store was told: always the same.
        assert!(ended.said.windows(2).all(|two| two[0] == two[1]), "{id}: {ended:?}");
        if ended.was_overdue {
            assert_eq!(ended.charged, ended.reserved, "{id}");
            continue;
        }
        let Some(known) = said.get(&id) else {
            // Its caller left before it began, or the store did not say that it had reserved.
            assert_eq!(ended.charged, Amounts::default(), "{id}");
            continue;
        };
        let reported = known.usd.is_some() || known.tokens.is_some();
        if known.never_had && !reported {
            assert_eq!(ended.charged, Amounts::default(), "{id}");
            continue;
        }
        assert_eq!(ended.charged.runs, 1, "{id}");
        // What is passed of a reservation is what one report added to it.
        let over = |unit: Unit| unit.of(&ended.charged) - unit.of(&ended.reserved);
        assert!(over(Unit::Tokens) <= known.added.tokens, "{id}: {ended:?}");
        assert!(known.usd.is_none() || over(Unit::Usd) <= known.added.usd.0, "{id}: {ended:?}");
        match known.tokens {
            Some(tokens) => assert_eq!(ended.charged.tokens, tokens, "{id}"),
            None => assert_eq!(ended.charged.tokens, ended.reserved.tokens, "{id}"),
        }
        match known.usd {
            Some(usd) => assert_eq!(ended.charged.usd, Micro(usd), "{id}"),
            // A cap lowers what is reserved, not what is charged.
            None => assert!(ended.charged.usd >= ended.reserved.usd, "{id}"),
        }
    }
    for (account, balance, _) in house.ledger.accounts() {
        let sum = sums.get(&account).copied().unwrap_or_default();
        assert_eq!(balance.spent, sum, "{account:?}");
    }
}

/// Plays the acts, then lets every run end that still can. What was left of dead processes.
async fn play(house: &House, scripts: &[Script], acts: &[Act], said: &Said, frugal: bool) {
    type Going<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
    let start = |script| Some(Box::pin(run(house, script, said)) as Going<'_>);
    let mut going: Vec<Option<Going<'_>>> = scripts.iter().map(start).collect();
    let mut dead: Vec<Going<'_>> = Vec::new();
    let check_all = || {
        check(house);
        let over = |(_, _, over)| over == Amounts::default();
        assert!(!frugal || house.ledger.accounts().into_iter().all(over));
    };
    for act in acts {
        match act {
            Act::Step(at) => {
                let at = at % going.len();
                if let Some(one) = &mut going[at]
                    && one.now_or_never().is_some()
                {
                    going[at] = None;
                }
            }
            Act::Leave(at) => going[at % scripts.len()] = None,
            Act::Crash(at) => dead.extend(going[at % scripts.len()].take()),
            Act::Tasks => yield_now().await,
            Act::Advance(by) => house.clock.advance(*by),
            Act::Tend => drop(house.budgets.tend().await),
            Act::Fail(failing) => house.ledger.fail(*failing),
        }
        check_all();
    }
    house.ledger.fail(Failing::None);
    for one in going.into_iter().flatten() {
        one.await;
        check_all();
    }
    house.settled().await;
    check_all();
    check_ends(house, &said.borrow());
    // The dead are charged in the end, and nothing is left open.
    house.clock.advance(5 * HOUR);
    house.budgets.tend().await.unwrap();
    assert_eq!(house.ledger.open(), 0);
    check_all();
    check_ends(house, &said.borrow());
    dead.into_iter().for_each(std::mem::forget);
}

fn script() -> impl Strategy<Value = Script> {
    let outcome =
        prop_oneof![Just(Outcome::Ended), Just(Outcome::BrokenOff), Just(Outcome::NeverHad)];
    let cap = proptest::option::weighted(0.3, 1_i64..60);
    let reports = proptest::collection::vec((0_i64..30, 0_u64..30), 0..5);
    (0_u8..2, 0_u8..2, cap, reports, any::<bool>(), outcome).prop_map(
        |(principal, agent, cap, reports, tells_money, outcome)| Script {
            principal,
            agent,
            cap,
            reports,
            tells_money,
            outcome,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        40 => any::<usize>().prop_map(Act::Step),
        20 => Just(Act::Tasks),
        2 => any::<usize>().prop_map(Act::Leave),
        1 => any::<usize>().prop_map(Act::Crash),
        2 => (0_u64..4).prop_map(|hours| Act::Advance(Duration::from_secs(hours * 3_600))),
        1 => Just(Act::Tend),
        1 => (0_usize..3).prop_map(|calls| Act::Fail(Failing::Before(calls))),
        1 => (0_usize..3).prop_map(|calls| Act::Fail(Failing::After(calls))),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_interleaving_spends_more_than_is_promised(
        scripts in proptest::collection::vec(script(), 1..24),
        acts in proptest::collection::vec(act(), 0..400),
    ) {
        let (house, said) = (House::of(rules()), Said::default());
        runtime().block_on(play(&house, &scripts, &acts, &said, false));
    }

    #[test]
    fn runs_that_keep_to_their_reservations_never_pass_a_ceiling(
        scripts in proptest::collection::vec(script(), 1..24),
        acts in proptest::collection::vec(act(), 0..400),
    ) {
        // Each run asks for as much money as it will use, which is less than any ceiling, and
        // reports from the start.
        let keep = |script: Script| {
            let reports: Vec<(i64, u64)> =
                std::iter::once((0, 0)).chain(script.reports.iter().map(|it| (it.0 / 2, 0))).collect();
            let all: i64 = reports.iter().map(|it| it.0).sum();
            Script { cap: Some(all.max(1)), reports, tells_money: true, ..script }
        };
        let scripts: Vec<Script> = scripts.into_iter().map(keep).collect();
        let (house, said) = (House::of(rules()), Said::default());
        runtime().block_on(play(&house, &scripts, &acts, &said, true));
    }
}
