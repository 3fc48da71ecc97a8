//! Budgets through the whole gateway: who is refused, what is reserved meanwhile, and what is
//! charged afterwards, on every face.

use std::time::Duration;

use serde_json::{Value, json};

use crate::faces::scenario;
use crate::governed::{
    CALLERS, OTHER, UMBRELLA, WAYS, Way, account, cancel, counted, explained, opened, refusal,
    still, until,
};
use crate::harness::{KEY, World};

const PLENTY: &str = r#"
budgets:
  - { name: plenty, by: principal, usd: "100", tokens: 1000000, credits: "1000", runs: 1000, per: day, reserve: { usd: "0.5", tokens: 500, credits: "50" } }
"#;

/// What is spent of a budget when nothing is reserved any more.
async fn settled(world: &World, budget: &str, agent: &str) -> Value {
    let at_rest = async || {
        let reserved = account(world, budget, agent).await["reserved"].clone();
        reserved["runs"] == 0 && reserved["usd"] == "0" && reserved["tokens"] == 0
    };
    until("everything is settled", at_rest).await;
    account(world, budget, agent).await["spent"].clone()
}

/// A decimal as millionths.
fn micro(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    whole.parse::<i64>().unwrap() * 1_000_000 + format!("{part:0<6}").parse::<i64>().unwrap()
}

