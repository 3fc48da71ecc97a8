//! Keys as operators make, rotate and revoke them by the admin API, and as callers use them. The
//! commands that do the same are in `key_commands`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use switchyard::app::Surrounding;
use switchyard::clock::{ManualClock, Timestamp};

use crate::callers::{
    Folder, IN_FORCE, Made, ask, eventually, get, make_key, run_as, seen, sha256, status,
};
use crate::harness::{Answer, KEY, KEY_HASH, VENDORS, World};
use crate::store::Place;
use crate::tokens::forge::with;

async fn create(world: &World, body: &Value) -> Answer {
    world.operate(Method::POST, "/admin/keys", body).await
}

async fn rotate(world: &World, id: &str, body: &Value) -> Answer {
    world.operate(Method::POST, &format!("/admin/keys/{id}/rotate"), body).await
}

async fn revoke(world: &World, id: &str) -> Answer {
    world.operate(Method::DELETE, &format!("/admin/keys/{id}"), &Value::Null).await
}

/// The last six characters that a key must have, in a spelling of our own.
fn checksum(body: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = crc32fast::hash(body.as_bytes()) as usize;
    let mut text = Vec::new();
    for _ in 0..6 {
        text.insert(0, DIGITS[number % 62]);
        number /= 62;
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_secret_is_shown_once_in_a_form_that_can_be_checked() {
    let world = World::start().await;
    let wanted = json!({ "name": "bot", "workspace": "acme", "scopes": ["runs:read"],
        "groups": ["support"], "class": "gold", "expires_at": "2099-01-01T00:00:00Z" });
    let made = create(&world, &wanted).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let key = made.json();
    let id = key["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/admin/keys/{id}"));
    let secret = key["secret"].as_str().unwrap().to_owned();
    let tail = secret.strip_prefix("swy_acme_").unwrap();
    assert!(tail.len() == 49 && tail.bytes().all(|c| c.is_ascii_alphanumeric()), "{secret}");
    assert_eq!(checksum(&secret[..secret.len() - 6]), secret[secret.len() - 6..]);
    for (name, value) in
        wanted.as_object().unwrap().iter().filter(|(name, _)| *name != "expires_at")
    {
        assert_eq!(key[name], *value);
    }
    let again = rotate(&world, &id, &json!({})).await.expect(200);
    assert_eq!(again.header("cache-control"), "no-store");
    let newer = again.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(newer, secret);
    assert_eq!(
        (&again.json()["secrets"], again.json()["old_secret_until"].is_string()),
        (&json!(2), true)
    );
    // Nothing else ever shows a secret or a hash of one.
    let mut shown = String::new();
    for path in [&format!("/admin/keys/{id}"), "/admin/keys", "/admin/config", "/metrics"] {
        shown.push_str(&world.admin(path).await.expect(200).text());
    }
    let explained = json!({ "key": id, "agent": "acp:ok" });
    let explained = world.operate(Method::POST, "/admin/explain", &explained).await;
    shown.push_str(&explained.expect(200).text());
    shown.push_str(&revoke(&world, &id).await.expect(200).text());
    for secret in [&secret, &newer, &secret[secret.len() - 40..], &newer[newer.len() - 40..]] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for text in [&secret, &newer, KEY] {
        assert!(!shown.contains(&sha256(text)["sha256:".len()..]), "{shown}");
    }
    assert_eq!(sha256(KEY), KEY_HASH, "the hash that was looked for is the right one");
    world.finish().await;
}

#[tokio::test]
async fn keys_are_listed_in_pages_and_by_workspace() {
    let world = World::start().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let workspace = if number == 3 { "globex" } else { "acme" };
        let key =
            json!({ "name": format!("bot-{number}"), "workspace": workspace, "scopes": ["proxy"] });
        made.push(create(&world, &key).await.expect(201).json()["id"].clone());
    }
    let (mut listed, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = world.admin(&format!("/admin/keys?limit=2{cursor}")).await.expect(200).json();
        let keys = page["data"].as_array().unwrap();
        assert!(keys.len() <= 2, "{page}");
        listed.extend(keys.iter().map(|key| key["id"].clone()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((listed, pages), (made.clone(), 3));
    let of_one = world.admin("/admin/keys?workspace=globex").await.expect(200).json();
    assert_eq!(of_one["data"].as_array().unwrap().len(), 1);
    assert_eq!(of_one["data"][0]["id"], made[3]);
    for query in ["limit=0", "limit=101", "limit=x", "cursor=nothing", "colour=red"] {
        let answer = world.admin(&format!("/admin/keys?{query}")).await;
        let problem = answer.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], query.split('=').next().unwrap());
    }
    for id in ["key_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", "nothing", "key_acme.n8n"] {
        world.admin(&format!("/admin/keys/{id}")).await.problem(404, "not_found");
        rotate(&world, id, &json!({})).await.problem(404, "not_found");
        revoke(&world, id).await.problem(404, "not_found");
    }
    world.finish().await;
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_good_for_the_overlap_and_one_after_it() {
    let clock = ManualClock::at(Timestamp(1_800_000_000_000_000));
    let surrounding = Surrounding { clock: Arc::new(clock.clone()), ..Surrounding::system() };
    let world = World::surrounded(&World::text(""), surrounding).await;
    let key = make_key(&world, "bot", json!({ "expires_at": "2027-01-15T10:00:00Z" })).await;
    let newer = rotate(&world, &key.id, &json!({ "overlap_seconds": 60 })).await.expect(200).json();
    let newer = newer["secret"].as_str().unwrap().to_owned();
    eventually("the new secret is good", IN_FORCE, async || {
        status(&world, &newer, "/v1/runs").await == 200
    })
    .await;
    clock.advance(Duration::from_secs(59));
    assert_eq!(status(&world, &key.secret, "/v1/runs").await, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(status(&world, &key.secret, "/v1/runs").await, 401);
    assert_eq!(status(&world, &newer, "/v1/runs").await, 200);
    // Without an overlap the old one goes as a revoked key does.
    let newest = rotate(&world, &key.id, &json!({ "overlap_seconds": 0 })).await.expect(200).json();
    let newest = newest["secret"].as_str().unwrap().to_owned();
    eventually("the old secret is refused", IN_FORCE, async || {
        status(&world, &newer, "/v1/runs").await == 401
    })
    .await;
    assert_eq!(status(&world, &newest, "/v1/runs").await, 200);
    let long = rotate(&world, &key.id, &json!({ "overlap_seconds": 2_592_001 })).await;
    assert_eq!(long.problem(400, "invalid_request")["errors"][0]["path"], "overlap_seconds");
    // 2027-01-15T08:00:00Z is when it began; the key's own end comes at ten.
    clock.advance(Duration::from_secs(2 * 3_600));
    eventually("the key has expired", IN_FORCE, async || {
        // Until the store is read again, what is known of it is two hours old.
        status(&world, &newest, "/v1/runs").await == 401
    })
    .await;
    rotate(&world, &key.id, &json!({})).await.problem(409, "conflict");
    world.finish().await;
}

/// A key that is made and revoked on one node, as two see it.
async fn revoked_on_both(store: &str) {
    let (one, two) = tokio::join!(World::with(store), World::with(store));
    let key = make_key(&one, "bot", json!({})).await;
    let good = async |world: &World| status(world, &key.secret, "/v1/runs").await == 200;
    eventually("the key is good on both", IN_FORCE, async || good(&one).await && good(&two).await)
        .await;
    run_as(&two, &key.secret, "acp:ok", json!({})).await.expect(200);
    revoke(&one, &key.id).await.expect(200);
    let began = Instant::now();
    eventually("the key is refused on both", IN_FORCE, async || {
        !good(&one).await && !good(&two).await
    })
    .await;
    println!("in force on both after {:?}", began.elapsed());
    let before = two.simulator.journal().len();
    run_as(&two, &key.secret, "acp:ok", json!({})).await.problem(401, "unauthenticated");
    assert_eq!(two.simulator.journal().len(), before);
    let listed = two.admin(&format!("/admin/keys/{}", key.id)).await.expect(200).json();
    assert!(listed["revoked_at"].is_string(), "{listed}");
    // Once more is no mistake; a new secret for it is.
    assert_eq!(revoke(&two, &key.id).await.expect(200).json()["revoked_at"], listed["revoked_at"]);
    rotate(&two, &key.id, &json!({})).await.problem(409, "conflict");
    one.finish().await;
    two.finish().await;
}

#[tokio::test]
async fn a_revocation_is_in_force_on_every_node_of_a_file() {
    let folder = Folder::new();
    let url = format!("sqlite://{}/shared.db", folder.display());
    Box::pin(revoked_on_both(&format!("store: {{ url: \"{url}\" }}\n"))).await;
}

#[tokio::test]
async fn a_revocation_is_in_force_on_every_node_of_a_server() {
    let Some(place) = Place::postgres().await else { return };
    Box::pin(revoked_on_both(&place.section())).await;
    place.leave([]).await;
}

#[tokio::test]
async fn a_secret_of_somebody_elses_making_is_registered_by_its_hash() {
    let world = World::start().await;
    let secret = "gsk_acme_0123456789abcdefghij";
    let body = json!({ "name": "old caller", "workspace": "acme", "hash": sha256(secret),
        "scopes": ["runs:read", "runs:write"] });
    let made = create(&world, &body).await.expect(201);
    assert_eq!(made.json()["secret"], Value::Null);
    assert!(!made.text().contains(&sha256(secret)[7..]));
    eventually("it is good", IN_FORCE, async || status(&world, secret, "/v1/runs").await == 200)
        .await;
    // As a caller of ACP's own API sends it.
    let path = "/acp/acme/agents/acp:ok/run";
    let head = [("authorization", secret), ("content-type", "application/json")];
    let request = world.request_as("", Method::POST, path);
    let request = head.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = world.send(request.body(r#"{"input":"x"}"#.to_owned().into()).unwrap()).await;
    answer.expect(200);
    run_as(&world, secret, "acp:ok", json!({})).await.expect(200);
    // Another key cannot have the same secret, and a new secret is one of ours.
    let mut other = body.clone();
    other["name"] = "other".into();
    create(&world, &other).await.problem(409, "conflict");
    for hash in ["sha256:12", "md5:0", &sha256(secret)[7..], "hmac-sha256:00"] {
        other["hash"] = hash.into();
        let problem = create(&world, &other).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["path"], "hash", "{problem}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_key_reaches_the_agents_of_its_list_under_each_of_their_names_and_no_others() {
    let world = World::configured(&World::text("").replace(
        "  support: { upstream: make, id: ok }",
        "  support: { upstream: make, id: ok }\n  desk: { upstream: make, id: ok }\n  acpa: { upstream: acp, id: ok }",
    ))
    .await;
    // By its alias: the alias alone. By its reference or its upstream: whatever name it has.
    for (list, good, bad) in [
        (json!(["support"]), vec!["support"], vec!["desk", "make:ok", "acpa", "acp:ok"]),
        (json!(["make:ok"]), vec!["support", "desk", "make:ok"], vec!["make:tools", "acpa"]),
        (json!(["acp:*", "support"]), vec!["acp:ok", "acpa", "support"], vec!["make:ok", "desk"]),
        (json!(["make:tools"]), vec!["make:tools"], vec!["support", "make:ok", "acp:ok"]),
    ] {
        let name = format!("bot-{}", list[0].as_str().unwrap().replace('*', "all"));
        let Made { secret, .. } = make_key(&world, &name, json!({ "agents": list })).await;
        for agent in good {
            run_as(&world, &secret, agent, json!({})).await.expect(200);
            let (path, body) = (format!("/v1/hooks/{agent}"), json!({ "input": "x" }));
            ask(&world, &secret, Method::POST, &path, &body).await.expect(200);
        }
        let before = world.simulator.journal().len();
        for agent in bad {
            let nothing = run_as(&world, &secret, "nothing", json!({})).await;
            let refused = run_as(&world, &secret, agent, json!({})).await;
            let shown = seen(&refused, agent);
            assert_eq!(shown, seen(&nothing, "nothing"), "{list}: {agent}");
            refused.problem(404, "agent_not_found");
            for path in [format!("/v1/hooks/{agent}"), format!("/acp/acme/agents/{agent}/run")] {
                let body = json!({ "input": "x", "stream": true });
                ask(&world, &secret, Method::POST, &path, &body).await.expect(404);
            }
        }
        assert_eq!(world.simulator.journal().len(), before, "{list}");
        // The platforms behind the list are seen, and no others.
        let listed = get(&world, &secret, "/v1/upstreams").await.expect(200).text();
        for upstream in VENDORS {
            let is_listed = list.to_string().contains(&format!("\"{upstream}:"))
                || upstream == "make" && list.to_string().contains("support");
            assert_eq!(
                listed.contains(&format!("\"{upstream}\"")),
                is_listed,
                "{list}: {upstream}"
            );
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_with_its_place() {
    let world = World::start().await;
    let good = json!({ "name": "bot", "workspace": "acme", "scopes": ["runs:read"] });
    let made = create(&world, &good).await.expect(201).json();
    create(&world, &good).await.problem(409, "conflict");
    // The name is free for another workspace, and again when its key is revoked.
    let elsewhere = with(&good, &json!({ "workspace": "globex" }));
    create(&world, &elsewhere).await.expect(201);
    revoke(&world, made["id"].as_str().unwrap()).await.expect(200);
    create(&world, &good).await.expect(201);
    for (changes, path) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": null }), ""),
        (json!({ "workspace": "a b" }), "workspace"),
        (json!({ "scopes": [] }), "scopes"),
        (json!({ "scopes": ["runs:fly"] }), "scopes[0]"),
        (json!({ "agents": [] }), "agents"),
        (json!({ "agents": ["*"] }), "agents[0]"),
        (json!({ "groups": ["a", "a"] }), "groups[1]"),
        (json!({ "class": "" }), "class"),
        (json!({ "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "colour": "red" }), "colour"),
    ] {
        let mut body = with(&good, &json!({ "name": "other" }));
        body = with(&body, &changes);
        let problem = create(&world, &body).await.problem(400, "invalid_request");
        if !path.is_empty() {
            assert_eq!(problem["errors"][0]["path"], path, "{problem}");
        }
    }
    assert_eq!(world.admin("/admin/keys").await.json()["data"].as_array().unwrap().len(), 3);
    world.finish().await;
}
