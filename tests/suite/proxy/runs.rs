//! A run that comes by the proxy counts as every other: recorded, limited, paid for, governed,
//! shown and stopped.

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{ask, none, records};
use crate::callers::eventually;
use crate::callers::make_key;
use crate::governed::until;
use crate::harness::{KEY, PATIENCE, World};

/// How each simulated platform is asked for a run in its own words, and what it is called here.
fn runs() -> Vec<(&'static str, &'static str, Value)> {
    let messages = json!({ "messages": [{ "role": "user", "content": "Hi", "attachments": [] }] });
    vec![
        (
            "make:ok",
            "/proxy/make/ai-agents/v1/agents/ok/run?teamId=123",
            json!({ "messages": [{ "role": "user", "content": "Hi" }], "config": {} }),
        ),
        (
            "make:ok",
            "/proxy/make/make/api/v2/ai-agents/v1/agents/ok/run/stream?teamId=123",
            json!({ "messages": [{ "role": "user", "content": "Hi" }], "config": {} }),
        ),
        ("zaia:ok", "/proxy/zaia/api/v1/agents/ok/execute", messages),
        ("acp:ok", "/proxy/acp/acme/agents/ok/run", json!({ "input": "Hi" })),
        ("acp:ok", "/proxy/acp/acme/agents/ok/run", json!({ "input": "Hi", "stream": true })),
        ("agentbase:-", "/proxy/agentbase/", json!({ "message": "Hi" })),
        (
            "agentbase:-",
            "/proxy/agentbase/?session=s1",
            json!({ "message": "Hi", "streaming_tokens": true }),
        ),
    ]
}

