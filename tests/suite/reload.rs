//! Another version of the configuration, put in force while the gateway serves.

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};
use switchyard::simulator::server::Simulator;
use switchyard::simulator::stage::Options;
use switchyard::tasks::Tasks;

use crate::callers::eventually;
use crate::harness::{PATIENCE, World, assert_orderly};
use crate::served::Place;

const LIMITED: &str =
    "limits: [{ name: runs, by: principal, operations: [create_run], requests: 2, per: 1h }]\n";

async fn reload(world: &World) -> crate::harness::Answer {
    world.operate(Method::POST, "/admin/reload", &Value::Null).await
}

fn paths(reloaded: &Value) -> Vec<&str> {
    let changed = reloaded["changed"].as_array().unwrap();
    changed.iter().map(|change| change["path"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_what_is_asked_later_and_a_run_ends_as_it_began() {
    let world = World::start().await;
    let body = json!({ "agent": "support", "input": "Hello", "stream": true });
    world.rewrite(|text| text.replace("id: ok", "id: slow"));
    reload(&world).await.expect(200);
    let mut stream = world.stream("/v1/runs", &body).await;
    let first = stream.next().await.unwrap();

    world.rewrite(|text| text.replace("support:", "helper:"));
    let reloaded = reload(&world).await.expect(200).json();
    assert_eq!(paths(&reloaded), ["agents.helper", "agents.support"], "{reloaded}");
    assert!(reloaded["version"].as_str().unwrap().starts_with("sha256:"));
    world.run("support", json!({ "input": "Hello" })).await.problem(404, "agent_not_found");

    let mut events = stream.all().await;
    events.insert(0, first);
    let run = &assert_orderly(&events)["run"];
    assert_eq!(run["status"], "completed", "{run}");
    let id = run["id"].as_str().unwrap();
    assert_eq!(
        world.get(&format!("/v1/runs/{id}")).await.expect(200).json()["status"],
        "completed"
    );
    world.run("helper", json!({ "input": "Hello" })).await.expect(200);
    assert_eq!(
        world.admin("/admin/config").await.expect(200).json()["agents"]["helper"]["id"],
        "slow"
    );

    // Nothing has changed: nothing is told to have.
    assert_eq!(paths(&reload(&world).await.expect(200).json()), Vec::<&str>::new());
    let log = world.admin("/admin/audit?stage=operated").await.expect(200).json();
    let subjects = log["data"].as_array().unwrap().iter().map(|it| &it["record"]["subject"]);
    let subjects: Vec<&str> = subjects.map(|it| it.as_str().unwrap()).collect();
    let version = format!("configuration {}", reloaded["version"].as_str().unwrap());
    assert!(subjects.contains(&version.as_str()), "{subjects:?}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_leaves_in_force_what_was_and_names_every_fault() {
    let world = World::start().await;
    for (text, path) in [
        ("agents: { support: { upstream: nowhere, id: ok } }\nnonsense: 1\n", "nonsense"),
        ("limits: [{ name: runs, by: principal, requests: 0, per: 1m }]\n", "limits[0].requests"),
        ("access: { policies: /nowhere/at/all }\n", "access.policies"),
        ("pii: { rules: [{ entities: [dragon], action: mask }] }\n", "pii.rules[0].entities[0]"),
    ] {
        let before = world.rewrite(|was| format!("{was}{text}"));
        let problem = reload(&world).await.problem(400, "invalid_request");
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["path"] == path), "{path}: {problem}");
        world.rewrite(|_| before);
        world.run("support", json!({ "input": "Hello" })).await.expect(200);
    }
    let before = world.rewrite(|_| "upstreams: [".to_owned());
    reload(&world).await.problem(400, "invalid_request");
    world.rewrite(|_| before);
    reload(&world).await.expect(200);
    let with_body =
        world.operate(Method::POST, "/admin/reload", &json!({ "file": "/etc/x" })).await;
    with_body.problem(400, "invalid_request");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_start_can_change_is_refused_whole() {
    let world = World::start().await;
    world.rewrite(|was| {
        let other = "runs: { kept: 7 }\nlisten: { idle_timeout: 7s }\n";
        format!("{was}{other}").replace("support:", "helper:")
    });
    let problem = reload(&world).await.problem(409, "conflict");
    let named: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["path"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["listen.idle_timeout", "runs.kept"], "{problem}");
    world.run("support", json!({ "input": "Hello" })).await.expect(200);
    world.run("helper", json!({ "input": "Hello" })).await.expect(404);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_fresh_start_by_a_reload() {
    let world = World::with(LIMITED).await;
    let run = || world.run("support", json!({ "input": "Hello" }));
    run().await.expect(200);
    world.rewrite(|was| {
        format!("{was}budgets: [{{ name: all, by: principal, usd: \"5.00\", per: day, reserve: {{ usd: \"0.10\" }} }}]\n")
    });
    assert_eq!(paths(&reload(&world).await.expect(200).json()), ["budgets"]);
    run().await.expect(200);
    reload(&world).await.expect(200);
    run().await.problem(429, "rate_limited");
    // A limit that is another one begins anew.
    world.rewrite(|was| was.replace("requests: 2", "requests: 3"));
    assert_eq!(paths(&reload(&world).await.expect(200).json()), ["limits[0].requests"]);
    run().await.expect(200);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_and_goes_with_the_file() {
    let world = World::start().await;
    let key = "another-key-of-the-suite-9876543210";
    let hash = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let ask = || {
        world.send(world.request_as(key, Method::GET, "/v1/runs").body(Default::default()).unwrap())
    };
    ask().await.expect(401);
    let before = world.rewrite(|was| {
        format!("{was}identity: {{ keys: [{{ name: new, workspace: acme, scopes: [\"runs:read\"], hash: \"sha256:{hash}\" }}] }}\n")
    });
    let reloaded = reload(&world).await.expect(200).json();
    assert!(!reloaded.to_string().contains(&hash), "{reloaded}");
    ask().await.expect(200);
    world.rewrite(|_| before);
    reload(&world).await.expect(200);
    ask().await.expect(401);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_versions_come_and_go() {
    let world = World::start().await;
    let asking = async {
        let mut answered = 0;
        while answered < 150 {
            world.run("support", json!({ "input": "Hello" })).await.expect(200);
            answered += 1;
        }
    };
    let reloading = async {
        let mut reloads = 0_u32;
        loop {
            reloads += 1;
            let wanted = format!("heartbeat: {}s", 10 + reloads % 2);
            world.rewrite(|was| match was.split_once("runs: {") {
                Some((head, _)) => format!("{head}runs: {{ {wanted} }}\n"),
                None => format!("{was}runs: {{ {wanted} }}\n"),
            });
            reload(&world).await.expect(200);
        }
    };
    tokio::select! {
        () = asking => {}
        () = reloading => unreachable!(),
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reads_its_file_anew_at_sighup_and_keeps_the_last_good_one() {
    let (tasks, loopback) = (Tasks::default(), SocketAddr::from(([127, 0, 0, 1], 0)));
    let simulator = Simulator::start(loopback, &tasks, Options::default()).await.unwrap();
    let place = Place::new(simulator.addr(), "overlap");
    let gateway = place.start().await;
    let file = place.configuration();
    let good = std::fs::read_to_string(&file).unwrap();
    let hang_up = || gateway.signal("-HUP");
    let logged = async |what: &str| {
        eventually(what, PATIENCE, async || gateway.log().contains(what)).await;
    };
    std::fs::write(&file, format!("{good}agents: {{ helper: {{ upstream: acp, id: ok }} }}\n"))
        .unwrap();
    hang_up();
    logged("the configuration was read anew").await;
    let body = json!({ "agent": "helper", "input": "Hello" });
    let ask = || gateway.ask(Method::POST, "/v1/runs", None, &body);
    assert_eq!(ask().await.status, 200);
    std::fs::write(&file, format!("{good}nonsense: 1\n")).unwrap();
    hang_up();
    logged("the configuration stays as it was").await;
    assert!(gateway.log().contains("nonsense"), "{}", gateway.log());
    assert_eq!(ask().await.status, 200);
    drop(gateway);
    place.remove();
    simulator.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_left_alone_stays_so_while_its_settings_are_the_same() {
    let world = World::start().await;
    let health = async || {
        let all = world.get("/v1/upstreams").await.expect(200).json();
        let all = all["data"].as_array().unwrap().clone();
        let acp = all.iter().find(|one| one["name"] == "acp").unwrap();
        acp["health"].as_str().unwrap().to_owned()
    };
    for _ in 0..20 {
        world.run("acp:head-reset", json!({ "input": "Hello" })).await;
    }
    assert_eq!(health().await, "unavailable");
    world.rewrite(|was| was.replace("support:", "helper:"));
    reload(&world).await.expect(200);
    assert_eq!(health().await, "unavailable");
    // With other settings it is another one, of which nothing is known.
    world.rewrite(|was| was.replace("/acp\", workspace", "/acp\", max_concurrent: 9, workspace"));
    reload(&world).await.expect(200);
    assert_eq!(health().await, "healthy");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_after_a_reload_and_a_broken_one_is_not() {
    let (tasks, loopback) = (Tasks::default(), SocketAddr::from(([127, 0, 0, 1], 0)));
    let simulator = Simulator::start(loopback, &tasks, Options::default()).await.unwrap();
    let place = Place::new(simulator.addr(), "overlap");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| place.folder.join(name));
    let renew = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let old = renew();
    place.rewrite(|text| {
        let files = (certificate.display(), key.display());
        let tls = format!("listen: {{ tls: {{ certificate: {}, key: {} }}, ", files.0, files.1);
        text.replace("listen: { ", &tls)
    });
    let gateway = place.start().await;
    let trusts = async |trusted: &rustls::pki_types::CertificateDer<'static>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = tokio::net::TcpStream::connect(gateway.api).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), tcp).await.is_ok()
    };
    assert!(trusts(&old).await);
    let new = renew();
    assert!(trusts(&old).await && !trusts(&new).await);
    gateway.signal("-HUP");
    eventually("the new one is served", PATIENCE, async || trusts(&new).await).await;
    assert!(!trusts(&old).await);
    std::fs::write(&certificate, "no certificate").unwrap();
    gateway.signal("-HUP");
    eventually("the reload is refused", PATIENCE, async || {
        gateway.log().contains("the configuration stays as it was")
    })
    .await;
    assert!(trusts(&new).await);
    drop(gateway);
    place.remove();
    simulator.shutdown();
}
