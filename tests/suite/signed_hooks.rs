//! Webhooks that are signed (Standard Webhooks) in place of a credential: what is taken, what has
//! come before, and what the signer may reach. The time is the test's own.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::json;
use switchyard::app::Surrounding;
use switchyard::clock::{ManualClock, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::callers::{get, sign_webhook};
use crate::harness::{Answer, HOOK_SECRET, KEY, OLD_HOOK_SECRET, PATIENCE, World};

const NOW: i64 = 1_800_000_000;
const BODY: &str = r#"{"input":"Hello"}"#;

const HOOKS: &str = r#"
hooks:
  acp:ok: { signed: { secret: "${env:HOOK_SECRET}", previous: "${env:OLD_HOOK_SECRET}", workspace: acme } }
  acp:quota: { signed: { secret: "${env:HOOK_SECRET}", workspace: acme } }
  zaia:ok: { signed: { secret: "${env:OLD_HOOK_SECRET}", workspace: acme } }
  acp:reset: { signed: { secret: "${env:HOOK_SECRET}", workspace: acme } }
  acp:head-stall: { signed: { secret: "${env:HOOK_SECRET}", workspace: acme } }
  make:ok: { input: /input }
"#;

async fn world(more: &str) -> (World, ManualClock) {
    let clock = ManualClock::at(Timestamp(NOW * 1_000_000));
    let surrounding = Surrounding { clock: Arc::new(clock.clone()), ..Surrounding::system() };
    let text = World::text(&format!("{HOOKS}{more}"));
    (World::surrounded(&text, surrounding).await, clock)
}

/// A message as its sender makes it; tests change what they want another way.
struct Message<'a> {
    path: &'a str,
    id: &'a str,
    timestamp: i64,
    body: &'a str,
    signature: String,
}

impl<'a> Message<'a> {
    fn new(id: &'a str, timestamp: i64) -> Self {
        let signature = sign_webhook(HOOK_SECRET, id, timestamp, BODY);
        Self { path: "/v1/hooks/acp:ok", id, timestamp, body: BODY, signature }
    }

    fn signed_by(id: &'a str, secret: &str) -> Self {
        Self { signature: sign_webhook(secret, id, NOW, BODY), ..Self::new(id, NOW) }
    }

    async fn send(&self, world: &World) -> Answer {
        self.send_with(world, "").await
    }

    async fn send_with(&self, world: &World, key: &str) -> Answer {
        let request = world.request_as(key, Method::POST, self.path);
        let request = request
            .header("content-type", "application/json")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", self.timestamp)
            .header("webhook-signature", &self.signature);
        world.send(request.body(self.body.to_owned().into()).unwrap()).await
    }
}

