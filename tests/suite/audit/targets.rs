//! Where checkpoints go besides the store: what comes there, what comes after a failure, and that
//! nobody waits for an address that does not answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use switchyard::policy::audit::log::{Checkpoint, Signed, VerifierKey};
use tokio::net::TcpListener;

use super::Audited;
use crate::callers::{Folder, eventually};
use crate::harness::PATIENCE;
use crate::receiver::{Delivery, receiver};

/// A gateway that sends its checkpoints to these.
async fn sending(to: &[String]) -> Audited {
    let to: Vec<Value> = to.iter().map(|target| json!(target)).collect();
    Audited::start(&format!("audit: {{ checkpoint: {{ to: {} }} }}\n", Value::Array(to))).await
}

/// Has a run, and waits until all of its records are signed; how many records there are.
async fn run_and_sign(audited: &Audited) -> u64 {
    audited.world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    audited.signed().await
}

/// The log's key, and the notes that the gateway itself tells of.
async fn told(audited: &Audited) -> (VerifierKey, Vec<String>) {
    let told = audited.world.admin("/admin/audit/checkpoints").await.expect(200).json();
    let notes = told["data"].as_array().unwrap().iter();
    let notes = notes.map(|item| item["note"].as_str().unwrap().to_owned()).collect();
    (VerifierKey::parse(told["key"].as_str().unwrap()).unwrap(), notes)
}

/// What came, verified by the log's key alone.
fn verified(seen: &Mutex<Vec<Delivery>>, key: &VerifierKey) -> Vec<(String, u64)> {
    let note = |delivery: &Delivery| {
        assert!(delivery.header("content-type").starts_with("text/plain"));
        let note = String::from_utf8(delivery.body.clone()).unwrap();
        let Signed { checkpoint, .. } = Checkpoint::open(&note, std::slice::from_ref(key)).unwrap();
        assert_eq!(checkpoint.origin, "switchyard");
        (note, checkpoint.size)
    };
    seen.lock().iter().map(note).collect()
}

/// Waits until the checkpoint over this many records came.
async fn comes(seen: &Mutex<Vec<Delivery>>, key: &VerifierKey, size: u64) {
    eventually("the newest checkpoint comes", PATIENCE, async || {
        verified(seen, key).last().is_some_and(|(_, last)| *last >= size)
    })
    .await;
}

#[tokio::test]
async fn checkpoints_come_to_an_address_and_a_folder_and_verify_under_the_logs_key() {
    let (address, seen) = receiver(&[]).await;
    let folder = Folder::new();
    let file = folder.join("checkpoints");
    let to = [format!("http://{address}/checkpoints"), format!("file:{}", file.display())];
    let audited = sending(&to).await;
    let mut size = 0;
    for _ in 0..2 {
        size = run_and_sign(&audited).await;
        let (key, _) = told(&audited).await;
        comes(&seen, &key, size).await;
    }
    let (key, notes) = told(&audited).await;
    let came = verified(&seen, &key);
    assert!(came.len() >= 2 && came.is_sorted_by(|a, b| a.1 < b.1), "{came:?}");
    assert!(came.iter().all(|(note, _)| notes.contains(note)), "they are the log's own");
    // A note that was changed under way, or is of another log, is not taken for one.
    let other = switchyard::policy::audit::log::SigningKey::from_seed("switchyard", &[9; 32]);
    let other = other.unwrap().verifier().clone();
    assert!(Checkpoint::open(&came[0].0, &[other]).is_err());
    let changed = came[0].0.replacen('\n', "x\n", 1);
    assert!(Checkpoint::open(&changed, &[key]).is_err());
    eventually("the folder has it too", PATIENCE, async || {
        let numbered = std::fs::read_to_string(file.join(format!("{size:020}")));
        let latest = std::fs::read_to_string(file.join("latest"));
        numbered.is_ok_and(|note| notes.contains(&note) && latest.is_ok_and(|it| it == note))
    })
    .await;
    audited.finish().await;
}

#[tokio::test]
async fn a_receiver_that_failed_for_a_while_gets_the_newest() {
    let (address, seen) = receiver(&[503, 500]).await;
    let audited = sending(&[format!("http://{address}/")]).await;
    let mut sizes = Vec::new();
    while seen.lock().len() < 3 {
        sizes.push(run_and_sign(&audited).await);
    }
    let last = run_and_sign(&audited).await;
    let (key, _) = told(&audited).await;
    comes(&seen, &key, last).await;
    let came: Vec<u64> = verified(&seen, &key).into_iter().map(|(_, size)| size).collect();
    // What was new while it failed came in the place of what it had refused.
    assert!(came.is_sorted() && came[2] > came[0], "{came:?} of {sizes:?}");
    let missed = sizes.iter().filter(|size| **size > came[0] && **size < came[2]);
    assert!(missed.clone().all(|size| !came[2..].contains(size)), "{came:?} of {sizes:?}");
    audited.finish().await;
}

#[tokio::test]
async fn an_address_that_does_not_answer_holds_nobody_up() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    // It takes connections, as the system does for it, and never looks at them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen): (SocketAddr, Arc<Mutex<Vec<Delivery>>>) = receiver(&[]).await;
    let to = [nobody, silent.local_addr().unwrap(), address].map(|it| format!("http://{it}/"));
    let audited = sending(&to).await;
    for _ in 0..3 {
        let began = Instant::now();
        let size = run_and_sign(&audited).await;
        let (key, _) = told(&audited).await;
        comes(&seen, &key, size).await;
        // The tree is drawn once a second, and a delivery may take fifteen.
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
    let began = Instant::now();
    audited.finish().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
