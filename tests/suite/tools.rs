//! The tools of a run, on every platform: one decision for each call, and what becomes of a call
//! that the run may not make.

use serde_json::{Value, json};

use crate::faces::scenario;
use crate::governed::{CALLERS, OTHER, Way, counted, until};
use crate::harness::{Event, KEY, VENDORS, World, assert_orderly, names};

/// Runs this agent and reads the run as `GET` shows it when it is over.
async fn ran(world: &World, way: Way, vendor: &str, more: Value) -> (String, Value) {
    let (agent, input) = scenario(vendor, "tools");
    let answer = world.send(way.request(world, KEY, (&agent, &input), more)).await;
    let newest = async || world.get("/v1/runs").await.expect(200).json()["data"][0].clone();
    until("the run is over", async || newest().await["ended_at"].is_string()).await;
    let id = newest().await["id"].as_str().unwrap().to_owned();
    let run = world.get(&format!("/v1/runs/{id}")).await.expect(200).json();
    (answer.text(), run)
}

async fn streamed(world: &World, vendor: &str, name: &str, more: Value) -> Vec<Event> {
    let (agent, input) = scenario(vendor, name);
    let request = Way::Stream.request(world, KEY, (&agent, &input), more);
    world.events(request).await.all().await
}

fn of<'a>(events: &'a [Event], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event.name == name).map(|event| &event.data).collect()
}

