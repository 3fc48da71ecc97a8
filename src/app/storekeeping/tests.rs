//! What is forgotten of a store, and when: by age, by size, and of the audit with a signed note.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::app::{Surroundings, load_text};
use crate::clock::{Clock, CountingIds, ManualClock, RandomIds};
use crate::model::ids::{BootId, RunId};
use crate::model::run::RunStatus;
use crate::policy::audit::export::Export;
use crate::policy::audit::log::{VerifierKey, verify};
use crate::store::rows::{AdmitRows, EndRows, RunRow, RunsFilter};
use crate::store::{self, Store};
use crate::telemetry::metrics::Metrics;

const HOUR: Duration = Duration::from_secs(3600);
const START: Timestamp = Timestamp(1_700_000_000_000_000);

struct Nothing;

impl Surroundings for Nothing {
    fn env(&self, _: &str) -> Option<String> {
        Some("6f1e8d3a-0000-4000-8000-000000000001".to_owned())
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// A store in a folder of its own, and a clock that stands until it is moved.
struct Place {
    folder: PathBuf,
    config: Config,
    clock: ManualClock,
    store: Store,
    ids: CountingIds,
}

impl Place {
    async fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let text = format!(
            "store: {{ url: 'sqlite://{}/store.db', keep: 2h }}\n{more}\
             upstreams: {{ a: {{ kind: zaia, base_url: 'https://a.example/', credential: '${{env:A}}' }} }}\n",
            folder.display()
        );
        let config = load_text("g.yaml", &text, &Nothing).unwrap();
        sealing::sealer(&config).unwrap();
        let clock = ManualClock::at(START);
        let url = config.store.url.reveal();
        let store = store::open(url, Arc::new(clock.clone()), &Tasks::default()).await.unwrap();
        Self { folder, config, clock, store, ids: CountingIds::default() }
    }

    /// A run that begins now, and ends now unless it goes on.
    async fn run(&self, bytes: usize, goes_on: bool) {
        let at = self.clock.now();
        let run = RunRow {
            id: RunId::new(&self.ids, at),
            boot: BootId::new(&RandomIds, at),
            workspace: "acme".to_owned(),
            subject: "key:a".to_owned(),
            agent: "support".to_owned(),
            thread_id: None,
            status: RunStatus::Running,
            created_at: at,
            ended_at: None,
            sealed: vec![0; bytes],
        };
        let rows = &self.store.rows;
        let (thread, binding, entries) = (None, None, Vec::new());
        rows.admit(AdmitRows { run: run.clone(), thread, binding, entries }).await.unwrap();
        if goes_on {
            return;
        }
        let run = RunRow { status: RunStatus::Completed, ended_at: Some(at), ..run };
        let end = EndRows {
            run,
            events: None,
            thread: None,
            callback: None,
            frees_key: false,
            entries: Vec::new(),
        };
        assert!(rows.end(end).await.unwrap());
    }

    /// The runs that are left, by the order in which they began, from 1.
    async fn left(&self) -> Vec<u128> {
        let filter = RunsFilter { workspace: "acme".to_owned(), ..RunsFilter::default() };
        let rows = self.store.rows.runs(&filter, 10_000).await.unwrap();
        let number = |row: &RunRow| {
            let (_, digits) = row.id.as_str().split_once('_').unwrap();
            u128::from_str_radix(digits, 16).unwrap()
        };
        rows.iter().rev().map(number).collect()
    }

    async fn record(&self) {
        let scribe = Scribe::new(Arc::new(self.clock.clone()), Arc::new(RandomIds));
        let record = scribe.record(Stage::Operated, Verdict::Allow);
        self.store.log.append(vec![Entry::of(&record).unwrap()]).await.unwrap();
    }

    /// Draws the tree over the records; the key that it is verified by.
    async fn sign(&self) -> VerifierKey {
        let surrounding =
            Surrounding { clock: Arc::new(self.clock.clone()), ..Surrounding::system() };
        let metrics = Metrics::new(START).unwrap();
        let committer =
            auditing::committer(&self.config, &surrounding, &self.store, metrics.audit()).unwrap();
        committer.commit().await.unwrap();
        VerifierKey::parse(&committer.verifier()).unwrap()
    }

    async fn prune(&self) -> Value {
        prune(&self.config, &self.store, self.clock.now()).await.unwrap()
    }

    async fn leave(self) {
        self.store.close().await;
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

#[tokio::test]
async fn runs_are_kept_as_long_as_is_configured() {
    let place = Place::new("").await;
    place.run(1, true).await;
    for _ in 0..5 {
        place.run(1, false).await;
        place.clock.advance(HOUR);
    }
    // Run 2 has ended five hours ago, 6 one hour ago, and 5 just as long ago as runs are kept.
    assert_eq!(place.prune().await, json!({ "runs": 3, "records": 0 }));
    assert_eq!(place.left().await, [1, 5, 6]);
    assert_eq!(place.prune().await, json!({ "runs": 0, "records": 0 }));
    place.clock.advance(Duration::from_millis(1));
    assert_eq!(place.prune().await, json!({ "runs": 1, "records": 0 }));
    place.clock.advance(1_000 * HOUR);
    assert_eq!(place.prune().await, json!({ "runs": 1, "records": 0 }));
    assert_eq!(place.left().await, [1], "who goes on is not forgotten");
    place.leave().await;
}

#[tokio::test]
async fn the_oldest_runs_go_before_their_time_where_there_is_too_much() {
    let mut place = Place::new("").await;
    place.run(100_000, true).await;
    // Ids are given in the order in which they are asked for.
    for some in [BATCH, BATCH / 2, BATCH] {
        join_all((0..some).map(|_| place.run(4_000, false))).await;
        place.clock.advance(Duration::from_millis(1));
    }
    let all = BATCH * 5 / 2;
    let full = place.store.rows.bytes().await.unwrap() as usize;
    place.config.store.max_bytes = full;
    assert_eq!(place.prune().await["runs"], 0);
    place.config.store.max_bytes = full - 1;
    assert_eq!(place.prune().await["runs"], BATCH);
    let left = place.left().await;
    assert_eq!(left.len(), all - BATCH + 1);
    assert_eq!(left[..2], [1, BATCH as u128 + 2], "the oldest have gone");
    // What goes on stays, also where it is more than may be.
    place.config.store.max_bytes = 1;
    assert_eq!(place.prune().await["runs"], all - BATCH);
    assert_eq!(place.left().await, [1]);
    place.leave().await;
}

#[tokio::test]
async fn old_records_are_let_go_with_a_note_and_the_rest_verifies() {
    let place = Place::new("audit: { keep: 3h }\n").await;
    for _ in 0..6 {
        place.record().await;
        place.clock.advance(HOUR);
    }
    assert_eq!(place.prune().await["records"], 0, "nothing is signed yet");
    let key = place.sign().await;
    assert_eq!(place.prune().await["records"], 3);
    assert_eq!(place.prune().await["records"], 0);
    let log = Arc::clone(&place.store.log);
    let first = log.head().await.unwrap().first;
    let mut export =
        Export::begin(log, &place.config.audit.origin, first, Vec::new()).await.unwrap();
    export.go_on(u64::MAX).await.unwrap();
    let export = export.finish().unwrap();
    let verified = verify(export.as_slice(), std::slice::from_ref(&key), &[]).unwrap();
    assert_eq!((verified.start, verified.records, verified.is_pruned), (3, 3, true));
    assert_eq!(verified.uncovered(), 0);
    // Without the note it is a log whose beginning somebody has cut off.
    let text = String::from_utf8(export).unwrap();
    let (head, rest) = text.split_once('\n').unwrap();
    let (head, _) = head.split_once(r#","pruned":"#).unwrap();
    let fault = verify(format!("{head}}}\n{rest}").as_bytes(), &[key], &[]).unwrap_err();
    assert!(fault.to_string().contains("no signed note says"), "{fault}");
    // Where all of them are old, the newest ones stay until there is a younger one.
    place.clock.advance(100 * HOUR);
    assert_eq!(place.prune().await["records"], 0);
    place.record().await;
    assert_eq!(place.prune().await["records"], 2, "the last one that is signed stays");
    place.sign().await;
    assert_eq!(place.prune().await["records"], 1);
    place.leave().await;
}

#[tokio::test]
async fn records_are_kept_for_ever_unless_the_configuration_says_otherwise() {
    let place = Place::new("").await;
    for _ in 0..3 {
        place.record().await;
    }
    place.sign().await;
    place.clock.advance(100_000 * HOUR);
    place.record().await;
    place.sign().await;
    assert_eq!(place.prune().await, json!({ "runs": 0, "records": 0 }));
    place.leave().await;
}
