//! Default deny: the operation table against every sort of credential that is not good enough, on
//! both sockets. What the table does not list as open needs a caller and a scope, and another
//! workspace's things are no different from things that do not exist.

mod requests;

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use switchyard::clock::{RandomIds, Timestamp};
use switchyard::http::operation::{Face, Listener, Operation};
use switchyard::model::scope::Scope;
use switchyard::policy::identity::key::{Hasher, KeyRequest, new_key};

use crate::callers::{IN_FORCE, ask, eventually, get, make_key, run_as, seen, sha256, status};
use crate::harness::{Answer, KEY, World};
use requests::{About, Things, rows, scope, send};

const EXPIRED: &str = "expired-key-of-the-suite-0123456789";

/// A world with a key that has expired, an issuer that nobody asks, and an agent for `acme` alone.
async fn world() -> World {
    let hash = sha256(EXPIRED);
    let more = format!(
        r#"identity:
  keys:
    - {{ name: old, workspace: acme, hash: "{hash}", scopes: [admin, "runs:read", "runs:write", "agents:read"], expires_at: "2020-01-01T00:00:00Z" }}
  issuers:
    - {{ name: corp, issuer: "http://127.0.0.1:9", jwks_url: "http://127.0.0.1:9/keys", audience: us, algorithms: [RS256], workspace: acme }}
"#
    );
    let bounded = "support: { upstream: make, id: ok, workspaces: [acme] }";
    let text = World::text(&more).replace("support: { upstream: make, id: ok }", bounded);
    World::configured(&text).await
}

/// A refusal in the words of the face, with the challenge where the caller is not known.
#[track_caller]
fn refused(answer: &Answer, face: Face, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge.starts_with("Bearer"), status == 401, "{what}: {challenge}");
    let json = answer.json();
    match face {
        Face::Acp => assert!(json["error"].is_string(), "{what}: {json}"),
        Face::Unified | Face::Hooks | Face::Proxy | Face::Admin => {
            assert_eq!(json["code"], code, "{what}")
        }
    }
}

/// A key that is whole, and that nobody has made.
fn unknown_key() -> String {
    let request = KeyRequest {
        name: "nobody".to_owned(),
        workspace: "acme".to_owned(),
        scopes: Scope::ALL.iter().copied().collect(),
        ..KeyRequest::default()
    };
    let made = new_key(request, &Hasher::plain(), &RandomIds, Timestamp(0)).unwrap();
    made.secret.reveal().to_owned()
}

