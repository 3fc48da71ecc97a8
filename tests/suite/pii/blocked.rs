//! What a rule blocks: before the run it is refused with its place and its rule, in an answer the
//! run fails, and nothing of the value is told either time.

use serde_json::{Value, json};

use super::says::{self, Said};
use super::{read, received};
use crate::faces::scenario;
use crate::governed::{WAYS, Way, refusal};
use crate::harness::{KEY, VENDORS, World};

const SECRET: &str = "ghp_uO7UmKMhcfdedfu1gXztPUmqZLaq2vggeta3";

const RULES: &str = r#"
pii:
  rules:
    - { name: no-secrets, entities: [secret], action: block }
budgets: [{ name: daily, by: principal, runs: 1000, per: day }]
"#;

#[tokio::test]
async fn a_blocked_request_is_refused_on_every_face_before_there_is_a_run() {
    let world = World::with(RULES).await;
    for vendor in VENDORS {
        for way in WAYS {
            let (agent, input) = scenario(vendor, "ok");
            let text = format!("{input} {SECRET}");
            let answer = world.send(way.request(&world, KEY, (&agent, &text), Value::Null)).await;
            assert!(!answer.text().contains("ghp_uO7"), "{}", answer.text());
            let problem = refusal(way, answer, 422, "pii_blocked");
            if !way.is_acp() {
                assert_eq!(problem["rules"], json!(["no-secrets"]), "{problem}");
                assert_eq!(problem["errors"][0]["path"], "input[0].content", "{problem}");
                assert_eq!(problem["origin"], "policy");
            }
        }
    }
    assert!(world.simulator.journal().is_empty(), "a platform was asked");
    assert_eq!(world.get("/v1/runs").await.json()["data"], json!([]));
    world.finish().await;
}

#[tokio::test]
async fn the_place_of_what_is_blocked_is_named() {
    let world = World::with(RULES).await;
    for (field, value, path) in [
        ("context", json!({ "a": SECRET }), "context"),
        ("metadata", json!({ "a": SECRET }), "metadata"),
        ("instructions", json!(SECRET), "instructions"),
        ("output_schema", json!({ "const": SECRET }), "output_schema"),
        ("tools", json!(["fine", SECRET]), "tools[1]"),
        ("model", json!(SECRET), "model"),
        ("upstream_options", json!({ "rules": [SECRET] }), "upstream_options"),
        (
            "mcp_servers",
            json!([{ "name": "crm", "url": format!("https://example.com/{SECRET}") }]),
            "mcp_servers[0].url",
        ),
    ] {
        let mut body = json!({ "input": "Hello", "unsupported": "ignore" });
        body[field] = value;
        let agent = if field == "model" { "make:ok" } else { "agentbase:any" };
        let problem = world.run(agent, body).await;
        if problem.status != 422 {
            panic!("{field}: {}", problem.text());
        }
        let problem = problem.json();
        assert_eq!(problem["code"], "pii_blocked", "{problem}");
        assert_eq!(problem["errors"][0]["path"], path, "{problem}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_answer_with_what_is_blocked_fails_its_run_on_every_platform() {
    for vendor in VENDORS {
        let world = World::with(RULES).await;
        let said = Said::text(&format!("Here it is: {SECRET} and more of it."));
        for way in [Way::Json, Way::Stream, Way::Hook, Way::Acp, Way::AcpStream] {
            let streamed = matches!(way, Way::Stream | Way::AcpStream);
            says::once(&world, vendor, streamed, &said);
            let (agent, input) = scenario(vendor, "ok");
            let request = way.request(&world, KEY, (&agent, &input), Value::Null);
            let text = if streamed {
                let answer = world.open(request).await;
                let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
                String::from_utf8(body.to_bytes().to_vec()).unwrap()
            } else {
                world.send(request).await.expect(422).text()
            };
            assert!(!text.contains("uO7UmKM"), "{vendor} {way:?}: {text}");
            let run = world.get("/v1/runs").await.json()["data"][0].clone();
            assert_eq!(run["status"], "failed", "{vendor} {way:?}: {run}");
            assert_eq!(run["error"]["code"], "pii_blocked", "{vendor} {way:?}: {run}");
            assert_eq!(run["error"]["rules"], json!(["no-secrets"]));
            let found = json!([{ "entity": "github_pat_classic", "direction": "to_caller",
                "action": "block", "count": 1 }]);
            assert_eq!(run["pii"].as_array().unwrap().len(), 1, "{run}");
            assert_eq!(run["pii"][0]["action"], found[0]["action"], "{run}");
            assert_eq!(run["pii"][0]["direction"], found[0]["direction"], "{run}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_stream_that_has_begun_ends_with_the_problem_and_what_came_before_stands() {
    let world = World::with(RULES).await;
    says::once(&world, "acp", true, &Said::text(&format!("Here it is: {SECRET}!")));
    let events =
        world.stream("/v1/agents/acp:ok/runs", &json!({ "input": "x", "stream": true })).await;
    let (text, events) = read(events).await;
    assert_eq!(text, "Here it is: ");
    let end = events.last().unwrap();
    assert_eq!(
        (&*end.name, &end.data["run"]["error"]["code"]),
        ("run.failed", &json!("pii_blocked"))
    );
    assert!(received(&world).contains("\"x\""));
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_examined_is_refused() {
    use base64::Engine as _;
    let world = World::with(RULES).await;
    let wide: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = json!({ "media_type": "text/plain", "data": base64::engine::general_purpose::STANDARD.encode(wide) });
    let input = json!([{ "role": "user", "content": "see", "attachments": [file] }]);
    let problem = world.run("zaia:ok", json!({ "input": input })).await.problem(422, "pii_blocked");
    assert_eq!(problem["errors"][0]["path"], "input[0].attachments[0]", "{problem}");
    world.finish().await;
}