/// The first tool that each platform calls, and a piece of what only its answer holds.
fn first_tool(vendor: &str) -> (&'static str, &'static str) {
    match vendor {
        "acp" => ("tickets.search", r#""open":2"#),
        "agentbase" => ("search", r#""open":2"#),
        _ => ("search_tickets", r#""open":2"#),
    }
}

#[tokio::test]
async fn each_tool_call_has_one_decision_and_says_whose_it_is() {
    let world = World::start().await;
    for vendor in VENDORS {
        let events = streamed(&world, vendor, "tools", Value::Null).await;
        let run = &assert_orderly(&events)["run"];
        assert_eq!(run["status"], "completed", "{vendor}: {run}");
        let called: Vec<_> = of(&events, "tool_call.started");
        let decided = of(&events, "governance.decision");
        assert_eq!((called.len(), decided.len()), (2, 2), "{vendor}: {:?}", names(&events));
        let source = if vendor == "acp" { "upstream" } else { "gateway" };
        for call in called {
            let about: Vec<_> =
                decided.iter().filter(|made| made["call_id"] == call["call_id"]).collect();
            assert_eq!(about.len(), 1, "{vendor}: {decided:?}");
            assert_eq!(about[0]["decision"], "allowed", "{vendor}");
            assert_eq!(about[0]["source"], source, "{vendor}");
            assert_eq!(about[0]["tool"], call["name"], "{vendor}");
        }
        assert_eq!(run["governance"].as_array().unwrap().len(), 2, "{vendor}: {run}");
        if vendor != "acp" {
            let (_, run) = ran(&world, Way::Json, vendor, Value::Null).await;
            assert_eq!(run["governance"].as_array().unwrap().len(), 2, "{vendor}: {run}");
        }
    }
    let allowed = counted(&world, "switchyard_tool_decisions_total{decision=\"allowed\"}").await;
    assert!((allowed - 14.0).abs() < 0.5, "{allowed}");
    world.finish().await;
}

#[tokio::test]
async fn what_acp_denies_itself_is_told_once_and_the_run_goes_on() {
    let world = World::start().await;
    let events = streamed(&world, "acp", "denied", Value::Null).await;
    let run = &assert_orderly(&events)["run"];
    let decided = of(&events, "governance.decision");
    let said: Vec<_> = decided.iter().map(|made| (&made["decision"], &made["source"])).collect();
    let (allowed, denied, upstream) = (json!("allowed"), json!("denied"), json!("upstream"));
    assert_eq!(said, [(&allowed, &upstream), (&denied, &upstream)]);
    assert_eq!((&run["status"], &run["steps"][1]["status"]), (&json!("completed"), &denied));
    world.finish().await;
}

#[tokio::test]
async fn a_tool_that_was_not_asked_for_ends_the_run_wherever_it_is_read() {
    for vendor in ["acp", "zaia", "agentbase"] {
        for way in [Way::Json, Way::Stream, Way::Background, Way::Hook] {
            let world = World::start().await;
            let (tool, result) = first_tool(vendor);
            let (answer, run) = ran(&world, way, vendor, json!({ "tools": ["other"] })).await;
            let said = format!("{vendor} {way:?}: {run}");
            assert_eq!(
                (&run["status"], &run["error"]["code"]),
                (&json!("failed"), &json!("tool_denied")),
                "{said}"
            );
            assert!(run["error"]["detail"].as_str().unwrap().contains(tool), "{said}");
            let step = run["steps"].as_array().unwrap().last().unwrap();
            assert_eq!(
                (&step["name"], &step["status"]),
                (&json!(tool), &json!("denied")),
                "{said}"
            );
            assert_eq!(step["result"], Value::Null, "{said}");
            let made = run["governance"].as_array().unwrap().last().unwrap();
            assert_eq!(
                (&made["decision"], &made["source"]),
                (&json!("denied"), &json!("gateway")),
                "{said}"
            );
            assert_eq!(made["layers"]["request"], "denied", "{said}");
            // Neither the caller's own answer nor any later look at the run holds the result.
            assert!(!answer.contains(result) && !run.to_string().contains(result), "{said}");
            if way == Way::Json {
                assert!(answer.contains("tool_denied"), "{answer}");
            }
            let path = format!("/v1/runs/{}/events", run["id"].as_str().unwrap());
            let events = world.get(&path).await.expect(200).text();
            assert!(!events.contains(result) && events.contains("run.failed"), "{events}");
            let denied = counted(&world, "switchyard_tool_decisions_total{decision=\"denied\"}");
            assert!((denied.await - 1.0).abs() < 0.5, "{said}");
            world.finish().await;
        }
    }
}

#[tokio::test]
async fn a_stream_ends_right_after_a_tool_that_was_not_asked_for() {
    let world = World::start().await;
    for vendor in ["acp", "zaia", "agentbase"] {
        let events = streamed(&world, vendor, "tools", json!({ "tools": ["other"] })).await;
        assert_eq!(assert_orderly(&events)["type"], "run.failed", "{vendor}");
        let last = &names(&events)[events.len() - 4..];
        let end = ["tool_call.started", "governance.decision", "tool_call.completed", "run.failed"];
        assert_eq!(last, end, "{vendor}");
        let answered = of(&events, "tool_call.completed")[0];
        assert_eq!((&answered["status"], &answered["result"]), (&json!("denied"), &Value::Null));
    }
    world.finish().await;
}

#[tokio::test]
async fn tools_are_asked_for_by_name_or_by_how_their_names_begin() {
    let world = World::start().await;
    for (vendor, tools) in [
        ("acp", json!(["tickets.search", "crm.lookup"])),
        ("acp", json!(["tickets.*", "crm.*"])),
        ("zaia", json!(["search_*", "lookup_customer"])),
        ("agentbase", json!(["*"])),
    ] {
        for way in [Way::Json, Way::Stream] {
            let (_, run) = ran(&world, way, vendor, json!({ "tools": tools })).await;
            assert_eq!(run["status"], "completed", "{vendor} {way:?}: {run}");
            assert_eq!(run["steps"].as_array().unwrap().len(), 2, "{vendor} {way:?}: {run}");
        }
    }
    let (_, run) = ran(&world, Way::Json, "acp", json!({ "tools": ["tickets.*"] })).await;
    assert_eq!(run["error"]["code"], "tool_denied", "{run}");
    assert_eq!(run["steps"][0]["status"], Value::Null, "it had not answered: {run}");
    assert_eq!(run["steps"][1]["status"], "denied", "{run}");
    world.finish().await;
}

#[tokio::test]
async fn a_violation_may_be_hidden_or_only_recorded() {
    for vendor in ["acp", "zaia", "agentbase"] {
        let (tool, result) = first_tool(vendor);
        for (mode, is_shown) in [("hide", false), ("record", true)] {
            let world = World::with(&format!("tools: {{ on_violation: {mode} }}\n")).await;
            for way in [Way::Json, Way::Stream, Way::Hook] {
                let (answer, run) = ran(&world, way, vendor, json!({ "tools": ["other"] })).await;
                let said = format!("{mode} {vendor} {way:?}: {run}");
                assert_eq!(run["status"], "completed", "{said}");
                assert!(run["output"].as_str().unwrap().contains("Hello"), "{said}");
                let step = &run["steps"][0];
                assert_eq!(step["name"], tool, "{said}");
                let status = if is_shown { "ok" } else { "denied" };
                assert_eq!(step["status"], status, "{said}");
                assert_eq!(answer.contains(result), is_shown, "{said}");
                assert_eq!(run.to_string().contains(result), is_shown, "{said}");
                let made = run["governance"].as_array().unwrap().iter();
                let made: Vec<_> = made.map(|made| made["decision"].as_str().unwrap()).collect();
                assert_eq!(made, ["denied", "denied"], "{said}");
            }
            world.finish().await;
        }
    }
}

#[tokio::test]
async fn a_tool_has_a_limit_of_its_own_for_each_caller() {
    let limits = r#"
limits: [{ name: lookups, by: [principal, tool], tools: [crm.lookup, lookup_customer, clock], requests: 1, per: 1h }]
"#;
    for vendor in VENDORS {
        let world = World::with(&format!("{CALLERS}{limits}")).await;
        let (_, run) = ran(&world, Way::Stream, vendor, Value::Null).await;
        assert_eq!(run["status"], "completed", "{vendor}: {run}");
        let (_, run) = ran(&world, Way::Stream, vendor, Value::Null).await;
        assert_eq!(run["error"]["code"], "tool_denied", "{vendor}: {run}");
        let made = run["governance"].as_array().unwrap();
        let made = made.iter().find(|made| made["decision"] == "denied").unwrap();
        assert_eq!(made["layers"]["rate_limit"], "denied", "{vendor}: {run}");
        assert!(made["reason"].as_str().unwrap().contains("`lookups`"), "{vendor}: {run}");
        let refused = counted(&world, "switchyard_limit_refusals_total{limit=\"lookups\"}").await;
        assert!((refused - 1.0).abs() < 0.5, "{vendor}");
        // Somebody else has not used it yet.
        let (agent, input) = scenario(vendor, "tools");
        let other = Way::Json.request(&world, OTHER, (&agent, &input), Value::Null);
        let other = world.send(other).await.expect(200).json();
        assert_eq!(other["status"], "completed", "{vendor}: {other}");
        world.finish().await;
    }
}
