//! What the commands do with a file: one that is not there, one that is damaged, one whose key is
//! another, and a copy of one that is written to.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use serde_json::json;
use switchyard::tasks::Tasks;

use super::{NOWHERE, refused, said, verdict};
use crate::harness::PATIENCE;
use crate::process::simulator;
use crate::served::Place;

const RUNS: &str = "/v1/agents/acp:ok/runs";

#[test]
fn a_store_that_is_not_there_is_refused_and_none_is_made() {
    let folder = crate::harness::folder();
    let store = folder.join("typo/store.db");
    let place = Place::with_store(folder, store.clone(), NOWHERE, "overlap");
    let copy = place.folder.join("copy.db");
    let id = "evt_00000000000000000000000000000000";
    for command in [
        &["check"][..],
        &["backup", copy.to_str().unwrap()],
        &["prune"],
        &["callbacks"],
        &["resend", id],
        &["callback-secret", "acme"],
    ] {
        let said = refused(&place, &[&["store"], command].concat());
        let expected = format!("there is no store at {}", store.display());
        assert!(said.contains(&expected), "{command:?}: {said}");
        assert!(!store.parent().unwrap().exists() && !copy.exists(), "{command:?} made something");
    }
    said(&place, &["store", "migrate"]);
    said(&place, &["store", "check"]);
    place.remove();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_store_that_is_written_to_is_whole_and_its_audit_verifies() {
    let simulator = simulator().await;
    let place = Place::new(simulator.addr(), "overlap");
    let served = Arc::new(place.start().await);
    let (tasks, is_over) = (Tasks::default(), Arc::new(AtomicBool::new(false)));
    for number in 0..4 {
        let (served, is_over) = (Arc::clone(&served), Arc::clone(&is_over));
        tasks.spawn("caller", async move {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (key, body) = (format!("{number}-{count}"), json!({ "input": "Hello" }));
                let run = served.ask(Method::POST, RUNS, Some(&key), &body).await;
                assert_eq!(run.status, 200, "{run:?}");
                count += 1;
            }
        });
    }
    let count = |file: &Path| -> u64 {
        let file = rusqlite::Connection::open(file).unwrap();
        file.busy_timeout(PATIENCE).unwrap();
        file.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap()
    };
    let mut copies = Vec::new();
    for number in 0..3 {
        let before = count(&place.store);
        let copy = place.folder.join(format!("copy-{number}.db"));
        said(&place, &["store", "backup", copy.to_str().unwrap()]);
        assert!(before <= count(&copy) && count(&copy) <= count(&place.store));
        copies.push(copy);
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(tasks.drained(PATIENCE).await);
    assert!(count(&copies[2]) > count(&copies[0]), "nothing was written meanwhile");
    // A copy that is there is not written over.
    let said_of_it = refused(&place, &["store", "backup", copies[0].to_str().unwrap()]);
    assert!(said_of_it.contains("cannot be made"), "{said_of_it}");
    for copy in &copies {
        assert_eq!(std::fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = crate::harness::folder();
        let restored = Place::with_store(folder, copy.clone(), simulator.addr(), "overlap");
        let key = |of: &Path| of.with_extension("db.key");
        std::fs::copy(key(&place.store), key(copy)).unwrap();
        said(&restored, &["store", "check"]);
        let verdict = verdict(&restored);
        assert!(verdict.contains("is whole and unchanged"), "{verdict}");
        assert_eq!(said(&restored, &["audit", "key"]), said(&place, &["audit", "key"]));
        restored.remove();
    }
    // A gateway goes on with the last of them: it knows the runs that are in it.
    let folder = crate::harness::folder();
    let restored = Place::with_store(folder, copies[2].clone(), simulator.addr(), "overlap");
    let again = restored.start().await;
    let run = again.ask(Method::POST, RUNS, Some("0-0"), &json!({ "input": "Hello" })).await;
    assert_eq!((run.status, run.headers["idempotent-replayed"].as_bytes()), (200, &b"true"[..]));
    assert!(again.stop().await.success());
    restored.remove();
    let served = Arc::into_inner(served).unwrap();
    assert!(served.stop().await.success());
    place.remove();
}

/// A store that has runs and records, and nobody at work on it.
async fn used() -> Place {
    let simulator = simulator().await;
    let place = Place::new(simulator.addr(), "overlap");
    let served = place.start().await;
    for number in 0..20 {
        let (key, body) = (format!("{number}"), json!({ "input": "Hello" }));
        assert_eq!(served.ask(Method::POST, RUNS, Some(&key), &body).await.status, 200);
    }
    assert!(served.stop().await.success());
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_found_whatever_of_it_is_damaged() {
    let place = used().await;
    said(&place, &["store", "check"]);
    let file = rusqlite::Connection::open(&place.store).unwrap();
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let page: u64 = file.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    let root = |table: &str| -> u64 {
        let wanted = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        file.query_row(wanted, [table], |row| row.get(0)).unwrap()
    };
    let roots = ["runs", "audit_log", "callbacks_due"].map(|name| (name, root(name)));
    drop(file);
    let good = std::fs::read(&place.store).unwrap();
    for (name, root) in roots {
        let mut bad = good.clone();
        let at = usize::try_from((root - 1) * page).unwrap();
        bad[at..at + usize::try_from(page).unwrap()].fill(0xa5);
        std::fs::write(&place.store, &bad).unwrap();
        let said = refused(&place, &["store", "check"]);
        let is_found = said.contains(&format!("page {root}")) || said.contains("malformed");
        assert!(is_found, "{name}: {said}");
    }
    std::fs::write(&place.store, &good).unwrap();
    said(&place, &["store", "check"]);
    place.remove();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_open_the_store_is_found() {
    let place = used().await;
    let key = place.store.with_extension("db.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::write(&key, crate::harness::STORE_KEY).unwrap();
    let check = refused(&place, &["store", "check"]);
    assert!(check.contains("run_"), "{check}");
    // Where it is gone no other is made, by whatever command.
    std::fs::remove_file(&key).unwrap();
    for command in [
        &["store", "check"][..],
        &["store", "callback-secret", "acme"],
        &["audit", "export"],
        &["keys", "list"],
        &["serve"],
    ] {
        let said = refused(&place, command);
        assert!(said.contains("is gone: put it back") && !key.exists(), "{command:?}: {said}");
    }
    std::fs::write(&key, kept).unwrap();
    said(&place, &["store", "check"]);
    place.remove();
}
