//! Permits of runs: they last as long as the run does, whoever waits for it, and go back when the
//! run is refused after all.

use serde_json::Value;

use crate::faces::scenario;
use crate::governed::{Way, cancel, opened, refusal, still, until};
use crate::harness::{KEY, World};

const ONE_EACH: &str = "limits: [{ name: one, by: agent, concurrent: 1 }]\n";

#[tokio::test]
async fn the_permit_of_a_background_run_lasts_until_the_run_is_over() {
    let world = World::with(ONE_EACH).await;
    for vendor in ["make", "zaia", "acp", "agentbase"] {
        let (agent, input) = scenario(vendor, "head-stall");
        let ask = async |way: Way| {
            world.send(way.request(&world, KEY, (&agent, &input), Value::Null)).await
        };
        let run = ask(Way::Background).await.expect(202).json();
        let id = run["id"].as_str().unwrap();
        for way in crate::governed::WAYS {
            let answer = ask(way).await;
            assert_eq!(answer.header("retry-after"), "1", "{vendor} {way:?}");
            refusal(way, answer, 429, "concurrency_limited");
        }
        cancel(&world, id).await;
        let next = async || {
            let answer = ask(Way::Background).await;
            let is_taken = answer.status == 202;
            if is_taken {
                cancel(&world, answer.json()["id"].as_str().unwrap()).await;
            }
            is_taken
        };
        until("the run gave its permit back", next).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn the_permit_of_a_run_that_is_waited_for_lasts_until_its_end() {
    let world = World::with(ONE_EACH).await;
    let agent = "zaia:head-stall";
    let waiting = world.open(Way::Json.request(&world, KEY, (agent, "Hello"), Value::Null));
    let meanwhile = async {
        until("the platform has it", async || !world.simulator.journal().is_empty()).await;
        Way::Json.ask(&world, KEY, agent).await.problem(429, "concurrency_limited");
    };
    tokio::select! {
        _ = waiting => panic!("it should still be waiting"),
        () = meanwhile => {}
    }
    until("who left gave the permit back", async || {
        let answer = Way::Background.ask(&world, KEY, agent).await;
        let is_taken = answer.status == 202;
        if is_taken {
            cancel(&world, answer.json()["id"].as_str().unwrap()).await;
        }
        is_taken
    })
    .await;
    for (agent, input) in
        [("acp:two-events", "Hello"), ("agentbase:any", "[scenario:two-events] Hello")]
    {
        let stream = opened(&world, agent, input).await;
        Way::Json.ask(&world, KEY, agent).await.problem(429, "concurrency_limited");
        Way::Json.ask(&world, KEY, "zaia:ok").await.expect(200);
        drop(stream);
        until("the run gave its permit back", async || {
            Way::Json.ask(&world, KEY, agent).await.status == 200
        })
        .await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_fails_or_is_over_gives_its_permit_back() {
    let world = World::with(ONE_EACH).await;
    for name in ["ok", "failed", "html-error", "eof", "reset"] {
        let agent = format!("acp:{name}");
        for way in [Way::Stream, Way::Json, Way::Stream, Way::Acp] {
            let gone = async || {
                let answer = way.ask(&world, KEY, &agent).await;
                let is_limited = answer.status == 429;
                if is_limited && !way.is_acp() {
                    answer.problem(429, "concurrency_limited");
                }
                !is_limited
            };
            until("the run before gave its permit back", gone).await;
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_is_refused_later_gives_its_permits_back() {
    let more = r#"
limits: [{ name: one, by: agent, concurrent: 1 }, { name: mine, by: principal, concurrent: 1, operations: [create_run] }]
budgets: [{ name: trial, by: principal, runs: 1, per: day }]
"#;
    let (world, _clock) = still(more).await;
    Way::Json.ask(&world, KEY, "acp:ok").await.expect(200);
    for _ in 0..3 {
        until("the answer before is over", async || {
            let answer = Way::Json.ask(&world, KEY, "acp:ok").await;
            answer.json()["code"] == "budget_exhausted"
        })
        .await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_in_the_background_counts_to_its_caller_until_it_is_over() {
    for of in ["by: operation", "by: principal, operations: [create_run, create_agent_run]"] {
        let world =
            World::with(&format!("limits: [{{ name: mine, {of}, concurrent: 2 }}]\n")).await;
        let begin = async || Way::Background.ask(&world, KEY, "zaia:head-stall").await;
        let first = begin().await.expect(202).json();
        let second = begin().await.expect(202).json();
        begin().await.problem(429, "concurrency_limited");
        // Who holds as many as may be can look at them, and end one.
        world.get(&format!("/v1/runs/{}", second["id"].as_str().unwrap())).await.expect(200);
        cancel(&world, first["id"].as_str().unwrap()).await;
        until("a place is free", async || {
            let answer = begin().await;
            let is_taken = answer.status == 202;
            if is_taken {
                cancel(&world, answer.json()["id"].as_str().unwrap()).await;
            }
            is_taken
        })
        .await;
        cancel(&world, second["id"].as_str().unwrap()).await;
        world.finish().await;
    }
}
