//! Tokens of issuers through the whole gateway: whom they stand for on each face, how they are
//! revoked, and what becomes of callers while their provider is away. How tokens are attacked is
//! in `tokens`, what providers do in `identity_provider`.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use switchyard::app::Surrounding;
use switchyard::clock::{ManualClock, Timestamp};

use crate::callers::{Folder, IN_FORCE, ask, eventually, get, policies, run_as, status};
use crate::harness::{self, Events, KEY, PATIENCE, World, assert_orderly};
use crate::identity_provider::provider::{Answer, Provider};
use crate::tokens::forge::{NOW, TestKey, claims, spell, with};

/// A gateway whose callers come with tokens of one provider, at the time of the tokens.
struct Bench {
    world: World,
    clock: ManualClock,
    provider: Provider,
    key: TestKey,
    _policies: Folder,
}

/// The groups of a token are those that policies speak of.
const STAFF: &str = r#"@id("staff") forbid (principal, action == Action::"run", resource == Agent::"acp:tools")
unless { principal in Group::"acme/staff" };"#;

impl Bench {
    async fn start() -> Self {
        let key = TestKey::rsa("a", 1);
        let provider = Provider::start(Answer::keys(&json!({ "keys": [key.jwk()] }))).await;
        Self::before(provider, key).await
    }

    async fn before(provider: Provider, key: TestKey) -> Self {
        let policies = policies(STAFF);
        let issuer = format!(
            r#"identity:
  issuers:
    - name: corp
      issuer: "{}"
      jwks_url: "{}"
      audience: us
      algorithms: [RS256, ES256]
      workspace_claim: org
      groups_claim: groups
      scopes_claim: scope
      group_scopes: [{{ group: operators, scopes: [admin] }}]
      timeout: 2s
access: {{ policies: "{}" }}
"#,
            provider.url(),
            provider.keys_url(),
            policies.display()
        );
        let clock = ManualClock::at(Timestamp(NOW * 1_000_000));
        let surrounding = Surrounding { clock: Arc::new(clock.clone()), ..Surrounding::system() };
        let world = World::surrounded(&World::text(&issuer), surrounding).await;
        Self { world, clock, provider, key, _policies: policies }
    }

    /// A token that may do what callers usually may, but for these changes to its claims.
    fn token(&self, changes: &Value) -> String {
        let usual = json!({ "scope": "openid runs:read runs:write agents:read" });
        let claims = with(&with(&claims(&self.provider.url()), &usual), changes);
        self.key.token(&self.key.header(), &claims)
    }

    async fn run(&self, token: &str) -> harness::Answer {
        run_as(&self.world, token, "acp:ok", json!({})).await
    }
}

#[tokio::test]
async fn a_good_token_runs_on_every_face_and_owns_what_it_started() {
    let bench = Bench::start().await;
    let (world, token) = (&bench.world, bench.token(&json!({})));
    let run = bench.run(&token).await.expect(200).json();
    assert_eq!(run["status"], "completed");
    let input = json!({ "input": "Hello" });
    for path in ["/v1/agents/support/runs", "/v1/hooks/zaia:ok", "/acp/acme/agents/acp:ok/run"] {
        ask(world, &token, Method::POST, path, &input).await.expect(200);
    }
    let request = world.request_as(&token, Method::POST, "/v1/agents/acp:ok/runs");
    let request = request.header("content-type", "application/json");
    let body = r#"{"input":"Hello","stream":true}"#.to_owned();
    let events = Events::of(world.open(request.body(body.into()).unwrap()).await).all().await;
    assert_eq!(assert_orderly(&events)["type"], "run.completed");
    // The token itself goes nowhere.
    let seen = world.simulator.journal();
    assert_eq!(seen.len(), 5);
    assert!(seen.iter().all(|it| it.headers.iter().all(|(_, value)| !value.contains(&token))));
    // Its runs are those of its subject: in another token too, and in no key's.
    let next = bench.token(&json!({ "exp": NOW + 900, "jti": "another" }));
    let listed = get(world, &next, "/v1/runs").await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 5);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    for (other, status) in [
        (next, 200),
        (bench.token(&json!({ "sub": "u2" })), 404),
        (bench.token(&json!({ "org": "globex" })), 404),
        (KEY.to_owned(), 404),
    ] {
        get(world, &other, &path).await.expect(status);
    }
    bench.world.finish().await;
}

