//! What the store promises about budgets.

use std::sync::Arc;

use switchyard::clock::Timestamp;
use switchyard::error::Kind;
use switchyard::model::amounts::{Amounts, Ceilings};
use switchyard::model::micro::Micro;
use switchyard::store::{Account, Balance, Claim, Reserved, Store};

use super::{NOW, later, on_both};

pub fn account(subject: &str) -> Account {
    Account {
        budget: "monthly".to_owned(),
        subject: subject.to_owned(),
        window_start: NOW,
        window_end: Some(later(100)),
    }
}

pub fn runs(runs: i64) -> Amounts {
    Amounts { runs, ..Amounts::default() }
}

fn claim(subject: &str, most: i64, wanted: i64) -> Claim {
    let ceilings = Ceilings { runs: Some(most), ..Ceilings::default() };
    Claim { account: account(subject), ceilings, amounts: runs(wanted) }
}

async fn reserve(store: &Store, name: &str, claims: &[Claim]) -> Reserved {
    store.ledger.reserve(name, claims, later(10), NOW).await.unwrap()
}

async fn runs_of(store: &Store, subject: &str) -> (i64, i64) {
    let balance = store.ledger.balance(&account(subject)).await.unwrap();
    (balance.spent.runs, balance.reserved.runs)
}

