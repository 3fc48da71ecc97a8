//! More than there is room for: who waits for a moment, who is refused at once, and that one
//! platform's queue is no other's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::governed::{Way, counted, until};
use crate::harness::{KEY, PATIENCE, World};

fn text(more: &str) -> String {
    format!(
        r#"
upstreams:
  acp: {{ kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${{env:KEY}}", max_concurrent: 1, queue: {{ most: 1, within: 9s }} }}
  zaia: {{ kind: zaia, base_url: "http://SIM/zaia", credential: "${{env:KEY}}" }}
{more}"#
    )
}

#[tokio::test]
async fn a_call_waits_for_a_place_the_next_is_refused_and_other_platforms_go_on() {
    let world = World::configured(&text("")).await;
    let held = crate::governed::opened(&world, "acp:two-events", "Hello").await;
    let ask = || world.send(Way::Json.request(&world, KEY, ("acp:ok", "Hello"), Value::Null));
    let meanwhile = async {
        until("one waits", async || {
            counted(&world, "switchyard_upstream_waiting{upstream=\"acp\"}").await == 1.0
        })
        .await;
        let refused = ask().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "overloaded");
        let full = "switchyard_upstream_queue_refusals_total{reason=\"full\",upstream=\"acp\"}";
        assert_eq!(counted(&world, full).await, 1.0);
        world.run("zaia:ok", json!({ "input": "Hello" })).await.expect(200);
        world.simulator.signal("second");
        held.all().await
    };
    let (waited, _) = tokio::join!(ask(), meanwhile);
    assert_eq!(waited.expect(200).json()["status"], "completed");
    world.finish().await;
}

#[tokio::test]
async fn bodies_that_take_all_the_memory_leave_none_for_others() {
    let world = World::configured(&text("overload: { body_bytes: 1MiB }\n")).await;
    let large = "x".repeat(1 << 20);
    let held = world.open(Way::Json.request(&world, KEY, ("zaia:head-stall", &large), Value::Null));
    let meanwhile = async {
        until("the platform has it", async || !world.simulator.journal().is_empty()).await;
        let refused = world.run("zaia:ok", json!({ "input": "Hello" })).await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "overloaded");
        // Whoever looks after the gateway sees it.
        let shed = "switchyard_shed_total{priority=\"high\",reason=\"memory\"}";
        assert_eq!(counted(&world, shed).await, 1.0);
    };
    tokio::select! {
        _ = held => panic!("it should still be waiting"),
        () = meanwhile => {}
    }
    until("who left gave the memory back", async || {
        world.run("zaia:ok", json!({ "input": "Hello" })).await.status == 200
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_work_waits_for_a_processor_less_is_taken_in_and_more_again_later() {
    const MOST: f64 = 100.0;
    let one = "listen: { threads: 1, max_in_flight: 100 }\n";
    let world = World::configured(&text(&format!("overload: {{ delay: 3ms }}\n{one}"))).await;
    let (refused, began) = (AtomicBool::new(false), Instant::now());
    let asking = async |_| {
        let mut answered = 0;
        while !refused.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
            let answer = world.run("zaia:ok", json!({ "input": "Hello" })).await;
            if answer.status == 200 {
                answered += 1;
                continue;
            }
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
            answer.problem(503, "overloaded");
            refused.store(true, Ordering::Relaxed);
        }
        answered
    };
    let answered: Vec<u32> = futures_util::future::join_all((0..64).map(asking)).await;
    assert!(answered.iter().sum::<u32>() > 0);
    let shed = "switchyard_shed_total{priority=\"high\",reason=\"delay\"}";
    assert!(counted(&world, shed).await > 0.0);
    until("all is taken in again", async || counted(&world, "switchyard_work_limit").await == MOST)
        .await;
    world.finish().await;
}
