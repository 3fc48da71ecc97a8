//! The tree that is drawn over a store: by one or by several at once, and what targets get of it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::export::Export;
use super::super::log::{self, VerifierKey};
use super::super::targets::Targets;
use super::super::{prove, retention};
use super::*;
use crate::clock::{RandomIds, SystemClock, Timestamp};
use crate::model::ids::RecordId;
use crate::model::record::{Stage, Verdict};
use crate::store::log::Entry;
use crate::store::{self, Store};
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

struct Place {
    folder: PathBuf,
    store: Store,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let url = format!("sqlite://{}/store.db", folder.display());
        let store = store::open(&url, Arc::new(SystemClock::new()), &Tasks::default()).await;
        Self { folder, store: store.unwrap() }
    }

    async fn append(&self, count: usize) {
        self.append_of(count, |number| json!({ "number": number })).await;
    }

    async fn append_of(&self, count: usize, body: impl Fn(usize) -> Value) {
        let entries = (0..count).map(|number| Entry {
            id: RecordId::new(&RandomIds, Timestamp(1)),
            at: Timestamp(1),
            workspace: None,
            run_id: None,
            stage: Stage::Operated,
            decision: Verdict::Allow,
            body: body(number).to_string().into(),
        });
        self.store.log.append(entries.collect()).await.unwrap();
    }

    fn committer(&self) -> Committer {
        let key = SigningKey::from_seed("log", &[7; 32]).unwrap();
        let metrics = Metrics::new(Timestamp(0)).unwrap().audit().clone();
        let (log, clock) = (Arc::clone(&self.store.log), Arc::new(SystemClock::new()));
        Committer::new(log, clock, "log", key, metrics)
    }

    async fn export(&self, from: u64) -> Vec<u8> {
        let log = Arc::clone(&self.store.log);
        let mut export = Export::begin(log, "log", from, Vec::new()).await.unwrap();
        export.go_on(u64::MAX).await.unwrap();
        export.finish().unwrap()
    }

    async fn verify(&self, from: u64) -> log::Verified {
        let key = VerifierKey::parse(&self.committer().verifier()).unwrap();
        log::verify_from(self.export(from).await.as_slice(), &[key], &[], from).unwrap()
    }

    async fn leave(self) {
        self.store.close().await;
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

#[tokio::test]
async fn what_waits_is_drawn_in_parts_and_nothing_new_makes_no_checkpoint() {
    let place = Place::new().await;
    let committer = place.committer();
    assert_eq!(committer.commit().await.unwrap(), Committed::default());
    place.append(BATCH.records + 10).await;
    let done = committer.commit().await.unwrap();
    assert_eq!((done.size, done.was_outrun), (BATCH.records as u64 + 10, false));
    assert_eq!(done.checkpoint.unwrap().size, BATCH.records as u64 + 10);
    assert_eq!(committer.commit().await.unwrap().checkpoint, None);
    place.append(1).await;
    committer.commit().await.unwrap();
    let sizes = place.store.log.checkpoints(0, 10).await.unwrap();
    let sizes: Vec<_> = sizes.iter().map(|row| row.size).collect();
    assert_eq!(sizes, [4_096, 4_106, 4_107]);
    let verified = place.verify(0).await;
    assert_eq!((verified.records, verified.uncovered(), verified.checkpoints), (4_107, 0, 3));
    place.leave().await;
}

#[tokio::test]
async fn large_records_come_under_the_tree_some_mebibytes_at_a_time() {
    let place = Place::new().await;
    let payload = "x".repeat(BATCH.bytes / 10);
    place.append_of(25, |number| json!({ "number": number, "payload": payload })).await;
    place.committer().commit().await.unwrap();
    let sizes = place.store.log.checkpoints(0, 10).await.unwrap();
    let sizes: Vec<_> = sizes.iter().map(|row| row.size).collect();
    assert_eq!(sizes, [10, 20, 25]);
    let verified = place.verify(0).await;
    assert_eq!((verified.records, verified.uncovered()), (25, 0));
    place.leave().await;
}

#[tokio::test]
async fn two_at_once_make_one_log() {
    let place = Place::new().await;
    let committers = [place.committer(), place.committer()];
    for round in 1..40 {
        place.append(round).await;
        let (one, two) = tokio::join!(committers[0].commit(), committers[1].commit());
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.checkpoint.is_none() || two.checkpoint.is_none() || one != two);
    }
    committers[0].commit().await.unwrap();
    let verified = place.verify(0).await;
    assert_eq!((verified.records, verified.uncovered()), ((1..40).sum::<usize>() as u64, 0));
    place.leave().await;
}