#[tokio::test]
async fn a_run_is_charged_what_its_platform_reports_and_the_reserve_where_it_does_not() {
    let (world, _clock) = still(PLENTY).await;
    let (mut usd, mut tokens, mut credits, mut runs) = (0, 0, 0, 0);
    for vendor in ["acp", "zaia", "make", "agentbase"] {
        let (agent, input) = scenario(vendor, "ok");
        for way in WAYS {
            let run = way.request(&world, KEY, (&agent, &input), Value::Null);
            assert!(world.send(run).await.status.is_success(), "{vendor} {way:?}");
            let is_whole = !matches!(way, Way::Stream | Way::AcpStream);
            let (cost, used, paid) = match (vendor, is_whole) {
                ("acp", true) => (24_500, 230, 50_000_000),
                ("acp", false) => (500_000, 230, 50_000_000),
                ("zaia", _) => (500_000, 500, 3_000_000),
                ("make", true) => (500_000, 28, 50_000_000),
                ("make", false) => (500_000, 500, 50_000_000),
                _ => (2_100, 500, 50_000_000),
            };
            usd += cost;
            tokens += used;
            credits += paid;
            runs += 1;
            let spent = settled(&world, "plenty", &agent).await;
            let figures = (micro(&spent["usd"]), spent["tokens"].as_i64().unwrap());
            assert_eq!(figures, (usd, tokens), "{vendor} {way:?}");
            assert_eq!(micro(&spent["credits"]), credits, "{vendor} {way:?}");
            assert_eq!(spent["runs"], runs, "{vendor} {way:?}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn no_face_is_a_way_around_a_budget_that_is_used_up() {
    for (budget, agent, retry_after) in [
        (r#"runs: 1, per: day"#, "acp:ok", "43200"),
        (r#"usd: "0.0245", per: day, reserve: { usd: "0.01" }"#, "acp:ok", "43200"),
        (r#"tokens: 230, per: month, reserve: { tokens: 100 }"#, "acp:ok", "1857600"),
        (r#"credits: "3", per: total, reserve: { credits: "1" }"#, "zaia:ok", ""),
    ] {
        let more = format!("budgets: [{{ name: small, by: principal, {budget} }}]\n");
        let (world, _clock) = still(&format!("{CALLERS}{more}")).await;
        Way::Json.ask(&world, KEY, agent).await.expect(200);
        settled(&world, "small", agent).await;
        for way in WAYS {
            let answer = way.ask(&world, KEY, agent).await;
            assert_eq!(answer.header("retry-after"), retry_after, "{budget} {way:?}");
            let refused = refusal(way, answer, 429, "budget_exhausted");
            if !way.is_acp() {
                assert_eq!(refused["rules"], json!(["small"]), "{budget} {way:?}: {refused}");
                assert_eq!(refused["origin"], "policy", "{refused}");
            }
        }
        assert_eq!(world.simulator.journal().len(), 1, "{budget}");
        let refusals = counted(&world, "switchyard_budget_refusals_total{budget=\"small\"}").await;
        assert!((refusals - 6.0).abs() < 0.5, "{budget}: {refusals}");
        let explained = explained(&world, "n8n", agent).await;
        assert_eq!(explained["refused_by"], "budgets", "{explained}");
        // The account is this caller's own.
        Way::Json.ask(&world, OTHER, agent).await.expect(200);
        world.finish().await;
    }
}

#[tokio::test]
async fn a_budget_is_about_whom_its_filters_say_and_one_of_several_refuses_for_all() {
    let more = r#"
budgets:
  - { name: team, by: workspace, runs: 3, per: day, workspaces: [acme] }
  - { name: support-only, by: agent, runs: 1, per: day, agents: [support] }
"#;
    let (world, _clock) = still(&format!("{CALLERS}{more}")).await;
    Way::Json.ask(&world, KEY, "support").await.expect(200);
    for agent in ["make:ok", "support"] {
        let refused = Way::Json.ask(&world, OTHER, agent).await.problem(429, "budget_exhausted");
        assert_eq!(refused["rules"], json!(["support-only"]), "{refused}");
    }
    // What one has refused the other has not counted.
    assert_eq!(account(&world, "team", "acp:ok").await["spent"]["runs"], 1);
    Way::Json.ask(&world, OTHER, "acp:ok").await.expect(200);
    Way::Json.ask(&world, KEY, "acp:ok").await.expect(200);
    let refused = Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "budget_exhausted");
    assert_eq!(refused["rules"], json!(["team"]), "{refused}");
    Way::Json.ask(&world, UMBRELLA, "acp:ok").await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn what_a_run_has_reserved_is_not_there_for_another() {
    let more = r#"
budgets: [{ name: daily, by: principal, usd: "1", per: day, reserve: { usd: "0.6" } }]
"#;
    let (world, _clock) = still(more).await;
    let stream = opened(&world, "agentbase:any", "[scenario:two-events] Hello").await;
    let stands = account(&world, "daily", "agentbase:any").await;
    assert_eq!((&stands["spent"]["usd"], &stands["reserved"]["usd"]), (&json!("0"), &json!("0.6")));
    for way in WAYS {
        let refused = way.ask(&world, KEY, "agentbase:any").await;
        refusal(way, refused, 429, "budget_exhausted");
    }
    world.simulator.signal("second");
    stream.all().await;
    let spent = settled(&world, "daily", "agentbase:any").await;
    assert_eq!(spent["usd"], "0.0021");
    Way::Json.ask(&world, KEY, "agentbase:any").await.expect(200);
    // A caller who says that it may cost more has more reserved.
    let dear = json!({ "limits": { "max_cost_usd": "0.9" } });
    let input = ("agentbase:any", "[scenario:head-stall] Hello");
    let run = Way::Background.request(&world, KEY, input, dear);
    let run = world.send(run).await.expect(202).json();
    let stands = account(&world, "daily", "agentbase:any").await;
    assert_eq!(stands["reserved"]["usd"], "0.9");
    cancel(&world, run["id"].as_str().unwrap()).await;
    settled(&world, "daily", "agentbase:any").await;
    world.finish().await;
}

#[tokio::test]
async fn a_budget_begins_anew_at_midnight_and_a_run_belongs_to_the_day_it_began() {
    let more = "budgets: [{ name: daily, by: principal, runs: 1, per: day }]\n";
    let (world, clock) = still(more).await;
    let stream = opened(&world, "acp:two-events", "Hello").await;
    Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "budget_exhausted");
    assert_eq!(account(&world, "daily", "acp:ok").await["resets_at"], "2026-03-11T00:00:00.000Z");
    clock.advance(Duration::from_secs(43_200) - Duration::from_millis(1));
    let refused = Way::Json.ask(&world, KEY, "acp:ok").await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(429, "budget_exhausted");
    clock.advance(Duration::from_millis(1));
    assert_eq!(account(&world, "daily", "acp:ok").await["reserved"]["runs"], 0);
    world.simulator.signal("second");
    assert_eq!(stream.all().await.last().unwrap().name, "run.completed");
    assert_eq!(settled(&world, "daily", "acp:ok").await["runs"], 0);
    Way::Json.ask(&world, KEY, "acp:ok").await.expect(200);
    assert_eq!(settled(&world, "daily", "acp:ok").await["runs"], 1);
    Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "budget_exhausted");
    world.finish().await;
}
