//! Reading runs and upstreams.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn runs_are_listed_newest_first_with_filters_and_cursor() {
    let world = World::start().await;
    for n in 0..5 {
        let agent = if n % 2 == 0 { "acp:ok" } else { "zaia:ok" };
        world
            .run(agent, json!({ "input": "Hello", "metadata": { "n": n.to_string() } }))
            .await
            .expect(200);
    }
    let page = world.get("/v1/runs?limit=2").await.expect(200).json();
    let numbers = |page: &serde_json::Value| -> Vec<String> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["metadata"]["n"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(numbers(&page), ["4", "3"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = world.get(&format!("/v1/runs?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!(numbers(&page), ["2", "1"]);
    let zaia = world.get("/v1/runs?agent=zaia:ok&status=completed").await.expect(200).json();
    assert_eq!(numbers(&zaia), ["3", "1"]);
    assert_eq!(zaia["next_cursor"], serde_json::Value::Null);
    let none = world.get("/v1/runs?status=failed").await.expect(200).json();
    assert!(none["data"].as_array().unwrap().is_empty());
    let after = world.get("/v1/runs?created_after=2999-01-01T00:00:00Z").await.expect(200).json();
    assert!(after["data"].as_array().unwrap().is_empty());
    for wrong in [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=odd",
        "cursor=x",
        "created_after=x",
        "colour=red",
    ] {
        world.get(&format!("/v1/runs?{wrong}")).await.problem(400, "invalid_request");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_is_not_there_is_not_found() {
    let world = World::start().await;
    for id in ["run_x", "x", "run_00000000000000000000000000000000"] {
        world.get(&format!("/v1/runs/{id}")).await.problem(404, "run_not_found");
        world.get(&format!("/v1/runs/{id}/events")).await.problem(404, "run_not_found");
        world
            .post(&format!("/v1/runs/{id}/cancel"), &json!({}))
            .await
            .problem(404, "run_not_found");
    }
    for agent in ["nobody", "else:x"] {
        world.run(agent, json!({ "input": "x" })).await.problem(404, "agent_not_found");
    }
    world.finish().await;
}

#[tokio::test]
async fn upstreams_show_their_capability_table() {
    let world = World::start().await;
    let list = world.get("/v1/upstreams").await.expect(200).json();
    let upstreams = list["data"].as_array().unwrap();
    assert_eq!(upstreams.len(), 4);
    for upstream in upstreams {
        assert_eq!(upstream["health"], "healthy");
        for field in switchyard::model::capability::Field::ALL {
            let support = &upstream["capabilities"][field.path()]["support"];
            assert!(["native", "emulated", "unsupported"].contains(&support.as_str().unwrap()));
        }
    }
    assert!(!list.to_string().contains("6f1e8d3a"), "no credential");
    world.finish().await;
}
