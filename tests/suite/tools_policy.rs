//! Tools that a policy forbids, and what platforms are told of tools before a run: what they can
//! restrict themselves is theirs to restrict.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::faces::scenario;
use crate::governed::{Way, until};
use crate::harness::{KEY, VENDORS, World, assert_orderly, folder, names};

/// The second tool of each platform is for nobody.
const FORBIDDEN: &str = r#"
@id("no-lookups")
@reason("nobody looks up customers")
forbid (principal, action == Action::"use_tool", resource)
when { context.tool == "crm.lookup" || context.tool == "lookup_customer" || context.tool == "clock" };
"#;

/// The bundled policies and the one above, in a folder of the test's own.
fn policies(more: &str) -> PathBuf {
    let ours = folder();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    for entry in std::fs::read_dir(bundled).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "cedar") {
            std::fs::copy(&file, ours.join(file.file_name().unwrap())).unwrap();
        }
    }
    std::fs::write(ours.join("ours.cedar"), more).unwrap();
    ours
}

async fn governed() -> (World, PathBuf) {
    governed_by(FORBIDDEN).await
}

async fn governed_by(more: &str) -> (World, PathBuf) {
    let policies = policies(more);
    let access = format!("access: {{ policies: \"{}\" }}\n", policies.display());
    (World::with(&access).await, policies)
}

async fn finish(world: World, policies: &Path) {
    world.finish().await;
    std::fs::remove_dir_all(policies).unwrap();
}

