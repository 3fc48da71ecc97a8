//! Several agents under one name: which is chosen, where a run goes whose agent is not reached,
//! where it never goes, and copies for comparison.

use http::Method;
use serde_json::{Value, json};

use crate::governed::{counted, until};
use crate::harness::{Answer, World, names};

/// `dead` refuses every connection; `make` and `zaia` are the simulator's.
fn text(agents: &str, more: &str) -> String {
    format!(
        r#"
upstreams:
  dead: {{ kind: zaia, base_url: "http://127.0.0.1:1", credential: "${{env:KEY}}", breaker: {{ failures: 1000 }} }}
  make: {{ kind: make, base_url: "http://SIM/make/api/v2", team_id: 123, credential: "${{env:KEY}}", clocks: {{ first_byte: 2s }} }}
  acp: {{ kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${{env:KEY}}" }}
  zaia: {{ kind: zaia, base_url: "http://SIM/zaia", credential: "${{env:KEY}}" }}
agents:
{agents}
{more}"#
    )
}

const PREFERRED: &str = "  best: { targets: [{ upstream: dead, id: a }, { upstream: make, id: ok }, \
                         { upstream: zaia, id: ok }] }";

async fn run(world: &World, agent: &str, more: Value) -> Answer {
    let mut body = json!({ "input": "Hello" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.run(agent, body).await
}

/// The records of a run that has ended, the oldest first.
async fn records(world: &World, id: &Value) -> Vec<Value> {
    let kept = async || {
        let page = world.admin("/admin/audit?limit=100").await.expect(200).json();
        let items = page["data"].as_array().unwrap().iter();
        let mut all: Vec<Value> = items.map(|item| item["record"].clone()).collect();
        all.retain(|record| record["run"]["id"] == *id);
        all.sort_by_key(|record| record["uptime_us"].as_u64());
        all
    };
    let has_end = |all: &[Value]| all.iter().any(|record| record["stage"] == "ended");
    until("the log has the end of the run", async || has_end(&kept().await)).await;
    kept().await
}

#[tokio::test]
async fn a_run_whose_agent_is_not_reached_goes_to_the_next_of_the_name() {
    let world = World::configured(&text(PREFERRED, "")).await;
    let whole = run(&world, "best", json!({})).await.expect(200).json();
    assert_eq!(whole["status"], "completed", "{whole}");
    assert_eq!(whole["agent"], "best");
    assert_eq!(whole["upstream"]["name"], "make");
    assert_eq!(world.simulator.journal().len(), 1);
    let body = json!({ "agent": "best", "input": "Hello", "stream": true });
    let events = world.stream("/v1/runs", &body).await.all().await;
    let started = events.iter().filter(|event| event.name == "run.started");
    assert_eq!(started.count(), 1, "{:?}", names(&events));
    assert_eq!(events.last().unwrap().data["run"]["upstream"]["name"], "make");
    world.finish().await;
}

#[tokio::test]
async fn each_agent_that_a_run_went_to_stands_in_the_audit() {
    let world = World::configured(&text(PREFERRED, "")).await;
    let whole = run(&world, "best", json!({})).await.expect(200).json();
    let records = records(&world, &whole["id"]).await;
    let told: Vec<_> = records
        .iter()
        .map(|it| (it["stage"].as_str().unwrap(), it["run"]["target"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("admitted", "dead:a"), ("admitted", "make:ok"), ("ended", "make:ok")]);
    assert_eq!(counted(&world, "switchyard_choices_total{outcome=\"failed_over\"}").await, 1.0);
    world.finish().await;
}

#[tokio::test]
async fn what_a_platform_may_have_seen_goes_nowhere_else() {
    for (scenario, code) in [
        ("head-stall", "upstream_timeout"),
        ("head-reset", "upstream_protocol"),
        ("html-error", "upstream_error"),
        ("broken-off", "upstream_protocol"),
    ] {
        let agents = format!(
            "  best: {{ targets: [{{ upstream: make, id: {scenario} }}, {{ upstream: zaia, id: ok }}] }}"
        );
        let world = World::configured(&text(&agents, "")).await;
        let answer = run(&world, "best", json!({})).await;
        let json = answer.json();
        let told = if json["error"].is_object() { &json["error"]["code"] } else { &json["code"] };
        assert_eq!(told, code, "{scenario}: {json}");
        let asked = world.simulator.journal();
        assert_eq!(asked.len(), 1, "{scenario}");
        world.finish().await;
    }
}

#[tokio::test]
async fn an_agent_that_fails_in_a_row_is_left_out() {
    let agents = "  best: { targets: [{ upstream: make, id: head-reset }, { upstream: zaia, id: ok }], \
                  eject: { failures: 2, rest: 1h, longest: 1h } }";
    let world = World::configured(&text(agents, "")).await;
    for _ in 0..2 {
        run(&world, "best", json!({})).await;
    }
    for _ in 0..3 {
        let whole = run(&world, "best", json!({})).await.expect(200).json();
        assert_eq!(whole["upstream"]["name"], "zaia", "{whole}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_conversation_stays_with_the_agent_that_it_began_with() {
    let agents = "  any: { choose: weighted, targets: [{ upstream: make, id: ok }, { upstream: zaia, id: ok }, \
                  { upstream: acp, id: ok }] }";
    let world = World::configured(&text(agents, "")).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let first = run(&world, "any", json!({ "background": true })).await.expect(202).json();
        let path = format!("/v1/runs/{}", first["id"].as_str().unwrap());
        until("the first run is over", async || {
            world.get(&path).await.expect(200).json()["status"] == "completed"
        })
        .await;
        let with = first["upstream"]["name"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let next = run(&world, "any", json!({ "thread_id": first["thread_id"] })).await;
            let next = next.expect(200).json();
            assert_eq!(next["upstream"]["name"], *with, "{next}");
        }
        seen.insert(with);
    }
    assert!(seen.len() > 1, "chance chose {seen:?} eight times");
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_answered_by_the_run_that_it_began_whatever_would_be_chosen_now() {
    let agents = "  any: { choose: weighted, targets: [{ upstream: make, id: ok }, { upstream: zaia, id: ok }] }";
    let world = World::configured(&text(agents, "")).await;
    let ask = async || {
        let body = json!({ "agent": "any", "input": "Hello" }).to_string();
        world.post_with("/v1/runs", &[("Idempotency-Key", "k1")], &body).await.expect(200).json()
    };
    let first = ask().await;
    for _ in 0..8 {
        assert_eq!(ask().await["id"], first["id"]);
    }
    assert_eq!(world.simulator.journal().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn an_agent_that_its_caller_may_not_use_is_not_chosen() {
    let folder = crate::harness::folder();
    std::fs::create_dir_all(&folder).unwrap();
    let policy = "permit (principal, action, resource);\n\
                  forbid (principal, action == Action::\"run\", resource) \
                  when { resource has kind && resource.kind == \"make\" };\n";
    std::fs::write(folder.join("all.cedar"), policy).unwrap();
    let agents = "  best: { targets: [{ upstream: make, id: ok }, { upstream: zaia, id: ok }] }";
    let more = format!("access: {{ policies: {} }}\n", folder.display());
    let world = World::configured(&text(agents, &more)).await;
    let whole = run(&world, "best", json!({})).await.expect(200).json();
    assert_eq!(whole["upstream"]["name"], "zaia", "{whole}");
    world.finish().await;
    std::fs::remove_dir_all(&folder).ok();
}

#[tokio::test]
async fn a_budget_pays_for_the_agent_that_ran_and_for_no_other() {
    let more = "budgets: [{ name: few, by: principal, runs: 2, per: day }]\n";
    let world = World::configured(&text(PREFERRED, more)).await;
    for _ in 0..2 {
        run(&world, "best", json!({})).await.expect(200);
    }
    run(&world, "best", json!({})).await.problem(429, "budget_exhausted");
    world.finish().await;
}

#[tokio::test]
async fn a_copy_is_a_run_of_its_own_that_is_kept_and_never_returned() {
    let agents = "  main: { upstream: make, id: ok, shadow: { agent: \"zaia:ok\" } }";
    let world = World::configured(&text(agents, "")).await;
    let whole = run(&world, "main", json!({})).await.expect(200).json();
    assert_eq!(whole["upstream"]["name"], "make");
    let copy = async || {
        let page = world.get("/v1/runs").await.expect(200).json();
        let runs = page["data"].as_array().unwrap().clone();
        runs.into_iter().find(|it| it["metadata"]["shadow_of"] == whole["id"])
    };
    until("the copy is over", async || copy().await.is_some_and(|it| it["status"] == "completed"))
        .await;
    let copy = copy().await.unwrap();
    let kept = world.get(&format!("/v1/runs/{}", copy["id"].as_str().unwrap())).await.expect(200);
    assert!(kept.json()["output"].as_str().unwrap().contains("Hello"));
    assert_eq!(copy["upstream"]["name"], "zaia");
    let records = records(&world, &copy["id"]).await;
    assert!(records.iter().all(|it| it["run"]["shadow_of"] == whole["id"]), "{records:?}");
    assert_eq!(counted(&world, "switchyard_shadow_runs_total{outcome=\"started\"}").await, 1.0);
    // A run that asks for tools is not copied.
    run(&world, "main", json!({ "tools": ["a"], "unsupported": "ignore" })).await;
    assert_eq!(counted(&world, "switchyard_shadow_runs_total{outcome=\"has_tools\"}").await, 1.0);
    world.finish().await;
}

#[tokio::test]
async fn an_agent_that_was_given_tools_is_asked_for_no_copy_unless_it_is_said() {
    let world = World::start().await;
    let armed = json!({ "upstream": "agentbase", "name": "Armed", "instructions": "x",
        "mcp_servers": [{ "name": "pay", "url": "https://pay.example.com/mcp" }] });
    let armed = world.post("/v1/agents", &armed).await.expect(201).json();
    let armed = armed["id"].as_str().unwrap();
    for (tools, outcome) in [("", "refused"), (", tools: true", "started")] {
        let agents = format!(
            "agents: {{ main: {{ upstream: make, id: ok, shadow: {{ agent: \"{armed}\"{tools} }} }} }}\n"
        );
        world.rewrite(|text| format!("{}{agents}", text.split("agents:").next().unwrap()));
        world.operate(Method::POST, "/admin/reload", &Value::Null).await.expect(200);
        run(&world, "main", json!({})).await.expect(200);
        let series = format!("switchyard_shadow_runs_total{{outcome=\"{outcome}\"}}");
        until(outcome, async || counted(&world, &series).await == 1.0).await;
        let journal = world.simulator.journal();
        let copies = journal.iter().filter(|it| it.platform == "agentbase").count();
        assert!(copies == 0 || outcome == "started", "{copies}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_copy_that_hangs_or_fails_neither_delays_nor_fails_its_run_and_no_more_are_made() {
    let agents = "  slow: { upstream: make, id: ok, shadow: { agent: \"zaia:head-stall\", most: 1 } }\n  \
                  lost: { upstream: make, id: ok, shadow: { agent: \"dead:a\" } }";
    let world = World::configured(&text(agents, "")).await;
    for _ in 0..3 {
        run(&world, "slow", json!({})).await.expect(200);
    }
    run(&world, "lost", json!({})).await.expect(200);
    assert_eq!(counted(&world, "switchyard_shadow_runs_total{outcome=\"dropped\"}").await, 2.0);
    let page = world.get("/v1/runs?status=running").await.expect(200).json();
    for hanging in page["data"].as_array().unwrap() {
        crate::governed::cancel(&world, hanging["id"].as_str().unwrap()).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_platform_that_a_check_finds_away_is_not_chosen_and_no_run_was_needed_for_it() {
    let checked = "  sick: { kind: make, base_url: \"http://127.0.0.1:1\", team_id: 1, credential: \"${env:KEY}\", \
                   breaker: { failures: 1, open: 1h }, check: { every: 100ms, within: 100ms } }\nagents:\n";
    let agents = "  best: { targets: [{ upstream: sick, id: a }, { upstream: zaia, id: ok }] }";
    let world = World::configured(&text(agents, "").replacen("agents:\n", checked, 1)).await;
    until("the check has found it away", async || {
        let list = world.get("/v1/upstreams").await.expect(200).json();
        let all = list["data"].as_array().unwrap().clone();
        all.iter().any(|it| it["name"] == "sick" && it["health"] == "unavailable")
    })
    .await;
    let whole = run(&world, "best", json!({})).await.expect(200).json();
    assert_eq!(whole["upstream"]["name"], "zaia");
    assert_eq!(counted(&world, "switchyard_choices_total{outcome=\"failed_over\"}").await, 0.0);
    world.finish().await;
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let refused = |agents: &str| {
        let text = text(agents, "").replace("SIM", "127.0.0.1:1");
        switchyard::app::load_text("test.yaml", &text, &crate::harness::Pretend)
            .err()
            .map(|report| report.to_string())
            .unwrap_or_default()
    };
    for (agents, said) in [
        ("  a: { targets: [{ upstream: make }] }", "must be at least two"),
        ("  a: { targets: [{ upstream: make }, { upstream: make }] }", "names `make:a` twice"),
        (
            "  a: { upstream: make, targets: [{ upstream: make }, { upstream: zaia }] }",
            "not beside them",
        ),
        ("  a: { upstream: make, choose: weighted }", "means nothing without `targets`"),
        ("  a: { id: b }", "`upstream` is missing, or `targets`"),
        ("  a: { upstream: make, shadow: { agent: b } }", "there is no agent `b`"),
        ("  a: { upstream: make, shadow: { agent: a } }", "cannot be its own shadow"),
        (
            "  a: { upstream: make, shadow: { agent: \"make:b\", percent: 101 } }",
            "must be from 0 to 100",
        ),
        (
            "  a: { targets: [{ upstream: nowhere }, { upstream: make }] }",
            "no upstream of this name",
        ),
    ] {
        let report = refused(agents);
        assert!(report.contains(said), "{agents}: {report}");
    }
    let base = "  b: { upstream: base, preset: { mcp_servers: [{ name: x, url: \"https://a.example\" }] } }\n  \
                a: { upstream: make, shadow: { agent: b } }";
    let with_base = |agents: &str| {
        let base = "agents:\n";
        let upstream = "  base: { kind: agentbase, base_url: \"http://127.0.0.1:1\", credential: \"${env:KEY}\" }\nagents:\n";
        let text = text(agents, "").replace("SIM", "127.0.0.1:1").replacen(base, upstream, 1);
        switchyard::app::load_text("test.yaml", &text, &crate::harness::Pretend)
            .err()
            .map(|it| it.to_string())
    };
    assert!(with_base(base).unwrap().contains("`b` has tools"));
    assert_eq!(with_base(&base.replace("agent: b }", "agent: b, tools: true }")), None);
}
