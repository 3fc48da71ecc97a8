//! Random sequences of what budgets go through, against a model that keeps it all in two maps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use switchyard::clock::Timestamp;
use switchyard::error::Kind;
use switchyard::model::amounts::{Amounts, Ceilings};
use switchyard::model::micro::Micro;
use switchyard::store::{Account, Balance, Claim, Reserved, Store};

use super::{NOW, Place, later};

#[derive(Clone, Debug)]
enum Step {
    Reserve { name: u8, claims: Vec<Wanted>, until: i64 },
    Raise { name: u8, amounts: Amounts },
    Settle { name: u8, spent: Amounts },
    Charge { at: i64 },
}

fn amounts() -> impl Strategy<Value = Amounts> {
    (-1..9_i64, -1..9_i64, 0..3_i64, 0..2_i64).prop_map(|(usd, tokens, credits, runs)| Amounts {
        usd: Micro(usd),
        tokens,
        credits: Micro(credits),
        runs,
    })
}

fn ceilings() -> impl Strategy<Value = Ceilings> {
    let most = |most: i64| prop_oneof![Just(None), (0..most).prop_map(Some)];
    (most(40), most(40), most(10), most(6)).prop_map(|(usd, tokens, credits, runs)| Ceilings {
        usd: usd.map(Micro),
        tokens,
        credits: credits.map(Micro),
        runs,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let claims = proptest::collection::vec((0..3_u8, ceilings(), amounts()), 0..4);
    prop_oneof![
        4 => (0..5_u8, claims, 0..20_i64)
            .prop_map(|(name, claims, until)| Step::Reserve { name, claims, until }),
        2 => (0..5_u8, amounts()).prop_map(|(name, amounts)| Step::Raise { name, amounts }),
        3 => (0..5_u8, amounts()).prop_map(|(name, spent)| Step::Settle { name, spent }),
        1 => (0..20_i64).prop_map(|at| Step::Charge { at }),
    ]
}

/// A claim: the number of its account, and what it wants.
type Wanted = (u8, Ceilings, Amounts);

#[derive(Default)]
struct Model {
    spent: [Amounts; 3],
    held: BTreeMap<u8, (i64, Vec<Wanted>)>,
}

/// What a step answers: `None` for a conflict.
type Answer = Option<Result<Reserved, u64>>;

fn positive(amounts: Amounts) -> Amounts {
    Amounts {
        usd: amounts.usd.max(Micro(0)),
        tokens: amounts.tokens.max(0),
        credits: amounts.credits.max(Micro(0)),
        runs: amounts.runs.max(0),
    }
}

impl Model {
    fn reserved(&self, account: u8) -> Amounts {
        let parts = self.held.values().flat_map(|(_, claims)| claims);
        let parts = parts.filter(|(of, ..)| *of == account);
        parts.fold(Amounts::default(), |sum, (.., amounts)| sum + *amounts)
    }

    /// The first claim that does not fit when the ones before it are taken.
    fn first_too_large(&self, claims: &[Wanted]) -> Option<usize> {
        let mut taken: BTreeMap<u8, Amounts> = BTreeMap::new();
        claims.iter().position(|(account, ceilings, amounts)| {
            let taken = taken.entry(*account).or_default();
            *taken += *amounts;
            let spent = self.spent[usize::from(*account)];
            !ceilings.hold(&(spent + self.reserved(*account) + *taken))
        })
    }

    fn end(&mut self, name: u8, spent: Option<Amounts>) {
        for (account, _, amounts) in self.held.remove(&name).map(|held| held.1).unwrap_or_default()
        {
            self.spent[usize::from(account)] += spent.map_or(amounts, positive);
        }
    }

    fn take(&mut self, step: &Step) -> Answer {
        match step {
            Step::Reserve { name, claims, until } => {
                let mut claims = claims.clone();
                claims.iter_mut().for_each(|(.., amounts)| *amounts = positive(*amounts));
                if claims.is_empty() {
                    return Some(Ok(Reserved::Held));
                }
                if let Some((_, held)) = self.held.get(name) {
                    return (*held == claims).then_some(Ok(Reserved::Held));
                }
                if let Some(claim) = self.first_too_large(&claims) {
                    return Some(Ok(Reserved::Refused(claim)));
                }
                self.held.insert(*name, (*until, claims));
                Some(Ok(Reserved::Held))
            }
            Step::Raise { name, amounts } => {
                let (until, before) = self.held.remove(name)?;
                // Claims are raised one after the other: those that follow stand as they were.
                let mut raised = before.clone();
                for number in 0..raised.len() {
                    let old = raised[number].2;
                    raised[number].2 = Amounts {
                        usd: old.usd.max(amounts.usd),
                        tokens: old.tokens.max(amounts.tokens),
                        credits: old.credits.max(amounts.credits),
                        runs: old.runs.max(amounts.runs),
                    };
                    let (account, ceilings, _) = raised[number];
                    let own = raised.iter().filter(|(of, ..)| *of == account);
                    let own = own.fold(Amounts::default(), |sum, (.., amounts)| sum + *amounts);
                    let spent = self.spent[usize::from(account)];
                    if !ceilings.hold(&(spent + self.reserved(account) + own)) {
                        self.held.insert(*name, (until, before));
                        return Some(Ok(Reserved::Refused(number)));
                    }
                }
                self.held.insert(*name, (until, raised));
                Some(Ok(Reserved::Held))
            }
            Step::Settle { name, spent } => {
                self.end(*name, Some(*spent));
                Some(Err(0))
            }
            Step::Charge { at } => {
                let due: Vec<u8> = self
                    .held
                    .iter()
                    .filter(|(_, held)| held.0 <= *at)
                    .map(|(name, _)| *name)
                    .collect();
                due.iter().for_each(|name| self.end(*name, None));
                Some(Err(due.len() as u64))
            }
        }
    }
}

fn account(case: u32, number: u8) -> Account {
    Account {
        budget: format!("case {case}"),
        subject: format!("s{}", 9 - number),
        window_start: Timestamp(0),
        window_end: (number > 0).then_some(later(0)),
    }
}

async fn take(store: &Store, case: u32, step: &Step) -> Answer {
    let full = |name: &u8| format!("case {case} run {name}");
    let answer = match step {
        Step::Reserve { name, claims, until } => {
            let claim = |(number, ceilings, amounts): &Wanted| Claim {
                account: account(case, *number),
                ceilings: *ceilings,
                amounts: *amounts,
            };
            let claims: Vec<Claim> = claims.iter().map(claim).collect();
            store.ledger.reserve(&full(name), &claims, later(*until), NOW).await.map(Ok)
        }
        Step::Raise { name, amounts } => {
            store.ledger.raise(&full(name), amounts, NOW).await.map(Ok)
        }
        Step::Settle { name, spent } => {
            store.ledger.settle(&full(name), spent, NOW).await.map(|()| Err(0))
        }
        Step::Charge { at } => store.ledger.charge_overdue(later(*at)).await.map(Err),
    };
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
            None
        }
    }
}

