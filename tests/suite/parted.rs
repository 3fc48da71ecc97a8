//! Two gateways on one server lose each other: the way of one to the server is cut, or its process
//! stands still. The other takes it for gone after a lease, and closes its runs; it stops them
//! itself, and serves again when it is back. No run ends twice.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use switchyard::simulator::server::Running;
use switchyard::tasks::Tasks;

use crate::database::{Server, Way};
use crate::harness::{Event, Events, PATIENCE};
use crate::killed::check::{self, Records};
use crate::process::simulator;
use crate::served::{Place, Served};

/// A lease, a look at others, and what a slow machine adds.
const TAKEN_FOR_GONE: Duration = Duration::from_secs(20);
/// How soon all must go on after it could.
const SOON: Duration = Duration::from_secs(4);

/// Two gateways, one of them at the end of a way that can be cut.
struct Scene {
    _server: Server,
    simulator: Running,
    way: Way,
    places: [Place; 2],
    one: Served,
    other: Served,
    tasks: Tasks,
}

/// What the one drives when it is lost.
struct Lost {
    background: String,
    streamed: String,
    stream: Events,
}

impl Scene {
    async fn set() -> Option<Self> {
        let server = Server::start()?;
        let (simulator, tasks) = (simulator().await, Tasks::default());
        let way = Way::to(server.address(), &tasks).await;
        let at = [way.at(), server.address()];
        let places = at.map(|at| Place::on_server(&server.url(at), simulator.addr(), "overlap"));
        let one = places[0].start().await;
        let other = places[1].start().await;
        Some(Self { _server: server, simulator, way, places, one, other, tasks })
    }

    /// Begins runs at the one that do not end by themselves.
    async fn begin(&self) -> Lost {
        let body = json!({ "agent": "acp:head-stall", "input": "x", "background": true });
        let told = self.one.ask(Method::POST, "/v1/runs", None, &body).await;
        assert_eq!(told.status, 202, "{}", told.json);
        let background = told.json["id"].as_str().unwrap().to_owned();
        let body = json!({ "agent": "acp:two-events", "input": "x", "stream": true });
        let answer = self.one.open(Method::POST, "/v1/runs", None, &body).await;
        let mut stream = Events::of(answer);
        let first = stream.next().await.unwrap();
        assert_eq!((&*first.name, &*first.id), ("run.created", "1"));
        let streamed = first.data["run_id"].as_str().unwrap().to_owned();
        let mut next = stream.next().await.unwrap();
        while next.name != "message.delta" {
            next = stream.next().await.unwrap();
        }
        Lost { background, streamed, stream }
    }

    /// Waits until the other has closed what the one drove.
    async fn other_closes(&self, lost: &Lost) {
        let began = Instant::now();
        for id in [&lost.background, &lost.streamed] {
            loop {
                let run = read(&self.other, id).await;
                if run["status"] == "failed" {
                    assert_eq!(run["error"]["code"], "interrupted", "{run}");
                    break;
                }
                assert!(began.elapsed() < TAKEN_FOR_GONE, "it is not closed: {run}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        println!("closed by the other after {:?}", began.elapsed());
    }

    /// Both serve, say the same of what was lost, and the log has it once.
    async fn both_go_on(self, lost: [&str; 2]) {
        let body = json!({ "agent": "acp:ok", "input": "x" });
        let began = Instant::now();
        loop {
            let told = self.one.ask(Method::POST, "/v1/runs", None, &body).await;
            if told.status == 200 && told.json["status"] == "completed" {
                break;
            }
            assert!(began.elapsed() < SOON, "it does not go on: {} {}", told.status, told.json);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("went on after {:?}", began.elapsed());
        let told = self.other.ask(Method::POST, "/v1/runs", None, &body).await;
        assert_eq!(told.status, 200, "{}", told.json);
        for id in lost {
            let (one, other) = (read(&self.one, id).await, read(&self.other, id).await);
            assert_eq!(one["status"], "failed", "{one}");
            assert_eq!(other["status"], "failed", "{other}");
            assert_eq!(other["error"]["code"], "interrupted", "{other}");
        }
        // What the one owes is tried now, and is not wanted any more.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let runs = check::runs(&self.other).await;
        assert!(self.one.stop().await.success());
        assert!(self.other.stop().await.success());
        let records = check::verify_log(&self.places[1]);
        assert_eq!((runs.len(), records.len()), (records.len(), runs.len()));
        for (id, of_run) in &records {
            assert_eq!(*of_run, Records { admitted: 1, ended: 1 }, "{id}");
        }
        drop(self.way);
        self.simulator.shutdown();
        assert!(self.tasks.drained(PATIENCE).await, "the way is left");
        self.places.into_iter().for_each(Place::remove);
    }
}

async fn read(served: &Served, id: &str) -> Value {
    let told = served.ask(Method::GET, &format!("/v1/runs/{id}"), None, &Value::Null).await;
    assert_eq!(told.status, 200, "{}", told.json);
    told.json
}

/// The rest of a stream that ends in one failure.
fn fails_once(rest: &[Event], codes: [&str; 2]) {
    let is_end = |event: &&Event| event.name == "run.failed";
    assert_eq!(rest.iter().filter(is_end).count(), 1, "{rest:?}");
    let end = &rest.last().unwrap().data;
    let code = end["run"]["error"]["code"].as_str().unwrap();
    assert!(codes.contains(&code), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_cut_off_stops_its_runs_before_another_closes_them() {
    let Some(scene) = Scene::set().await else { return };
    let Lost { background, streamed, stream } = scene.begin().await;
    let began = Instant::now();
    scene.way.cut();
    // It stops them by itself, and tells its caller, before anybody else may close them.
    let mut stream = stream;
    let mut rest = Vec::new();
    while let Some(event) = stream.next().await {
        rest.push(event);
    }
    println!("stopped by itself after {:?}", began.elapsed());
    let run = read(&scene.other, &background).await;
    assert_ne!(run["status"], "failed", "it was closed first: {run}");
    fails_once(&rest, ["audit_unavailable", "interrupted"]);
    // No byte reaches it, and it says so.
    let body = json!({ "agent": "acp:ok", "input": "x" });
    let told = scene.one.ask(Method::POST, "/v1/runs", None, &body).await;
    assert_eq!((told.status, &told.json["code"]), (503, &"audit_unavailable".into()));
    scene.simulator.signal("second");
    let lost = Lost { background, streamed, stream };
    scene.other_closes(&lost).await;
    scene.way.mend();
    let ids = [lost.background.clone(), lost.streamed.clone()];
    drop(lost.stream);
    scene.both_go_on([&ids[0], &ids[1]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stood_still_finds_its_runs_closed_and_goes_on() {
    let Some(scene) = Scene::set().await else { return };
    let lost = scene.begin().await;
    scene.one.signal("-STOP");
    scene.other_closes(&lost).await;
    // Its platform has gone on meanwhile: what it said comes too late.
    scene.simulator.signal("second");
    scene.one.signal("-CONT");
    let Lost { background, streamed, stream } = lost;
    let rest = stream.all().await;
    fails_once(&rest, ["interrupted", "interrupted"]);
    scene.both_go_on([&background, &streamed]).await;
}
