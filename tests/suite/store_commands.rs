//! `switchyard store …`, as processes, beside a gateway that serves or by themselves: on a SQLite
//! file, and on the PostgreSQL server that `SWITCHYARD_TEST_POSTGRES` names.

mod files;
mod pruning;

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};

use crate::callers::eventually;
use crate::harness::PATIENCE;
use crate::process::simulator;
use crate::receiver::{is_signed, receiver};
use crate::served::{Place, Served};
use crate::store;

/// Whose configuration names a platform that nobody has to reach.
pub const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// A command with the configuration of a place.
pub fn arguments<'a>(configuration: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", configuration]].concat()
}

/// What a command that must go well prints.
pub fn said(place: &Place, command: &[&str]) -> String {
    let configuration = place.configuration();
    let all = arguments(configuration.to_str().unwrap(), command);
    String::from_utf8(place.prints(&all)).unwrap()
}

/// What a command that must fail says.
pub fn refused(place: &Place, command: &[&str]) -> String {
    let configuration = place.configuration();
    place.refuses(&arguments(configuration.to_str().unwrap(), command))
}

/// Exports the audit and verifies it by its key; what is said of it.
pub fn verdict(place: &Place) -> String {
    let key = said(place, &["audit", "key"]);
    let export = place.folder.join("export");
    std::fs::write(&export, said(place, &["audit", "export"])).unwrap();
    let verify = ["audit", "verify", export.to_str().unwrap(), "--key", key.trim()];
    String::from_utf8(place.prints(&verify)).unwrap()
}

/// The callbacks in a state, as the command lists them.
fn callbacks(place: &Place, state: &str) -> Vec<Value> {
    let lines = said(place, &["store", "callbacks", "--state", state]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run whose end is told.
async fn told(served: &Served, to: SocketAddr) -> String {
    let body = json!({ "input": "Hello", "callback": { "url": format!("http://{to}/") } });
    let run = served.ask(Method::POST, "/v1/agents/acp:ok/runs", None, &body).await;
    assert_eq!(run.status, 200, "{run:?}");
    run.json["id"].as_str().unwrap().to_owned()
}

const CALLBACKS: &str = "callbacks: { allow_networks: [127.0.0.0/8], allow_http: true }\n";
const WHOLE: &str = "the store is whole, and the configured key opens it\n";

/// Everything that README says of the commands, beside a gateway.
async fn each_does_what_it_says(place: Place) {
    place.rewrite(|text| text + CALLBACKS);
    // It is made, and a second time there is nothing to do.
    for _ in 0..2 {
        assert_eq!(said(&place, &["store", "migrate"]), "the store is up to date\n");
    }
    assert_eq!(said(&place, &["store", "check"]), WHOLE);
    let secret = said(&place, &["store", "callback-secret", "acme"]);
    assert_ne!(said(&place, &["store", "callback-secret", "globex"]), secret);

    let served = place.start().await;
    // Who wants no more of them is sent no more, until an operator says so.
    let (address, seen) = receiver(&[410]).await;
    let run = told(&served, address).await;
    eventually("it is given up", PATIENCE, async || !callbacks(&place, "dead").is_empty()).await;
    let dead = callbacks(&place, "dead");
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0]["run_id"], &dead[0]["workspace"]), (&json!(run), &json!("acme")));
    assert_eq!((&dead[0]["state"], &dead[0]["last"]), (&json!("dead"), &json!("gone")));
    assert_eq!(dead[0]["attempts"], 1);
    let id = dead[0]["id"].as_str().unwrap();
    assert_eq!(said(&place, &["store", "callbacks"]), format!("{}\n", dead[0]));
    assert_eq!(said(&place, &["store", "callbacks", "--limit", "0"]), "");

    assert_eq!(said(&place, &["store", "resend", id]), format!("{id}\n"));
    eventually("the gateway sends it", PATIENCE, async || seen.lock().len() == 2).await;
    let deliveries = seen.lock().clone();
    for delivery in &deliveries {
        assert_eq!(delivery.header("webhook-id"), id);
        assert_eq!(delivery.json()["data"]["id"], run.as_str());
        assert!(is_signed(delivery, secret.trim()), "{secret}");
    }
    eventually("it is delivered", PATIENCE, async || !callbacks(&place, "delivered").is_empty())
        .await;
    assert_eq!((callbacks(&place, "dead").len(), callbacks(&place, "pending").len()), (0, 0));
    for none in [id, "evt_00000000000000000000000000000000", "nonsense"] {
        let said = refused(&place, &["store", "resend", none]);
        assert!(said.contains("there is no such callback that was given up"), "{said}");
    }
    assert_eq!(seen.lock().len(), 2);

    let pruned: Value = serde_json::from_str(&said(&place, &["store", "prune"])).unwrap();
    assert_eq!(pruned, json!({ "runs": 0, "records": 0 }));
    assert_eq!(said(&place, &["store", "check"]), WHOLE);
    // What changes something is on record, in its place within a second.
    for what in [&format!("store resend {id}"), "store prune: "] {
        eventually(what, PATIENCE, async || {
            said(&place, &["audit", "query", "--operation", "cli"]).contains(what)
        })
        .await;
    }
    assert!(served.stop().await.success());
    assert!(verdict(&place).contains("is whole and unchanged"));
    // A workspace with a secret of its own is not told another one.
    let own = "callbacks: { secrets: { acme: { secret: \"${env:SECRET}\" } } }\n";
    place.rewrite(|text| text.replace(CALLBACKS, own));
    let mut place = place;
    place.environment.push(("SECRET".to_owned(), crate::harness::HOOK_SECRET.to_owned()));
    let said = refused(&place, &["store", "callback-secret", "acme"]);
    assert!(said.contains("the configuration has a secret"), "{said}");
    place.remove();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_does_what_it_says_on_a_file() {
    let simulator = simulator().await;
    each_does_what_it_says(Place::new(simulator.addr(), "overlap")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_does_what_it_says_on_a_server() {
    let Some(schema) = store::Place::postgres().await else { return };
    let simulator = simulator().await;
    let place = Place::on_server(schema.url(), simulator.addr(), "overlap");
    let to = place.folder.join("copy.db");
    let migrated = said(&place, &["store", "migrate"]);
    assert_eq!(migrated, "the store is up to date\n");
    let backup = refused(&place, &["store", "backup", to.to_str().unwrap()]);
    assert!(backup.contains("pg_dump") && !to.exists(), "{backup}");
    each_does_what_it_says(place).await;
    schema.leave([]).await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let newer = "INSERT INTO store_migrations (version, applied_at) VALUES (999, 0)";
    let file = Place::new(NOWHERE, "overlap");
    said(&file, &["store", "migrate"]);
    rusqlite::Connection::open(&file.store).unwrap().execute(newer, []).unwrap();
    let schema = store::Place::postgres().await;
    let mut places = vec![file];
    if let Some(schema) = &schema {
        let server = Place::on_server(schema.url(), NOWHERE, "overlap");
        said(&server, &["store", "migrate"]);
        schema.meddle(newer).await;
        places.push(server);
    }
    for place in places {
        let copy = place.folder.join("copy.db");
        let copy = copy.to_str().unwrap();
        let id = "evt_00000000000000000000000000000000";
        for command in [
            &["migrate"][..],
            &["check"],
            &["backup", copy],
            &["prune"],
            &["callbacks"],
            &["resend", id],
        ] {
            let said = refused(&place, &[&["store"], command].concat());
            assert!(said.contains("the store is of version 999"), "{command:?}: {said}");
        }
        place.remove();
    }
    if let Some(schema) = schema {
        schema.leave([]).await;
    }
}
