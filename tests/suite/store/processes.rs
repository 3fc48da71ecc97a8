//! Two processes on one store, and one that is killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use switchyard::model::amounts::Ceilings;
use switchyard::store::{Claim, Reserved, Store};
use switchyard::tasks::Tasks;

use super::ledger::{account, runs};
use super::{NOW, later, on_both};

/// What the other process is told by.
const URL: &str = "SWITCHYARD_TEST_STORE";

async fn reserve(store: &Store, name: &str) -> switchyard::error::Result<Reserved> {
    let ceilings = Ceilings { runs: Some(1_000_000), ..Ceilings::default() };
    let claim = Claim { account: account("acme"), ceilings, amounts: runs(1) };
    store.ledger.reserve(name, &[claim], later(1), NOW).await
}

/// The other process: reserves until it is killed, and says each that was answered.
#[tokio::test]
#[ignore = "is run as a process of its own by the tests below"]
async fn the_other_process() {
    let url = std::env::var(URL).expect("only the tests below run this");
    let clock = std::sync::Arc::new(switchyard::clock::SystemClock::new());
    let store = switchyard::store::open(&url, clock, &Tasks::default()).await.unwrap();
    for number in 0..100_000 {
        assert_eq!(reserve(&store, &format!("other-{number}")).await.unwrap(), Reserved::Held);
        println!("\nheld {number}");
    }
}

on_both! {
    async fn what_was_answered_outlives_a_kill_and_another_process_works_on(place: Place) {
        let store = place.open().await;
        for round in 1..=3 {
            let mut other = Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--nocapture", "the_other_process"])
                .env(URL, &place.url)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(other.stdout.take().unwrap()).lines();
            let killed = tokio::task::spawn_blocking(move || {
                let mut answered = 0;
                for line in lines.map_while(Result::ok).filter(|line| line.starts_with("held")) {
                    assert_eq!(line, format!("held {answered}"));
                    answered += 1;
                    if answered == 60 * round {
                        other.kill().unwrap();
                    }
                }
                other.wait().unwrap();
                answered
            });
            let mut own = 0;
            while !killed.is_finished() {
                assert_eq!(reserve(&store, &format!("own-{own}")).await.unwrap(), Reserved::Held);
                own += 1;
            }
            let answered = killed.await.unwrap();
            assert!(answered >= 60 * round && own > 10, "{answered} {own}");
            let reserved = store.ledger.balance(&account("acme")).await.unwrap().reserved.runs;
            // The last one may have been written and not been answered.
            let kept = reserved - own;
            assert!((answered..=answered + 1).contains(&kept), "{answered} of {kept}");
            for number in 0..answered {
                let name = format!("other-{number}");
                store.ledger.raise(&name, &runs(1), NOW).await.expect("it was answered");
            }
            let charged = store.ledger.charge_overdue(later(1)).await.unwrap();
            assert_eq!(i64::try_from(charged).unwrap(), reserved);
        }
        place.leave([store]).await;
    }
}
