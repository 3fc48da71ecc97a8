//! The simulator over real sockets: what a client sees of each fault, and what tests see of the
//! client.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scenarios;
use super::script::{Act, Script};
use super::server::{Running, Simulator};
use super::stage::Options;
use crate::tasks::Tasks;

const SOON: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_millis(300);

async fn start(options: Options) -> (Running, Tasks) {
    let tasks = Tasks::default();
    let listen = "127.0.0.1:0".parse().unwrap();
    (Simulator::start(listen, &tasks, options).await.unwrap(), tasks)
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.addr()).await.unwrap()
}

fn post(target: &str, credential: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {credential}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn acp_stream(agent: &str) -> String {
    let target = format!("/acp/acme/agents/{agent}/run");
    post(&target, "Bearer gsk_acme_1", r#"{"input":"hi you","stream":true}"#)
}

/// Reads until `end` has come, or the connection ended.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while !bytes.ends_with(end.as_bytes()) {
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                length => bytes.extend_from_slice(&piece[..length]),
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("the answer came in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// All that comes, and how it ended; at most 64 KiB.
async fn read_all(stream: &mut TcpStream, within: Duration) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let until = tokio::time::Instant::now() + within;
    while bytes.len() < 64 * 1024 {
        match tokio::time::timeout_at(until, stream.read(&mut piece)).await {
            Err(_) => return (bytes, End::Open),
            Ok(Ok(0)) => return (bytes, End::Closed),
            Ok(Ok(length)) => bytes.extend_from_slice(&piece[..length]),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                return (bytes, End::Reset);
            }
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    (bytes, End::Open)
}

#[derive(Debug, PartialEq)]
enum End {
    Closed,
    Reset,
    Open,
}

/// The answer to the last request of a connection. What ends is waited for; what stays open only
/// for a moment.
async fn played(request: &str, within: Duration) -> (String, End) {
    let (running, _tasks) = start(Options::default()).await;
    let mut stream = connect(&running).await;
    let request = request.replace("Host: x", "Connection: close");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (bytes, end) = read_all(&mut stream, within).await;
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_also_sent_at_once() {
    let (running, _tasks) = start(Options::default()).await;
    let mut stream = connect(&running).await;
    for _ in 0..2 {
        stream.write_all(acp_stream("ok").as_bytes()).await.unwrap();
        assert!(read_until(&mut stream, "\r\n0\r\n\r\n").await.contains("\"done\""));
    }
    running.on("/first", Script::json(200, "\"first\""));
    running.on("/second", Script::json(200, "\"second\""));
    let (first, second) = (post("/first", "x", "{}"), post("/second", "x", "{}"));
    stream.write_all(format!("{first}{second}").as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "\"second\"").await.contains("\"first\""));
    assert_eq!(running.connections_open(), 1);
}

#[tokio::test]
async fn a_chunked_body_arrives_whole() {
    let (running, _tasks) = start(Options::default()).await;
    let mut stream = connect(&running).await;
    let request = "POST /acp/acme/agents/ok/run HTTP/1.1\r\nAuthorization: Bearer gsk_acme_1\r\n\
                   Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                   7;a=b\r\n{\"input\r\n8\r\n\":\"hi!\"}\r\n0\r\nX-Trailer: 1\r\n\r\n";
    for byte in request.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = read_until(&mut stream, "}").await;
    assert!(answer.contains("You said: hi!"), "{answer}");
    assert_eq!(running.journal()[0].body, r#"{"input":"hi!"}"#);
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways_is_refused() {
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: +2",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        let (running, _tasks) = start(Options::default()).await;
        let mut stream = connect(&running).await;
        let request = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "never").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields}: {answer}");
        assert!(running.journal().is_empty());
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_early() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(70_000));
    let huge = "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n".to_owned();
    let chunk = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n".to_owned();
    for (request, status) in [(long, "431"), (huge, "413"), (chunk, "413")] {
        let (running, _tasks) = start(Options::default()).await;
        let mut stream = connect(&running).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "never").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn every_scenario_plays_on_every_platform_and_the_caller_can_leave() {
    let (running, tasks) = start(Options { seed: Some(1), ..Options::default() }).await;
    for (name, _) in scenarios::TABLE {
        for request in [
            post(
                &format!("/make/api/v2/ai-agents/v1/agents/{name}/run/stream?teamId=1"),
                "Token t",
                r#"{"messages":[{"role":"user","content":"hi"}],"config":{}}"#,
            ),
            post(
                &format!("/zaia/api/v1/agents/{name}/execute"),
                "key",
                r#"{"messages":[{"role":"user","content":"hi","attachments":[]}]}"#,
            ),
            acp_stream(name),
            post("/agentbase/", "Bearer k", &format!(r#"{{"message":"[scenario:{name}] hi"}}"#)),
        ] {
            let mut stream = connect(&running).await;
            stream.write_all(request.as_bytes()).await.unwrap();
            // The silent ones are left to themselves.
            if !matches!(*name, "slow" | "head-stall") {
                let mut byte = [0; 1];
                let read = tokio::time::timeout(SOON, stream.read(&mut byte)).await;
                assert_eq!(read.unwrap().is_err(), *name == "head-reset", "{name}");
            }
        }
    }
    assert_eq!(running.journal().len(), 4 * scenarios::TABLE.len());
    // At least those that never end: idle, endless, comments on the streams, head-stall.
    tokio::time::timeout(SOON, running.wait_for_broken_off(12)).await.unwrap();
    running.shutdown();
    assert!(tasks.drained(SOON).await);
    assert_eq!((running.connections_open(), running.exchanges_open()), (0, 0));
}

#[tokio::test]
async fn a_stream_breaks_as_its_scenario_says() {
    for (agent, end, last) in [
        ("ok", End::Closed, "0\r\n\r\n"),
        ("eof", End::Closed, "0\r\n\r\n"),
        ("reset", End::Reset, "\n\n\r\n"),
        ("broken-off", End::Closed, "\n\n\r\n"),
        ("idle", End::Open, "\n\n\r\n"),
        ("two-events", End::Open, "\n\n\r\n"),
        ("head-reset", End::Reset, ""),
        ("head-stall", End::Open, ""),
        ("head-cut", End::Closed, "Content-Ty"),
        ("bad-http", End::Closed, "banana\r\n\r\n"),
        ("endless", End::Open, ""),
        ("big-line", End::Open, ""),
    ] {
        let within = if end == End::Open { A_MOMENT } else { SOON };
        let (text, ended) = played(&acp_stream(agent), within).await;
        assert_eq!(ended, end, "{agent}: {}", &text[..text.len().min(400)]);
        assert!(text.ends_with(last), "{agent}: {}", &text[..text.len().min(400)]);
    }
}

#[tokio::test]
async fn bytes_are_disguised_as_their_scenario_says() {
    for (agent, part) in [
        ("garbage", "{\"type\": oops\n\n"),
        ("after-end", "\"type\":\"text\",\"text\":\"You \"}\n\n\r\n0\r\n"),
        ("cr", "\"You \"}\r\r\r\n"),
        ("crlf", "\"You \"}\r\n\r\n\r\n"),
        ("bom", "\u{feff}"),
        ("nul", "id: a\0b\ndata: {"),
        ("comments", ": still here\n"),
        ("no-blank-lines", "\"You \"}\n\r\n"),
        ("gzip", "Content-Encoding: gzip\r\n"),
        ("wrong-type", "Content-Type: text/html\r\n"),
        ("html-error", "<h1>502 Bad Gateway</h1>"),
        ("invalid-utf8", "\u{fffd}"),
    ] {
        let within = if agent == "comments" { A_MOMENT } else { SOON };
        let (text, _) = played(&acp_stream(agent), within).await;
        assert!(text.contains(part), "{agent}: {}", &text[..text.len().min(900)]);
    }
    let (text, _) = played(&acp_stream("half-event"), SOON).await;
    assert!(!text.contains("\n\n") && text.ends_with("\r\n0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_whole_body_breaks_as_its_scenario_says() {
    for (agent, end, part) in [
        ("ok", End::Closed, "You said: hi"),
        ("reset", End::Reset, "\"output\""),
        ("broken-off", End::Closed, "\"output\""),
        ("eof", End::Closed, "\"output\""),
        ("idle", End::Open, "\"output\""),
        ("garbage", End::Closed, "{\"type\": oops"),
        ("endless", End::Open, "{\"text\":\""),
        ("bom", End::Closed, "\u{feff}{"),
        ("invalid-utf8", End::Closed, "\u{fffd}"),
        ("wrong-type", End::Closed, "Content-Type: text/html\r\n"),
        ("head-reset", End::Reset, ""),
    ] {
        let target = format!("/acp/acme/agents/{agent}/run");
        let request = post(&target, "gsk_acme_1", r#"{"input":"hi"}"#);
        let within = if end == End::Open { A_MOMENT } else { SOON };
        let (text, ended) = played(&request, within).await;
        assert_eq!(ended, end, "{agent}: {}", &text[..text.len().min(400)]);
        assert!(text.contains(part), "{agent}: {}", &text[..text.len().min(400)]);
        let whole = text.ends_with("\"stopReason\":\"goal_complete\"}");
        assert_eq!(whole, matches!(agent, "ok" | "bom" | "invalid-utf8" | "wrong-type"), "{agent}");
    }
}

#[tokio::test]
async fn the_second_event_waits_for_its_signal() {
    let (running, _tasks) = start(Options::default()).await;
    let mut stream = connect(&running).await;
    stream.write_all(acp_stream("two-events").as_bytes()).await.unwrap();
    let first = read_until(&mut stream, "\"You \"}\n\n\r\n").await;
    assert!(!first.contains("said"));
    running.signal("second");
    assert!(read_until(&mut stream, "\r\n0\r\n\r\n").await.contains("said"));
    assert_eq!(running.broken_off(), 0);
}

#[tokio::test]
async fn a_caller_who_leaves_is_noticed_at_once_also_when_it_does_not_read() {
    let (running, _tasks) = start(Options::default()).await;
    for (agent, count) in [("idle", 1), ("endless", 2), ("head-stall", 3)] {
        let mut stream = connect(&running).await;
        stream.write_all(acp_stream(agent).as_bytes()).await.unwrap();
        while running.exchanges_open() == 0 {
            tokio::task::yield_now().await;
        }
        let left = tokio::time::Instant::now();
        drop(stream);
        let noticed = tokio::time::timeout(SOON, running.wait_for_broken_off(count)).await.unwrap();
        assert!(noticed - left < Duration::from_millis(100), "{agent}: {:?}", noticed - left);
    }
}

#[tokio::test]
async fn a_seed_cuts_the_answers_and_changes_no_byte() {
    let (mut texts, mut reads) = (Vec::new(), Vec::new());
    for seed in [None, Some(1), Some(2)] {
        let (running, _tasks) = start(Options { seed, ..Options::default() }).await;
        let mut stream = connect(&running).await;
        stream.write_all(acp_stream("tools").as_bytes()).await.unwrap();
        let (mut bytes, mut count, mut piece) = (Vec::new(), 0, [0; 4096]);
        while !bytes.ends_with(b"\r\n0\r\n\r\n") {
            let length = stream.read(&mut piece).await.unwrap();
            bytes.extend_from_slice(&piece[..length]);
            count += 1;
        }
        texts.push(bytes);
        reads.push(count);
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
    assert!(reads[1] > reads[0], "{reads:?}");
}

#[tokio::test]
async fn the_journal_has_what_was_sent_and_scripts_stand_in_once_or_always() {
    let (running, _tasks) = start(Options::default()).await;
    running
        .on("agents/ok", Script::text(503, "text/plain", "once").then(Act::Wait(Duration::ZERO)));
    running.always("agents/fast", Script::json(200, "\"always\""));
    let mut stream = connect(&running).await;
    running.on("agents/fast", Script::json(200, "\"first\""));
    for (agent, end) in
        [("ok", "once"), ("fast", "\"first\""), ("fast", "\"always\""), ("ok", "0\r\n\r\n")]
    {
        stream.write_all(acp_stream(agent).as_bytes()).await.unwrap();
        assert!(read_until(&mut stream, end).await.ends_with(end));
    }
    let journal = running.journal();
    assert_eq!(journal.iter().map(|received| received.at).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let first = &journal[0];
    assert_eq!((first.platform.as_str(), first.method.as_str()), ("acp", "POST"));
    assert_eq!(first.target, "/acp/acme/agents/ok/run");
    assert_eq!(first.header("AUTHORIZATION"), Some("Bearer gsk_acme_1"));
    assert_eq!(first.json().unwrap()["stream"], true);
}
