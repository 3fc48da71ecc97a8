//! What a caller writes, wherever it writes it, on every face, for every platform.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{received, world};
use crate::faces::scenario;
use crate::governed::{WAYS, Way};
use crate::harness::{KEY, VENDORS};

const MAIL: &str = "jane.roe@example.com";
const CARD: &str = "4111111111111111";

/// Each place of a request that holds text, with values in it.
fn places() -> Vec<(&'static str, Value)> {
    let text = format!("write to {MAIL}, card {CARD}");
    let file = |media_type: &str, bytes: &[u8]| {
        json!([{ "role": "user", "content": "see", "attachments": [
            { "media_type": media_type, "name": format!("{MAIL}.txt"), "data": STANDARD.encode(bytes) } ] }])
    };
    let nested =
        json!({ "to": [{ "mail": MAIL }], "as_text": json!({ "card": CARD }).to_string() });
    vec![
        ("input", json!(text)),
        (
            "input",
            json!([{ "role": "user", "content": text }, { "role": "assistant", "content": text },
            { "role": "user", "content": nested.to_string() }]),
        ),
        ("input", file("text/plain", text.as_bytes())),
        ("input", file("text/markdown", text.as_bytes())),
        ("context", json!({ "contact": text, MAIL: "named", "card": 4111111111111111_u64 })),
        ("instructions", json!(text)),
        (
            "output_schema",
            json!({ "type": "object", "properties": {
            "a": { "type": "string", "description": text, "enum": [MAIL, "other"] } } }),
        ),
        ("tools", json!([MAIL])),
        (
            "mcp_servers",
            json!([{ "name": "crm", "url": format!("https://example.com/mcp?for={MAIL}") }]),
        ),
        ("model", json!(format!("model of {MAIL}"))),
        ("metadata", json!({ "customer": text, MAIL: "x" })),
        ("upstream_options", json!({ "rules": [text] })),
        ("upstream_options", json!({ "datastores": [{ "id": CARD, "name": text }] })),
        ("upstream_options", json!({ "callbackUrl": format!("https://example.com/{MAIL}") })),
    ]
}

#[tokio::test]
async fn no_value_leaves_by_any_field_of_a_request() {
    for action in ["redact", "mask", "hash", "tokenize"] {
        let world = world(action).await;
        for vendor in VENDORS {
            let (agent, input) = scenario(vendor, "ok");
            let mut accepted = 0;
            for (field, value) in places() {
                let mut body = json!({ "input": input, "unsupported": "ignore" });
                body[field] = value;
                let answer = world.run(&agent, body).await;
                let status = answer.status.as_u16();
                // Some platforms refuse some fields; none may fail.
                assert!(matches!(status, 200 | 400 | 422), "{vendor} {field}: {}", answer.text());
                accepted += usize::from(status == 200);
            }
            assert!(accepted >= 9, "{vendor}: {accepted}");
        }
        let all = received(&world);
        assert!(
            !all.contains(MAIL) && !all.contains("jane.roe"),
            "{action}: {}",
            around(&all, "jane")
        );
        assert!(!all.contains(CARD), "{action}: {}", around(&all, CARD));
        world.finish().await;
    }
}

/// What stands around something that must not be there.
fn around(all: &str, what: &str) -> String {
    all.split_once(what).map_or(String::new(), |(before, after)| {
        let before: String =
            before.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
        format!("{before}<<{what}>>{}", after.chars().take(100).collect::<String>())
    })
}

#[tokio::test]
async fn what_is_found_is_treated_on_every_face_and_told_in_the_run() {
    let world = world("mask").await;
    for vendor in VENDORS {
        for way in WAYS {
            let (agent, input) = scenario(vendor, "ok");
            let text = format!("{input} {MAIL} 4111 1111 1111 1111");
            world.send(way.request(&world, KEY, (&agent, &text), Value::Null)).await;
            let newest = async || world.get("/v1/runs").await.json()["data"][0].clone();
            crate::governed::until("over", async || newest().await["ended_at"].is_string()).await;
            let run = newest().await;
            let output = run["output"].as_str().unwrap();
            assert!(output.contains("****.***@*******.***"), "{vendor} {way:?}: {run}");
            assert!(output.contains("**** **** **** 1111"), "{vendor} {way:?}: {run}");
            let masked = |entity: &str| json!({ "entity": entity, "direction": "to_upstream", "action": "mask", "count": 1 });
            assert_eq!(
                run["pii"],
                json!([masked("credit_card"), masked("email")]),
                "{vendor} {way:?}"
            );
        }
    }
    assert!(!received(&world).contains("jane.roe"));
    let metrics = world.admin("/metrics").await.text();
    let series =
        "switchyard_pii_findings_total{action=\"mask\",direction=\"to_upstream\",entity=\"email\"}";
    assert!(metrics.contains(&format!("{series} {}", VENDORS.len() * WAYS.len())), "{metrics}");
    world.finish().await;
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let world = world("report").await;
    let text = format!("Hello {MAIL}");
    let run = world.run("acp:ok", json!({ "input": text })).await.expect(200).json();
    assert_eq!(run["output"], format!("You said: {text}"));
    let found = |direction: &str| json!({ "entity": "email", "direction": direction, "action": "report", "count": 1 });
    assert_eq!(run["pii"], json!([found("to_upstream"), found("to_caller")]));
    world.finish().await;
}

#[tokio::test]
async fn a_rule_holds_for_its_face_upstream_agent_and_group_alone() {
    let world = crate::harness::World::with(
        r#"
pii:
  rules:
    - { entities: [email], agents: [support], action: allow }
    - { entities: [email], upstreams: [make], action: redact, direction: to_upstream }
    - { entities: [us_ssn], agents: ["zaia:*"], action: redact }
    - { entities: [email], faces: [acp], action: mask, direction: to_upstream }
    - { entities: [email], groups: [nobody], action: block }
    - { entities: [ticket], action: redact, context: [ticket] }
    - { entities: [secret_projects], action: redact }
  patterns: [{ name: ticket, pattern: "T-[0-9]{4}" }]
  words: [{ name: secret_projects, words: ["Blue Heron"] }]
"#,
    )
    .await;
    let said = async |way: Way, agent: &str, text: &str| {
        let answer = world.send(way.request(&world, KEY, (agent, text), Value::Null)).await;
        answer.expect(200).json()["output"].as_str().unwrap().to_owned()
    };
    let mail = format!("Hello {MAIL}");
    assert_eq!(said(Way::Json, "make:slow", "Hello").await, "You said: Hello");
    // The alias's agent, by either of its names.
    assert!(said(Way::Json, "support", &mail).await.contains(MAIL));
    assert!(said(Way::Json, "make:ok", &mail).await.contains(MAIL));
    let other = "make:8d2f6c1e-0000-4000-8000-000000000001";
    assert!(said(Way::Json, other, &mail).await.contains("[EMAIL]"));
    assert!(said(Way::Json, "zaia:ok", &mail).await.contains(MAIL));
    let number = "SSN 308-63-0237";
    assert!(said(Way::Json, "zaia:ok", number).await.contains("[US_SSN]"));
    assert!(said(Way::Json, "acp:ok", number).await.contains(number));
    assert!(said(Way::Acp, "zaia:ok", &mail).await.contains("****.***@"));
    let own = "See ticket T-1234 of blue heron.";
    assert!(
        said(Way::Json, "zaia:ok", own).await.contains("ticket [TICKET] of [SECRET_PROJECTS].")
    );
    assert!(said(Way::Json, "zaia:ok", "Part T-1234").await.contains("Part T-1234"));
    world.finish().await;
}
