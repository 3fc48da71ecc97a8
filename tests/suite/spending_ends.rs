//! What a run costs however it ends: its caller leaves, it fails midway, its platform was never
//! reached, or it passes what was reserved for it.

use serde_json::{Value, json};
use switchyard::simulator::script::{Act, Script};

use crate::governed::{Way, account, cancel, counted, opened, still, until};
use crate::harness::{Events, KEY, VENDORS, World, assert_orderly};

const DAILY: &str = r#"
budgets: [{ name: daily, by: principal, usd: "1", runs: 100, per: day, reserve: { usd: "0.1" } }]
"#;

fn said(kind: &str, more: &Value) -> String {
    let mut event = json!({ "type": kind, "session": "abcdefghijklmno" });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("data: {event}\n\n")
}

fn cost(usd: &str) -> String {
    said("agent_cost", &json!({ "cost": usd, "balance": 5 }))
}

/// Agentbase, telling these costs one after the other.
fn costing(costs: &[&str]) -> Script {
    let begun = Script::sse().event(said("agent_started", &json!({})));
    costs.iter().fold(begun, |script, usd| script.event(cost(usd)))
}

fn text(script: Script) -> Script {
    script.event(said("agent_response", &json!({ "content": "Hello" })))
}

fn ended(script: Script) -> Script {
    script.event(said("agent_completed", &json!({}))).end()
}

/// What is spent once nothing is reserved any more and so many runs are counted.
async fn spent_after(world: &World, runs: i64) -> Value {
    let at_rest = async || {
        let stands = account(world, "daily", "agentbase:any").await;
        stands["reserved"]["runs"] == 0 && stands["spent"]["runs"] == runs
    };
    until(&format!("{runs} runs are charged"), at_rest).await;
    account(world, "daily", "agentbase:any").await["spent"]["usd"].clone()
}

