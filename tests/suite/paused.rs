//! Platforms that ask to be left alone: after their own 429 nobody's call reaches them until the
//! time that they named, and after a daily quota only its caller's.

use std::time::Duration;

use serde_json::json;

use crate::faces::scenario;
use crate::governed::{CALLERS, OTHER, WAYS, Way, account, refusal, still, until};
use crate::harness::{KEY, World};

async fn asked(world: &World, way: Way, key: &str, of: (&str, &str)) -> crate::harness::Answer {
    let (agent, input) = scenario(of.0, of.1);
    world.send(way.request(world, key, (&agent, &input), json!({}))).await
}

#[tokio::test]
async fn a_platforms_own_429_pauses_calls_to_it_for_everybody_until_it_said() {
    let budget = "budgets: [{ name: few, by: principal, runs: 3, per: day }]\n";
    for (vendor, seconds) in [("make", 20), ("agentbase", 60)] {
        let (world, clock) = still(&format!("{CALLERS}{budget}")).await;
        let first = asked(&world, Way::Json, KEY, (vendor, "rate-limited")).await;
        assert_eq!(first.header("retry-after"), seconds.to_string(), "{vendor}");
        first.problem(429, "rate_limited");
        clock.advance(Duration::from_secs(5));
        for way in WAYS {
            for key in [KEY, OTHER] {
                let answer = asked(&world, way, key, (vendor, "ok")).await;
                let left = (seconds - 5).to_string();
                assert_eq!(answer.header("retry-after"), left, "{vendor} {way:?}");
                let problem = refusal(way, answer, 429, "rate_limited");
                if !way.is_acp() {
                    assert_eq!(problem["origin"], "upstream", "{problem}");
                    assert_eq!(problem["upstream"]["name"], vendor, "{problem}");
                }
            }
        }
        assert_eq!(world.simulator.journal().len(), 1, "{vendor} was not left alone");
        // What is not run is not paid for, and other platforms go on.
        let (agent, _) = scenario(vendor, "ok");
        assert_eq!(account(&world, "few", &agent).await["spent"]["runs"], 0);
        asked(&world, Way::Json, OTHER, ("zaia", "ok")).await.expect(200);
        clock.advance(Duration::from_secs(seconds - 5) - Duration::from_millis(1));
        asked(&world, Way::Json, OTHER, (vendor, "ok")).await.problem(429, "rate_limited");
        clock.advance(Duration::from_millis(1));
        asked(&world, Way::Json, OTHER, (vendor, "ok")).await.expect(200);
        assert_eq!(world.simulator.journal().len(), 3);
        world.finish().await;
    }
}

#[tokio::test]
async fn a_pause_is_noticed_on_every_face() {
    for way in WAYS {
        let (world, _clock) = still("").await;
        let first = asked(&world, way, KEY, ("make", "rate-limited")).await;
        if way == Way::Background {
            let id = first.expect(202).json()["id"].as_str().unwrap().to_owned();
            until("the run has failed", async || {
                let run = world.get(&format!("/v1/runs/{id}")).await.expect(200).json();
                run["status"] == "failed"
            })
            .await;
        } else {
            refusal(way, first, 429, "rate_limited");
        }
        // Now it is refused before anybody is promised a run.
        for way in WAYS {
            refusal(way, asked(&world, way, KEY, ("make", "ok")).await, 429, "rate_limited");
        }
        assert_eq!(world.simulator.journal().len(), 1, "{way:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_daily_quota_pauses_only_its_caller_until_the_day_ends() {
    for first in [Way::Json, Way::Stream, Way::AcpStream] {
        let (world, clock) = still(CALLERS).await;
        let quota = asked(&world, first, KEY, ("acp", "quota")).await;
        refusal(first, quota, 429, "budget_exhausted");
        for way in WAYS {
            let answer = asked(&world, way, KEY, ("acp", "ok")).await;
            assert_eq!(answer.header("retry-after"), "43200", "{way:?}: half a day is left");
            refusal(way, answer, 429, "budget_exhausted");
        }
        assert_eq!(world.simulator.journal().len(), 1);
        asked(&world, Way::Json, OTHER, ("acp", "ok")).await.expect(200);
        asked(&world, Way::Json, KEY, ("zaia", "ok")).await.expect(200);
        clock.advance(Duration::from_secs(43_200) - Duration::from_millis(1));
        asked(&world, first, KEY, ("acp", "ok")).await.expect(429);
        clock.advance(Duration::from_millis(1));
        asked(&world, first, KEY, ("acp", "ok")).await.expect(200);
        world.finish().await;
    }
}

#[tokio::test]
async fn a_failure_that_is_no_429_pauses_nothing() {
    let (world, _clock) = still("").await;
    for name in ["forbidden", "failed", "too-large", "missing"] {
        let answer = asked(&world, Way::Json, KEY, ("make", name)).await;
        assert!(!answer.status.is_success() && answer.status != 429, "{name}");
        asked(&world, Way::Json, KEY, ("make", "ok")).await.expect(200);
    }
    // Nor does a 429 of ours, which is about this caller.
    let limit = "limits: [{ name: one, by: principal, requests: 1, per: 1h }]\n";
    let (ours, _clock) = still(&format!("{CALLERS}{limit}")).await;
    asked(&ours, Way::Json, KEY, ("make", "ok")).await.expect(200);
    asked(&ours, Way::Json, KEY, ("make", "ok")).await.problem(429, "rate_limited");
    asked(&ours, Way::Json, OTHER, ("make", "ok")).await.expect(200);
    world.finish().await;
    ours.finish().await;
}