#[tokio::test]
async fn a_log_whose_beginning_is_forgotten_still_verifies_and_proves() {
    let place = Place::new().await;
    let committer = place.committer();
    for count in [300, 700, 5] {
        place.append(count).await;
        committer.commit().await.unwrap();
    }
    let key = SigningKey::from_seed("log", &[7; 32]).unwrap();
    let forgotten = retention::forget(&*place.store.log, "log", &key, 777).await.unwrap();
    assert_eq!((forgotten, place.store.log.head().await.unwrap().first), (777, 777));
    for from in [777, 1_000, 1_004, 1_005] {
        let verified = place.verify(from).await;
        assert_eq!(verified.is_pruned, from == 777);
        assert_eq!(
            (verified.start, verified.records, verified.uncovered()),
            (from, 1_005 - from, 0)
        );
    }
    let early = Export::begin(Arc::clone(&place.store.log), "log", 300, Vec::new()).await;
    assert_eq!(early.unwrap().go_on(u64::MAX).await.unwrap_err().kind(), Kind::NotFound);
    // A forgotten record is proven to who kept it.
    let key = VerifierKey::parse(&committer.verifier()).unwrap();
    for seq in [0, 299, 300, 776, 1_004] {
        let receipt = prove::receipt(&*place.store.log, seq).await.unwrap().unwrap();
        let at = if seq < 300 {
            seq
        } else if seq < 1_000 {
            seq - 300
        } else {
            seq - 1_000
        };
        let body = json!({ "number": at }).to_string();
        let keys = std::slice::from_ref(&key);
        assert_eq!(receipt.verify(body.as_bytes(), "log", keys).unwrap().size, 1_005);
        assert!(receipt.verify(b"{}", "log", keys).is_err());
    }
    assert!(prove::receipt(&*place.store.log, 1_005).await.unwrap().is_none());
    place.leave().await;
}

#[tokio::test]
async fn a_folder_gets_each_checkpoint_once_and_never_another_of_the_same_size() {
    let place = Place::new().await;
    let committer = place.committer();
    let folder = place.folder.join("checkpoints");
    let to = [format!("file:{}", folder.display())];
    place.append(3).await;
    committer.commit().await.unwrap();
    let targets = Targets::start(&to, &place.store.log).await.unwrap();
    for count in [1, 2, 4] {
        place.append(count).await;
        targets.send(&committer.commit().await.unwrap().checkpoint.unwrap());
    }
    targets.end().await;
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let numbered = [4, 6, 10].map(|size| format!("{size:020}"));
    assert_eq!(names(), [&numbered[..], &["latest".to_owned()]].concat());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("latest"), read(&numbered[2]));
    // What was made while nobody wrote there comes later; what stands there otherwise stays.
    place.append(1).await;
    committer.commit().await.unwrap();
    place.append(1).await;
    std::fs::write(folder.join(format!("{:020}", 12)), "another").unwrap();
    let targets = Targets::start(&to, &place.store.log).await.unwrap();
    targets.send(&committer.commit().await.unwrap().checkpoint.unwrap());
    targets.end().await;
    assert_eq!(read(&format!("{:020}", 12)), "another");
    assert_eq!(read("latest"), read(&format!("{:020}", 11)));
    place.leave().await;
}
