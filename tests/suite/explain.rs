//! Why a caller would be let in or not, over HTTP and by the command: each step that can refuse
//! is the first that does, a real request agrees, and nothing is run. Also the configuration that
//! operators are shown.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::callers::{Folder, IN_FORCE, eventually, make_key, policies, run_as, sha256, status};
use crate::faces::scenario;
use crate::governed::{CALLERS, OTHER, TRIAL, Way, account, opened, refusal, still, until};
use crate::harness::{Answer, KEY, KEY_HASH, World};
use crate::tokens::forge::with;

const POLICIES: &str = r#"
@id("no-tools") @reason("it is closed")
forbid (principal, action == Action::"run", resource == Agent::"acp:tools");
@id("no-tool-nine") forbid (principal, action == Action::"use_tool", resource) when { context.tool == "scenario:9" };
@id("at-night") forbid (principal, action == Action::"run", resource == Agent::"make:tools") unless { context.hour >= 8 };
@id("staff") forbid (principal, action == Action::"run", resource == Agent::"zaia:tools") unless { principal in Group::"acme/staff" };
"#;

/// One call in an hour for each agent, and one run in all for one of them.
const BOUNDS: &str = r#"
limits: [{ name: hourly, by: agent, requests: 2, per: 1h, burst: 1, agents: ["make:ok"] }]
budgets: [{ name: one-run, by: agent, runs: 1, per: total, agents: ["zaia:ok"] }]
"#;

fn config(folder: &Path) -> String {
    format!("access: {{ policies: \"{}\" }}\n{BOUNDS}", folder.display())
}

async fn explain(world: &World, asked: &Value) -> Answer {
    world.operate(Method::POST, "/admin/explain", asked).await
}

