//! The records that runs, refusals and other calls leave, read from the store itself.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{keyed, shared, until};
use crate::harness::{KEY, World};

/// The records in the store, in their order.
fn records(folder: &std::path::Path) -> Vec<Value> {
    let file = Connection::open(folder.join("shared.db")).unwrap();
    let mut all = file.prepare("SELECT body FROM audit_log ORDER BY number").unwrap();
    let rows = all.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|body| serde_json::from_slice(&body.unwrap()).unwrap()).collect()
}

fn of_stage<'a>(records: &'a [Value], stage: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["stage"] == stage).collect()
}

#[tokio::test]
async fn a_run_leaves_records_of_its_admission_its_tools_and_its_end() {
    let (folder, section) = shared();
    for durability in ["strict", "overlap"] {
        let more = format!("{section}audit: {{ durability: {durability} }}\n");
        let world = World::with(&more).await;
        let run = keyed(&world, durability, "acp:tools", json!({})).await.expect(200).json();
        let all = records(&folder);
        let of_run: Vec<&Value> =
            all.iter().filter(|record| record["run"]["id"] == run["id"]).collect();
        let stages: Vec<&str> = of_run.iter().map(|it| it["stage"].as_str().unwrap()).collect();
        assert_eq!(stages.first(), Some(&"admitted"));
        assert_eq!(stages.last(), Some(&"ended"));
        let tools = stages.iter().filter(|stage| **stage == "tool_call").count();
        assert_eq!(tools, run["steps"].as_array().unwrap().len(), "{stages:?}");
        let admitted = of_run[0];
        assert_eq!(admitted["principal"]["workspace"], "acme");
        assert_eq!(admitted["run"]["target"], "acp:tools");
        assert!(!admitted["policy"]["version"].as_str().unwrap().is_empty());
        assert!(!admitted["policy"]["rules"].as_array().unwrap().is_empty());
        assert_eq!(admitted["run"]["idempotency"].as_str().unwrap().len(), 64);
        let ended = of_run[of_run.len() - 1];
        assert_eq!(ended["outcome"]["status"], "completed");
        assert!(ended["run"]["response"]["bytes"].as_u64().unwrap() > 0);
        world.finish().await;
    }
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn refusals_reads_and_administration_are_recorded_and_floods_are_counted() {
    let (folder, section) = shared();
    let world = World::with(&section).await;
    world.run("acp:ok", json!({ "input": "x", "model": "m" })).await.expect(422);
    world.run("nobody", json!({ "input": "x" })).await.expect(404);
    world.get("/v1/runs").await.expect(200);
    world.admin("/admin/config").await.expect(200);
    let body = json!({ "name": "made", "workspace": "acme", "scopes": ["runs:read"] });
    world.operate(http::Method::POST, "/admin/keys", &body).await.expect(201);
    for _ in 0..5 {
        let request =
            world.request_as("wrong-key-that-nobody-knows", http::Method::GET, "/v1/runs");
        world.send(request.body(Default::default()).unwrap()).await.expect(401);
    }
    world.admin("/healthz").await.expect(200);
    until("reads are written", async || of_stage(&records(&folder), "answered").len() >= 3).await;
    world.finish().await;
    let all = records(&folder);
    let refused: Vec<&str> = of_stage(&all, "refused")
        .iter()
        .map(|record| record["outcome"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(refused, ["unsupported_by_upstream", "agent_not_found"]);
    assert_eq!(of_stage(&all, "refused")[0]["run"]["target"], "acp:ok");
    let mut answered: Vec<&str> = of_stage(&all, "answered")
        .iter()
        .map(|record| record["call"]["operation"].as_str().unwrap())
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, ["create_key", "get_config", "list_runs"]);
    let unknown = of_stage(&all, "unknown");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert_eq!(unknown[0]["count"], 5);
    assert_eq!(unknown[0]["outcome"]["code"], "unauthenticated");
    assert!(!serde_json::to_string(&all).unwrap().contains(KEY));
    std::fs::remove_dir_all(folder).ok();
}
