//! The audit as auditors read it: by the admin API here, by the command line in `commands`.

mod commands;
mod payloads;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use switchyard::clock::{RandomIds, SystemClock};
use switchyard::model::record::{CallFacts, Outcome, Record, RunFacts, Stage, Verdict, Who};
use switchyard::model::scribe::Scribe;
use switchyard::policy::audit::log::{Receipt, VerifierKey};
use switchyard::store::log::{Entry, Portion};
use switchyard::store::{self, Store};
use switchyard::tasks::Tasks;
use tlog_tiles::check_record;

use crate::callers::{Folder, eventually, make_key};
use crate::harness::{Events, KEY, PATIENCE, World};

/// A world whose store stands where the test can open it too.
pub struct Audited {
    pub world: World,
    pub folder: Folder,
    pub store: Store,
}

impl Audited {
    pub async fn start(more: &str) -> Self {
        let folder = Folder::new();
        let url = format!("sqlite://{}/shared.db", folder.display());
        let world = World::with(&format!("store: {{ url: \"{url}\" }}\n{more}")).await;
        let store = store::open(&url, Arc::new(SystemClock::new()), &Tasks::default()).await;
        Self { world, folder, store: store.unwrap() }
    }

    pub async fn append(&self, records: Vec<Record>) {
        let entries = records.iter().map(|record| Entry::of(record).unwrap()).collect();
        self.store.log.append(entries).await.unwrap();
    }

    /// Waits until every record is under a checkpoint; how many there are.
    pub async fn signed(&self) -> u64 {
        let mut signed = 0;
        eventually("everything is under a checkpoint", PATIENCE, async || {
            let head = self.store.log.head().await.unwrap();
            signed = head.signed;
            self.store.log.waiting(head.size, Portion::of(1)).await.unwrap().is_empty()
                && signed == head.size
        })
        .await;
        signed
    }

    pub async fn page(&self, query: &str) -> Value {
        self.world.admin(&format!("/admin/audit?{query}")).await.expect(200).json()
    }

    pub async fn finish(self) {
        self.store.close().await;
        self.world.finish().await;
    }
}

pub fn scribe() -> Scribe {
    Scribe::new(Arc::new(SystemClock::new()), Arc::new(RandomIds))
}

/// A record of `workspace`, of something like a run of `agent`.
fn record(
    scribe: &Scribe,
    stage: Stage,
    decision: Verdict,
    workspace: &str,
    agent: &str,
) -> Record {
    let mut record = scribe.record(stage, decision);
    record.principal = Some(Who {
        workspace: workspace.to_owned(),
        kind: "key".to_owned(),
        subject: format!("key:{workspace}"),
        name: "bot".to_owned(),
    });
    record.run = Some(RunFacts { agent: agent.to_owned(), ..RunFacts::default() });
    record.call = Some(CallFacts { operation: "run_hook".to_owned(), ..CallFacts::default() });
    record
}

fn seqs(page: &Value) -> Vec<u64> {
    page["data"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_run_leaves_records_that_are_found_by_it_and_proven() {
    let audited = Audited::start("").await;
    let run = audited.world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200).json();
    let run = run["id"].as_str().unwrap();
    let page = audited.page(&format!("run_id={run}&order=oldest")).await;
    let stages: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["record"]["stage"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        stages.contains(&"admitted".to_owned()) && stages.contains(&"ended".to_owned()),
        "{page}"
    );
    let size = audited.signed().await;
    let checkpoints = audited.world.admin("/admin/audit/checkpoints").await.expect(200).json();
    let key = VerifierKey::parse(checkpoints["key"].as_str().unwrap()).unwrap();
    let last = checkpoints["data"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["size"], &checkpoints["next_after"]), (&json!(size), &Value::Null));
    for seq in seqs(&page) {
        let path = format!("/admin/audit/records/{seq}/proof");
        let receipt = Receipt::parse(&audited.world.admin(&path).await.expect(200).text()).unwrap();
        let leaf = audited
            .store
            .log
            .leaves(&Default::default(), store::log::From::Place(seq), 1)
            .await
            .unwrap()
            .remove(0);
        let checkpoint =
            receipt.verify(&leaf.body, "switchyard", std::slice::from_ref(&key)).unwrap();
        // The record as it is answered is the one that is proven.
        let body: Value = serde_json::from_slice(&leaf.body).unwrap();
        assert!(page["data"].as_array().unwrap().iter().any(|item| item["record"] == body));
        let proof: Vec<_> = receipt.proof.iter().copied().map(tlog_tiles::Hash).collect();
        let theirs = check_record(
            &proof,
            checkpoint.size,
            tlog_tiles::Hash(checkpoint.root),
            seq,
            tlog_tiles::record_hash(&leaf.body),
        );
        assert!(theirs.is_ok(), "{theirs:?}");
    }
    for missing in [size + 100, u64::MAX] {
        let path = format!("/admin/audit/records/{missing}/proof");
        audited.world.admin(&path).await.problem(404, "not_found");
    }
    audited.world.admin("/admin/audit/records/x/proof").await.problem(404, "not_found");
    audited.finish().await;
}

#[tokio::test]
async fn pages_have_every_record_once_in_either_order() {
    let audited = Audited::start("").await;
    let scribe = scribe();
    let made = (0..25).map(|_| record(&scribe, Stage::Answered, Verdict::Allow, "globex", "a"));
    audited.append(made.collect()).await;
    for (order, limit) in [("newest", 7), ("oldest", 7), ("oldest", 25), ("newest", 1_000)] {
        let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let query = format!("workspace=globex&order={order}&limit={limit}{cursor}");
            let page = audited.page(&query).await;
            all.extend(seqs(&page));
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((all.len(), pages), (25, 25_usize.div_ceil(limit)), "{order} {limit}");
        let is_sorted = match order {
            "newest" => all.windows(2).all(|two| two[0] > two[1]),
            _ => all.windows(2).all(|two| two[0] < two[1]),
        };
        assert!(is_sorted, "{all:?}");
    }
    audited.finish().await;
}

