//! The operators' socket.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn metrics_count_what_happened() {
    let world = World::start().await;
    world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    world.run("acp:quota", json!({ "input": "Hello" })).await.expect(429);
    let text = world.admin("/metrics").await.expect(200).text();
    let value = |prefix: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(prefix));
        let line = line.unwrap_or_else(|| panic!("{prefix} is missing in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(value(r#"switchyard_runs_total{kind="acp",outcome="completed""#), 1.0);
    assert_eq!(value(r#"switchyard_runs_total{kind="acp",outcome="failed""#), 1.0);
    for family in [
        "switchyard_run_time_to_first_event_seconds_count",
        "switchyard_run_duration_seconds_count",
        "switchyard_gateway_overhead_seconds_count",
        "switchyard_open_streams",
        "switchyard_upstream_tries_total",
    ] {
        value(family);
    }
    assert!(!text.contains("run_0"), "no run id is a label");
    world.finish().await;
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let world = World::start().await;
    world.admin("/healthz").await.expect(200);
    world.admin("/readyz").await.expect(200);
    let api = world.get("/openapi.json").await.expect(200).json();
    assert_eq!(api["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    assert_eq!(world.admin("/openapi.json").await.expect(200).json(), api);
    world.admin("/v1/runs").await.problem(404, "not_found");
    world.get("/metrics").await.problem(404, "not_found");
    world.finish().await;
}
