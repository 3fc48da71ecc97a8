//! How many records a second become durable, and how long each waits: alone, by so many waiters at
//! a time, beside what the same disk's `fdatasync` takes in the same run.
//!
//! `cargo bench --bench audit [-- FOLDER]`; the folder decides which disk is measured.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench fails as tests do")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchyard::clock::{RandomIds, SystemClock};
use switchyard::model::record::{CallFacts, Record, RunFacts, Stage, Verdict, Who};
use switchyard::model::scribe::Scribe;
use switchyard::store::log::Entry;
use switchyard::tasks::Tasks;

/// How long each row is measured.
const ROUND: Duration = Duration::from_secs(5);
/// Bytes of a record here, about those of a run's admission.
const BYTES: usize = 1_024;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(|| PathBuf::from("target/audit-bench"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| waiters | records/s | wait p50 ms | wait p99 ms | fdatasync p50 ms | p99 ms |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for waiters in [1, 64, 512, 2_048] {
        let disk = fdatasync(&folder);
        let mut waits = runtime.block_on(records(&folder, waiters));
        let rate = waits.len() as f64 / ROUND.as_secs_f64();
        println!(
            "| {waiters} | {rate:.0} | {} | {} | {} | {} |",
            at(&mut waits, 0.5),
            at(&mut waits, 0.99),
            disk.0,
            disk.1
        );
    }
    std::fs::remove_dir_all(&folder).ok();
}

/// Records that are kept one by one by each of so many waiters; how long each waited.
async fn records(folder: &Path, waiters: usize) -> Vec<Duration> {
    let file = folder.join(format!("store-{waiters}.db"));
    let url = format!("sqlite://{}", file.display());
    let (clock, tasks) = (Arc::new(SystemClock::new()), Tasks::default());
    let store = switchyard::store::open(&url, clock, &tasks).await.unwrap();
    let scribe = Scribe::new(Arc::new(SystemClock::new()), Arc::new(RandomIds));
    let mut all = Vec::new();
    for _ in 0..waiters {
        let (log, scribe) = (Arc::clone(&store.log), scribe.clone());
        all.push(tokio::spawn(async move {
            let (began, mut waits) = (Instant::now(), Vec::new());
            while began.elapsed() < ROUND {
                let entry = Entry::of(&record(&scribe)).unwrap();
                let asked = Instant::now();
                log.append(vec![entry]).await.unwrap();
                waits.push(asked.elapsed());
            }
            waits
        }));
    }
    let mut waits = Vec::new();
    for waiter in all {
        waits.extend(waiter.await.unwrap());
    }
    store.close().await;
    waits
}

fn record(scribe: &Scribe) -> Record {
    let mut record = Record {
        call: Some(CallFacts {
            request_id: "0192aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee".to_owned(),
            operation: "create_run".to_owned(),
            ..CallFacts::default()
        }),
        principal: Some(Who {
            workspace: "acme".to_owned(),
            kind: "key".to_owned(),
            subject: "key:key_0192".to_owned(),
            name: "n8n".to_owned(),
        }),
        run: Some(RunFacts { agent: "support".to_owned(), ..RunFacts::default() }),
        ..scribe.record(Stage::Admitted, Verdict::Allow)
    };
    let length = serde_json::to_vec(&record).unwrap().len();
    record.subject = Some("x".repeat(BYTES.saturating_sub(length)));
    record
}

/// What one `fdatasync` after 4 KiB takes: p50 and p99, in milliseconds.
fn fdatasync(folder: &Path) -> (String, String) {
    let path = folder.join("probe");
    let mut file = File::create(&path).unwrap();
    let mut took = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 4_096]).unwrap();
        let asked = Instant::now();
        file.sync_data().unwrap();
        took.push(asked.elapsed());
    }
    std::fs::remove_file(path).unwrap();
    (at(&mut took, 0.5), at(&mut took, 0.99))
}

fn at(all: &mut [Duration], share: f64) -> String {
    all.sort_unstable();
    let place = ((all.len() as f64 - 1.0) * share) as usize;
    all.get(place).map_or_else(String::new, |it| format!("{:.2}", it.as_secs_f64() * 1e3))
}
