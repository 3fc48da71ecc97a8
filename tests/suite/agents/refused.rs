//! What is refused of agents: by shape, by platform, by policy; and what is recorded.

use http::Method;
use serde_json::{Value, json};

use super::{ask, asked, change, ids};
use crate::callers::{self, make_key};
use crate::harness::World;

#[tokio::test]
async fn what_a_platform_cannot_do_is_named_and_nothing_is_sent() {
    let world = World::start().await;
    let all = json!({ "description": "d", "tools": [], "mcp_servers": [], "model": "m",
        "instructions": "i", "limits": { "max_output_tokens": 1, "max_steps": 2,
        "timeout_seconds": 3, "max_cost_usd": "1" } });
    for (upstream, options, expected) in [
        (
            "make",
            json!({ "makeConnectionId": 1 }),
            vec!["description", "limits.timeout_seconds", "limits.max_cost_usd"],
        ),
        (
            "zaia",
            json!({}),
            vec!["limits.max_output_tokens", "limits.timeout_seconds", "limits.max_cost_usd"],
        ),
        ("acp", json!({}), vec!["mcp_servers", "limits.max_output_tokens"]),
        (
            "agentbase",
            json!({}),
            vec![
                "model",
                "tools",
                "limits.max_output_tokens",
                "limits.max_steps",
                "limits.timeout_seconds",
                "limits.max_cost_usd",
            ],
        ),
    ] {
        let mut body = all.clone();
        body["upstream"] = json!(upstream);
        body["name"] = json!("Clerk");
        body["upstream_options"] = options;
        let refused = world.post("/v1/agents", &body).await;
        let refused = refused.problem(422, "unsupported_by_upstream");
        let places: Vec<_> =
            refused["errors"].as_array().unwrap().iter().map(|at| at["path"].clone()).collect();
        assert_eq!(places, expected, "{upstream}");
        assert_eq!(asked(&world, upstream), [""; 0], "{upstream}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_native_field_with_a_unified_name_is_refused() {
    let world = World::start().await;
    for (upstream, native, unified) in [
        ("make", "systemPrompt", "use instructions"),
        ("make", "scenarios", "use tools"),
        ("zaia", "llm", "use model"),
        ("zaia", "role", "use description"),
        ("acp", "enabledTools", "use tools"),
        ("acp", "maxBudgetCents", "use limits.max_cost_usd"),
    ] {
        let body = json!({ "upstream": upstream, "name": "Clerk", "instructions": "i", "model": "m",
            "upstream_options": { "makeConnectionId": 1, native: "x" } });
        let refused = world.post("/v1/agents", &body).await.problem(400, "invalid_request");
        let errors = refused["errors"].as_array().unwrap();
        let place = format!("upstream_options.{native}");
        let error = errors.iter().find(|error| error["path"] == place.as_str()).unwrap();
        assert_eq!(error["message"], unified, "{upstream} {native}");
    }
    world.finish().await;
}

const PII: &str = r#"
pii:
  rules:
    - { name: no-cards, entities: [card], direction: to_upstream, action: block }
    - { entities: [email], action: mask }
"#;

#[tokio::test]
async fn what_must_not_leave_does_not_leave_in_an_agent() {
    let world = World::with(PII).await;
    let body = |text: &str| {
        json!({ "upstream": "acp", "name": "Clerk", "model": "m", "instructions": text,
            "description": "Ask bob@example.com" })
    };
    let refused = world.post("/v1/agents", &body("Charge 4111 1111 1111 1111.")).await;
    let refused = refused.problem(422, "pii_blocked");
    assert_eq!(
        (&refused["errors"][0]["path"], &refused["rules"]),
        (&json!("instructions"), &json!(["no-cards"]))
    );
    assert_eq!(asked(&world, "acp"), [""; 0]);
    let made = world.post("/v1/agents", &body("You file.")).await.expect(201).json();
    let sent = world.simulator.journal();
    let sent = sent.iter().find(|one| one.method == "POST").unwrap();
    assert!(!String::from_utf8_lossy(&sent.body).contains("bob@example.com"));
    assert_eq!(made["pii"][0]["entity"], "email");
    let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
    let card = json!({ "description": "4111 1111 1111 1111" });
    change(&world, &path, "", card).await.problem(422, "pii_blocked");
    let search = "/v1/agents?upstream=zaia&search=4111+1111+1111+1111";
    world.get(search).await.problem(422, "pii_blocked");
    assert_eq!(asked(&world, "zaia"), [""; 0]);
    let tool = json!({ "id": "pay 4111 1111 1111 1111" });
    world.post(&format!("{path}/tools"), &tool).await.problem(422, "pii_blocked");
    world.finish().await;
}

#[tokio::test]
async fn what_must_not_come_back_does_not_come_back() {
    let world = World::with(PII).await;
    let direct = json!({ "name": "Old", "systemPrompt": "Write to ann@example.com" }).to_string();
    // It was written there before there was a rule.
    let uri = format!("http://{}/acp/api/v1/agents/ok", world.simulator.addr());
    let request = http::Request::builder()
        .method(Method::PATCH)
        .uri(uri)
        .header("authorization", "Bearer gsk_acme_1")
        .header("content-type", "application/json");
    let answer = world.open(request.body(direct.into()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    let read = world.get("/v1/agents/acp:ok").await.expect(200);
    assert!(!read.text().contains("ann@example.com"), "{}", read.text());
    assert_eq!(read.json()["pii"][0]["direction"], "to_caller");
    let list = world.get("/v1/agents?upstream=acp").await.expect(200);
    assert!(!list.text().contains("ann@example.com"));
    assert_eq!(ids(&list.json()).len(), 3);
    // What is written back is what the platform has, not what its caller was shown.
    let path = "/v1/agents/acp:ok/tools";
    world.post(path, &json!({ "id": "crm.lookup" })).await.expect(201);
    let uri = format!("http://{}/acp/api/v1/agents/ok", world.simulator.addr());
    let request = http::Request::get(uri).header("authorization", "Bearer gsk_acme_1");
    let answer = world.open(request.body(Default::default()).unwrap()).await;
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("ann@example.com"));
    world.finish().await;
}

#[tokio::test]
async fn a_change_is_recorded_with_its_agent() {
    let world = World::start().await;
    let body = json!({ "upstream": "acp", "name": "Clerk", "model": "m" });
    let made = world.post("/v1/agents", &body).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    change(&world, &format!("/v1/agents/{id}"), "", json!({ "name": "Scribe" })).await.expect(200);
    change(&world, &format!("/v1/agents/{id}"), "\"x\"", json!({ "name": "No" }))
        .await
        .problem(412, "precondition_failed");
    let records = world.admin("/admin/audit?order=oldest").await.expect(200).json();
    let of = |operation: &str, stage: &str| -> Value {
        let all = records["data"].as_array().unwrap().iter();
        let mut all = all.filter(|record| record["record"]["call"]["operation"] == operation);
        all.find(|record| record["record"]["stage"] == stage)
            .unwrap_or_else(|| panic!("{operation} {stage}: {records}"))["record"]
            .clone()
    };
    let created = of("create_agent", "answered");
    assert_eq!(created["run"]["target"], id);
    let changed = of("change_agent", "answered");
    assert_eq!((&changed["run"]["target"], &changed["run"]["agent"]), (&json!(id), &json!(id)));
    let refused = of("change_agent", "refused");
    assert_eq!(
        (&refused["outcome"]["code"], &refused["run"]["target"]),
        (&json!("precondition_failed"), &json!(id))
    );
    assert!(!records.to_string().contains("Scribe"), "what was said is not recorded");
    world.finish().await;
}

#[tokio::test]
async fn who_may_not_manage_agents_may_still_read_them() {
    let world = World::start().await;
    let reader = make_key(&world, "reader", json!({})).await.secret;
    for path in ["/v1/agents/support", "/v1/agents"] {
        callers::get(&world, &reader, path).await.expect(200);
    }
    for (method, path, body) in [
        (Method::POST, "/v1/agents", json!({ "upstream": "acp", "name": "x", "model": "m" })),
        (Method::PATCH, "/v1/agents/support", json!({ "name": "x" })),
        (Method::DELETE, "/v1/agents/support", Value::Null),
        (Method::POST, "/v1/agents/support/tools", json!({ "id": "scenario:1" })),
        (Method::DELETE, "/v1/agents/support/tools/scenario:1", Value::Null),
        (Method::POST, "/v1/agents/support/mcp_servers", json!({ "id": "1", "tools": [] })),
        (Method::DELETE, "/v1/agents/support/mcp_servers/1", Value::Null),
    ] {
        let answer = callers::ask(&world, &reader, method, path, &body).await;
        answer.problem(403, "forbidden");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_is_not_right_is_refused_with_its_place() {
    let world = World::start().await;
    for (body, place) in [
        (json!({ "name": "x" }), "upstream"),
        (json!({ "upstream": "acp" }), "name"),
        (json!({ "upstream": "nowhere", "name": "x" }), "upstream"),
        (json!({ "upstream": "acp", "name": "x", "colour": 1 }), "colour"),
        (json!({ "upstream": "make", "name": "x" }), "instructions"),
    ] {
        let refused = world.post("/v1/agents", &body).await.problem(400, "invalid_request");
        assert_eq!(refused["errors"][0]["path"], place, "{body}");
    }
    for (if_match, body, place) in [
        ("nonsense", json!({ "name": "x" }), "If-Match"),
        ("", json!({}), ""),
        ("", json!({ "upstream": "acp" }), "upstream"),
        ("", json!({ "description": null }), "description"),
    ] {
        let answer = change(&world, "/v1/agents/support", if_match, body).await;
        let refused = answer.problem(400, "invalid_request");
        assert_eq!(refused["errors"][0]["path"], place);
    }
    for path in ["/v1/agents/nobody", "/v1/agents/make:nobody", "/v1/agents/nowhere:x"] {
        world.get(path).await.problem(404, "agent_not_found");
        ask(&world, Method::DELETE, path, "", &Value::Null).await.problem(404, "agent_not_found");
    }
    world.finish().await;
}
