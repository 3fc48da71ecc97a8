//! A disk that is full, fails, may not be written or is gone; a database server that is gone for a
//! while; a clock that jumps. What would need a record is refused at once and says why, an open stream ends and says why, nothing that was told
//! or sent is lost, and all goes on by itself soon after the disk does.

mod clock;
mod disk;
mod server;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use switchyard::simulator::server::Running;

use self::disk::{Failing, Small};
use crate::harness::{Events, PATIENCE, folder};
use crate::killed::check::{self, Records};
use crate::killed::journal::ENDS;
use crate::process::simulator;
use crate::served::{Place, Served, Told};

/// How soon a refusal must be there, once it is known that nothing can be recorded.
const AT_ONCE: Duration = Duration::from_millis(50);
/// How soon operators are told how it is, whether or not the store answers.
const TOLD: Duration = Duration::from_secs(2);
/// How soon all must go on after the disk does.
const SOON: Duration = Duration::from_secs(2);

/// A gateway whose disk will fail, and what it was asked.
struct Scene {
    simulator: Running,
    place: Place,
    served: Served,
    asked: usize,
    named: Vec<String>,
}

impl Scene {
    async fn set(folder: &Path, store: &Path, durability: &str) -> Self {
        let simulator = simulator().await;
        let addr = simulator.addr();
        let (folder, store) = (folder.to_owned(), store.to_owned());
        Self::at(simulator, Place::with_store(folder, store, addr, durability)).await
    }

    async fn at(simulator: Running, place: Place) -> Self {
        let served = place.start().await;
        Self { simulator, place, served, asked: 0, named: Vec::new() }
    }

    fn body(&mut self, agent: &str) -> Value {
        self.asked += 1;
        let marker = format!("marker-{}", self.asked);
        json!({ "agent": agent, "input": marker, "metadata": { "marker": marker } })
    }

    async fn run(&mut self) -> Told {
        let body = self.body("acp:ok");
        self.send(None, &body).await
    }

    async fn send(&mut self, key: Option<&str>, body: &Value) -> Told {
        let told = self.served.ask(Method::POST, "/v1/runs", key, body).await;
        let id = told.json["id"].as_str().or(told.json["run_id"].as_str());
        if told.status == 200 {
            self.named.push(id.unwrap().to_owned());
        }
        told
    }

    /// A stream of which the platform has sent a part.
    async fn half_a_stream(&mut self, agent: &str) -> (String, Events) {
        let mut body = self.body(agent);
        body["stream"] = true.into();
        let answer = self.served.open(Method::POST, "/v1/runs", None, &body).await;
        let mut events = Events::of(answer);
        loop {
            let event = events.next().await.unwrap();
            let run = event.data["run_id"].as_str().unwrap().to_owned();
            if event.name == "message.delta" {
                self.named.push(run.clone());
                return (run, events);
            }
        }
    }