#[tokio::test]
async fn the_claims_say_workspace_groups_and_scopes() {
    let bench = Bench::start().await;
    let world = &bench.world;
    let input = json!({ "input": "Hello" });
    let globex = bench.token(&json!({ "org": "globex" }));
    for (workspace, status) in [("acme", 404), ("globex", 200)] {
        let path = format!("/acp/{workspace}/agents/acp:ok/run");
        ask(world, &globex, Method::POST, &path, &input).await.expect(status);
    }
    let reader = bench.token(&json!({ "scope": "runs:read" }));
    get(world, &reader, "/v1/runs").await.expect(200);
    let problem = bench.run(&reader).await.problem(403, "forbidden");
    assert_eq!(problem["rules"], json!(["scope:runs:write"]));
    let config = async |token: &str| {
        let uri = format!("http://{}/admin/config", world.app.admin());
        let request = http::Request::get(uri).header("authorization", format!("Bearer {token}"));
        world.send(request.body(Default::default()).unwrap()).await
    };
    for (groups, status) in [
        (json!(["operators", "others"]), 200),
        (json!("others operators"), 200),
        (json!(["others"]), 403),
        (json!(["Operators"]), 403),
        (Value::Null, 403),
    ] {
        let answer = config(&bench.token(&json!({ "groups": groups }))).await;
        assert_eq!(answer.status, status, "{groups}: {}", answer.text());
    }
    for (org, groups, status) in
        [("acme", "staff", 200), ("acme", "others", 403), ("globex", "staff", 403)]
    {
        let token = bench.token(&json!({ "org": org, "groups": groups }));
        let answer = run_as(world, &token, "acp:tools", json!({})).await;
        assert_eq!(answer.status, status, "{org} {groups}: {}", answer.text());
    }
    bench.world.finish().await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_a_second_and_others_are_not() {
    let bench = Bench::start().await;
    let world = &bench.world;
    let one = bench.token(&json!({ "jti": "one" }));
    let two = bench.token(&json!({ "jti": "two" }));
    for token in [&one, &two, &one] {
        bench.run(token).await.expect(200);
    }
    let expires_at = Timestamp((NOW + 600) * 1_000_000).to_string();
    let body = json!({ "issuer": "corp", "token_id": "one", "expires_at": expires_at });
    let told = world.operate(Method::POST, "/admin/tokens/revoke", &body).await.expect(200);
    assert_eq!(told.json(), body);
    eventually("it is revoked", IN_FORCE, async || status(world, &one, "/v1/runs").await == 401)
        .await;
    let before = world.simulator.journal().len();
    bench.run(&one).await.problem(401, "unauthenticated");
    assert_eq!(world.simulator.journal().len(), before);
    bench.run(&two).await.expect(200);
    for (changes, path) in [
        (json!({ "issuer": "nobody" }), "issuer"),
        (json!({ "token_id": "" }), "token_id"),
        (json!({ "expires_at": "soon" }), "expires_at"),
        (json!({ "token": "eyJ" }), "token"),
    ] {
        let body = with(&body, &changes);
        let answer = world.operate(Method::POST, "/admin/tokens/revoke", &body).await;
        assert_eq!(answer.problem(400, "invalid_request")["errors"][0]["path"], path);
    }
    bench.world.finish().await;
}

#[tokio::test]
async fn a_token_that_is_not_good_reaches_no_platform() {
    let bench = Bench::start().await;
    let world = &bench.world;
    let good = bench.token(&json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let forged = |header: &Value| format!("{}.{}", spell(header.to_string().as_bytes()), parts[1]);
    let hmac = |algorithm: &str| {
        let signed = forged(&json!({ "alg": algorithm, "kid": "a", "typ": "JWT" }));
        let secret = bench.key.jwk().to_string();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        format!("{signed}.{}", spell(ring::hmac::sign(&key, signed.as_bytes()).as_ref()))
    };
    let elsewhere = TestKey::rsa("a", 2);
    let usual = claims(&bench.provider.url());
    for (what, token) in [
        ("expired", bench.token(&json!({ "exp": NOW - 61 }))),
        ("not yet good", bench.token(&json!({ "nbf": NOW + 61 }))),
        ("without an end", bench.token(&json!({ "exp": null }))),
        ("for others", bench.token(&json!({ "aud": "them" }))),
        ("of nobody", bench.token(&json!({ "iss": "https://nobody.example" }))),
        ("without a workspace", bench.token(&json!({ "org": null }))),
        ("not signed", format!("{}.", forged(&json!({ "alg": "none" })))),
        ("Not signed", format!("{}.{}", forged(&json!({ "alg": "NONE", "kid": "a" })), parts[2])),
        ("by the public key", hmac("HS256")),
        ("by the public key, as RSA", hmac("RS256")),
        ("by another key", elsewhere.token(&elsewhere.header(), &usual)),
        ("cut", good[..good.len() - 8].to_owned()),
        ("with other claims", format!("{}.{}.{}", parts[0], spell(b"{}"), parts[2])),
    ] {
        for path in ["/v1/agents/acp:ok/runs", "/v1/hooks/acp:ok", "/acp/acme/agents/acp:ok/run"] {
            let body = json!({ "input": "x", "stream": true });
            let answer = ask(world, &token, Method::POST, path, &body).await;
            assert_eq!(answer.status, 401, "{what}: {}", answer.text());
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
            assert!(!answer.text().contains(&token), "{what}");
        }
    }
    assert!(world.simulator.journal().is_empty(), "a platform was asked");
    bench.run(&good).await.expect(200);
    // What was good is not so for ever, though it is remembered.
    bench.clock.advance(Duration::from_secs(661));
    bench.run(&good).await.problem(401, "unauthenticated");
    bench.world.finish().await;
}

#[tokio::test]
async fn the_gateway_starts_without_the_provider_and_keys_go_on() {
    let key = TestKey::rsa("a", 1);
    let set = json!({ "keys": [key.jwk()] });
    let mut provider = Provider::start(Answer::text(500, "no")).await;
    provider.stop();
    let mut bench = Bench::before(provider, key).await;
    let token = bench.token(&json!({ "exp": NOW + 10 * 86_400 }));
    let answer = bench.run(&token).await;
    let wait: u64 = answer.header("retry-after").parse().expect("a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    answer.problem(503, "policy_unavailable");
    let input = json!({ "input": "x" });
    let path = "/acp/acme/agents/acp:ok/run";
    let acp = ask(&bench.world, &token, Method::POST, path, &input).await.expect(503);
    assert!(!acp.header("retry-after").is_empty());
    assert!(bench.world.simulator.journal().is_empty(), "a platform was asked");
    // Whose token could never be good is told so, and keys do not need the provider.
    let expired = bench.token(&json!({ "iss": "https://nobody.example" }));
    bench.run(&expired).await.problem(401, "unauthenticated");
    bench.run(KEY).await.expect(200);
    bench.provider.restart(Answer::keys(&set)).await;
    let world = &bench.world;
    eventually("its tokens are taken again", PATIENCE, async || {
        // As if the wait that was asked for were over.
        bench.clock.advance(Duration::from_secs(2));
        status(world, &token, "/v1/runs").await == 200
    })
    .await;
    bench.world.finish().await;
}
