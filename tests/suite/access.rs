//! Access policies from a folder, through the whole gateway: what a refusal says on each face,
//! what policies can see, who may read whose runs, and how a folder is read anew.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::callers::{
    Folder, ask, eventually, get, make_key, policies, run_as, seen, status, write_policies,
};
use crate::harness::{KEY, World};

/// Within which a change of the folder is in force: it is looked at once a second.
const RELOADED: Duration = Duration::from_secs(5);

/// A world with the starter policies and these.
async fn governed(more: &str, config: &str) -> (World, Folder) {
    let folder = policies(more);
    let config = format!("access: {{ policies: \"{}\" }}\n{config}", folder.display());
    (World::with(&config).await, folder)
}

const NIGHT: &str = r#"
@id("no-ok")
@reason("it sleeps")
forbid (principal, action == Action::"run", resource == Agent::"acp:ok");
"#;

#[tokio::test]
async fn a_refusal_names_its_policy_on_every_face_and_before_a_stream_begins() {
    let (world, _folder) = governed(NIGHT, "").await;
    let said = "forbidden by policy `no-ok`: it sleeps";
    for stream in [false, true] {
        let input = json!({ "input": "Hello", "stream": stream });
        for path in ["/v1/agents/acp:ok/runs", "/v1/hooks/acp:ok"] {
            let problem = world.post(path, &input).await.problem(403, "forbidden");
            assert_eq!((&problem["detail"], &problem["rules"]), (&json!(said), &json!(["no-ok"])));
            assert_eq!(
                (&problem["origin"], &problem["may_retry"]),
                (&json!("policy"), &json!(false))
            );
        }
        let acp = world.post("/acp/acme/agents/acp:ok/run", &input).await.expect(403);
        assert_eq!(acp.header("content-type"), "application/json");
        assert_eq!(acp.json(), json!({ "error": said }));
        let body = json!({ "stream": stream });
        run_as(&world, KEY, "acp:ok", body).await.problem(403, "forbidden");
    }
    let behind = json!({ "background": true });
    run_as(&world, KEY, "acp:ok", behind).await.problem(403, "forbidden");
    assert!(world.simulator.journal().is_empty(), "a platform was asked");
    assert_eq!(get(&world, KEY, "/v1/runs").await.json()["data"], json!([]), "there is a run");
    // Nothing of a refused run is left: neither its conversation nor a place among those at work.
    run_as(&world, KEY, "acp:tools", json!({})).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn an_agent_that_may_not_be_read_either_is_not_there() {
    let hidden = r#"@id("hidden") forbid (principal, action in [Action::"run", Action::"read"], resource in Agent::"support");"#;
    let (world, _folder) = governed(hidden, "").await;
    let input = json!({ "input": "Hello" });
    let wish = json!({ "input": "Hello", "limits": { "max_cost_usd": "1" } });
    for (path, body) in [
        ("/v1/agents/AGENT/runs", &input),
        ("/v1/agents/AGENT/runs", &json!({ "input": "Hello", "stream": true })),
        ("/v1/hooks/AGENT", &input),
        ("/acp/acme/agents/AGENT/run", &input),
        // Nor does what its platform cannot do tell that it is there, nor what a hook wants.
        ("/v1/agents/AGENT/runs", &wish),
        ("/v1/hooks/AGENT", &json!({ "colour": "red" })),
        ("/v1/agents/AGENT/runs", &json!({ "input": "Hello", "tools": ["x"] })),
    ] {
        let there = world.post(&path.replace("AGENT", "support"), body).await;
        let gone = world.post(&path.replace("AGENT", "nothing"), body).await;
        assert_eq!(seen(&there, "support"), seen(&gone, "nothing"), "{path} {body}");
        assert_eq!(there.status, 404);
    }
    assert!(world.simulator.journal().is_empty(), "a platform was asked");
    run_as(&world, KEY, "make:tools", json!({})).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_platform_that_may_not_be_read_is_not_listed() {
    let hidden = r#"forbid (principal, action == Action::"read", resource == Upstream::"zaia");"#;
    let (world, _folder) = governed(hidden, "").await;
    let listed = get(&world, KEY, "/v1/upstreams").await.expect(200).json();
    let names: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["make", "acp", "agentbase"]);
    world.finish().await;
}

const CONTEXT: &str = r#"
@id("no-streams") forbid (principal, action == Action::"run", resource) when { context.mode == "stream" };
@id("no-background") forbid (principal, action == Action::"run", resource) when { context.mode == "background" };
@id("no-large") forbid (principal, action == Action::"run", resource) when { context has model && context.model == "large" };
@id("no-payments") forbid (principal, action == Action::"run", resource) when { context has tools && context.tools.contains("scenario:7") };
@id("no-tool-nine") forbid (principal, action == Action::"use_tool", resource) when { context.tool == "scenario:9" };
@id("cheap") forbid (principal, action == Action::"run", resource in Upstream::"agentbase")
  unless { context has max_cost_usd && context.max_cost_usd.lessThanOrEqual(decimal("0.50")) };
@id("network") forbid (principal, action == Action::"run", resource)
  when { context.address.isInRange(ip("203.0.113.0/24")) };
@id("no-hooks") forbid (principal, action == Action::"run", resource == Agent::"acp:tools") when { context.face == "hooks" };
"#;

#[tokio::test]
async fn policies_see_how_a_run_is_asked_for() {
    let (world, _folder) = governed(CONTEXT, "").await;
    for (agent, changes, policy) in [
        ("acp:ok", json!({}), ""),
        ("acp:ok", json!({ "stream": true }), "no-streams"),
        ("acp:ok", json!({ "background": true }), "no-background"),
        ("make:ok", json!({ "model": "small" }), ""),
        ("make:ok", json!({ "model": "large" }), "no-large"),
        ("make:ok", json!({ "tools": ["scenario:8"] }), ""),
        ("make:ok", json!({ "tools": ["scenario:8", "scenario:7"] }), "no-payments"),
        ("make:ok", json!({ "tools": ["scenario:8", "scenario:9"] }), "no-tool-nine"),
        ("agentbase:any", json!({}), "cheap"),
        ("agentbase:any", json!({ "limits": { "max_cost_usd": "0.5" } }), ""),
        ("agentbase:any", json!({ "limits": { "max_cost_usd": "0.50001" } }), "cheap"),
    ] {
        let before = world.simulator.journal().len();
        let answer = run_as(&world, KEY, agent, changes.clone()).await;
        if policy.is_empty() {
            answer.expect(200);
            continue;
        }
        let problem = answer.problem(403, "forbidden");
        assert_eq!(problem["rules"], json!([policy]), "{changes}: {problem}");
        if policy == "no-tool-nine" {
            assert_eq!(problem["errors"][0]["path"], "tools[1]", "{problem}");
        }
        assert_eq!(world.simulator.journal().len(), before);
    }
    let input = json!({ "input": "Hello" });
    let hook = world.post("/v1/hooks/acp:tools", &input).await.problem(403, "forbidden");
    assert_eq!(hook["rules"], json!(["no-hooks"]));
    world.post("/acp/acme/agents/acp:tools/run", &input).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn an_address_is_believed_of_trusted_proxies_alone() {
    const INSIDE: &str = "203.0.113.7";
    for (config, refused) in [
        ("listen: { trusted_proxies: [127.0.0.1] }\n", true),
        ("listen: { trusted_proxies: [10.0.0.0/8] }\n", false),
        ("", false),
    ] {
        let (world, _folder) = governed(CONTEXT, config).await;
        let body = r#"{"input":"Hello"}"#;
        for (forwarded, is_inside) in [(INSIDE, true), ("198.51.100.1", false)] {
            let head = [("content-type", "application/json"), ("x-forwarded-for", forwarded)];
            let answer = world.post_with("/v1/agents/acp:ok/runs", &head, body).await;
            if refused && is_inside {
                assert_eq!(answer.problem(403, "forbidden")["rules"], json!(["network"]));
            } else {
                answer.expect(200);
            }
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_folder_is_read_anew_and_the_last_good_set_stays() {
    let folder = policies("// nothing more\n");
    let config = format!("access: {{ policies: \"{}\" }}\n", folder.display());
    let world = World::with(&config).await;
    let runs = async || run_as(&world, KEY, "acp:ok", json!({})).await.status;
    assert_eq!(runs().await, 200);
    write_policies(&folder, NIGHT);
    eventually("it is forbidden", RELOADED, async || runs().await == 403).await;
    let broken = "permit (principal, action, resource) when { context.colour == 7 };";
    write_policies(&folder, broken);
    // Another file beside the broken one is not read before that is mended; long enough for two
    // looks at the folder.
    std::fs::write(folder.join("later.cedar"), "@id(\"later\") forbid (principal, action == Action::\"run\", resource == Agent::\"acp:tools\");").unwrap();
    let began = std::time::Instant::now();
    eventually("two looks have passed", RELOADED, async || {
        assert_eq!(runs().await, 403, "the last good set is gone");
        assert_eq!(run_as(&world, KEY, "acp:tools", json!({})).await.status, 200);
        began.elapsed() > Duration::from_millis(2_200)
    })
    .await;
    write_policies(&folder, "// mended\n");
    eventually("the mended set is in force", RELOADED, async || runs().await == 200).await;
    run_as(&world, KEY, "acp:tools", json!({})).await.problem(403, "forbidden");
    world.finish().await;
}

const COLLEAGUES: &str = r#"
@id("colleagues") permit (principal, action == Action::"read", resource)
when { (resource is Run || resource is Thread) && resource.workspace == principal.workspace };
"#;

/// What a caller sees of another's run and conversation.
async fn sees(world: &World, key: &str, run: &Value) -> [u16; 5] {
    let (id, thread) = (run["id"].as_str().unwrap(), run["thread_id"].as_str().unwrap());
    let listed = get(world, key, "/v1/runs").await.expect(200).text().contains(id);
    [
        status(world, key, &format!("/v1/runs/{id}")).await,
        status(world, key, &format!("/v1/runs/{id}/events")).await,
        status(world, key, &format!("/v1/threads/{thread}")).await,
        status(world, key, &format!("/v1/threads/{thread}/runs")).await,
        if listed { 200 } else { 404 },
    ]
}

#[tokio::test]
async fn colleagues_read_each_others_runs_where_a_policy_says_so_and_cannot_cancel_them() {
    for (more, expected) in [("// the starter's alone\n", 404), (COLLEAGUES, 200)] {
        let (world, _folder) = governed(more, "").await;
        let colleague = make_key(&world, "colleague", json!({})).await.secret;
        let stranger = make_key(&world, "stranger", json!({ "workspace": "globex" })).await.secret;
        let run = run_as(&world, KEY, "acp:ok", json!({})).await.expect(200).json();
        assert_eq!(sees(&world, KEY, &run).await, [200; 5]);
        assert_eq!(sees(&world, &colleague, &run).await, [expected; 5]);
        assert_eq!(sees(&world, &stranger, &run).await, [404; 5]);
        let live = run_as(&world, KEY, "acp:head-stall", json!({ "background": true })).await;
        let path = format!("/v1/runs/{}/cancel", live.expect(202).json()["id"].as_str().unwrap());
        let cancel = async |key: &str| ask(&world, key, Method::POST, &path, &Value::Null).await;
        let refused = cancel(&colleague).await;
        if expected == 200 {
            let problem = refused.problem(403, "forbidden");
            assert_eq!(problem["detail"], "no policy permits it");
        } else {
            refused.problem(404, "run_not_found");
        }
        cancel(&stranger).await.problem(404, "run_not_found");
        // To read a conversation is not to speak in it.
        let thread = json!({ "thread_id": run["thread_id"] });
        run_as(&world, &colleague, "acp:ok", thread).await.problem(404, "thread_not_found");
        assert_eq!(cancel(KEY).await.expect(200).json()["status"], "cancelled");
        world.finish().await;
    }
}

#[tokio::test]
async fn no_policy_widens_what_a_scope_or_a_workspace_bounds() {
    let (world, _folder) = governed("@id(\"all\") permit (principal, action, resource);", "").await;
    let stranger = make_key(&world, "stranger", json!({ "workspace": "globex" })).await.secret;
    let run = run_as(&world, KEY, "acp:ok", json!({})).await.expect(200).json();
    assert_eq!(sees(&world, &stranger, &run).await, [404; 5]);
    let live = run_as(&world, KEY, "acp:head-stall", json!({ "background": true })).await;
    let path = format!("/v1/runs/{}/cancel", live.expect(202).json()["id"].as_str().unwrap());
    let foreign = ask(&world, &stranger, Method::POST, &path, &Value::Null).await;
    foreign.problem(404, "run_not_found");
    // A colleague may do all of it here.
    let colleague = make_key(&world, "colleague", json!({})).await.secret;
    assert_eq!(sees(&world, &colleague, &run).await, [200; 5]);
    ask(&world, &colleague, Method::POST, &path, &Value::Null).await.expect(200);
    let reader = make_key(&world, "reader", json!({ "scopes": ["runs:read"] })).await.secret;
    let problem = run_as(&world, &reader, "acp:ok", json!({})).await.problem(403, "forbidden");
    assert_eq!(problem["rules"], json!(["scope:runs:write"]));
    world.finish().await;
}

#[tokio::test]
async fn no_policy_widens_the_agents_that_a_credential_is_for() {
    let (world, _folder) = governed("@id(\"all\") permit (principal, action, resource);", "").await;
    let bound = async |name: &str, agent: &str| {
        make_key(&world, name, json!({ "agents": [agent] })).await.secret
    };
    let run = run_as(&world, KEY, "acp:ok", json!({})).await.expect(200).json();
    for (name, agent, expected) in
        [("other", "acp:tools", 404), ("platform", "zaia:*", 404), ("same", "acp:ok", 200)]
    {
        let key = bound(name, agent).await;
        assert_eq!(sees(&world, &key, &run).await, [expected; 5], "{agent}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_admin_may_be_forbidden_to_administer() {
    let unless = r#"@id("operators-only") @reason("ask an operator")
forbid (principal, action == Action::"administer", resource) unless { principal.name == "ops" };"#;
    let (world, _folder) = governed(unless, "").await;
    let key = json!({ "name": "x", "workspace": "acme", "scopes": ["admin"] });
    for (method, path, body) in [
        (Method::GET, "/admin/config", &Value::Null),
        (Method::GET, "/admin/keys", &Value::Null),
        (Method::GET, "/admin/keys/key_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", &Value::Null),
        (Method::POST, "/admin/keys", &key),
        (Method::DELETE, "/admin/keys/key_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", &Value::Null),
        (Method::POST, "/admin/explain", &json!({ "key": "n8n", "agent": "acp:ok" })),
    ] {
        let problem = world.operate(method, path, body).await.problem(403, "forbidden");
        assert_eq!(problem["rules"], json!(["operators-only"]), "{path}");
        assert_eq!(problem["detail"], "forbidden by policy `operators-only`: ask an operator");
    }
    world.admin("/metrics").await.expect(200);
    world.finish().await;
}