on_both! {
    async fn a_reservation_takes_all_its_accounts_or_none(place: Place) {
        let store = place.open().await;
        let both = [claim("acme", 10, 4), claim("acme/key:1", 5, 4)];
        assert_eq!(reserve(&store, "a", &both).await, Reserved::Held);
        assert_eq!(reserve(&store, "b", &both).await, Reserved::Refused(1));
        assert_eq!(runs_of(&store, "acme").await, (0, 4));
        assert_eq!(runs_of(&store, "acme/key:1").await, (0, 4));
        let backwards = [claim("acme/key:1", 5, 1), claim("new", 0, 1), claim("acme", 10, 1)];
        assert_eq!(reserve(&store, "c", &backwards).await, Reserved::Refused(1));
        assert_eq!(runs_of(&store, "acme/key:1").await, (0, 4));
        store.ledger.settle("a", &runs(3), NOW).await.unwrap();
        assert_eq!(runs_of(&store, "acme").await, (3, 0));
        assert_eq!(runs_of(&store, "acme/key:1").await, (3, 0));
        assert_eq!(reserve(&store, "d", &[]).await, Reserved::Held);
        place.leave([store]).await;
    }

    async fn each_unit_and_each_window_is_counted_by_itself(place: Place) {
        let store = place.open().await;
        let amounts = Amounts { usd: Micro(1), tokens: 20, credits: Micro(-5), runs: 1 };
        let total = Account { window_start: Timestamp(0), window_end: None, ..account("acme") };
        let ceilings = Ceilings { usd: Some(Micro(1)), credits: Some(Micro(0)), ..Ceilings::default() };
        let claim = |account: &Account| Claim { account: account.clone(), ceilings, amounts };
        assert_eq!(reserve(&store, "a", &[claim(&total)]).await, Reserved::Held);
        assert_eq!(reserve(&store, "b", &[claim(&total)]).await, Reserved::Refused(0));
        let longer = Account { window_end: Some(later(200)), ..account("acme") };
        assert_eq!(reserve(&store, "c", &[claim(&account("acme")), claim(&longer)]).await, Reserved::Held);
        let counted = Amounts { credits: Micro(0), ..amounts };
        for account in [&total, &account("acme"), &longer] {
            let balance = store.ledger.balance(account).await.unwrap();
            assert_eq!(balance, Balance { reserved: counted, ..Balance::default() });
        }
        let spent = Amounts { usd: Micro(i64::MAX), tokens: -7, credits: Micro(2), runs: 1 };
        store.ledger.settle("a", &spent, NOW).await.unwrap();
        let balance = store.ledger.balance(&total).await.unwrap();
        let spent = Amounts { tokens: 0, ..spent };
        assert_eq!(balance, Balance { spent, ..Balance::default() });
        let other = Account { budget: "daily".to_owned(), ..total };
        assert_eq!(store.ledger.balance(&other).await.unwrap(), Balance::default());
        place.leave([store]).await;
    }

    async fn a_call_whose_answer_was_lost_may_be_repeated(place: Place) {
        let store = place.open().await;
        let claims = [claim("acme", 5, 3), claim("acme/key:1", 5, 2)];
        assert_eq!(reserve(&store, "a", &claims).await, Reserved::Held);
        assert_eq!(reserve(&store, "a", &claims).await, Reserved::Held);
        assert_eq!(runs_of(&store, "acme").await, (0, 3));
        for other in [vec![claim("acme", 5, 1)], vec![claim("x", 5, 3), claim("acme/key:1", 5, 2)]] {
            let refused = store.ledger.reserve("a", &other, later(10), NOW).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Conflict);
        }
        for spent in [2, 4] {
            store.ledger.settle("a", &runs(spent), NOW).await.unwrap();
            assert_eq!(runs_of(&store, "acme").await, (2, 0));
        }
        store.ledger.settle("never made", &runs(1), NOW).await.unwrap();
        place.leave([store]).await;
    }

    async fn a_reservation_is_raised_within_the_ceilings(place: Place) {
        let store = place.open().await;
        let claims = [claim("acme/key:1", 4, 1), claim("acme", 9, 5)];
        assert_eq!(reserve(&store, "a", &claims).await, Reserved::Held);
        assert_eq!(store.ledger.raise("a", &runs(4), NOW).await.unwrap(), Reserved::Held);
        assert_eq!((runs_of(&store, "acme").await, runs_of(&store, "acme/key:1").await), ((0, 5), (0, 4)));
        assert_eq!(store.ledger.raise("a", &runs(5), NOW).await.unwrap(), Reserved::Refused(0));
        assert_eq!(reserve(&store, "b", &[claim("acme", 9, 4)]).await, Reserved::Held);
        assert_eq!(reserve(&store, "c", &[claim("acme", 9, 1)]).await, Reserved::Refused(0));
        store.ledger.settle("a", &runs(1), NOW).await.unwrap();
        assert_eq!((runs_of(&store, "acme").await, runs_of(&store, "acme/key:1").await), ((1, 4), (1, 0)));
        let refused = store.ledger.raise("a", &runs(1), NOW).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        place.leave([store]).await;
    }

    async fn what_is_overdue_is_charged_in_full_once(place: Place) {
        let nodes = [place.open().await, place.open().await];
        let count = 450;
        for number in 0..count {
            let until = later(if number < 420 { 5 } else { 6 });
            let claims = [claim("acme", 9_999, 2), claim(&format!("key:{}", number % 7), 9_999, 2)];
            let held = nodes[0].ledger.reserve(&format!("r{number}"), &claims, until, NOW).await;
            assert_eq!(held.unwrap(), Reserved::Held);
        }
        nodes[1].ledger.raise("r0", &runs(3), NOW).await.unwrap();
        assert_eq!(nodes[0].ledger.charge_overdue(later(4)).await.unwrap(), 0);
        let nothing = runs(0);
        let settle = nodes[1].ledger.settle("r1", &nothing, NOW);
        let (one, other, settled) = tokio::join!(
            nodes[0].ledger.charge_overdue(later(5)),
            nodes[1].ledger.charge_overdue(later(5)),
            settle,
        );
        settled.unwrap();
        // A part that both skipped as the other's is left for the next time.
        let rest = nodes[0].ledger.charge_overdue(later(5)).await.unwrap();
        let charged = one.unwrap() + other.unwrap() + rest;
        assert!([419, 420].contains(&charged), "{charged}");
        let settled_first = charged == 419;
        let spent = 420 * 2 + 1 - if settled_first { 2 } else { 0 };
        assert_eq!(runs_of(&nodes[0], "acme").await, (spent, 60));
        nodes[0].ledger.settle("r2", &runs(50), NOW).await.unwrap();
        assert_eq!(runs_of(&nodes[0], "acme").await, (spent, 60));
        assert_eq!(nodes[1].ledger.charge_overdue(later(6)).await.unwrap(), 30);
        assert_eq!(runs_of(&nodes[0], "acme").await, (spent + 60, 0));
        place.leave(nodes).await;
    }

    async fn accounts_are_forgotten_when_their_window_is_over_and_nothing_is_held(place: Place) {
        let store = place.open().await;
        let total = Account { window_end: None, ..account("total") };
        let ceilings = Ceilings::default();
        let in_total = Claim { account: total.clone(), ceilings, amounts: runs(1) };
        reserve(&store, "a", &[claim("over", 9, 1), in_total]).await;
        reserve(&store, "b", &[claim("held", 9, 1)]).await;
        store.ledger.settle("a", &runs(1), NOW).await.unwrap();
        assert_eq!(store.ledger.prune(later(100)).await.unwrap(), 0);
        assert_eq!(store.ledger.prune(later(101)).await.unwrap(), 1);
        assert_eq!(runs_of(&store, "over").await, (0, 0));
        assert_eq!(runs_of(&store, "held").await, (0, 1));
        assert_eq!(store.ledger.balance(&total).await.unwrap().spent, runs(1));
        store.ledger.settle("b", &runs(1), NOW).await.unwrap();
        assert_eq!(store.ledger.prune(later(101)).await.unwrap(), 1);
        place.leave([store]).await;
    }

    async fn of_200_at_once_exactly_as_many_are_held_as_there_is_room(place: Place) {
        let nodes = [place.open().await, place.open().await, place.open().await];
        let mut tasks = tokio::task::JoinSet::new();
        let start = Arc::new(tokio::sync::Barrier::new(200));
        for number in 0..200 {
            let (store, start) = (nodes[number % 3].clone(), start.clone());
            tasks.spawn(async move {
                start.wait().await;
                let claims = [claim(&format!("key:{number}"), 5, 1), claim("acme", 37, 1)];
                (number, reserve(&store, &format!("r{number}"), &claims).await)
            });
        }
        let (mut held, mut refused) = (Vec::new(), 0);
        while let Some(ended) = tasks.join_next().await {
            match ended.unwrap() {
                (number, Reserved::Held) => held.push(number),
                (_, Reserved::Refused(claim)) => {
                    assert_eq!(claim, 1);
                    refused += 1;
                }
            }
        }
        assert_eq!((held.len(), refused), (37, 163));
        assert_eq!(runs_of(&nodes[0], "acme").await, (0, 37));
        for number in 0..200 {
            let reserved = i64::from(held.contains(&number));
            assert_eq!(runs_of(&nodes[1], &format!("key:{number}")).await, (0, reserved));
        }
        place.leave(nodes).await;
    }

    async fn claims_in_any_order_from_several_nodes_do_not_block_each_other(place: Place) {
        let nodes = [place.open().await, place.open().await, place.open().await];
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..18_i64 {
            let store = nodes[usize::try_from(number % 3).unwrap()].clone();
            tasks.spawn(async move {
                for round in 0..5 {
                    let mut claims: Vec<Claim> = (0..6)
                        .map(|place| claim(&format!("s{}", (place * 5 + number + round) % 11), 9_999, 1))
                        .collect();
                    if number % 2 == 0 {
                        claims.reverse();
                    }
                    let name = format!("r{number}-{round}");
                    assert_eq!(reserve(&store, &name, &claims).await, Reserved::Held);
                    let raised = store.ledger.raise(&name, &runs(2), NOW).await.unwrap();
                    assert_eq!(raised, Reserved::Held);
                    store.ledger.settle(&name, &runs(1), NOW).await.unwrap();
                }
            });
        }
        let pruning = async {
            for _ in 0..50 {
                nodes[0].ledger.prune(later(101)).await.unwrap();
                nodes[1].ledger.charge_overdue(later(9)).await.unwrap();
            }
        };
        pruning.await;
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        for subject in 0..11 {
            assert_eq!(runs_of(&nodes[0], &format!("s{subject}")).await.1, 0);
        }
        place.leave(nodes).await;
    }
}
