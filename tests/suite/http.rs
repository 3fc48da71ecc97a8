//! HTTP on both sides, spoken byte by byte: what is malformed is refused or is exactly one
//! request, and a run is sent exactly once whatever becomes of the connection.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use switchyard::simulator::script::{Act, Script};

use crate::harness::{KEY, PATIENCE, World};

const BODY: &str = r#"{"input":"Hello"}"#;

/// Sends these bytes and reads what comes until the gateway closes, or nothing comes for a while.
async fn said(world: &World, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
    // The gateway may close before it has read all of it.
    let sent = socket.write_all(bytes).await;
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    let pause = Duration::from_secs(1);
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(pause, socket.read(&mut chunk)).await {
        text.extend_from_slice(&chunk[..read]);
    }
    drop(sent);
    String::from_utf8(text).unwrap()
}

fn statuses(text: &str) -> Vec<&str> {
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines.filter_map(|line| line.get(..3)).collect()
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    let head = "POST /v1/agents/acp:ok/runs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
    format!("{head}\r\nx-api-key: {KEY}\r\n{fields}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn what_frames_a_request_in_two_ways_is_refused_or_one_request() {
    let world = World::start().await;
    let length = BODY.len();
    let chunked = format!("{length:x}\r\n{BODY}\r\n0\r\n\r\n");
    let next = "GET /v1/upstreams HTTP/1.1\r\nhost: x\r\n\r\n";
    let te = "transfer-encoding: chunked\r\n";
    for (what, fields, body, expected) in [
        ("TE and CL", format!("content-length: 3\r\n{te}"), format!("{chunked}{next}"), "200"),
        ("CL and TE", format!("{te}content-length: 3\r\n"), format!("{chunked}{next}"), "200"),
        (
            "two CL",
            format!("content-length: {length}\r\ncontent-length: 3\r\n"),
            BODY.into(),
            "400",
        ),
        ("CL list", format!("content-length: {length}, 3\r\n"), BODY.into(), "400"),
        ("CL sign", format!("content-length: +{length}\r\n"), BODY.into(), "400"),
        ("TE other", "transfer-encoding: gzip\r\n".into(), chunked.clone(), "400"),
        ("TE last", format!("{te}transfer-encoding: identity\r\n"), chunked.clone(), "400"),
        ("TE space", "transfer-encoding : chunked\r\n".into(), chunked.clone(), "400"),
        ("fold", format!("content-length: {length}\r\nx: a\r\n b\r\n"), BODY.into(), "400"),
        ("NUL", format!("content-length: {length}\r\nx: a\0b\r\n"), BODY.into(), "400"),
        ("CR", format!("content-length: {length}\r\nx: a\rb\r\n"), BODY.into(), "400"),
        ("chunk overflow", te.into(), format!("10000000000000000\r\n{BODY}\r\n0\r\n\r\n"), "400"),
        ("chunk sign", te.into(), format!("-1\r\n{BODY}\r\n0\r\n\r\n"), "400"),
        ("chunk longer", te.into(), format!("3\r\n{BODY}\r\n0\r\n\r\n"), "400"),
    ] {
        let before = world.simulator.journal().len();
        let text = said(&world, &post(&fields, &body)).await;
        assert_eq!(statuses(&text), [expected], "{what}: {text}");
        let sent = world.simulator.journal().len() - before;
        assert_eq!(sent, usize::from(expected == "200"), "{what}");
    }
    let old = format!("POST /v1/agents/acp:ok/runs HTTP/1.0\r\n{te}\r\n{chunked}");
    assert_eq!(statuses(&said(&world, old.as_bytes()).await), ["400"]);
    world.finish().await;
}

#[tokio::test]
async fn large_heads_and_odd_targets_are_answered() {
    let world = World::start().await;
    let get = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nconnection: close\r\nx-api-key: {KEY}\r\n{fields}\r\n")
            .into_bytes()
    };
    let (large, many) = (format!("x: {}\r\n", "x".repeat(1 << 20)), "a: b\r\n".repeat(10_000));
    let host = "host: x\r\n";
    for (what, bytes, expected) in [
        ("a head of 1 MiB", get("/v1/runs", &large), "431"),
        ("10,000 fields", get("/v1/runs", &many), "431"),
        ("no host", get("/v1/upstreams", ""), "400"),
        ("two hosts", get("/v1/upstreams", "host: a\r\nhost: b\r\n"), "400"),
        ("an absolute target", get("http://x/v1/upstreams", host), "200"),
        ("a target of no path", get("*", host), "404"),
        ("no target", b"GET HTTP/1.1\r\n\r\n".to_vec(), "400"),
        ("a climbing target", get("/v1/../metrics", host), "404"),
    ] {
        // Who is still sending when the answer comes may be reset before it is read.
        let mut text = String::new();
        for _ in 0..20 {
            text = said(&world, &bytes).await;
            if !text.is_empty() {
                break;
            }
        }
        assert_eq!(statuses(&text), [expected], "{what}: {text}");
    }
    world.finish().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    let mut bytes = post(&format!("content-length: {}\r\n", BODY.len()), BODY);
    bytes.extend_from_slice(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n");
    let last = format!("GET /v1/upstreams HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\r\n");
    bytes.extend_from_slice(last.as_bytes());
    let text = said(&world, &bytes).await;
    assert_eq!(statuses(&text), ["200", "404", "200"], "{text}");
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_a_408() {
    let world = World::with("listen: { body_timeout: 300ms }\n").await;
    let text = said(&world, &post("content-length: 1000\r\n", "{\"input\":")).await;
    assert_eq!(statuses(&text), ["408"], "{text}");
    assert!(world.simulator.journal().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_run_is_sent_once_though_a_kept_connection_closes_under_it() {
    let world = World::start().await;
    for (what, end) in [("closes", Act::Close), ("resets", Act::Reset)] {
        // The first answer leaves a kept connection; the second ends it without a byte.
        world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
        let (before, open) = (world.simulator.journal().len(), world.simulator.connections_open());
        world.simulator.on("/agents/once/", Script::default().then(end));
        let answer = world.run("acp:once", json!({ "input": "Hello" })).await;
        answer.problem(502, "upstream_protocol");
        let journal = world.simulator.journal();
        assert_eq!(journal.len() - before, 1, "{what}: it was sent again");
        assert_eq!(open, 1, "{what}: the connection was kept");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_connection_is_kept_after_a_whole_answer_and_not_after_a_broken_one() {
    let world = World::start().await;
    for _ in 0..5 {
        world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
        assert_eq!(world.simulator.connections_open(), 1);
    }
    world.run("acp:broken-off", json!({ "input": "Hello" })).await.expect(502);
    let gone = async {
        while world.simulator.connections_open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("a broken connection is kept");
    world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_interim_answers_are_passed_over() {
    let world = World::start().await;
    let elsewhere = format!("http://{}/acp/elsewhere", world.simulator.addr());
    let redirect = Script::whole(307, &[("Location", &elsewhere)], b"");
    world.simulator.on("/agents/moved/", redirect);
    let answer = world.run("acp:moved", json!({ "input": "Hello" })).await;
    assert!(answer.status.is_server_error(), "{}", answer.text());
    assert_eq!(world.simulator.journal().len(), 1, "the redirect was followed");
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    world.simulator.on("/agents/hints/", Script::raw(interim).append(Script::sse()));
    let request = world.json("/v1/agents/acp:hints/runs", &json!({ "input": "x", "stream": true }));
    assert_eq!(world.open(request).await.status(), 200);
    world.finish().await;
}