fn steps(explained: &Value) -> Vec<&str> {
    explained["steps"].as_array().unwrap().iter().map(|it| it["step"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_explanation_names_the_first_step_that_refuses_and_a_request_agrees() {
    let folder = policies(POLICIES);
    let world = World::with(&config(&folder)).await;
    let reader = make_key(&world, "reader", json!({ "scopes": ["runs:read"] })).await;
    let bound = make_key(&world, "bound", json!({ "agents": ["make:*"] })).await;
    let revoked = make_key(&world, "revoked", json!({})).await;
    world.operate(Method::DELETE, &format!("/admin/keys/{}", revoked.id), &Value::Null).await;
    eventually("it is revoked", IN_FORCE, async || {
        status(&world, &revoked.secret, "/v1/runs").await == 401
    })
    .await;
    for agent in ["make:ok", "zaia:ok"] {
        run_as(&world, KEY, agent, json!({})).await.expect(200);
    }
    let before = world.simulator.journal().len();
    let tools = |tool: &str| json!({ "tools": [tool] });
    for (key, secret, agent, wish, refused_by, answered) in [
        ("n8n", KEY, "acp:ok", json!({}), None, 200),
        ("n8n", KEY, "support", tools("scenario:8"), Some("limits"), 429),
        (&revoked.id, &revoked.secret, "acp:ok", json!({}), Some("identity"), 401),
        ("reader", &reader.secret, "acp:ok", json!({}), Some("scope"), 403),
        (&bound.id, &bound.secret, "acp:ok", json!({}), Some("agent"), 404),
        ("n8n", KEY, "nothing", json!({}), Some("agent"), 404),
        ("n8n", KEY, "acp:tools", json!({}), Some("policy"), 403),
        ("n8n", KEY, "make:slow", tools("scenario:9"), Some("policy"), 403),
        ("n8n", KEY, "make:ok", json!({}), Some("limits"), 429),
        ("n8n", KEY, "zaia:ok", json!({}), Some("budgets"), 429),
    ] {
        let what = format!("{key} {agent}");
        let asked = with(&json!({ "key": key, "agent": agent }), &wish);
        let explained = explain(&world, &asked).await.expect(200).json();
        assert_eq!(explained["refused_by"], json!(refused_by), "{what}: {explained}");
        assert_eq!(explained["allowed"], refused_by.is_none(), "{what}");
        let first = explained["steps"].as_array().unwrap().iter().find(|it| it["passes"] == false);
        assert_eq!(first.map(|it| it["step"].as_str().unwrap()), refused_by, "{what}");
        assert_eq!(world.simulator.journal().len(), before, "{what}: something was run");
        if answered != 200 {
            assert_eq!(run_as(&world, secret, agent, wish).await.status, answered, "{what}");
        }
    }
    assert_eq!(world.simulator.journal().len(), before, "something was run");
    run_as(&world, KEY, "acp:ok", json!({})).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn an_explanation_says_everything_that_decides() {
    let folder = policies(POLICIES);
    let world = World::with(&config(&folder)).await;
    let ask = async |asked: Value| explain(&world, &asked).await.expect(200).json();
    let all = ask(json!({ "key": "key_acme.n8n", "agent": "support" })).await;
    assert_eq!(
        steps(&all),
        ["identity", "scope", "agent", "policy", "pauses", "limits", "budgets"]
    );
    assert_eq!(all["limits"][0]["limit"], "hourly");
    assert_eq!(
        (&all["limits"][0]["quota"], &all["limits"][0]["remaining"]),
        (&json!(2), &json!(1))
    );
    let again = ask(json!({ "key": "n8n", "agent": "support" })).await;
    assert_eq!(again["limits"], all["limits"], "to ask counts for nothing");
    let budget = ask(json!({ "key": "n8n", "agent": "zaia:ok" })).await["budgets"][0].clone();
    assert_eq!((&budget["budget"], &budget["spent"]["runs"]), (&json!("one-run"), &json!(0)));

    let policy = ask(json!({ "key": "n8n", "agent": "acp:tools" })).await["policy"].clone();
    let decided = &policy["policies"][0];
    assert_eq!((&decided["id"], &decided["effect"]), (&json!("no-tools"), &json!("forbid")));
    assert_eq!((&decided["file"], &decided["line"]), (&json!("more.cedar"), &json!(2)));
    assert!(decided["text"].as_str().unwrap().starts_with("@id(\"no-tools\")"), "{decided}");
    assert_eq!(policy["question"]["principal"], r#"Caller::"acme/key:key_acme.n8n""#);

    // The hour is the one that is asked about, and the caller may be one that holds no key.
    for (hour, allowed) in [("07:59", false), ("08:00", true)] {
        let at = format!("2026-03-02T{hour}:00Z");
        let said = ask(json!({ "key": "n8n", "agent": "make:tools", "at": at })).await;
        assert_eq!(said["allowed"], allowed, "{hour}: {said}");
    }
    for (groups, allowed) in [(json!(["staff"]), true), (json!([]), false)] {
        let said = ask(json!({ "subject": "corp|u1", "workspace": "acme", "groups": groups,
            "scopes": ["runs:write"], "agent": "zaia:tools" }));
        assert_eq!(said.await["allowed"], allowed, "{groups}");
    }
    for (asked, allowed) in [
        (json!({ "key": "n8n", "action": "administer" }), true),
        (json!({ "key": "n8n", "action": "read", "agent": "acp:tools" }), true),
        (
            json!({ "key": "n8n", "action": "use_tool", "agent": "make:ok", "tools": ["scenario:9"] }),
            false,
        ),
        (json!({ "key": "n8n", "action": "proxy", "agent": "acp:ok" }), true),
    ] {
        assert_eq!(ask(asked.clone()).await["allowed"], allowed, "{asked}");
    }
    for (asked, path) in [
        (json!({ "key": "nobody", "agent": "acp:ok" }), "key"),
        (json!({ "agent": "acp:ok" }), "key"),
        (json!({ "key": "n8n", "subject": "corp|u1", "agent": "acp:ok" }), "key"),
        (json!({ "subject": "corp|u1", "agent": "acp:ok" }), "workspace"),
        (json!({ "key": "n8n" }), "agent"),
        (json!({ "key": "n8n", "agent": "acp:ok", "action": "fly" }), "action"),
        (json!({ "key": "n8n", "agent": "acp:ok", "action": "use_tool" }), "tools"),
        (json!({ "key": "n8n", "agent": "acp:ok", "mode": "slow" }), "mode"),
        (json!({ "key": "n8n", "agent": "acp:ok", "face": "grim" }), "face"),
        (json!({ "key": "n8n", "agent": "acp:ok", "colour": "red" }), "colour"),
    ] {
        let problem = explain(&world, &asked).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], path, "{asked}: {problem}");
    }
    assert!(world.simulator.journal().is_empty(), "something was run");
    world.finish().await;
}

/// What refuses a question's request, where anything does.
async fn refuses(world: &World, asked: Value) -> Value {
    explain(world, &asked).await.expect(200).json()["refused_by"].clone()
}

#[tokio::test]
async fn a_budget_refuses_where_what_the_run_would_reserve_has_no_room() {
    let more = r#"
budgets: [{ name: daily, by: principal, usd: "1", per: day, reserve: { usd: "0.4" } }]
"#;
    let (world, _clock) = still(&format!("{CALLERS}{more}")).await;
    let agent = "agentbase:any";
    let first = opened(&world, agent, "[scenario:two-events] Hello").await;
    // The second run of the same cap has what the first one has cost beside it.
    for (cap, refused_by) in [
        (Some("0.600001"), Some("budgets")),
        (Some("0.6"), None),
        (Some("0.6"), Some("budgets")),
        (Some("0.1"), None),
        (None, None),
    ] {
        let question = json!({ "key": "n8n", "agent": agent, "max_cost_usd": cap });
        assert_eq!(refuses(&world, question).await, json!(refused_by), "{cap:?}");
        let limits = json!({ "limits": { "max_cost_usd": cap } });
        let answer = run_as(&world, KEY, agent, limits).await;
        let expected = if refused_by.is_none() { 200 } else { 429 };
        assert_eq!(answer.status, expected, "{cap:?}: {}", answer.text());
    }
    // Two are in flight: 0.8 of 1 is reserved, and there is no room for another 0.4.
    let second = opened(&world, agent, "[scenario:two-events] Hello").await;
    let explained = explain(&world, &json!({ "key": "n8n", "agent": agent })).await.json();
    assert_eq!(explained["refused_by"], "budgets", "{explained}");
    let budget = &explained["budgets"][0];
    assert_eq!(
        (&budget["reserved"]["usd"], &budget["wanted"]["usd"]),
        (&json!("0.8"), &json!("0.4"))
    );
    let told = explained["steps"].as_array().unwrap().last().unwrap()["because"].as_str().unwrap();
    assert!(told.contains("daily"), "{told}");
    run_as(&world, KEY, agent, json!({})).await.problem(429, "budget_exhausted");
    let low = refuses(&world, json!({ "key": "n8n", "agent": agent, "max_cost_usd": "0.1" })).await;
    let answer = run_as(&world, KEY, agent, json!({ "limits": { "max_cost_usd": "0.1" } })).await;
    assert_eq!(answer.status == 429, low == "budgets", "a low cap: {low} {}", answer.text());
    assert_eq!(refuses(&world, json!({ "key": "other", "agent": agent })).await, Value::Null);
    run_as(&world, OTHER, agent, json!({})).await.expect(200);
    world.simulator.signal("second");
    first.all().await;
    second.all().await;
    world.finish().await;
}

#[tokio::test]
async fn a_budget_is_explained_by_what_the_agents_runs_have_cost() {
    // Each run costs 0.0245, which is believed after eight of them.
    let more = r#"
budgets: [{ name: daily, by: principal, usd: "0.22", per: day, reserve: { usd: "0.000001" } }]
"#;
    let (world, _clock) = still(more).await;
    for run in 1..=9 {
        let said = refuses(&world, json!({ "key": "n8n", "agent": "acp:ok" })).await;
        let answer = run_as(&world, KEY, "acp:ok", json!({})).await;
        if run == 9 {
            assert_eq!(said, "budgets", "less than a run usually costs is left");
            answer.problem(429, "budget_exhausted");
        } else {
            assert_eq!(said, Value::Null, "{run}");
            answer.expect(200);
            until("it is settled", async || {
                account(&world, "daily", "acp:ok").await["reserved"]["runs"] == 0
            })
            .await;
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_limit_of_an_operation_is_explained_for_the_face_and_operation_that_it_is_about() {
    for (way, question) in [
        (Way::Json, json!({ "face": "unified" })),
        (Way::Stream, json!({ "operation": "create_agent_run" })),
        (Way::Hook, json!({ "face": "hooks" })),
        (Way::Hook, json!({ "operation": "run_hook" })),
        (Way::Acp, json!({ "face": "acp" })),
    ] {
        let operation = match way {
            Way::Json | Way::Background => "create_run",
            Way::Stream => "create_agent_run",
            Way::Hook => "run_hook",
            Way::Acp | Way::AcpStream => "run_acp",
        };
        let limit = format!(
            "limits: [{{ name: few, by: principal, requests: 1, per: 1h, burst: 1, operations: [{operation}] }}]\n"
        );
        let (world, _clock) = still(&limit).await;
        let asked = with(&json!({ "key": "n8n", "agent": "acp:ok" }), &question);
        assert_eq!(refuses(&world, asked.clone()).await, Value::Null, "{question}");
        assert!(way.ask(&world, KEY, "acp:ok").await.status.is_success(), "{question}");
        assert_eq!(refuses(&world, asked).await, "limits", "{question}");
        refusal(way, way.ask(&world, KEY, "acp:ok").await, 429, "rate_limited");
        // Other ways in are not counted by it.
        for (other, face) in [(Way::Json, "unified"), (Way::Hook, "hooks"), (Way::Acp, "acp")] {
            let is_limited = other == way;
            let asked = json!({ "key": "n8n", "agent": "acp:ok", "face": face });
            let said = refuses(&world, asked).await;
            assert_eq!(said == "limits", is_limited, "{operation} by {face}: {said}");
            let answer = other.ask(&world, KEY, "acp:ok").await;
            assert_eq!(answer.status == 429, is_limited, "{operation} by {face}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn to_read_takes_the_scope_and_the_policy_of_what_is_read() {
    let folder = policies(
        r#"@id("closed") forbid (principal, action == Action::"read", resource is Run) when { resource in Agent::"make:slow" };"#,
    );
    let limit = "limits: [{ name: once, by: agent, requests: 1, per: 1h, burst: 1 }]\n";
    let more = format!("access: {{ policies: \"{}\" }}\n{limit}", folder.display());
    let world = World::with(&more).await;
    let runs = make_key(&world, "runs", json!({ "scopes": ["runs:read", "runs:write"] })).await;
    let agents = make_key(&world, "agents", json!({ "scopes": ["agents:read"] })).await;
    let run = run_as(&world, &runs.secret, "acp:ok", json!({})).await.expect(200).json();
    let closed = run_as(&world, &runs.secret, "make:slow", json!({})).await.expect(200).json();
    let path = |run: &Value| format!("/v1/runs/{}", run["id"].as_str().unwrap());
    for (key, agent, operation, refused_by, path, answered) in [
        (&runs, "acp:ok", Some("get_run"), None, path(&run), 200),
        (&runs, "acp:ok", Some("list_runs"), None, "/v1/runs".to_owned(), 200),
        (&runs, "acp:ok", None, Some("scope"), "/v1/upstreams".to_owned(), 403),
        (&runs, "make:slow", Some("get_run"), Some("policy"), path(&closed), 404),
        (&agents, "acp:ok", None, None, "/v1/upstreams".to_owned(), 200),
        (&agents, "acp:ok", Some("list_upstreams"), None, "/v1/upstreams".to_owned(), 200),
        (&agents, "acp:ok", Some("get_run"), Some("scope"), path(&run), 403),
    ] {
        let question =
            json!({ "key": key.id, "agent": agent, "action": "read", "operation": operation });
        let what = format!("{question} {path}");
        assert_eq!(refuses(&world, question).await, json!(refused_by), "{what}");
        assert_eq!(status(&world, &key.secret, &path).await, answered, "{what}");
    }
    for (asked, path) in [
        (json!({ "operation": "fly" }), "operation"),
        (json!({ "operation": "get_run" }), "operation"),
        (json!({ "operation": "run_hook", "face": "acp" }), "operation"),
        (json!({ "face": "admin" }), "face"),
    ] {
        let asked = with(&json!({ "key": "n8n", "agent": "acp:ok" }), &asked);
        let problem = explain(&world, &asked).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], path, "{asked}: {problem}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_platform_that_asked_to_be_left_alone_refuses_until_it_said() {
    let (world, clock) = still(CALLERS).await;
    let said = async |key: &str, agent: &str| {
        let told = explain(&world, &json!({ "key": key, "agent": agent })).await.expect(200).json();
        let pauses = told["steps"].as_array().unwrap().iter().find(|it| it["step"] == "pauses");
        let because = pauses.unwrap()["because"].as_str().unwrap().to_owned();
        (told["refused_by"].clone(), because)
    };
    assert_eq!(said("n8n", "make:ok").await.0, Value::Null);
    let (agent, input) = scenario("make", "rate-limited");
    let asked = Way::Json.request(&world, KEY, (&agent, &input), Value::Null);
    world.send(asked).await.problem(429, "rate_limited");
    for (key, secret) in [("n8n", KEY), ("other", OTHER)] {
        let (refused_by, because) = said(key, "make:ok").await;
        assert_eq!(refused_by, "pauses", "{key}: {because}");
        assert!(because.contains("2026-03-10T12:00:20"), "{because}");
        run_as(&world, secret, "make:ok", json!({})).await.problem(429, "rate_limited");
    }
    assert_eq!(said("n8n", "zaia:ok").await.0, Value::Null);
    // A quota of the day is one caller's.
    run_as(&world, OTHER, "acp:quota", json!({})).await.problem(429, "budget_exhausted");
    let (refused_by, because) = said("other", "acp:ok").await;
    assert_eq!(refused_by, "pauses", "{because}");
    assert!(because.contains("2026-03-11T00:00:00"), "{because}");
    run_as(&world, OTHER, "acp:ok", json!({})).await.problem(429, "budget_exhausted");
    assert_eq!(said("trial", "acp:ok").await.0, Value::Null);
    run_as(&world, TRIAL, "acp:ok", json!({})).await.expect(200);
    clock.advance(Duration::from_secs(20));
    assert_eq!(said("n8n", "make:ok").await.0, Value::Null);
    run_as(&world, KEY, "make:ok", json!({})).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn operators_are_shown_the_configuration_and_no_secret() {
    let folder = policies(POLICIES);
    let hash = sha256("a key of the file");
    let more = r#"
identity:
  pepper: "${env:PEPPER}"
  keys: [{ name: bot, workspace: acme, scopes: ["runs:read"], hash: "HASH" }]
hooks: { "acp:ok": { signed: { secret: "${env:HOOK_SECRET}", workspace: acme } } }
"#;
    let more = more.replace("HASH", &hash);
    let world = World::with(&format!("{}{more}", config(&folder))).await;
    let answer = world.admin("/admin/config").await.expect(200);
    let shown = answer.json();
    for (pointer, value) in [
        ("/identity/keys/0/name", json!("bot")),
        ("/limits/0/name", json!("hourly")),
        ("/budgets/0/runs", json!(1)),
        ("/hooks/acp:ok/signed/workspace", json!("acme")),
        ("/upstreams/make/kind", json!("make")),
        ("/agents/support/upstream", json!("make")),
        ("/runs/heartbeat", json!("15s")),
        ("/access/policies", json!(folder.display().to_string())),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&value), "{pointer} in {shown:#}");
    }
    // What the references stand for, and hashes of keys.
    for secret in ["6f1e8d3a", "whsec_", &hash[7..], &KEY_HASH[7..], KEY] {
        assert!(!answer.text().contains(secret), "{secret} in {shown:#}");
    }
    world.finish().await;
}

/// Exit code, standard output, standard error of `switchyard explain`.
fn command(config: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.arg("explain").arg("--config").arg(config).args(arguments).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.env("KEY", "k").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The configuration of a world as a file, with a store and the key of the suite in it.
fn file(folder: &Path, simulator: &str, more: &str) -> PathBuf {
    let key = format!(
        r#"{{ name: n8n, workspace: acme, scopes: ["runs:read", "runs:write"], hash: "{KEY_HASH}" }}"#
    );
    let text = World::text(&format!("identity: {{ keys: [{key}] }}\n{more}"));
    let path = folder.join("switchyard.yaml");
    std::fs::write(&path, text.replace("SIM", simulator)).unwrap();
    path
}

#[tokio::test]
async fn the_command_explains_the_same_and_says_it_by_its_exit_code() {
    let (rules, folder) = (policies(POLICIES), Folder::new());
    let store = format!("store: {{ url: \"sqlite://{}/shared.db\" }}\n", folder.display());
    let more = format!("{}{store}", config(&rules));
    let world = World::with(&more).await;
    let path = file(&folder, &world.simulator.addr().to_string(), &more);
    run_as(&world, KEY, "zaia:ok", json!({})).await.expect(200);
    let bot = make_key(&world, "bot", json!({ "agents": ["acp:ok"] })).await;
    let before = world.simulator.journal().len();
    for (arguments, code, says) in [
        (vec!["--caller", "n8n", "--agent", "acp:ok"], 0, "allowed"),
        (vec!["--caller", &bot.id, "--agent", "acp:ok"], 0, "the key `bot` of acme"),
        (vec!["--caller", "bot", "--agent", "make:ok"], 2, "agent     REFUSES"),
        (vec!["--caller", "n8n", "--agent", "acp:tools"], 2, "policy    REFUSES"),
        (vec!["--caller", "n8n", "--agent", "zaia:ok"], 2, "budgets   REFUSES"),
        (vec!["--caller", "n8n", "--action", "administer"], 2, "scope     REFUSES"),
        (vec!["--caller", "n8n", "--agent", "zaia:ok"], 2, "1 of 1 runs used, 1 wanted"),
        (vec!["--caller", "n8n", "--agent", "acp:ok", "--action", "read"], 2, "scope     REFUSES"),
        (
            vec!["--caller", "n8n", "--agent", "acp:ok", "--action=read", "--operation=get_run"],
            0,
            "the credential has `runs:read`",
        ),
        (vec!["--caller", "n8n", "--agent", "make:ok", "--tool", "scenario:9"], 2, "scenario:9"),
        (
            vec!["--caller", "n8n", "--agent", "make:tools", "--at", "2026-03-02T03:00:00Z"],
            2,
            "policy    REFUSES",
        ),
        (vec!["--caller", "n8n", "--agent", "make:ok"], 0, "hourly has 1 of 2 left"),
        (vec!["--caller", "nobody", "--agent", "acp:ok"], 1, "there is no such key"),
        (vec!["--agent", "acp:ok"], 1, "name a caller"),
        (vec!["--caller", "n8n", "--agent", "acp:ok", "--max-cost-usd", "free"], 64, "0.50"),
    ] {
        let (found, out, err) = command(&path, &arguments);
        assert_eq!(found, code, "{arguments:?}: {out}{err}");
        assert!(
            if code == 0 || code == 2 { &out } else { &err }.contains(says),
            "{arguments:?}: {out}{err}"
        );
        assert!(!out.contains(&bot.secret) && !out.contains(&KEY_HASH[7..]), "{out}");
    }
    let (code, out, err) = command(&path, &["--caller", "n8n", "--agent", "acp:tools", "--json"]);
    assert_eq!((code, err.as_str()), (2, ""));
    let told: Value = serde_json::from_str(&out).unwrap();
    let asked = explain(&world, &json!({ "key": "n8n", "agent": "acp:tools" })).await.json();
    assert_eq!(
        (&told["refused_by"], &told["policy"]["policies"]),
        (&json!("policy"), &asked["policy"]["policies"])
    );
    assert_eq!(told["policy"]["policy_version"], asked["policy"]["policy_version"]);
    let wrong = file(&folder, "127.0.0.1:9", "access: { policies: /absent }\n");
    let (code, _, err) = command(&wrong, &["--caller", "n8n", "--agent", "acp:ok"]);
    assert!(code == 64 && err.contains("access.policies"), "{code}: {err}");
    assert_eq!(world.simulator.journal().len(), before, "something was run");
    world.finish().await;
}
