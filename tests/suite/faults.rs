//! Whatever a platform does to its stream, the caller's ends with exactly one terminal event, and
//! a whole answer is a whole answer or a problem.

use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::faces::scenario;
use crate::harness::{Events, World, assert_orderly, names};

/// The platforms that have a stream to break.
const STREAMED: [&str; 3] = ["make", "acp", "agentbase"];

const CLOCKS: &str = "clocks: { connect: 1s, first_byte: 500ms, idle: 400ms, total: 2s }";

async fn impatient() -> World {
    let text = format!(
        r#"
upstreams:
  make: {{ kind: make, base_url: "http://SIM/make/api/v2", team_id: 123, credential: "${{env:KEY}}", {CLOCKS} }}
  acp: {{ kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${{env:KEY}}", {CLOCKS} }}
  agentbase: {{ kind: agentbase, base_url: "http://SIM/agentbase", credential: "${{env:KEY}}", {CLOCKS} }}
"#
    );
    World::configured(&text).await
}

/// Scenarios that end a stream badly, with the codes that may stand in `run.failed`.
const BROKEN: &[(&str, &[&str])] = &[
    ("reset", &["upstream_protocol"]),
    ("eof", &["upstream_protocol"]),
    ("half-event", &["upstream_protocol"]),
    ("garbage", &["upstream_protocol"]),
    ("idle", &["upstream_timeout"]),
    ("big-line", &["upstream_protocol"]),
    ("no-blank-lines", &["upstream_protocol"]),
    ("comments", &["upstream_protocol", "upstream_timeout"]),
    ("head-reset", &["upstream_protocol", "upstream_unavailable"]),
    ("head-stall", &["upstream_timeout"]),
    ("bad-http", &["upstream_protocol"]),
    ("gzip", &["upstream_protocol"]),
    ("wrong-type", &["upstream_protocol"]),
];

/// Scenarios that are odd and still well-formed.
const ODD: &[&str] = &["cr", "crlf", "bom", "invalid-utf8", "after-end"];

#[tokio::test]
async fn a_broken_stream_has_one_end() {
    for (name, codes) in BROKEN {
        let world = impatient().await;
        for vendor in STREAMED {
            // Samples in its documentation lack blank lines, so this vendor reads line by line.
            if (vendor, *name) == ("agentbase", "no-blank-lines") {
                continue;
            }
            let (agent, input) = scenario(vendor, name);
            let path = format!("/v1/agents/{agent}/runs");
            let request = world.json(&path, &json!({ "input": input, "stream": true }));
            let answer = world.open(request).await;
            let said = format!("{vendor} {name}");
            let code = if answer.status() == 200 {
                let events = Events::of(answer).all().await;
                let end = assert_orderly(&events);
                assert_eq!(end["type"], "run.failed", "{said}: {:?}", names(&events));
                end["run"]["error"]["code"].clone()
            } else {
                assert!(answer.status().is_server_error(), "{said}: {}", answer.status());
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                serde_json::from_slice::<Value>(&body).unwrap()["code"].clone()
            };
            assert!(codes.contains(&code.as_str().unwrap()), "{said}: {code}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_broken_answer_is_a_problem_for_a_caller_who_waits() {
    let world = impatient().await;
    for (name, codes) in BROKEN {
        let (agent, input) = scenario("acp", name);
        let answer = world.run(&agent, json!({ "input": input })).await;
        assert!(answer.status.is_server_error(), "{name}: {}", answer.status);
        let problem = answer.json();
        let code = problem["code"].as_str().unwrap();
        // The breaker may have opened by then, which is what it is for.
        assert!(codes.contains(&code) || code == "upstream_unavailable", "{name}: {code}");
        assert_eq!(problem["upstream"]["name"], "acp", "{name}: {problem}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_odd_stream_is_still_a_stream() {
    let world = impatient().await;
    for vendor in STREAMED {
        for name in ODD {
            let (agent, input) = scenario(vendor, name);
            let body = json!({ "input": input, "stream": true });
            let events = world.stream(&format!("/v1/agents/{agent}/runs"), &body).await.all().await;
            let end = assert_orderly(&events);
            assert_eq!(end["type"], "run.completed", "{vendor} {name}: {end}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn partial_text_is_kept_when_a_stream_breaks() {
    let world = impatient().await;
    let body = json!({ "input": "Hello", "stream": true });
    let events = world.stream("/v1/agents/acp:eof/runs", &body).await.all().await;
    let end = assert_orderly(&events);
    assert_eq!(end["run"]["status"], "failed");
    assert!(!end["run"]["output"].as_str().unwrap().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn failures_of_a_platform_say_whose_they_are() {
    let world = World::start().await;
    for (vendor, name, status, code, origin) in [
        ("make", "html-error", 502, "upstream_error", "upstream"),
        ("make", "too-large", 413, "content_too_large", "caller"),
        ("make", "missing", 404, "agent_not_found", "caller"),
        ("zaia", "failed", 502, "upstream_error", "upstream"),
        ("zaia", "missing", 404, "agent_not_found", "caller"),
        ("acp", "model-missing", 502, "upstream_misconfigured", "operator"),
        ("acp", "missing", 404, "agent_not_found", "caller"),
        ("agentbase", "failed", 502, "upstream_error", "upstream"),
        // Last, because a platform that refuses is then left alone for a while.
        ("make", "rate-limited", 429, "rate_limited", "upstream"),
        ("acp", "quota", 429, "budget_exhausted", "upstream"),
        ("agentbase", "rate-limited", 429, "rate_limited", "upstream"),
    ] {
        let (agent, input) = scenario(vendor, name);
        let answer = world.run(&agent, json!({ "input": input })).await;
        let said = format!("{vendor} {name}: {}", answer.text());
        assert_eq!(answer.status, status, "{said}");
        if status == 429 && code == "rate_limited" {
            assert!(answer.header("retry-after").parse::<u64>().is_ok(), "{said}");
        }
        let problem = answer.problem(status, code);
        assert_eq!(problem["origin"], origin, "{said}");
        assert!(problem["run_id"].as_str().unwrap().starts_with("run_"));
        assert!(!problem.to_string().contains("<html"), "{said}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_zaia_execution_that_still_runs_is_asked_for_again() {
    let world = World::start().await;
    let run = world.run("zaia:running", json!({ "input": "Hello" })).await.expect(200).json();
    assert_eq!(run["status"], "completed", "{run}");
    let polls = world.simulator.journal().iter().filter(|r| r.method == "GET").count();
    assert!(polls >= 1);
    let executes = world.simulator.journal().iter().filter(|r| r.method == "POST").count();
    assert_eq!(executes, 1, "a run is never sent twice");
    world.finish().await;
}

#[tokio::test]
async fn a_failing_platform_is_left_alone_for_a_while_and_then_probed() {
    let world = World::configured(
        r#"
upstreams:
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}", breaker: { failures: 3, open: 300ms } }
"#,
    )
    .await;
    for _ in 0..3 {
        world.run("acp:html-error", json!({ "input": "Hello" })).await.expect(502);
    }
    let sent = world.simulator.journal().len();
    let refused = world.run("acp:ok", json!({ "input": "Hello" })).await;
    assert!(!refused.header("retry-after").is_empty());
    refused.problem(503, "upstream_unavailable");
    assert_eq!(world.simulator.journal().len(), sent, "nothing was sent while it was open");
    let health = world.get("/v1/upstreams").await.json()["data"][0]["health"].clone();
    assert_ne!(health, "healthy");
    let mut answer = world.run("acp:ok", json!({ "input": "Hello" })).await;
    while answer.status == 503 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        answer = world.run("acp:ok", json!({ "input": "Hello" })).await;
    }
    answer.expect(200);
    assert_eq!(world.get("/v1/upstreams").await.json()["data"][0]["health"], "healthy");
    world.finish().await;
}