#[tokio::test]
async fn a_caller_who_leaves_is_charged_what_was_reported_else_the_reserve() {
    let (world, _clock) = still(DAILY).await;
    world.simulator.on("/agentbase", text(costing(&["0.03"])).then(Act::Stall));
    let stream = opened(&world, "agentbase:any", "Hello").await;
    drop(stream);
    assert_eq!(spent_after(&world, 1).await, "0.03", "what was reported");
    drop(opened(&world, "acp:endless", "Hello").await);
    assert_eq!(spent_after(&world, 2).await, "0.13", "the reserve");
    // A caller who waits for a whole answer and leaves.
    let waiting = Way::Json.request(&world, KEY, ("acp:head-stall", "Hello"), Value::Null);
    let brief = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(brief, world.open(waiting)).await.is_err());
    assert_eq!(spent_after(&world, 3).await, "0.23", "the platform may have had it");
    let run = Way::Background.ask(&world, KEY, "zaia:head-stall").await.expect(202).json();
    cancel(&world, run["id"].as_str().unwrap()).await;
    assert_eq!(spent_after(&world, 4).await, "0.33", "who cancels pays too");
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_fails_midway_is_charged() {
    let (world, _clock) = still(DAILY).await;
    let failure = said("agent_error", &json!({ "error": "The agent's machine failed." }));
    for (runs, way) in (1..).zip([Way::Json, Way::Stream, Way::Hook, Way::AcpStream]) {
        world.simulator.on("/agentbase", text(costing(&["0.02"])).event(&failure).end());
        way.ask(&world, KEY, "agentbase:any").await;
        assert_eq!(spent_after(&world, runs).await, format!("0.0{}", 2 * runs), "{way:?}");
    }
    for (runs, agent, expected) in [
        (5, "acp:eof", "0.18"),
        (6, "acp:reset", "0.28"),
        (7, "make:failed", "0.38"),
        (8, "zaia:failed", "0.48"),
    ] {
        Way::Stream.ask(&world, KEY, agent).await;
        assert_eq!(spent_after(&world, runs).await, expected, "{agent}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_whose_platform_refused_it_costs_nothing() {
    let (world, _clock) = still(DAILY).await;
    for agent in ["acp:forbidden", "acp:missing", "make:missing", "make:too-large", "zaia:quota"] {
        for way in [Way::Json, Way::Stream, Way::Hook, Way::Acp] {
            let answer = way.ask(&world, KEY, agent).await;
            assert!(!answer.status.is_success() || way == Way::Stream, "{agent} {way:?}");
            assert_eq!(spent_after(&world, 0).await, "0", "{agent} {way:?}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_whose_platform_was_never_reached_costs_nothing() {
    // A port that nobody listens on any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_clock, surrounding) = crate::governed::held();
    let text = World::text(DAILY).replace("SIM", &closed.to_string());
    let world = World::surrounded(&text, surrounding).await;
    for vendor in VENDORS {
        let agent = format!("{vendor}:any");
        for way in [Way::Json, Way::Stream, Way::Hook, Way::AcpStream] {
            let answer = way.ask(&world, KEY, &agent).await;
            // A stream may have begun, because its platform says nothing until it is done.
            let is_open = matches!(way, Way::Stream | Way::AcpStream);
            assert!(!answer.status.is_success() || is_open, "{agent} {way:?}");
            assert_eq!(spent_after(&world, 0).await, "0", "{agent} {way:?}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_passes_its_reservation_is_raised_while_there_is_room() {
    let (world, _clock) = still(DAILY).await;
    let script = text(costing(&["0.3"])).then(Act::WaitForSignal("go".into(), PATIENT));
    world.simulator.on("/agentbase", ended(script.event(cost("0.2"))));
    let stream = opened(&world, "agentbase:any", "Hello").await;
    let reserved = account(&world, "daily", "agentbase:any").await["reserved"]["usd"].clone();
    // To what is used and one reserve more.
    assert_eq!(reserved, "0.4");
    world.simulator.signal("go");
    let events = stream.all().await;
    assert_eq!(events.last().unwrap().name, "run.completed");
    assert_eq!(spent_after(&world, 1).await, "0.5");
    world.finish().await;
}

const PATIENT: std::time::Duration = crate::harness::PATIENCE;

#[tokio::test]
async fn a_run_that_passes_the_whole_budget_is_ended_as_incomplete_on_every_face() {
    for way in [Way::Json, Way::Stream, Way::Hook, Way::Background, Way::Acp, Way::AcpStream] {
        let (world, _clock) = still(DAILY).await;
        let script = text(costing(&["0.7"])).event(cost("0.6")).event(cost("9"));
        world.simulator.on("/agentbase", script.then(Act::Stall));
        let request = Way::request(way, &world, KEY, ("agentbase:any", "Hello"), Value::Null);
        let run = match way {
            Way::Stream => {
                let events = Events::of(world.open(request).await).all().await;
                assert_orderly(&events)["run"].clone()
            }
            Way::Background => {
                let id = world.send(request).await.expect(202).json()["id"].clone();
                let path = format!("/v1/runs/{}", id.as_str().unwrap());
                let over = async || world.get(&path).await.json()["status"] == "incomplete";
                until("the run is ended", over).await;
                world.get(&path).await.json()
            }
            Way::AcpStream => {
                let text = world.send(request).await.expect(200).text();
                assert!(text.contains(r#""type":"done""#) && !text.contains("error"), "{text}");
                world.get("/v1/runs").await.json()["data"][0].clone()
            }
            Way::Acp => {
                assert_eq!(
                    world.send(request).await.expect(200).json()["stopReason"],
                    "max_rounds"
                );
                world.get("/v1/runs").await.json()["data"][0].clone()
            }
            Way::Json | Way::Hook => world.send(request).await.expect(200).json(),
        };
        assert_eq!(run["status"], "incomplete", "{way:?}: {run}");
        assert_eq!(run["stop_reason"], "budget_exhausted", "{way:?}: {run}");
        assert_eq!(run["output"], "Hello", "{way:?}: {run}");
        // Nothing more of it is read, and its platform is let go.
        let gone = world.simulator.wait_for_broken_off(1);
        tokio::time::timeout(PATIENT, gone).await.expect("the platform was not let go");
        assert_eq!(spent_after(&world, 1).await, "1.3", "{way:?}: by at most one report over");
        let series = "switchyard_budget_refusals_total{budget=\"daily\"}";
        assert!((counted(&world, series).await - 1.0).abs() < 0.5, "{way:?}");
        Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "budget_exhausted");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_low_cap_of_the_callers_is_no_way_to_reserve_less() {
    let budget = r#"
budgets: [{ name: daily, by: principal, usd: "0.01", per: day, reserve: { usd: "0.004" } }]
"#;
    let (world, _clock) = still(budget).await;
    let begin = async || {
        let cap = json!({ "limits": { "max_cost_usd": "0.000001" } });
        let input = ("agentbase:any", "[scenario:head-stall] Hello");
        world.send(Way::Background.request(&world, KEY, input, cap)).await
    };
    let runs = [begin().await.expect(202).json(), begin().await.expect(202).json()];
    begin().await.problem(429, "budget_exhausted");
    for run in runs {
        cancel(&world, run["id"].as_str().unwrap()).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_paid_for_is_given_though_it_was_too_dear() {
    let budget = r#"
budgets: [{ name: daily, by: principal, usd: "0.000002", per: day, reserve: { usd: "0.000001" } }]
"#;
    for way in [Way::Json, Way::Hook] {
        let (world, _clock) = still(budget).await;
        let run = way.ask(&world, KEY, "acp:ok").await.expect(200).json();
        assert_eq!(run["status"], "incomplete", "{run}");
        assert_eq!(run["stop_reason"], "budget_exhausted", "{run}");
        assert!(run["output"].as_str().unwrap().contains("Hello"), "{run}");
        world.finish().await;
    }
}