/// The same key with its last character mistyped.
fn mistyped(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn nothing_is_answered_to_who_is_not_known() {
    let world = world().await;
    let things = Things::of(&world).await;
    let revoked = make_key(&world, "revoked", json!({ "scopes": Scope::ALL })).await;
    world.operate(Method::DELETE, &format!("/admin/keys/{}", revoked.id), &Value::Null).await;
    eventually("it is revoked", IN_FORCE, async || {
        status(&world, &revoked.secret, "/v1/runs").await == 401
    })
    .await;
    let asked = world.simulator.journal().len();
    let bearer = |key: &str| format!("Bearer {key}");
    let invalid = "the credential is not valid";
    for (what, name, value, said) in [
        ("none", "x-other", "1".to_owned(), "a credential is needed"),
        ("another scheme", "authorization", "Basic dTpw".to_owned(), "must be `Bearer`"),
        ("two words", "authorization", "Bearer a b".to_owned(), "must be `Bearer`"),
        ("empty", "x-api-key", String::new(), "empty"),
        ("too long", "x-api-key", "k".repeat(600), "longer than 512 bytes"),
        ("mistyped", "authorization", bearer(&mistyped(&revoked.secret)), "checksum"),
        ("unknown", "authorization", bearer(&unknown_key()), invalid),
        ("unknown and foreign", "x-api-key", "gsk_0123456789abcdefghij".to_owned(), invalid),
        ("expired", "authorization", bearer(EXPIRED), invalid),
        ("revoked", "authorization", bearer(&revoked.secret), invalid),
        ("no token", "authorization", bearer("eyJhbGciOiJub25lIn0.e30."), "token"),
    ] {
        for row in rows() {
            let answer = send(&world, row, &things, &[(name, &value)]).await;
            let what = format!("{what}: {:?} on {:?}", row.0, row.1);
            if scope(row.0, row.1).is_none() {
                assert!(answer.status.is_success(), "{what}: {}", answer.text());
                continue;
            }
            refused(&answer, row.0.face(), 401, "unauthenticated", &what);
            assert!(answer.text().contains(said), "{what}: {}", answer.text());
        }
    }
    assert_eq!(world.simulator.journal().len(), asked, "a platform was asked");
    things.end(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn each_operation_needs_its_own_scope_and_the_right_one_opens_it() {
    let world = world().await;
    let things = Things::of(&world).await;
    let asked = world.simulator.journal().len();
    for lacking in Scope::ALL {
        let others: Vec<&Scope> = Scope::ALL.iter().filter(|scope| *scope != lacking).collect();
        let name = format!("without {lacking}").replace(' ', "-");
        let key = make_key(&world, &name, json!({ "scopes": others })).await;
        for row in rows().into_iter().filter(|row| scope(row.0, row.1) == Some(*lacking)) {
            let answer = send(&world, row, &things, &[("x-api-key", &key.secret)]).await;
            let what = format!("{:?} on {:?} without {lacking}", row.0, row.1);
            refused(&answer, row.0.face(), 403, "forbidden", &what);
            assert!(answer.text().contains(&format!("`{lacking}`")), "{}", answer.text());
            if row.0.face() != Face::Acp {
                assert_eq!(answer.json()["rules"], json!([format!("scope:{lacking}")]));
            }
        }
    }
    assert_eq!(world.simulator.journal().len(), asked, "a platform was asked");
    // The very same requests, with the scope alone: so it was the scope that they lacked.
    for of in Scope::ALL {
        let key = make_key(&world, &format!("only-{of}"), json!({ "scopes": [of] })).await;
        for row in rows().into_iter().filter(|row| scope(row.0, row.1) == Some(*of)) {
            let what = format!("{:?} with {of} alone", row.0);
            let answer = send(&world, row, &things, &[("x-api-key", &key.secret)]).await;
            // The runs and the thread are another caller's.
            let is_anothers = matches!(About::of(row.0), About::Run | About::Thread);
            // No checkpoint may count the record yet.
            let is_unsigned = matches!(About::of(row.0), About::Record) && answer.status == 404;
            let is_right = match is_anothers {
                true => answer.status == 404,
                false => answer.status.is_success() || is_unsigned,
            };
            assert!(is_right, "{what}: {}", answer.text());
        }
    }
    for operation in [Operation::GetRun, Operation::FollowRun, Operation::CancelRun] {
        let row = (operation, Listener::Api);
        send(&world, row, &things, &[("x-api-key", KEY)]).await.expect(200);
    }
    world.finish().await;
}

#[tokio::test]
async fn what_is_another_workspaces_is_answered_like_what_does_not_exist() {
    let world = world().await;
    let (things, absent) = (Things::of(&world).await, Things::absent());
    let asked = world.simulator.journal().len();
    let scopes = ["runs:read", "runs:write", "agents:read"];
    let stranger =
        make_key(&world, "stranger", json!({ "workspace": "globex", "scopes": scopes })).await;
    let colleague = make_key(&world, "colleague", json!({ "scopes": scopes })).await;
    for (key, is_stranger) in [(&stranger.secret, true), (&colleague.secret, false)] {
        for row @ (operation, listener) in rows() {
            let head = [("x-api-key", key.as_str())];
            let (status, code) = match About::of(operation) {
                About::Run => (404, "run_not_found"),
                About::Thread => (404, "thread_not_found"),
                About::Agent if is_stranger => (404, "agent_not_found"),
                // Neither admin nor agents:write: whether there is such a thing is not even asked.
                About::Key | About::Managed => (403, "forbidden"),
                About::Agent | About::Record | About::Itself => continue,
            };
            let there = send(&world, row, &things, &head).await;
            refused(&there, operation.face(), status, code, &format!("{operation:?}"));
            let (path, body, id) = things.request(operation);
            let (gone, nobody) = if id == "support" {
                let path = path.replace("support", "nothing");
                let text = body.to_string().replace("support", "nothing");
                let body = serde_json::from_str(&text).unwrap();
                let gone = ask(&world, key, operation.method(), &path, &body).await;
                (gone, "nothing".to_owned())
            } else {
                let gone = send(&world, (operation, listener), &absent, &head).await;
                (gone, absent.request(operation).2)
            };
            assert_eq!(seen(&there, &id), seen(&gone, &nobody), "{operation:?}");
        }
        // Nothing of it stands in what the caller may list.
        let runs = get(&world, key, "/v1/runs").await.expect(200).json();
        assert_eq!(runs["data"], json!([]), "{runs}");
        for query in ["agent=acp:ok", "status=completed", &format!("thread_id={}", things.thread)] {
            let runs = get(&world, key, &format!("/v1/runs?{query}")).await.expect(200).json();
            assert_eq!((&runs["data"], &runs["next_cursor"]), (&json!([]), &Value::Null));
        }
        // A conversation is not continued by somebody else either.
        let continued = json!({ "thread_id": things.thread });
        let taken = run_as(&world, key, "acp:ok", continued).await;
        let nobodys = json!({ "thread_id": absent.thread });
        let gone = run_as(&world, key, "acp:ok", nobodys).await;
        assert_eq!(seen(&taken, &things.thread), seen(&gone, &absent.thread));
        taken.problem(404, "thread_not_found");
    }
    let path = "/acp/globex/agents/support/run";
    let own = ask(&world, &stranger.secret, Method::POST, path, &json!({ "input": "x" })).await;
    refused(&own, Face::Acp, 404, "agent_not_found", "by its own workspace's path");
    assert_eq!(world.simulator.journal().len(), asked, "a platform was asked");
    things.end(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_request_has_one_credential_in_one_of_two_headers() {
    let world = world().await;
    let other = make_key(&world, "other", json!({})).await;
    let (mine, theirs) = (format!("Bearer {KEY}"), format!("Bearer {}", other.secret));
    let acp = (Operation::RunAcp, Listener::Api);
    let unified = (Operation::CreateRun, Listener::Api);
    let hook = (Operation::RunHook, Listener::Api);
    let admin = (Operation::ListKeys, Listener::Admin);
    let things = Things::absent();
    for (headers, rows, status) in [
        (vec![("authorization", mine.as_str())], vec![acp, unified, hook, admin], 200),
        (vec![("authorization", &mine), ("x-api-key", KEY)], vec![acp, unified, admin], 200),
        (vec![("x-api-key", KEY)], vec![acp, unified, hook, admin], 200),
        (vec![("authorization", KEY)], vec![acp], 200),
        (vec![("authorization", KEY)], vec![unified, hook, admin], 401),
        (vec![("authorization", &mine), ("x-api-key", &other.secret)], vec![acp, unified], 401),
        (vec![("authorization", &mine), ("authorization", &theirs)], vec![acp, unified], 401),
        (vec![("x-api-key", KEY), ("x-api-key", &other.secret)], vec![acp, unified, admin], 401),
        (vec![("authorization", &mine), ("authorization", "Basic dTpw")], vec![acp, admin], 401),
        (vec![("cookie", mine.as_str())], vec![acp, unified, hook, admin], 401),
    ] {
        for row in rows {
            let answer = send(&world, row, &things, &headers).await;
            assert_eq!(answer.status, status, "{:?}: {}", row.0, answer.text());
        }
    }
    // A credential in the URL is none, and is not repeated.
    let answer = get(&world, "", &format!("/v1/runs?api_key={KEY}")).await;
    assert!(!answer.text().contains(KEY));
    answer.problem(401, "unauthenticated");
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_to_everybody_and_head_is_a_get() {
    let world = world().await;
    get(&world, "", "/v1/nothing").await.problem(404, "not_found");
    let wrong = ask(&world, "", Method::DELETE, "/v1/runs", &Value::Null).await;
    wrong.problem(405, "method_not_allowed");
    for (key, status) in [("", 401), (KEY, 200)] {
        let request = world.request_as(key, Method::HEAD, "/v1/runs");
        let answer = world.open(request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status(), status);
    }
    // What is open on the operators' socket is not there on the callers'.
    for path in ["/metrics", "/healthz", "/readyz", "/admin/config", "/admin/keys"] {
        get(&world, KEY, path).await.problem(404, "not_found");
    }
    get(&world, "", "/openapi.json").await.problem(401, "unauthenticated");
    world.finish().await;
}
