//! Webhooks in, as n8n and Zapier really send them.

use serde_json::json;

use crate::harness::World;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_form_post_with_flattened_keys_is_a_run() {
    let world = World::start().await;
    let body = "input=Which+tickets%3F&context__region=EMEA&metadata__zap=12&thread_id=&limits__timeout_seconds=60";
    let run = world.post_with("/v1/hooks/acp:ok", &[FORM], body).await.expect(200).json();
    assert_eq!(run["status"], "completed");
    assert_eq!(run["metadata"]["zap"], "12");
    let sent = world.simulator.journal()[0].json().unwrap();
    assert_eq!(sent["context"]["region"], "EMEA");
    assert_eq!(sent["input"], "Which tickets?");
    world.finish().await;
}

#[tokio::test]
async fn text_back_is_the_output_alone() {
    let world = World::start().await;
    let answer = world.post_with("/v1/hooks/support?reply=text", &[FORM], "input=Hello").await;
    let answer = answer.expect(200);
    assert!(answer.header("content-type").starts_with("text/plain"));
    assert!(answer.text().contains("Hello"));
    world.finish().await;
}

#[tokio::test]
async fn the_configured_field_or_template_is_the_message() {
    let world = World::with(
        "hooks:\n  acp:ok: { input: /body/message/text }\n  acp:tools: { template: \"Order {{/order/id}}: {{/note}}\" }\n",
    )
    .await;
    let payload = json!({ "body": { "message": { "text": "Hi there" } } });
    world.post("/v1/hooks/acp:ok", &payload).await.expect(200);
    let payload = json!({ "order": { "id": 7 }, "note": "fragile" });
    world.post("/v1/hooks/acp:tools", &payload).await.expect(200);
    let sent = world.simulator.journal();
    assert_eq!(sent[0].json().unwrap()["input"], "Hi there");
    assert_eq!(sent[1].json().unwrap()["input"], "Order 7: fragile");
    let run = world.post("/v1/hooks/acp:tools", &json!({ "note": "x" })).await.expect(200).json();
    assert_eq!(run["warnings"][0]["code"], "template_places_empty", "{run}");
    assert!(run["warnings"][0]["detail"].as_str().unwrap().contains("/order/id"), "{run}");
    let missing = world.post("/v1/hooks/acp:ok", &json!({ "body": {} })).await;
    missing.problem(400, "invalid_request");
    world.finish().await;
}

#[tokio::test]
async fn what_a_tool_sends_beside_the_run_is_reported_not_refused() {
    let world = World::start().await;
    let payload = json!({ "input": "Hello", "query": {}, "webhookUrl": "https://n8n.example", "context__a__b": 1 });
    let answer = world.post("/v1/hooks/acp:ok", &payload).await;
    // A nested context cannot be facts; it is refused by its path rather than flattened anew.
    assert!(answer.text().contains("context.a"), "{}", answer.text());
    let payload = json!({ "input": "Hello", "query": {}, "webhookUrl": "https://n8n.example" });
    let run = world.post("/v1/hooks/acp:ok", &payload).await.expect(200).json();
    assert!(run["warnings"].to_string().contains("payload"), "{run}");
    world.finish().await;
}

#[tokio::test]
async fn a_broken_post_gets_its_problem() {
    let world = World::start().await;
    world.post_with("/v1/hooks/acp:ok", &[JSON], "{").await.problem(400, "invalid_request");
    world.post_with("/v1/hooks/acp:ok", &[JSON], "[]").await.problem(400, "invalid_request");
    world
        .post_with("/v1/hooks/acp:ok", &[FORM], "a=1&a__b=2&input=x")
        .await
        .problem(400, "invalid_request");
    world
        .post_with("/v1/hooks/acp:ok", &[("content-type", "text/csv")], "a,b")
        .await
        .problem(415, "unsupported_media_type");
    for content in [
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "application/json; charset=utf-16",
    ] {
        let head = [("content-type", content)];
        let answer = world.post_with("/v1/hooks/acp:ok", &head, "input=x").await;
        let problem = answer.problem(415, "unsupported_media_type");
        assert_eq!(problem["errors"][0]["path"], "Content-Type");
    }
    let get = world.get("/v1/hooks/acp:ok").await;
    assert_eq!(get.header("allow"), "POST");
    get.problem(405, "method_not_allowed");
    world
        .post_with("/v1/hooks/nobody", &[JSON], r#"{"input":"x"}"#)
        .await
        .problem(404, "agent_not_found");
    assert!(world.simulator.journal().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn the_acp_face_refuses_as_acp_does() {
    let world = World::start().await;
    let path = "/acp/acme/agents/acp:ok/run";
    let empty = world.post(path, &json!({})).await.expect(400).json();
    assert_eq!(empty["error"], "Missing required field: input");
    let context =
        world.post(path, &json!({ "input": "x", "context": [] })).await.expect(400).json();
    assert_eq!(context["error"], "context must be a key-value object");
    for path in ["/acp/other/agents/acp:ok/run", "/acp/acme/agents/nobody/run"] {
        let answer = world.post(path, &json!({ "input": "x", "stream": true })).await.expect(404);
        assert!(answer.json()["error"].is_string());
    }
    let quota = world.post("/acp/acme/agents/acp:quota/run", &json!({ "input": "x" })).await;
    assert!(quota.expect(429).json()["error"].is_string());
    let method = world.get(path).await.expect(405);
    assert!(method.json()["error"].is_string());
    world.finish().await;
}

#[tokio::test]
async fn a_cancelled_run_is_no_empty_text() {
    let world = World::start().await;
    let body = json!({ "input": "Hello" });
    let hook = world.post("/v1/hooks/acp:head-stall?reply=text", &body);
    let cancel = async {
        loop {
            let runs = world.get("/v1/runs").await.json();
            if let Some(id) = runs["data"][0]["id"].as_str() {
                world.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.expect(200);
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(hook, cancel);
    answer.problem(409, "conflict");
    world.finish().await;
}
