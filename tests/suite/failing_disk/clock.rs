//! The machine's clock jumps: ten days ahead, and back to an hour before it was right. Needs
//! libfaketime.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Events, folder};
use crate::killed::check::{self, Records};
use crate::process::simulator;
use crate::served::Place;

/// Where distributions put it.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

#[tokio::test]
async fn a_clock_that_jumps_ends_no_run_and_leaves_the_log_in_order() {
    let Some(library) = PLACES.map(PathBuf::from).into_iter().find(|path| path.exists()) else {
        println!("a clock that jumps was not tried: libfaketime is missing");
        return;
    };
    let simulator = simulator().await;
    let folder = folder();
    let clock = folder.join("clock");
    set(&clock, "+0");
    let store = folder.join("store.db");
    let mut place = Place::with_store(folder, store, simulator.addr(), "overlap");
    // Only the wall clock: no clock of a machine goes back that counts from its start.
    for (name, value) in [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ] {
        place.environment.push((name.to_owned(), value.to_owned()));
    }
    let served = place.start().await;
    let other = place.start().await;
    let mut named = Vec::new();
    for time in ["+0", "+10d", "-1h", "+0"] {
        let body = json!({ "agent": "acp:slow", "input": "x", "stream": true });
        let stream = served.open(Method::POST, "/v1/runs", None, &body).await;
        let mut stream = Events::of(stream);
        assert_eq!(stream.next().await.unwrap().name, "run.created");
        set(&clock, time);
        // Long enough for the one to take the other for gone, if it is to be fooled.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        for served in [&served, &other] {
            let body = json!({ "agent": "acp:ok", "input": "x" });
            let told = served.ask(Method::POST, "/v1/runs", None, &body).await;
            assert_eq!((told.status, &told.json["status"]), (200, &"completed".into()), "{time}");
            named.push(told.json["id"].as_str().unwrap().to_owned());
            assert!(told.json["duration_ms"].as_u64().unwrap() < 60_000, "{}", told.json);
        }
        let events = stream.all().await;
        let end = &events.last().unwrap().data;
        assert_eq!(end["type"], "run.completed", "{time}: {end}");
        let took = end["run"]["duration_ms"].as_u64().unwrap();
        assert!((1_000..60_000).contains(&took), "{time}: it took {took} ms: {end}");
        named.push(end["run_id"].as_str().unwrap().to_owned());
    }
    assert!(other.stop().await.success());
    let runs = check::runs(&served).await;
    assert!(served.stop().await.success());
    let records = check::verify_log(&place);
    for id in named.iter().chain(runs.keys()) {
        assert_eq!(records.get(id), Some(&Records { admitted: 1, ended: 1 }), "{id}");
        assert_ne!(runs.get(id).unwrap_or(&Value::Null)["status"], "failed", "{id}");
    }
    simulator.shutdown();
}

/// Sets the clock, in one step: it is read at every moment.
fn set(clock: &Path, time: &str) {
    let next = clock.with_extension("next");
    std::fs::write(&next, time).unwrap();
    std::fs::rename(next, clock).unwrap();
}
