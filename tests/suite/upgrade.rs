//! A newer process takes over from an older one: no connection is refused, no stream is cut, and
//! what the older one drives can be read, followed and cancelled at the newer one.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use switchyard::simulator::script::{Act, Script};
use switchyard::simulator::server::{Running, Simulator};
use switchyard::simulator::stage::Options;
use switchyard::tasks::Tasks;

use crate::callers::eventually;
use crate::harness::{Events, PATIENCE};
use crate::process::Kept;
use crate::served::{Place, Served};

/// Streams that are open when the newer process comes.
const STREAMS: usize = 1_000;
/// Connections that are idle then.
const KEPT: usize = 24;

async fn platform() -> Running {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Simulator::start(loopback, &Tasks::default(), Options::default()).await.unwrap()
}

fn body(agent: &str, more: &Value) -> Value {
    let mut body = json!({ "agent": agent, "input": "Hello" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn text(text: &str) -> String {
    format!("data: {{\"type\":\"text\",\"text\":\"{text}\"}}\n\n")
}

async fn stream(gateway: &Served) -> Events {
    let body = body("acp:two-events", &json!({ "stream": true }));
    Events::of(gateway.open(Method::POST, "/v1/runs", None, &body).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_process_takes_over_and_nothing_is_lost() {
    let simulator = platform().await;
    let place = Place::new(simulator.addr(), "overlap");
    place.rewrite(|text| {
        let text = text.replace("breaker: {", "max_concurrent: 5000, breaker: {");
        // Half of what has to pass before a beat that nobody hears would be a jam.
        text.replace("delay: 10s", "delay: 1s")
    });
    let done = r#"{"type":"done","conversationId":"conv_1","usage":{"promptTokens":1,"completionTokens":1}}"#;
    let held = Script::sse().event(text("Hello, "));
    let held = held.then(Act::WaitForSignal("second".into(), Duration::from_secs(120)));
    let held = held.event(text("world")).event(format!("data: {done}\n\n")).end();
    simulator.always("/agents/two-events/", held);
    let old = place.start().await;
    let mut streams = Vec::with_capacity(STREAMS);
    while streams.len() < STREAMS {
        streams.extend(join_all((0..50).map(|_| stream(&old))).await);
    }
    let background = body("acp:head-stall", &json!({ "background": true }));
    let background = old.ask(Method::POST, "/v1/runs", None, &background).await;
    assert_eq!(background.status, 202);
    let run = background.json["id"].as_str().unwrap().to_owned();

    let mut kept = Vec::new();
    while kept.len() < KEPT {
        let mut connection = Kept::to(old.api).await;
        // It has been asked, so it is idle and not new.
        connection.get("/v1/runs").await.collect().await.unwrap();
        kept.push(connection);
    }

    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = join_all((0..4).map(|_| async {
        while !is_over.load(Ordering::Relaxed) {
            let told = old.ask(Method::POST, "/v1/runs", None, &body("acp:ok", &json!({}))).await;
            assert_eq!(told.status, 200, "{told:?}");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let upgrade = async {
        let new = place.spawn_with(&["--upgrade"]).serving().await;
        assert_eq!(new.api, old.api);
        eventually("the older process leaves", PATIENCE, async || {
            old.log().contains("another process serves")
        })
        .await;
        // Answers come from the newer process now, on new connections and on those that were open.
        let begun = answered.load(Ordering::Relaxed);
        eventually("the load goes on", PATIENCE, async || {
            answered.load(Ordering::Relaxed) > begun + 20
        })
        .await;
        is_over.store(true, Ordering::Relaxed);
        new
    };
    let (_, new) = join(load, upgrade).await;

    // Whoever is connected to the older one is answered there, also all at once and late.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let slow = body("acp:slow", &json!({})).to_string();
    let asked = kept.iter_mut().map(|connection| connection.send("/v1/runs", &slow));
    for answer in join_all(asked).await {
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["connection"]),
            (200, &HeaderValue::from_static("close"))
        );
    }

    // The newer one reads and stops what the older one drives.
    let read = new.ask(Method::GET, &format!("/v1/runs/{run}"), None, &Value::Null).await;
    assert_eq!((read.status, &read.json["status"]), (200, &json!("running")), "{read:?}");
    let path = format!("/v1/runs/{run}/events");
    let mut followed = Events::of(new.open(Method::GET, &path, None, &Value::Null).await);
    assert_eq!(followed.next().await.unwrap().name, "run.created");
    let cancelled =
        new.ask(Method::POST, &format!("/v1/runs/{run}/cancel"), None, &Value::Null).await;
    assert!([200, 202].contains(&cancelled.status), "{cancelled:?}");
    let rest = followed.all().await;
    assert_eq!(rest.last().unwrap().name, "run.cancelled");

    // Every stream ends as it began.
    simulator.signal("second");
    let ends = join_all(streams.into_iter().map(|stream| stream.all())).await;
    for events in &ends {
        assert_eq!(events.last().unwrap().name, "run.completed");
    }
    assert_eq!(ends.len(), STREAMS);
    let ended = old.ended().await;
    assert!(ended.success(), "{ended}");
    // That it waits for the sockets is an error in pingora's words.
    let mut errors = place.errors();
    errors.retain(|line| !line.contains("No incoming socket transfer"));
    assert_eq!(errors, Vec::<String>::new());

    // And so on, with the next one.
    let third = place.spawn_with(&["--upgrade"]).serving().await;
    assert!(new.ended().await.success());
    assert_eq!(third.ask(Method::GET, "/v1/runs", None, &Value::Null).await.status, 200);
    drop(third);
    simulator.shutdown();
    place.remove();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_older_process_an_upgrade_says_so_and_a_broken_one_changes_nothing() {
    let simulator = platform().await;
    let place = Place::new(simulator.addr(), "overlap");
    let upgrade = || {
        let mut command = Command::new(crate::served::program());
        command.args(["serve", "--upgrade", "--config", place.configuration().to_str().unwrap()]);
        command.env("SWITCHYARD_TEST_KEY", "6f1e8d3a-5ec2-4222-8333-444455556666");
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = upgrade();
    assert!(said.contains("start without `--upgrade`"), "{said}");

    let old = place.start().await;
    let good = std::fs::read_to_string(place.configuration()).unwrap();
    // It is refused before it asks for anything.
    place.rewrite(|text| text.replace("audit: {", "access: { policies: /nowhere }\naudit: {"));
    let said = upgrade();
    assert!(said.contains("access.policies"), "{said}");
    // It takes the sockets, and then cannot start.
    let store = place.store.display();
    place.rewrite(|_| {
        let handover = format!("listen: {{ handover: {store}.handover, ");
        good.replace("listen: {", &handover)
            .replace(&format!("sqlite://{store}"), "sqlite:///proc/1/x")
    });
    let said = upgrade();
    assert!(!said.contains("handover"), "{said}");
    eventually("the older process goes on", PATIENCE, async || {
        old.log().contains("nobody has taken over")
    })
    .await;
    std::fs::write(place.configuration(), &good).unwrap();
    let asked = old.ask(Method::POST, "/v1/runs", None, &body("acp:ok", &json!({}))).await;
    assert_eq!(asked.status, 200);
    let new = place.spawn_with(&["--upgrade"]).serving().await;
    assert!(old.ended().await.success());
    drop(new);
    simulator.shutdown();
    place.remove();
}