/// Runs `cases` sequences, each on accounts of its own, alternating between two stores.
fn run(cases: u32, place: impl Future<Output = Option<Place>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(place) = runtime.block_on(place) else { return };
    let stores = runtime.block_on(async { [place.open().await, place.open().await] });
    let count = AtomicU32::new(0);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec((step(), any::<bool>()), 1..40);
    let tested = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(async {
            let case = count.fetch_add(1, Ordering::Relaxed);
            let mut model = Model::default();
            for (step, which) in &steps {
                let store = &stores[usize::from(*which)];
                if matches!(step, Step::Charge { .. }) {
                    place.quiet().await;
                }
                assert_eq!(take(store, case, step).await, model.take(step), "{step:?}");
                for number in 0..3 {
                    let spent = model.spent[usize::from(number)];
                    let balance = Balance { spent, reserved: model.reserved(number) };
                    let kept = stores[0].ledger.balance(&account(case, number)).await.unwrap();
                    assert_eq!(kept, balance, "account {number} after {step:?}");
                }
            }
            // Nothing is left for the next sequence to charge.
            place.quiet().await;
            stores[0].ledger.charge_overdue(later(1_000)).await.unwrap();
        });
        Ok(())
    });
    runtime.block_on(place.leave(stores));
    tested.unwrap();
}

#[test]
fn sqlite_does_as_the_model_does() {
    run(48, async { Some(Place::sqlite()) });
}

#[test]
fn postgres_does_as_the_model_does() {
    run(24, Place::postgres());
}