    /// Asks until somebody notices, then asks again and again: each is refused at once.
    async fn is_refused(&mut self) {
        let began = Instant::now();
        let noticed = loop {
            let told = self.run().await;
            if told.status != 200 {
                break told;
            }
            assert!(began.elapsed() < PATIENCE, "nobody notices");
        };
        let after = began.elapsed();
        assert_eq!(noticed.status, 503, "{}", noticed.json);
        let mut took = Vec::new();
        for _ in 0..40 {
            let told = self.run().await;
            assert_eq!((told.status, &told.json["code"]), (503, &"audit_unavailable".into()));
            assert!(told.headers.contains_key("retry-after"), "{:?}", told.headers);
            took.push(told.took);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        took.sort();
        let (half, most) = (took[took.len() / 2], took[took.len() - 1]);
        println!("noticed after {after:?}; then refused in {half:?}, at most {most:?}");
        // A machine that is busy otherwise may hold some of them up.
        assert!(took[took.len() * 3 / 4] < AT_ONCE, "{took:?}");
    }

    /// Asks until it is answered, which must be soon.
    async fn goes_on(&mut self) {
        let began = Instant::now();
        loop {
            let told = self.run().await;
            if told.status == 200 {
                break;
            }
            assert_eq!(told.json["code"], "audit_unavailable", "{}", told.json);
            assert!(began.elapsed() < SOON, "it does not go on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("went on after {:?}", began.elapsed());
    }

    /// Nothing is lost: all that was named, and all that the platform was asked for, has its
    /// records, once, and an end.
    async fn lost_nothing(self) {
        let began = Instant::now();
        let is_over = |run: &Value| ENDS.contains(&run["status"].as_str().unwrap());
        while !check::runs(&self.served).await.values().all(is_over) {
            assert!(began.elapsed() < PATIENCE, "runs have not ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What is owed may be one run after another.
        tokio::time::sleep(Duration::from_millis(600)).await;
        let runs = check::runs(&self.served).await;
        assert!(self.served.stop().await.success());
        let records = check::verify_log(&self.place);
        let once = Records { admitted: 1, ended: 1 };
        for id in runs.keys().chain(records.keys()).chain(&self.named) {
            assert!(runs.contains_key(id), "{id} is no run");
            assert_eq!(records.get(id), Some(&once), "{id}: {}", runs[id]);
        }
        let kept = |run: &Value| run["metadata"]["marker"].as_str().unwrap().to_owned();
        let kept: HashSet<String> = runs.values().map(kept).collect();
        for request in self.simulator.journal() {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let marker = body["input"].as_str().unwrap();
            assert!(kept.contains(marker), "{marker} was sent and has no record");
        }
        self.simulator.shutdown();
    }
}

/// All of it, for one way of failing.
async fn fails_and_works_again<F>(
    mut scene: Scene,
    breaks: impl AsyncFnOnce(&Scene) -> Option<F>,
    mends: impl FnOnce(F),
) {
    assert_eq!(scene.run().await.status, 200);
    let (run, stream) = scene.half_a_stream("acp:two-events").await;
    let Some(broken) = breaks(&scene).await else { return };
    scene.is_refused().await;
    let (status, took) = scene.served.status().await;
    assert!(status["audit"]["failing_since"].is_string() && took < TOLD, "{took:?}: {status}");
    // What was kept can still be read.
    let path = format!("/v1/runs/{}", scene.named[0]);
    scene.simulator.signal("second");
    let events = stream.all().await;
    let end = &events.last().unwrap().data;
    assert_eq!(
        (&end["type"], &end["run"]["error"]["code"]),
        (&"run.failed".into(), &"audit_unavailable".into()),
        "{end}"
    );
    let keyed = scene.body("acp:ok");
    assert_eq!(scene.send(Some("a-key"), &keyed).await.json["code"], "audit_unavailable");
    mends(broken);
    scene.goes_on().await;
    let (status, _) = scene.served.status().await;
    assert!(status["audit"]["failing_since"].is_null(), "{status}");
    assert_eq!(scene.served.ask(Method::GET, &path, None, &Value::Null).await.status, 200);
    // A refusal has bound no key, and sent nothing.
    let told = scene.send(Some("a-key"), &keyed).await;
    assert_eq!(told.status, 200, "{}", told.json);
    let path = format!("/v1/runs/{run}");
    let began = Instant::now();
    loop {
        let told = scene.served.ask(Method::GET, &path, None, &Value::Null).await;
        assert_eq!(told.status, 200, "{}", told.json);
        if told.json["status"] == "failed" {
            assert_eq!(told.json["error"]["code"], "audit_unavailable");
            break;
        }
        assert!(began.elapsed() < SOON, "the stream's run has no end: {}", told.json);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.lost_nothing().await;
}

#[tokio::test]
async fn a_full_disk() {
    for durability in ["strict", "overlap"] {
        let Some(disk) = Small::mount() else { return };
        let scene = Scene::set(&folder(), &disk.path().join("store.db"), durability).await;
        let fill = async |_: &Scene| {
            disk.fill();
            Some(())
        };
        fails_and_works_again(scene, fill, |()| disk.make_room()).await;
    }
}

/// Has these calls on the store's files fail.
async fn calls_fail(calls: &str, error: &str, durability: &str) {
    let folder = folder();
    let scene = Scene::set(&folder, &folder.join("store.db"), durability).await;
    let breaks = async |scene: &Scene| {
        Failing::of(scene.served.id(), &scene.place.store, calls, error).await
    };
    fails_and_works_again(scene, breaks, drop).await;
}

#[tokio::test]
async fn a_disk_that_fails_to_keep() {
    calls_fail("fsync,fdatasync", "EIO", "strict").await;
    calls_fail("fsync,fdatasync", "EIO", "overlap").await;
}

#[tokio::test]
async fn a_disk_that_fails_to_write() {
    calls_fail("write,pwrite64", "EIO", "overlap").await;
}

#[tokio::test]
async fn a_disk_that_may_only_be_read() {
    calls_fail("write,pwrite64,ftruncate,fallocate", "EROFS", "overlap").await;
}

#[tokio::test]
async fn a_folder_that_is_gone_for_a_while() {
    let folder = folder();
    let (here, away) = (folder.join("data"), folder.join("away"));
    let scene = Scene::set(&folder, &here.join("store.db"), "overlap").await;
    let hide = async |_: &Scene| {
        std::fs::rename(&here, &away).unwrap();
        Some(())
    };
    fails_and_works_again(scene, hide, |()| std::fs::rename(&away, &here).unwrap()).await;
}