#[tokio::test]
async fn a_signature_stands_for_a_caller_of_its_own() {
    let (world, _) = world("").await;
    let run = Message::new("msg_1", NOW).send(&world).await.expect(200).json();
    assert_eq!(run["status"], "completed");
    // The secret before the newest is good too, and so is one of several signatures.
    Message::signed_by("msg_2", OLD_HOOK_SECRET).send(&world).await.expect(200);
    let wrong = sign_webhook(OLD_HOOK_SECRET, "msg_0", NOW, BODY);
    let mut several = Message::new("msg_3", NOW);
    several.signature = format!("v2,xyz {wrong} {}", several.signature);
    several.send(&world).await.expect(200);
    // What the hook started is the hook's: no key owns it.
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    get(&world, KEY, &path).await.problem(404, "run_not_found");
    // A hook that is signed takes keys as before, and one credential that is wrong is not made
    // good by a signature.
    world.post("/v1/hooks/acp:ok", &json!({ "input": "Hello" })).await.expect(200);
    let fourth = Message::new("msg_4", NOW);
    fourth.send_with(&world, "swy_acme_wrong").await.problem(401, "unauthenticated");
    fourth.send(&world).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn what_was_not_signed_so_is_refused() {
    let (world, _) = world("").await;
    let good = || Message::new("msg_1", NOW);
    let v1 = good().signature;
    for (what, message) in [
        ("another secret", Message::signed_by("msg_1", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("another body", Message { body: r#"{"input":"Hello "}"#, ..good() }),
        ("another id", Message { id: "msg_2", ..good() }),
        ("another time", Message { timestamp: NOW + 1, ..good() }),
        ("no id", Message { id: "", ..good() }),
        ("a cut signature", Message { signature: v1[..v1.len() - 2].to_owned(), ..good() }),
        ("no version", Message { signature: v1[3..].to_owned(), ..good() }),
        ("another version", Message { signature: v1.replace("v1", "v1a"), ..good() }),
        ("no signature", Message { signature: String::new(), ..good() }),
    ] {
        let answer = message.send(&world).await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert!(!answer.text().contains("Hello"), "{what}: {}", answer.text());
    }
    let head = [("content-type", "application/json"), ("webhook-id", "msg_1")];
    let request =
        head.iter().fold(world.request_as("", Method::POST, good().path), |request, it| {
            request.header(it.0, it.1)
        });
    let bare = world.send(request.body(BODY.to_owned().into()).unwrap()).await;
    assert!(bare.text().contains("missing"), "{}", bare.text());
    bare.problem(401, "unauthenticated");
    assert!(world.simulator.journal().is_empty(), "a platform was asked");
    good().send(&world).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_message_is_taken_once_within_its_window() {
    let (world, clock) = world("").await;
    let first = Message::new("msg_1", NOW);
    first.send(&world).await.expect(200);
    first.send(&world).await.problem(401, "unauthenticated");
    clock.advance(Duration::from_secs(5));
    // An honest second attempt is told what became of the first; afterwards it is as old.
    let retried = Message::new("msg_1", NOW + 5);
    let told = retried.send(&world).await.expect(200);
    assert_eq!(told.header("idempotent-replayed"), "true");
    retried.send(&world).await.problem(401, "unauthenticated");
    first.send(&world).await.problem(401, "unauthenticated");
    assert_eq!(world.simulator.journal().len(), 1, "it ran once");
    // At the borders of the window of five minutes, either way.
    let now = NOW + 5;
    for (offset, status) in [(-301, 401), (-300, 200), (300, 200), (301, 401)] {
        let id = format!("msg_{offset}").replace('-', "m");
        let answer = Message::new(&id, now + offset).send(&world).await;
        assert_eq!(answer.status, status, "{offset}: {}", answer.text());
    }
    // When it is forgotten it is too old.
    clock.advance(Duration::from_secs(301));
    let old = first.send(&world).await;
    assert!(old.text().contains("too long ago"), "{}", old.text());
    old.problem(401, "unauthenticated");
    world.finish().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_taken() {
    let (world, _) = world("").await;
    let message = Message::new("msg_1", NOW);
    let sent = || message.send(&world);
    let answers = tokio::join!(sent(), sent(), sent(), sent(), sent(), sent());
    let mut statuses: Vec<u16> = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5]
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401]);
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn what_was_refused_may_come_again_and_what_failed_may_not() {
    let limits = "limits: [{ name: one, by: principal, requests: 1, per: 1m }]\n";
    let (world, clock) = world(limits).await;
    Message::new("msg_1", NOW).send(&world).await.expect(200);
    let second = Message::new("msg_2", NOW);
    for _ in 0..2 {
        second.send(&world).await.problem(429, "rate_limited");
    }
    clock.advance(Duration::from_secs(60));
    second.send(&world).await.expect(200);
    clock.advance(Duration::from_secs(60));
    second.send(&world).await.problem(401, "unauthenticated");
    // A payload that is no run was never taken.
    let signature = sign_webhook(HOOK_SECRET, "msg_3", NOW + 120, "{}");
    let empty = Message { body: "{}", signature, ..Message::new("msg_3", NOW + 120) };
    for _ in 0..2 {
        let answer = empty.send(&world).await;
        assert!([400, 429].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    clock.advance(Duration::from_secs(60));
    Message::new("msg_3", NOW + 120).send(&world).await.expect(200);
    // The platform has had this one, though it failed there.
    let before = world.simulator.journal().len();
    let failing = Message { path: "/v1/hooks/acp:reset", ..Message::new("msg_4", NOW + 120) };
    let failed = failing.send(&world).await;
    assert!(failed.status == 502 && !failed.header("location").is_empty(), "{}", failed.text());
    clock.advance(Duration::from_secs(60));
    failing.send(&world).await.problem(401, "unauthenticated");
    assert_eq!(world.simulator.journal().len(), before + 1);
    // This one it has refused.
    let refused = Message { path: "/v1/hooks/acp:quota", ..Message::new("msg_5", NOW + 180) };
    for _ in 0..2 {
        refused.send(&world).await.problem(429, "budget_exhausted");
        clock.advance(Duration::from_secs(60));
    }
    world.finish().await;
}

#[tokio::test]
async fn the_signer_reaches_its_hook_and_nothing_else() {
    let (world, _) = world("").await;
    for (what, path) in [
        ("a hook with another secret", "/v1/hooks/zaia:ok"),
        ("a hook that nobody signs", "/v1/hooks/make:ok"),
        ("a hook that is not configured", "/v1/hooks/acp:tools"),
        ("the agent by its other face", "/v1/agents/acp:ok/runs"),
        ("the agent by ACP's face", "/acp/acme/agents/acp:ok/run"),
        ("its run, cancelled", "/v1/runs/run_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f/cancel"),
    ] {
        let answer = Message { path, ..Message::new("msg_1", NOW) }.send(&world).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    }
    // No field of the payload leads elsewhere.
    let body = r#"{"input":"Hello","agent":"zaia:ok"}"#;
    let signature = sign_webhook(HOOK_SECRET, "msg_1", NOW, body);
    let message = Message { body, signature, ..Message::new("msg_1", NOW) };
    let answer = message.send(&world).await;
    let seen = world.simulator.journal();
    assert!(seen.iter().all(|it| it.platform == "acp"), "{}", answer.text());
    world.finish().await;
}

#[tokio::test]
async fn a_sender_who_leaves_cannot_have_its_message_run_again() {
    let (world, _) = world("").await;
    let message = || Message { path: "/v1/hooks/acp:head-stall", ..Message::new("msg_1", NOW) };
    let left = message();
    let sent = left.send(&world);
    let has_come = async {
        while world.simulator.journal().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = sent => panic!("the platform says nothing"),
        () = has_come => {}
    }
    message().send(&world).await.problem(401, "unauthenticated");
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn who_cannot_sign_learns_nothing_of_which_hooks_there_are() {
    let (world, _) = world("").await;
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for timestamp in [NOW, NOW - 900] {
        let mut said = Vec::new();
        for path in ["/v1/hooks/acp:ok", "/v1/hooks/make:ok", "/v1/hooks/nobody"] {
            let signature = sign_webhook(other, "msg_1", timestamp, BODY);
            let message = Message { path, signature, ..Message::new("msg_1", timestamp) };
            let answer = message.send(&world).await;
            said.push(answer.problem(401, "unauthenticated")["detail"].clone());
        }
        assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_body_is_not_waited_for_where_the_head_is_reason_enough() {
    let (world, _) = world("").await;
    for path in ["/v1/hooks/acp:ok", "/v1/hooks/nobody"] {
        let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\nwebhook-id: a\r\n\
             webhook-timestamp: 1\r\nwebhook-signature: v1,eA==\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        let read = socket.read_exact(&mut first);
        tokio::time::timeout(PATIENCE, read).await.expect("an answer").unwrap();
        assert_eq!(&first, b"HTTP/1.1 401", "{path}");
    }
    world.finish().await;
}
