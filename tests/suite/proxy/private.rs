//! PII in calls of a platform's own API: in whatever a caller can write into one, and in whatever
//! comes back, cut wherever it may be.

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::peer::{Peer, chunked, ok};
use super::{ask, none, records, send, world_before};
use crate::harness::{KEY, World};

const JANE: &str = "jane@example.com";
const CARD: &str = "4111 1111 1111 1111";

fn rules(action: &str, direction: &str) -> String {
    format!(
        "pii: {{ rules: [{{ entities: [email, card], direction: {direction}, action: {action} }}] }}\n"
    )
}

fn post(world: &World, path: &str, media_type: &str, body: &str) -> Request<Full<bytes::Bytes>> {
    let request = world.request(Method::POST, path).header("content-type", media_type);
    request.body(Full::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_request_is_treated_wherever_text_can_stand() {
    let peer = Peer::start().await;
    let world = world_before(&peer, &rules("redact", "to_upstream")).await;
    let path = "/proxy/up/open/x";
    for (media_type, body, sent) in [
        (
            "application/json",
            format!(r#"{{"a": {{"to": "{JANE}"}}, "n": 4111111111111111}}"#),
            r#"{"a":{"to":"[EMAIL]"},"n":"[CREDIT_CARD]"}"#,
        ),
        ("application/vnd.x+json", "[\"jane\\u0040example.com\"]".into(), r#"["[EMAIL]"]"#),
        ("text/plain; charset=utf-8", format!("Mail {JANE}."), "Mail [EMAIL]."),
        (
            "application/x-www-form-urlencoded",
            "a=1&to=jane%40example.com".into(),
            "a=1&to=%5BEMAIL%5D",
        ),
        // What holds nothing goes out byte for byte, and so does what stands beside a finding.
        ("application/json", "{\"a\" : 1.10 }".into(), "{\"a\" : 1.10 }"),
        (
            "application/json",
            format!(r#"{{"z": 1.10, "to": "{JANE}", "n": 123456789012345678901, "e": [1E5, -0]}}"#),
            r#"{"z":1.10,"to":"[EMAIL]","n":123456789012345678901,"e":[1E5, -0]}"#,
        ),
    ] {
        send(&world, post(&world, path, media_type, &body)).await.expect(200);
        let seen = peer.only();
        assert_eq!(String::from_utf8(seen.body.clone()).unwrap(), sent);
        assert_eq!(seen.fields("content-length"), [sent.len().to_string()]);
    }
    let query = format!("{path}?to=jane%40example.com&a=%7e");
    let request = world.request(Method::GET, &query).header("x-customer", format!("Jane {JANE}"));
    send(&world, request.body(Full::default()).unwrap()).await.expect(200);
    let seen = peer.only();
    assert_eq!(seen.line(), "GET /base/open/x?to=%5BEMAIL%5D&a=%7e HTTP/1.1");
    assert_eq!(seen.fields("x-customer"), ["Jane [EMAIL]"]);
    for name in ["accept", "accept-language", "cache-control", "via", "if-none-match"] {
        let request = world.request(Method::GET, path).header(name, format!("x; y=\"{JANE}\""));
        send(&world, request.body(Full::default()).unwrap()).await.expect(200);
        let seen = peer.only();
        assert!(seen.fields(name)[0].contains("[EMAIL]"), "{:?}", seen.head);
        assert!(!seen.head.join("\n").contains("jane"), "{name}");
    }
    let media_type = format!("application/json; x=\"{JANE}\"");
    send(&world, post(&world, path, &media_type, "{}")).await.problem(422, "pii_blocked");
    // A path names a thing, and is never another.
    let named = format!("/proxy/up/open/{JANE}");
    ask(&world, Method::GET, &named, &none()).await.problem(422, "pii_blocked");
    let twice = format!(r#"{{"a":"{JANE}","a":"x"}}"#);
    send(&world, post(&world, path, "application/json", &twice)).await.problem(422, "pii_blocked");
    for (media_type, body) in [
        ("multipart/form-data; boundary=x", "--x\r\n\r\njane@example.com\r\n--x--"),
        ("application/octet-stream", "jane@example.com"),
        ("text/plain; charset=utf-16", "j\0a\0"),
    ] {
        let answer = send(&world, post(&world, path, media_type, body)).await;
        answer.problem(415, "unsupported_media_type");
    }
    let gzip = world.request(Method::POST, path).header("content-encoding", "gzip");
    let gzip = gzip.header("content-type", "application/json").body(Full::from("x")).unwrap();
    send(&world, gzip).await.problem(415, "unsupported_media_type");
    assert!(peer.take().is_empty());
    let all = records(&world, "operation=proxy&limit=200").await;
    assert!(!format!("{all:?}").contains("jane"));
    world.finish().await;
}

#[tokio::test]
async fn a_block_lets_no_byte_out() {
    let peer = Peer::start().await;
    let world = world_before(&peer, &rules("block", "to_upstream")).await;
    let path = "/proxy/up/open/x";
    let large = format!(r#"{{"pad": "{}", "to": "{JANE}"}}"#, "x".repeat(300_000));
    send(&world, post(&world, path, "application/json", &large)).await.problem(422, "pii_blocked");
    let query = format!("{path}?to={JANE}");
    let problem = ask(&world, Method::GET, &query, &none()).await.problem(422, "pii_blocked");
    assert_eq!(problem["rules"], json!(["pii.rules[0]"]));
    assert!(!problem.to_string().contains("jane"));
    let run = "/proxy/up/acme/agents/a/run";
    let answer = ask(&world, Method::POST, run, &json!({ "input": JANE })).await;
    answer.problem(422, "pii_blocked");
    assert!(peer.take().is_empty());
    let refused = records(&world, "operation=proxy&stage=refused").await;
    assert_eq!(refused.len(), 3);
    assert_eq!(refused[0]["run"]["agent"], "up:a");
    world.finish().await;
}

#[tokio::test]
async fn tokens_come_back_as_values_and_only_tokens_are_seen() {
    let peer = Peer::answering(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        ok(
            "application/json",
            &json!({ "echo": body["to"], "said": format!("To {}.", body["to"]) }).to_string(),
        )
    })
    .await;
    let world = world_before(&peer, &rules("tokenize", "both")).await;
    let body = json!({ "to": JANE });
    let answer = ask(&world, Method::POST, "/proxy/up/open/x", &body).await.expect(200);
    assert_eq!(answer.json(), json!({ "echo": JANE, "said": format!("To \"{JANE}\".") }));
    let sent = String::from_utf8(peer.only().body).unwrap();
    assert!(sent.contains("[EMAIL:") && !sent.contains("jane"), "{sent}");
    world.finish().await;
}

/// Every cutting of some bytes into three pieces.
fn cuttings(bytes: &[u8]) -> impl Iterator<Item = [&[u8]; 3]> {
    let length = bytes.len();
    (0..=length).step_by(7).flat_map(move |a| {
        (a..=length).step_by(11).map(move |b| [&bytes[..a], &bytes[a..b], &bytes[b..]])
    })
}

async fn answered(bytes: Vec<u8>, action: &str) -> (u16, String, String) {
    let peer = Peer::answering(move |_| bytes.clone()).await;
    let world = world_before(&peer, &rules(action, "to_caller")).await;
    let answer = ask(&world, Method::GET, "/proxy/up/open/x", &none()).await;
    let found = (answer.status.as_u16(), answer.text(), answer.header("content-length").to_owned());
    world.finish().await;
    found
}

#[tokio::test]
async fn an_answer_is_treated_as_a_whole() {
    let body = format!(r#"{{"a": ["{JANE}"], "n": 4111111111111111}}"#);
    let (status, text, length) = answered(ok("application/json", &body), "redact").await;
    assert_eq!((status, text.as_str()), (200, r#"{"a":["[EMAIL]"],"n":"[CREDIT_CARD]"}"#));
    assert_eq!(length, text.len().to_string());
    let (status, text, _) = answered(ok("application/json", &body), "block").await;
    assert!(status == 422 && !text.contains("jane"), "{text}");
    for unreadable in [
        ok("image/png", JANE),
        ok("text/plain\r\ncontent-encoding: gzip", JANE),
        ok("application/json", "{\"a\":1,\"a\":2}"),
    ] {
        let (status, text, _) = answered(unreadable, "redact").await;
        assert!(status == 502 && !text.contains("jane"), "{status} {text}");
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_treated_too() {
    let head = format!(
        "HTTP/1.1 404 {JANE}\r\nx-user: {JANE}\r\nlink: <https://x.example/?u={JANE}>\r\n\
         date: Fri, 27 Nov 2026 20:00:00 GMT\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n"
    );
    for (action, status) in [("redact", 404), ("block", 422)] {
        let head = head.clone();
        let peer = Peer::answering(move |_| head.clone().into_bytes()).await;
        let world = world_before(&peer, &rules(action, "to_caller")).await;
        let request = format!(
            "GET /proxy/up/open/x HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\nconnection: close\r\n\r\n"
        );
        let text = super::manners::said(&world, request.as_bytes()).await;
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")) && !text.contains("jane"),
            "{text}"
        );
        assert!(action == "block" || text.contains("x-user: [EMAIL]\r\n"), "{text}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_stream_is_treated_the_same_wherever_it_is_cut() {
    let event = |text: &str| format!("data: {}\n\n", json!({ "type": "text", "text": text }));
    let pieces =
        ["Write to ja", "ne@exam", "ple.com or", " pay with 4111 11", "11 1111 1111", ". Bye"];
    let mut stream: String = pieces.map(event).concat();
    stream.push_str(": keep-alive\r\n\r\n");
    stream.push_str(&format!(
        "id: 7\nevent: x\ndata: {}\n\n",
        json!({ "type": "other", "who": JANE })
    ));
    stream.push_str("data: {\"type\":\"done\",\"n\":1.10}\n\n");
    let bytes = stream.into_bytes();
    let cuttings: Vec<Vec<u8>> =
        cuttings(&bytes).map(|pieces| chunked("text/event-stream", &pieces)).collect();
    let (count, next) = (cuttings.len(), std::sync::atomic::AtomicUsize::new(0));
    let peer = Peer::answering(move |_| {
        cuttings[next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)].clone()
    })
    .await;
    let world = world_before(&peer, &rules("redact", "to_caller")).await;
    assert!(count > 100);
    for _ in 0..count {
        let answer = ask(&world, Method::GET, "/proxy/up/open/x", &none()).await.expect(200);
        let text = answer.text();
        assert!(!text.contains("jane") && !text.contains("4111"), "{text}");
        let (mut said, mut others) = (String::new(), Vec::new());
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            let Some((before, data)) = block.split_once("data: ") else {
                others.push(block.to_owned());
                continue;
            };
            let value: Value = serde_json::from_str(data).unwrap();
            match value["type"].as_str() {
                Some("text") => said.push_str(value["text"].as_str().unwrap()),
                _ => others.push(format!("{before}{data}")),
            }
        }
        assert_eq!(said, "Write to [EMAIL] or pay with [CREDIT_CARD]. Bye");
        assert_eq!(
            others,
            [
                ": keep-alive",
                "id: 7\nevent: x\n{\"type\":\"other\",\"who\":\"[EMAIL]\"}",
                "{\"type\":\"done\",\"n\":1.10}",
            ]
        );
    }
    assert!(CARD.starts_with("4111"));
    world.finish().await;
}

#[tokio::test]
async fn plain_text_is_treated_across_its_pieces_and_a_blocked_stream_breaks_off() {
    let text = format!("Écrire à {JANE}, payer avec {CARD}. Fin");
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(3).collect();
    let (status, treated, _) = answered(chunked("text/plain", &pieces), "redact").await;
    assert_eq!(
        (status, treated.as_str()),
        (200, "Écrire à [EMAIL], payer avec [CREDIT_CARD]. Fin")
    );
    let bytes = chunked("text/plain", &pieces);
    let peer = Peer::answering(move |_| bytes.clone()).await;
    let world = world_before(&peer, &rules("block", "to_caller")).await;
    let request = world.request(Method::GET, "/proxy/up/open/x").body(Full::default()).unwrap();
    let body = world.open(request).await.into_body();
    assert!(http_body_util::BodyExt::collect(body).await.is_err());
    world.finish().await;
}

#[tokio::test]
async fn a_run_is_treated_both_ways_and_its_record_counts_it() {
    let world = World::with(&rules("tokenize", "both")).await;
    for (path, body) in [
        (
            "/proxy/acp/acme/agents/ok/run",
            json!({ "input": format!("Mail {JANE}"), "stream": true }),
        ),
        ("/proxy/acp/acme/agents/ok/run", json!({ "input": format!("Mail {JANE}") })),
        (
            "/proxy/agentbase/",
            json!({ "message": format!("Mail {JANE}"), "streaming_tokens": true }),
        ),
    ] {
        let answer = ask(&world, Method::POST, path, &body).await.expect(200);
        let sent = world.simulator.journal().last().unwrap().body.clone();
        assert!(!String::from_utf8_lossy(&sent).contains("jane"), "{path}");
        let text = answer.text();
        let said: String = match answer.header("content-type") {
            "application/json" => answer.json()["output"].as_str().unwrap().to_owned(),
            _ => text
                .split("data: ")
                .filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok())
                .filter(|it| it["type"] == "text" || it["type"] == "agent_response")
                .map(|it| it["text"].as_str().or(it["content"].as_str()).unwrap().to_owned())
                .collect(),
        };
        assert!(said.contains(JANE) && !text.contains("[EMAIL:"), "{path}: {text}");
        let id = answer.header("switchyard-run-id").to_owned();
        let admitted = &records(&world, &format!("run_id={id}&stage=admitted")).await[0];
        assert_eq!(admitted["pii"][0]["entity"], "email", "{admitted}");
    }
    world.finish().await;
}
