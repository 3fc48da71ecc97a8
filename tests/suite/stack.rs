//! The RUN and UPSTREAM stacks over real sockets: a run that is stopped at each layer, and what
//! had run by then: what the platform saw, what was counted, what the caller is told.

use serde_json::{Value, json};

use crate::harness::World;

/// One upstream with little room and little patience.
const TIGHT: &str = r#"
upstreams:
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}", max_concurrent: 1, clocks: { first_byte: 300ms }, breaker: { failures: 2, open: 60s } }
"#;

/// How many tries of the upstream had this outcome.
async fn tries(world: &World, upstream: &str, outcome: &str) -> f64 {
    let text = world.admin("/metrics").await.expect(200).text();
    let wanted =
        format!("switchyard_upstream_tries_total{{outcome=\"{outcome}\",upstream=\"{upstream}\"}}");
    let line = text.lines().find(|line| line.starts_with(&wanted));
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn each_layer_of_the_upstream_stack_stops_what_is_its_to_stop() {
    let world = World::configured(TIGHT).await;
    // Permits: the platform is not asked, the refusal is counted.
    let body = json!({ "input": "Hello", "stream": true });
    let held = world.stream("/v1/agents/acp:endless/runs", &body).await;
    world.run("acp:ok", json!({ "input": "x" })).await.problem(503, "overloaded");
    assert_eq!(world.simulator.journal().len(), 1);
    assert_eq!(tries(&world, "acp", "refused").await, 1.0);
    drop(held);
    while tries(&world, "acp", "cancelled").await < 1.0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // Clocks: the platform was asked once, the try is a time-out.
    world.run("acp:head-stall", json!({ "input": "x" })).await.problem(504, "upstream_timeout");
    assert_eq!(world.simulator.journal().len(), 2);
    assert_eq!(tries(&world, "acp", "timed_out").await, 1.0);
    // Credentials, the innermost: the platform saw ours.
    let seen = world.simulator.journal();
    assert!(seen.iter().all(|request| request.header("authorization").is_some()));
    // Breaker: the second failure in a row opens it; then nothing more is sent.
    world.run("acp:html-error", json!({ "input": "x" })).await.expect(502);
    assert_eq!(tries(&world, "acp", "failed").await, 1.0);
    world.run("acp:ok", json!({ "input": "x" })).await.problem(503, "upstream_unavailable");
    assert_eq!(world.simulator.journal().len(), 3);
    assert_eq!(tries(&world, "acp", "refused").await, 2.0);
    world.finish().await;
}

fn code(run: &Value) -> &str {
    run["error"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn each_layer_of_the_run_stack_stops_what_is_its_to_stop() {
    let world = World::start().await;
    // Deadline: the platform is let go when the caller's time is over.
    let body = json!({ "input": "x", "limits": { "timeout_seconds": 1 } });
    world.run("acp:head-stall", body).await.problem(504, "upstream_timeout");
    tokio::time::timeout(crate::harness::PATIENCE, world.simulator.wait_for_broken_off(1))
        .await
        .expect("the platform was not let go");
    // Output schema: the run was whole, its answer is refused.
    let long = json!({ "type": "string", "minLength": 1_000 });
    let schema = json!({ "type": "object", "properties": { "a": long }, "required": ["a"] });
    let run = world.run("acp:ok", json!({ "input": "x", "output_schema": schema })).await;
    let run = run.expect(200).json();
    assert_eq!((run["status"].as_str().unwrap(), code(&run)), ("failed", "output_schema_mismatch"));
    assert_eq!(run["error"]["errors"][0]["path"], "/a");
    assert_eq!(tries(&world, "acp", "success").await, 1.0);
    // Cost cap: the run ends early at what the platform reports.
    let body = json!({ "input": "x", "limits": { "max_cost_usd": "0.000001" } });
    let run = world.run("agentbase:any", body).await.expect(200).json();
    assert_eq!(run["status"], "incomplete", "{run}");
    assert_eq!(run["stop_reason"], "max_cost_usd");
    // Conform: what comes after the end is left out.
    let run = world.run("agentbase:any", json!({ "input": "[scenario:after-end] x" })).await;
    assert_eq!(run.expect(200).json()["status"], "completed");
    world.finish().await;
}