/// The same, asked of the platform itself.
async fn direct(world: &World, path: &str, body: &Value) -> String {
    let upstream = path.split('/').nth(2).unwrap();
    let rest = path.strip_prefix(&format!("/proxy/{upstream}")).unwrap();
    let rest = rest.strip_prefix("/make/api/v2").unwrap_or(rest);
    let base = if upstream == "make" { "/make/api/v2" } else { &format!("/{upstream}") };
    let uri = format!("http://{}{base}{rest}", world.simulator.addr());
    let credential = match upstream {
        "make" => format!("Token {}", super::CREDENTIAL),
        "zaia" => super::CREDENTIAL.to_owned(),
        _ => format!("Bearer {}", super::CREDENTIAL),
    };
    let request = http::Request::post(uri)
        .header("authorization", credential)
        .header("content-type", "application/json")
        .body(http_body_util::Full::from(body.to_string()))
        .unwrap();
    let answer = super::send(world, request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// Without what differs from one answer of a platform to the next.
fn settled(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(['"', ':', ',', '\n']) {
        let is_own = word.len() > 8 && word.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(if is_own { "_" } else { word });
    }
    out
}

#[tokio::test]
async fn each_platforms_own_run_is_answered_as_it_answers_and_recorded_as_a_run() {
    let world = World::start().await;
    for (agent, path, body) in runs() {
        let before = world.simulator.journal().len();
        let answer = ask(&world, Method::POST, path, &body).await.expect(200);
        assert_eq!(world.simulator.journal().len(), before + 1, "{path}");
        let sent = world.simulator.journal()[before].clone();
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), body, "{path}");
        assert_eq!(settled(&answer.text()), settled(&direct(&world, path, &body).await), "{path}");
        let id = answer.header("switchyard-run-id").to_owned();
        let run = world.get(&format!("/v1/runs/{id}")).await.expect(200).json();
        assert_eq!((&run["status"], &run["agent"]), (&json!("completed"), &json!(agent)), "{run}");
        let stages = records(&world, &format!("run_id={id}")).await;
        let stages: Vec<_> = stages.iter().map(|it| it["stage"].as_str().unwrap()).collect();
        let mut sorted = stages.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["admitted", "ended"], "{path}");
        let ended = &records(&world, &format!("run_id={id}&stage=ended")).await[0];
        assert_eq!(ended["call"]["face"], "proxy");
        assert_eq!(ended["run"]["target"], agent);
        assert_eq!(ended["outcome"]["status"], "completed");
        assert!(ended["run"]["request"]["bytes"].as_u64().unwrap() > 20);
        let usage = &ended["outcome"]["usage"];
        match (agent, path.contains("stream")) {
            ("make:ok", false) => assert!(usage["total_tokens"].as_u64().is_some(), "{usage}"),
            ("zaia:ok", _) => assert!(!usage["credits"].is_null(), "{usage}"),
            ("agentbase:-", _) => assert_eq!(usage["cost_usd"], "0.0021"),
            _ => {}
        }
    }
    // Nothing of it is answered as a call that is no run.
    assert!(records(&world, "operation=proxy&stage=answered").await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_failure_of_the_platform_is_the_callers_to_read_and_the_runs_end() {
    let world = World::start().await;
    for (agent, status, code) in [
        ("nobody", 404, "agent_not_found"),
        ("html-error", 502, "upstream_error"),
        // The quota of one user there; that user is not let through again today.
        ("quota", 429, "budget_exhausted"),
    ] {
        let path = format!("/proxy/acp/acme/agents/{agent}/run");
        let answer = ask(&world, Method::POST, &path, &json!({ "input": "Hi" })).await;
        assert_eq!(answer.status, status, "{agent}");
        assert_ne!(answer.header("content-type"), "application/problem+json", "{agent}");
        let id = answer.header("switchyard-run-id").to_owned();
        let ended = &records(&world, &format!("run_id={id}&stage=ended")).await[0];
        assert_eq!(ended["outcome"]["status"], "failed", "{agent}");
        assert_eq!(ended["outcome"]["code"], code, "{agent}");
    }
    let sent = world.simulator.journal().len();
    let path = "/proxy/acp/acme/agents/ok/run";
    let answer = ask(&world, Method::POST, path, &json!({ "input": "Hi" })).await;
    answer.problem(429, "budget_exhausted");
    assert_eq!(world.simulator.journal().len(), sent);
    let world2 = World::start().await;
    for (scenario, code) in [("head-reset", "upstream_protocol"), ("bad-http", "upstream_protocol")]
    {
        let path = format!("/proxy/acp/acme/agents/{scenario}/run");
        let answer = ask(&world2, Method::POST, &path, &json!({ "input": "Hi" })).await;
        answer.problem(502, code);
    }
    // A stream that breaks off does so for the caller too.
    let body = r#"{"input":"Hi","stream":true}"#;
    let request = format!(
        "POST /proxy/acp/acme/agents/broken-off/run HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let text = super::manners::said(&world2, request.as_bytes()).await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
    world.finish().await;
    world2.finish().await;
}

#[tokio::test]
async fn who_may_not_run_or_has_spent_its_budget_reaches_no_platform() {
    let world = World::with(
        "budgets: [{ name: two, by: principal, runs: 2, per: day }]\n\
         limits: [{ name: one-a-day, by: upstream, upstreams: [zaia], requests: 1, per: 24h }]\n",
    )
    .await;
    let proxy = json!({ "scopes": ["proxy"] });
    let only = make_key(&world, "proxy-only", proxy).await;
    let path = "/proxy/acp/acme/agents/ok/run";
    let run = |key: &str, path: &str| {
        let request = world.request_as(key, Method::POST, path);
        let request = request.header("content-type", "application/json");
        request.body(http_body_util::Full::from(r#"{"input":"Hi"}"#)).unwrap()
    };
    // The scope lets it reach the API; a run needs what every run needs.
    let refused = super::send(&world, run(&only.secret, path)).await;
    assert!([403, 404].contains(&refused.status.as_u16()), "{}", refused.text());
    assert!(world.simulator.journal().is_empty());
    for _ in 0..2 {
        ask(&world, Method::POST, path, &json!({ "input": "Hi" })).await.expect(200);
    }
    let answer = ask(&world, Method::POST, path, &json!({ "input": "Hi" })).await;
    assert_eq!(answer.problem(429, "budget_exhausted")["rules"], json!(["two"]));
    // A slash at its end, or capitals, make it no other call.
    for path in ["/proxy/acp/acme/agents/ok/run/", "/proxy/acp/acme/Agents/ok/RUN"] {
        let answer = ask(&world, Method::POST, path, &json!({ "input": "Hi" })).await;
        answer.problem(403, "forbidden");
    }
    assert_eq!(world.simulator.journal().len(), 2);
    let list = "/proxy/zaia/api/v1/agents";
    ask(&world, Method::GET, list, &none()).await;
    let answer = ask(&world, Method::GET, list, &none()).await;
    assert_eq!(answer.problem(429, "rate_limited")["rules"], json!(["one-a-day"]));
    world.finish().await;
}

#[tokio::test]
async fn what_a_run_asks_for_is_read_before_it_is_sent() {
    let world = World::start().await;
    for (path, body) in [
        (
            "/proxy/make/ai-agents/v1/agents/ok/run",
            r#"{"messages":[],"config":{},"callbackUrl":"http://x"}"#,
        ),
        ("/proxy/agentbase/", r#"{"message":"x","background":true}"#),
        ("/proxy/agentbase/", r#"{"message":"x","callback":{"url":"http://x"}}"#),
        ("/proxy/agentbase/", r#"{"message":"x","background":false,"background":true}"#),
        ("/proxy/agentbase/", "[]"),
        ("/proxy/agentbase/", "message=x"),
        ("/proxy/agentbase/", ""),
    ] {
        let request = world.request(Method::POST, path).header("content-type", "application/json");
        let request = request.body(http_body_util::Full::from(body)).unwrap();
        super::send(&world, request).await.problem(400, "invalid_request");
    }
    assert!(world.simulator.journal().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_run_is_shown_while_it_goes_on_and_stopped_by_who_leaves_or_cancels() {
    let world = World::start().await;
    let body = json!({ "input": "Hi", "stream": true });
    for cancels in [true, false] {
        let request = world.json("/proxy/acp/acme/agents/idle/run", &body);
        let mut answer = world.open(request).await;
        let id = answer.headers()["switchyard-run-id"].to_str().unwrap().to_owned();
        let first = tokio::time::timeout(PATIENCE, answer.body_mut().frame()).await.unwrap();
        assert!(first.unwrap().is_ok());
        let read = async || world.get(&format!("/v1/runs/{id}")).await.expect(200).json();
        eventually("the run is at work", PATIENCE, async || read().await["status"] == "running")
            .await;
        let before = world.simulator.broken_off();
        if cancels {
            world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
            let rest = tokio::time::timeout(PATIENCE, answer.into_body().collect()).await.unwrap();
            assert!(rest.is_err(), "an answer that was cut off looks whole");
        } else {
            drop(answer);
        }
        until("the platform is left", async || world.simulator.broken_off() > before).await;
        until("the run is over", async || {
            let run = world.get(&format!("/v1/runs/{id}")).await.json();
            run["status"] == "cancelled"
        })
        .await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_its_answer_is_no_fault_of_the_gateway() {
    let world = World::start().await;
    let body = json!({ "input": "Hi" });
    let asking = super::send(&world, world.json("/proxy/acp/acme/agents/head-stall/run", &body));
    let cancelling = async {
        until("the platform has it", async || !world.simulator.journal().is_empty()).await;
        let runs = world.get("/v1/runs").await.expect(200).json();
        let id = runs["data"][0]["id"].as_str().unwrap();
        world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
    };
    let (answer, ()) = tokio::join!(asking, cancelling);
    let problem = answer.problem(409, "conflict");
    assert_eq!(problem["may_retry"], false);
    world.finish().await;
}

#[tokio::test]
async fn a_budget_is_charged_what_the_answer_says() {
    let world = World::with(
        "budgets: [{ name: plenty, by: principal, usd: \"100\", per: day, reserve: { usd: \"0.5\" } }]\n",
    )
    .await;
    ask(&world, Method::POST, "/proxy/agentbase/", &json!({ "message": "Hi" })).await.expect(200);
    until("it is settled", async || {
        let account = crate::governed::account(&world, "plenty", "agentbase:-").await;
        account["reserved"]["usd"] == "0" && account["spent"]["usd"] == "0.0021"
    })
    .await;
    // What says nothing costs what was reserved.
    let path = "/proxy/acp/acme/agents/ok/run";
    let body = json!({ "input": "Hi", "stream": true });
    ask(&world, Method::POST, path, &body).await.expect(200);
    until("it is settled", async || {
        let account = crate::governed::account(&world, "plenty", "acp:ok").await;
        account["reserved"]["usd"] == "0" && account["spent"]["usd"] == "0.5021"
    })
    .await;
    assert_eq!(KEY.len(), 32);
    world.finish().await;
}

#[tokio::test]
async fn a_forbidden_tool_ends_the_answer_before_it_is_told() {
    let folder = crate::harness::folder();
    let bundled = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    for file in ["agents.cedar", "gateway.cedar", "runs.cedar", "tools.cedar"] {
        std::fs::copy(bundled.join(file), folder.join(file)).unwrap();
    }
    let forbid = "@id(\"no-lookups\") forbid (principal, action == Action::\"use_tool\", resource)\n\
                  when { context.tool == \"crm.lookup\" };\n";
    std::fs::write(folder.join("ours.cedar"), forbid).unwrap();
    let world = World::with(&format!(
        "access: {{ policies: \"{}\" }}\ntools: {{ on_violation: end }}\n",
        folder.display()
    ))
    .await;
    let path = "/proxy/acp/acme/agents/tools/run";
    // A whole answer does not tell which tools were called.
    let answer = ask(&world, Method::POST, path, &json!({ "input": "Hi" })).await;
    answer.problem(422, "unsupported_by_upstream");
    assert!(world.simulator.journal().is_empty());
    let request = world.json(path, &json!({ "input": "Hi", "stream": true }));
    let (head, mut body) = world.open(request).await.into_parts();
    let id = head.headers["switchyard-run-id"].to_str().unwrap().to_owned();
    let (mut text, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap() {
        match frame {
            Ok(frame) => text.extend_from_slice(&frame.into_data().unwrap()),
            Err(_) => {
                is_whole = false;
                break;
            }
        }
    }
    let text = String::from_utf8(text).unwrap();
    assert!(!is_whole && !text.contains("crm.lookup"), "{text}");
    let ended = &records(&world, &format!("run_id={id}&stage=ended")).await[0];
    assert_eq!(ended["outcome"]["code"], "tool_denied", "{ended}");
    world.finish().await;
    std::fs::remove_dir_all(folder).ok();
}
