//! Who was reading a run when its process was killed reads on elsewhere and learns how it ended,
//! although events that it has seen were not yet noted.

use http::Method;
use serde_json::{Value, json};

use crate::harness::Events;
use crate::process::simulator;
use crate::served::Place;

#[tokio::test]
async fn who_comes_back_after_a_kill_reads_the_end() {
    let simulator = simulator().await;
    let place = Place::new(simulator.addr(), "overlap");
    for key in [None, Some("key")] {
        let served = place.start().await;
        let body = json!({ "agent": "acp:two-events", "input": "x", "stream": true });
        let mut events = Events::of(served.open(Method::POST, "/v1/runs", key, &body).await);
        let last = loop {
            let event = events.next().await.unwrap();
            if event.name == "message.delta" {
                break event;
            }
        };
        served.kill();
        let served = place.start().await;
        let (run, seen) =
            (last.data["run_id"].as_str().unwrap(), last.data["seq"].as_u64().unwrap());
        // At once, while the run counts as one that goes on; then when it is known to be over.
        for after in [seen, seen, seen + 1] {
            let path = format!("/v1/runs/{run}/events?after={after}");
            let answer = served.open(Method::GET, &path, None, &Value::Null).await;
            let events = Events::of(answer).all().await;
            let [end] = &events[..] else { panic!("{key:?}, after {after}: {events:?}") };
            assert_eq!((&*end.name, &end.data["seq"]), ("run.failed", &(after + 1).into()));
            assert_eq!(end.data["run"]["error"]["code"], "interrupted");
        }
        // From the beginning it is as the store has it, with the same end.
        let path = format!("/v1/runs/{run}/events");
        let events = Events::of(served.open(Method::GET, &path, None, &Value::Null).await);
        let events = events.all().await;
        assert_eq!(events.last().unwrap().data["run"]["error"]["code"], "interrupted");
        assert!(served.stop().await.success());
    }
    simulator.shutdown();
    place.remove();
}
