//! A run that failed, asked for again under its key: a stream that had begun is a stream again,
//! and what was answered with a problem is that problem again, as JSON and as a stream, in the
//! process that drove it and in one that comes later.

use std::time::Duration;

use http::{Method, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use switchyard::simulator::script::{Act, Script};

use super::shared;
use crate::harness::{Event, Events, World};
use crate::store::Place;

/// How a run was answered, in so far as it must be the same again.
#[derive(Debug, PartialEq)]
enum Answered {
    /// Its events.
    Stream(Vec<(String, Value)>),
    /// A status, and a problem or a run.
    Json(u16, Value),
}

impl Answered {
    async fn of(answer: Response<Incoming>) -> Self {
        if answer.headers()["content-type"] == "text/event-stream" {
            let events = Events::of(answer).all().await;
            let shown = |event: &Event| (event.id.clone(), event.data.clone());
            return Self::Stream(events.iter().map(shown).collect());
        }
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self::Json(head.status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    /// The problem that it tells of, and where: the status, or the name of the last event.
    fn problem(&self) -> (String, &Value) {
        match self {
            Self::Stream(events) => {
                let last = &events.last().unwrap().1;
                (last["type"].as_str().unwrap().to_owned(), &last["run"]["error"])
            }
            Self::Json(status, problem) => (status.to_string(), problem),
        }
    }
}

/// A face and how it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Face {
    Unified,
    Acp,
}

/// Asks an agent under a key; whether the answer is of an earlier request's run.
async fn ask(world: &World, face: Face, key: &str, agent: &str, stream: bool) -> (Answered, bool) {
    let path = match face {
        Face::Unified => format!("/v1/agents/{agent}/runs"),
        Face::Acp => format!("/acp/acme/agents/{agent}/run"),
    };
    let body = json!({ "input": "Hello", "stream": stream }).to_string();
    let request = world.request(Method::POST, &path).header("idempotency-key", key);
    let request = request.header("content-type", "application/json");
    let answer = world.open(request.body(Full::from(body)).unwrap()).await;
    let is_replayed = answer.headers().contains_key("idempotent-replayed");
    let answered = Answered::of(answer).await;
    if let (Answered::Stream(events), Face::Unified) = (&answered, face) {
        let seqs: Vec<usize> = events.iter().map(|(id, _)| id.parse().unwrap()).collect();
        assert!(seqs.iter().copied().eq(1..=seqs.len()), "{seqs:?}");
    }
    (answered, is_replayed)
}

/// An agent that fails, and what it is told with: the status of JSON, and what the answer ends with
/// to who asked for a stream first, which is a status where there is no stream.
const FAILING: [(&str, &str, &str, &str); 4] = [
    // At once, before any event.
    ("acp:html-error", "502", "502", "upstream_error"),
    // After a stream has begun that had nothing to tell.
    ("acp:late", "502", "run.failed", "upstream_error"),
    // In the middle of the answer.
    ("acp:broken-off", "502", "run.failed", "upstream_protocol"),
    ("make:failed", "502", "run.failed", "upstream_error"),
];

/// A gateway whose platform may fail as often as it wants, that of `acp:late` after a stream's head
/// has gone out.
async fn gateway(section: &str) -> World {
    let patient = "path_style: workspace, breaker: { failures: 1000 }";
    let text = World::text(section).replace("path_style: workspace", patient);
    let world = World::configured(&text).await;
    let late = Script::default().then(Act::Wait(Duration::from_millis(1_300)));
    let late = late.append(Script::text(502, "text/html", "<html>Bad Gateway</html>"));
    world.simulator.always("/agents/late/", late);
    world
}

async fn again_and_after_a_restart(section: &str) {
    let one = gateway(section).await;
    let mut firsts = Vec::new();
    for (agent, status, end, code) in FAILING {
        // Whichever was asked for first, both are told the same.
        for stream in [true, false] {
            let key = format!("{agent}-{stream}");
            let (first, is_replayed) = ask(&one, Face::Unified, &key, agent, stream).await;
            assert!(!is_replayed);
            let (other, is_replayed) = ask(&one, Face::Unified, &key, agent, !stream).await;
            assert!(is_replayed);
            let (streamed, whole) = if stream { (first, other) } else { (other, first) };
            // Of a run that nobody wanted to stream it is an event that the platform is asked.
            let end = if stream { end } else { "run.failed" };
            let told = streamed.problem();
            assert_eq!((told.0.as_str(), &told.1["code"]), (end, &json!(code)), "{streamed:?}");
            let told = whole.problem();
            assert_eq!((told.0.as_str(), &told.1["code"]), (status, &json!(code)), "{whole:?}");
            assert_eq!(streamed.problem().1, told.1);
            for (stream, told) in [(true, &streamed), (false, &whole)] {
                let again = ask(&one, Face::Unified, &key, agent, stream).await;
                assert_eq!((&again.0, again.1), (told, true));
            }
            firsts.push((key, agent, streamed, whole));
        }
    }
    assert_eq!(one.simulator.journal().len(), 2 * FAILING.len(), "each was sent once");
    one.finish().await;
    let two = gateway(section).await;
    for (key, agent, streamed, whole) in firsts {
        for (stream, told) in [(true, streamed), (false, whole)] {
            let again = ask(&two, Face::Unified, &key, agent, stream).await;
            assert_eq!(again, (told, true), "{key}, after a restart");
        }
    }
    assert!(two.simulator.journal().is_empty());
    two.finish().await;
}

#[tokio::test]
async fn what_failed_is_told_again_in_the_same_way() {
    let (folder, section) = shared();
    again_and_after_a_restart(&section).await;
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn what_failed_is_told_again_in_the_same_way_from_a_server() {
    let Some(place) = Place::postgres().await else { return };
    again_and_after_a_restart(&place.section()).await;
    place.leave([]).await;
}

#[tokio::test]
async fn the_other_face_does_so_too() {
    let world = gateway("").await;
    for (agent, is_stream) in [("acp:html-error", false), ("acp:late", true)] {
        let first = ask(&world, Face::Acp, agent, agent, true).await;
        let again = ask(&world, Face::Acp, agent, agent, true).await;
        assert!(!first.1 && again.1);
        assert_eq!(matches!(first.0, Answered::Stream(_)), is_stream, "{first:?}");
        assert_eq!(again.0, first.0);
    }
    world.finish().await;
}
