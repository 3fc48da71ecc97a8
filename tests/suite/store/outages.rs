//! What breaks around the store, and that it works again without a restart.

use std::time::Duration;

use switchyard::model::amounts::Ceilings;
use switchyard::store::{Claim, Reserved, Store};

use super::ledger::{account, runs};
use super::{NOW, Place, later};

async fn reserve(store: &Store, name: &str) -> switchyard::error::Result<Reserved> {
    let ceilings = Ceilings::default();
    let claim = Claim { account: account("acme"), ceilings, amounts: runs(1) };
    store.ledger.reserve(name, &[claim], later(1), NOW).await
}

async fn reserved(store: &Store) -> i64 {
    store.ledger.balance(&account("acme")).await.unwrap().reserved.runs
}

/// The first answer that is not an error; it must come within two seconds.
async fn resumed<T>(call: impl AsyncFn() -> switchyard::error::Result<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(2), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_is_refused_and_used_again_when_it_is_back() {
    let place = Place::sqlite();
    let store = place.open().await;
    assert_eq!(reserve(&store, "a").await.unwrap(), Reserved::Held);
    let folder = place.file().parent().unwrap().to_owned();
    let away = folder.with_file_name("away");
    std::fs::rename(&folder, &away).unwrap();
    assert!(reserve(&store, "b").await.is_err());
    assert!(store.probe(NOW).await.is_err());
    assert!(store.keys.changes(0, NOW).await.is_err());
    assert!(!folder.exists(), "an empty store would forget what was revoked");
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(reserve(&store, "c").await.unwrap(), Reserved::Held);
    assert_eq!(reserved(&store).await, 2);
    place.leave([store]).await;
}

#[tokio::test]
async fn a_file_that_another_process_does_not_let_go_is_refused_in_time() {
    let place = Place::sqlite();
    let store = place.open().await;
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = std::time::Instant::now();
    let (one, two) = tokio::join!(reserve(&store, "a"), reserve(&store, "b"));
    assert!(one.is_err() && two.is_err());
    assert!(start.elapsed() < Duration::from_secs(6));
    assert_eq!(reserved(&store).await, 0, "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(reserve(&store, "c").await.unwrap(), Reserved::Held);
    place.leave([store]).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_refused_at_once_and_used_again_when_there_is_room() {
    let place = Place::sqlite();
    // To a process, files that may not grow are a full disk. The limit is put on by a shell that
    // first has the signal ignored, so that writing fails instead.
    let limited = "trap '' XFSZ; ulimit -S -f 1500; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "on_a_full_disk"])
        .env("SWITCHYARD_TEST_STORE", &place.url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    place.leave([]).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "is run as a process of its own by the test above"]
async fn on_a_full_disk() {
    let url = std::env::var("SWITCHYARD_TEST_STORE").expect("only the test above runs this");
    let clock = std::sync::Arc::new(switchyard::clock::SystemClock::new());
    let tasks = switchyard::tasks::Tasks::default();
    let store = switchyard::store::open(&url, clock, &tasks).await.unwrap();
    // A reader that is there keeps the log from being folded up, which would make room once more.
    let mut held = reserved(&store).await;
    while reserve(&store, &format!("r{held}")).await.is_ok() {
        held += 1;
        assert!(held < 10_000, "the disk never became full");
    }
    for _ in 0..20 {
        let start = std::time::Instant::now();
        assert!(reserve(&store, "too much").await.is_err());
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        assert_eq!(reserved(&store).await, held, "reading goes on, and nothing half is there");
    }
    let pid = std::process::id().to_string();
    let room = ["--pid", &pid, "--fsize=unlimited"];
    assert!(std::process::Command::new("prlimit").args(room).status().unwrap().success());
    for number in 0..50 {
        let number = held + number;
        assert_eq!(reserve(&store, &format!("r{number}")).await.unwrap(), Reserved::Held);
    }
    assert_eq!(reserved(&store).await, held + 50);
    store.close().await;
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_at_once() {
    let place = Place::sqlite();
    let store = place.open().await;
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..6_000 {
        let store = store.clone();
        calls.spawn(async move {
            let start = std::time::Instant::now();
            (reserve(&store, &format!("r{number}")).await.is_ok(), start.elapsed())
        });
    }
    let first = calls.join_next().await.unwrap().unwrap();
    assert!(!first.0 && first.1 < Duration::from_secs(1), "{first:?}");
    other.execute_batch("COMMIT").unwrap();
    let mut held = 0;
    while let Some(call) = calls.join_next().await {
        held += i64::from(call.unwrap().0);
    }
    assert!((1..6_000).contains(&held), "{held}");
    assert_eq!(reserved(&store).await, held);
    place.leave([store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ends_are_replaced() {
    let Some(mut place) = Place::postgres().await else { return };
    let name = format!("{}_ended", super::unique());
    place.url = format!("{}&application_name={name}", place.url);
    let store = place.open().await;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = '{name}' AND pid <> pg_backend_pid()"
    );
    let server = std::env::var("SWITCHYARD_TEST_POSTGRES").unwrap();
    for round in 0..5 {
        // Some wait on their connections, some are idle.
        let names: Vec<String> = (0..20).map(|number| format!("{round}-{number}")).collect();
        let calls = futures_util::future::join_all(names.iter().map(|name| reserve(&store, name)));
        let (_, ()) = tokio::join!(calls, super::administer(&server, &end));
        let charged = resumed(async || store.ledger.charge_overdue(later(1)).await).await;
        super::administer(&server, &end).await;
        let held = resumed(async || reserve(&store, "idle").await).await;
        assert_eq!(held, Reserved::Held);
        assert_eq!(reserved(&store).await, 1);
        store.ledger.settle("idle", &runs(0), NOW).await.unwrap();
        assert!(charged <= 20);
    }
    place.leave([store]).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    let name = place.url.rsplit("%3D").next().unwrap().to_owned();
    let server = std::env::var("SWITCHYARD_TEST_POSTGRES").unwrap();
    let hold = format!("BEGIN; LOCK TABLE {name}.budget_accounts; SELECT pg_sleep(6); COMMIT");
    let start = std::time::Instant::now();
    let call = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let refused = reserve(&store, "a").await.is_err();
        (refused, start.elapsed())
    };
    let ((), (refused, took)) = tokio::join!(super::administer(&server, &hold), call);
    assert!(refused && took < Duration::from_secs(6), "{took:?}");
    assert_eq!(reserve(&store, "a").await.unwrap(), Reserved::Held);
    place.leave([store]).await;
}
