//! Budgets outlive the process and are one for all gateways on a store: a SQLite file, or the
//! PostgreSQL server that `SWITCHYARD_TEST_POSTGRES` names.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::governed::{Way, account, until};
use crate::harness::{KEY, World};
use crate::store::{Place, on_both};

const BUDGETS: &str = r#"
budgets:
  - { name: total, by: principal, runs: 7, per: total }
  - { name: money, by: workspace, usd: "10", per: month, reserve: { usd: "0.1" } }
"#;

async fn gateway(place: &Place) -> World {
    World::with(&format!("{BUDGETS}{}", place.section())).await
}

/// How both accounts stand: what is spent, and what is reserved.
async fn stands(world: &World) -> [Value; 4] {
    let (total, money) =
        (account(world, "total", "acp:ok").await, account(world, "money", "acp:ok").await);
    let of = |account: &Value, what: &str, unit: &str| account[what][unit].clone();
    [
        of(&total, "spent", "runs"),
        of(&total, "reserved", "runs"),
        of(&money, "spent", "usd"),
        of(&money, "reserved", "usd"),
    ]
}

on_both! {
    /// A gateway that is stopped and started again knows what was spent.
    async fn totals_survive_a_restart(place: Place) {
        let before = gateway(&place).await;
        for _ in 0..3 {
            Way::Json.ask(&before, KEY, "acp:ok").await.expect(200);
        }
        let spent = [json!(3), json!(0), json!("0.0735"), json!("0")];
        assert_eq!(stands(&before).await, spent);
        before.finish().await;
        let after = gateway(&place).await;
        assert_eq!(stands(&after).await, spent);
        for _ in 0..4 {
            Way::Stream.ask(&after, KEY, "agentbase:any").await.expect(200);
        }
        let refused = Way::Json.ask(&after, KEY, "acp:ok").await.problem(429, "budget_exhausted");
        assert_eq!(refused["rules"], json!(["total"]));
        after.finish().await;
        let again = gateway(&place).await;
        assert_eq!(stands(&again).await, [json!(7), json!(0), json!("0.0819"), json!("0")]);
        Way::Hook.ask(&again, KEY, "acp:ok").await.problem(429, "budget_exhausted");
        again.finish().await;
        place.leave([]).await;
    }

    /// Two gateways at once let no more runs through than one.
    async fn a_budget_is_one_for_all_gateways_on_a_store(place: Place) {
        let (one, other) = (gateway(&place).await, gateway(&place).await);
        let asked = (0..24).map(async |at| {
            let world = if at % 2 == 0 { &one } else { &other };
            Way::Json.ask(world, KEY, "acp:ok").await.status.as_u16()
        });
        let statuses = join_all(asked).await;
        let passed = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(passed, 7, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 17, "{statuses:?}");
        let reached = one.simulator.journal().len() + other.simulator.journal().len();
        assert_eq!(reached, 7, "what is refused goes nowhere");
        let settled = async || stands(&one).await[1] == json!(0);
        until("all are settled", settled).await;
        assert_eq!(stands(&one).await, stands(&other).await);
        assert_eq!(stands(&one).await[0], json!(7));
        one.finish().await;
        other.finish().await;
        place.leave([]).await;
    }
}