#[tokio::test]
async fn a_tool_that_a_policy_forbids_ends_the_run_on_every_face() {
    let (world, policies) = governed().await;
    for vendor in VENDORS {
        for way in crate::governed::WAYS {
            let (agent, input) = scenario(vendor, "tools");
            let answer = world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await;
            let newest = async || world.get("/v1/runs").await.json()["data"][0].clone();
            until("the run is over", async || newest().await["ended_at"].is_string()).await;
            let run = newest().await;
            let said = format!("{vendor} {way:?}: {run}");
            assert_eq!(run["error"]["code"], "tool_denied", "{said}");
            let steps = run["steps"].as_array().unwrap();
            assert_eq!((steps.len(), &steps[1]["status"]), (2, &json!("denied")), "{said}");
            assert_eq!(steps[1]["result"], Value::Null, "{said}");
            let made = run["governance"].as_array().unwrap().last().unwrap();
            assert_eq!(made["layers"]["policy"], "denied", "{said}");
            assert!(made["reason"].as_str().unwrap().contains("looks up customers"), "{said}");
            let result =
                ["Ada", "not found", "noon"].iter().find(|it| answer.text().contains(**it));
            assert_eq!(result, None, "{said}: {}", answer.text());
            match way {
                Way::Acp => assert!(answer.expect(403).json()["error"].is_string()),
                Way::AcpStream => {
                    let text = answer.expect(200).text();
                    assert!(text.contains(r#""decision":"denied""#), "{text}");
                    assert!(text.contains("The tool call was denied"), "{text}");
                    let last = text.trim_end().lines().last().unwrap();
                    assert!(last.starts_with(r#"data: {"type":"error""#), "{text}");
                }
                Way::Background => drop(answer.expect(202)),
                Way::Json | Way::Hook | Way::Stream => drop(answer.expect(200)),
            }
        }
    }
    finish(world, &policies).await;
}

#[tokio::test]
async fn a_forbidden_tool_that_is_asked_for_is_refused_before_the_platform_is_asked() {
    let (world, policies) = governed().await;
    for (vendor, tools, place) in [
        ("acp", json!(["crm.lookup"]), "tools[0]"),
        ("zaia", json!(["search_tickets", "lookup_customer"]), "tools[1]"),
        ("agentbase", json!(["clock"]), "tools[0]"),
    ] {
        let (agent, input) = scenario(vendor, "tools");
        for way in [Way::Json, Way::Stream, Way::Background, Way::Hook] {
            let more = json!({ "tools": tools });
            let answer = world.send(way.request(&world, KEY, (&agent, &input), more)).await;
            let problem = answer.problem(403, "forbidden");
            assert_eq!(problem["errors"][0]["path"], place, "{vendor} {way:?}: {problem}");
            assert_eq!(problem["rules"], json!(["no-lookups"]), "{vendor} {way:?}: {problem}");
        }
    }
    assert!(world.simulator.journal().is_empty());
    finish(world, &policies).await;
}

#[tokio::test]
async fn a_tool_is_judged_with_what_is_known_of_its_run() {
    let while_read = r#"
@id("not-while-read")
forbid (principal, action == Action::"use_tool", resource) when { context.mode == "stream" };
"#;
    let (world, policies) = governed_by(while_read).await;
    for vendor in VENDORS {
        let (agent, input) = scenario(vendor, "tools");
        for (way, status) in [(Way::Json, "completed"), (Way::Stream, "failed")] {
            world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await.expect(200);
            let run = world.get("/v1/runs").await.json()["data"][0].clone();
            assert_eq!(run["status"], status, "{vendor} {way:?}: {run}");
        }
    }
    finish(world, &policies).await;
}

#[tokio::test]
async fn acp_is_asked_for_a_stream_where_its_tools_must_be_seen_and_only_there() {
    let by_tool = "limits: [{ name: calls, by: tool, requests: 9, per: 1h }]\n";
    let (forbidding, policies) = governed().await;
    let worlds =
        [(World::start().await, false), (World::with(by_tool).await, true), (forbidding, true)];
    for (world, is_streamed) in worlds {
        for way in [Way::Json, Way::Hook, Way::Acp] {
            way.ask(&world, KEY, "acp:ok").await.expect(200);
        }
        for seen in world.simulator.journal() {
            assert_eq!(seen.json().unwrap()["stream"], is_streamed);
        }
        world.finish().await;
    }
    std::fs::remove_dir_all(policies).unwrap();
}

#[tokio::test]
async fn make_restricts_its_tools_itself() {
    let world = World::start().await;
    let tools = json!({ "tools": ["scenario:7", "mcp:5/lookup"] });
    for way in [Way::Json, Way::Stream, Way::Hook] {
        let run = way.request(&world, KEY, ("make:tools", "Hello"), tools.clone());
        let text = world.send(run).await.expect(200).text();
        // What Make lets its agent use within that is not judged by the request once more.
        assert!(text.contains("You said: Hello") && !text.contains("denied"), "{way:?}: {text}");
    }
    for seen in world.simulator.journal() {
        let config = seen.json().unwrap()["config"].clone();
        assert_eq!(config["scenarios"], json!([{ "makeScenarioId": 7 }]), "{config}");
        let mcp = json!([{ "mcpConnectionId": 5, "toolIds": ["lookup"] }]);
        assert_eq!(config["mcpConfigs"], mcp, "{config}");
    }
    assert_eq!(world.simulator.journal().len(), 3);
    world.finish().await;
}

#[tokio::test]
async fn agentbase_is_given_the_mcp_servers_that_the_tools_name_and_no_others() {
    let world = World::configured(
        r#"
upstreams:
  agentbase: { kind: agentbase, base_url: "http://SIM/agentbase", credential: "${env:KEY}" }
agents:
  researcher:
    upstream: agentbase
    preset: { mcp_servers: [{ name: calendar, url: "https://mcp.example.com/calendar" }] }
"#,
    )
    .await;
    let servers = json!([
        { "name": "mail", "url": "https://mcp.example.com/mail" },
        { "name": "mailbox", "url": "https://mcp.example.com/mailbox" }
    ]);
    let cases = [
        (Value::Null, vec!["calendar", "mail", "mailbox"]),
        (json!(["mail"]), vec!["mail"]),
        (json!(["mail.send", "calendar_find"]), vec!["calendar", "mail"]),
        (json!(["search"]), vec![]),
    ];
    for (tools, _) in &cases {
        let mut more = json!({ "mcp_servers": servers });
        if !tools.is_null() {
            more["tools"] = tools.clone();
        }
        let run = Way::Stream.request(&world, KEY, ("researcher", "Hello"), more);
        let events = world.events(run).await.all().await;
        let end = assert_orderly(&events);
        assert_eq!(end["type"], "run.completed", "{tools}: {:?}", names(&events));
    }
    let seen = world.simulator.journal();
    assert_eq!(seen.len(), cases.len());
    for (seen, (tools, expected)) in seen.iter().zip(&cases) {
        let body = seen.json().unwrap();
        let given = body["mcp_servers"].as_array().cloned().unwrap_or_default();
        let given: Vec<_> =
            given.iter().map(|server| server["serverName"].as_str().unwrap()).collect();
        assert_eq!(given, *expected, "{tools}: {body}");
    }
    world.finish().await;
}