#[tokio::test]
async fn every_filter_picks_and_a_wrong_one_is_refused() {
    let audited = Audited::start("").await;
    let scribe = scribe();
    let mut records = vec![
        record(&scribe, Stage::Answered, Verdict::Allow, "globex", "one"),
        record(&scribe, Stage::Refused, Verdict::Deny, "globex", "two"),
        record(&scribe, Stage::Ended, Verdict::Allow, "initech", "three"),
        scribe.record(Stage::Operated, Verdict::Allow),
    ];
    if let Some(run) = records[2].run.as_mut() {
        run.target = Some("make:7".to_owned());
    }
    records[1].outcome = Some(Outcome { code: Some("forbidden".to_owned()), ..Outcome::default() });
    records[3].subject = Some("audit export 0..7".to_owned());
    let run = switchyard::model::ids::RunId::new(&RandomIds, records[0].at);
    if let Some(facts) = records[0].run.as_mut() {
        facts.id = Some(run.clone());
    }
    let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    let (first, last) = (records[0].at, records[3].at);
    audited.append(records).await;
    let later = switchyard::clock::Timestamp(last.0 + 1_000_000);
    for (query, expected) in [
        ("workspace=globex".to_owned(), &[0, 1][..]),
        ("workspace=globex&decision=deny".to_owned(), &[1]),
        (format!("run_id={run}"), &[0]),
        ("stage=operated".to_owned(), &[3]),
        ("subject=key:initech".to_owned(), &[2]),
        ("subject=audit+export+0..7".to_owned(), &[3]),
        ("operation=run_hook".to_owned(), &[0, 1, 2]),
        ("agent=two".to_owned(), &[1]),
        ("agent=make:7".to_owned(), &[2]),
        ("code=forbidden".to_owned(), &[1]),
        (format!("since={first}&until={later}"), &[0, 1, 2, 3]),
        (format!("since={later}"), &[]),
        (format!("until={first}&workspace=globex"), &[]),
    ] {
        let page = audited.page(&format!("{query}&order=oldest")).await;
        let found: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|item| ids.iter().position(|id| item["record"]["id"] == **id))
            .collect();
        // Times are kept to the microsecond and shown to the millisecond.
        if !query.starts_with("until") {
            assert_eq!(found, expected, "{query}: {page}");
        }
    }
    for query in [
        "colour=red",
        "stage=over",
        "decision=maybe",
        "run_id=x",
        "since=now",
        "until=x",
        "limit=0",
        "limit=1001",
        "order=best",
        "cursor=x",
    ] {
        let answer = audited.world.admin(&format!("/admin/audit?{query}")).await;
        let problem = answer.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], query.split('=').next().unwrap());
    }
    audited.finish().await;
}

#[tokio::test]
async fn only_who_may_read_the_audit_reads_it() {
    let audited = Audited::start("").await;
    let key = async |name: &str, scope: &str| {
        make_key(&audited.world, name, json!({ "scopes": [scope] })).await.secret
    };
    let (auditor, admin) = (key("auditor", "audit:read").await, key("admin", "admin").await);
    let read = async |path: &str, key: &str| {
        let uri = format!("http://{}{path}", audited.world.app.admin());
        let request = Request::get(uri).header("x-api-key", key).body(Full::default()).unwrap();
        audited.world.open(request).await.status().as_u16()
    };
    for path in ["/admin/audit", "/admin/audit/checkpoints", "/admin/audit/tail"] {
        assert_eq!((read(path, &auditor).await, read(path, &admin).await), (200, 403), "{path}");
        assert_eq!(read(path, "").await, 401);
    }
    assert_eq!(read("/admin/audit/records/0/proof", &admin).await, 403);
    assert_eq!(read("/admin/keys", &auditor).await, 403);
    audited.world.get("/admin/audit").await.problem(404, "not_found");
    audited.finish().await;
}

#[tokio::test]
async fn the_tail_follows_goes_on_and_ends_with_the_gateway() {
    let audited = Audited::start("").await;
    let scribe = scribe();
    let tail = async |after: Option<&str>| {
        let uri = format!("http://{}/admin/audit/tail", audited.world.app.admin());
        let request = Request::builder().method(Method::GET).uri(uri).header("x-api-key", KEY);
        let request = match after {
            Some(after) => request.header("last-event-id", after),
            None => request,
        };
        Events::of(audited.world.open(request.body(Full::default()).unwrap()).await)
    };
    audited.append(vec![scribe.record(Stage::Operated, Verdict::Allow)]).await;
    let mut newest = tail(None).await;
    let made: Vec<_> = (0..300).map(|_| scribe.record(Stage::Operated, Verdict::Allow)).collect();
    let ids: Vec<String> = made.iter().map(|record| record.id.to_string()).collect();
    audited.append(made).await;
    let mut found = Vec::new();
    while found.len() < ids.len() {
        let event = newest.next().await.unwrap();
        assert_eq!((event.name.as_str(), event.data["seq"].to_string()), ("record", event.id));
        found.push(event.data["record"]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(found, ids);
    let mut again = tail(Some("0")).await;
    for seq in 1..5 {
        assert_eq!(again.next().await.unwrap().data["seq"], seq);
    }
    let began = std::time::Instant::now();
    audited.world.app.begin_drain();
    // That the log was read is on record, too, and may still come.
    while newest.next().await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(again);
    audited.finish().await;
}
