//! Limits through the whole gateway: how they are told on each face, that they are exact, whom
//! they count, and how long a permit lasts.

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::governed::{
    CALLERS, OTHER, TRIAL, UMBRELLA, WAYS, Way, counted, explained, opened, refusal, still, until,
};
use crate::harness::{KEY, World};

#[tokio::test]
async fn of_a_thousand_simultaneous_requests_exactly_the_burst_passes() {
    let limits = "limits: [{ name: hourly, by: principal, requests: 100, per: 1h }]\n";
    let (world, clock) = still(limits).await;
    let connection = async || {
        let mut passed = 0;
        for _ in 0..20 {
            let run = Way::Json.request(&world, KEY, ("acp:ok", "Hello"), json!({}));
            match world.open(run).await.status().as_u16() {
                200 => passed += 1,
                status => assert_eq!(status, 429),
            }
        }
        passed
    };
    let passed: usize = join_all((0..50).map(|_| connection())).await.into_iter().sum();
    assert_eq!(passed, 100);
    assert_eq!(world.simulator.journal().len(), 100, "what is refused goes nowhere");
    let series = "switchyard_limit_refusals_total{limit=\"hourly\"}";
    assert!((counted(&world, series).await - 900.0).abs() < 0.5);
    // One comes back in 36 s, and not a moment before.
    clock.advance(std::time::Duration::from_millis(35_999));
    Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "rate_limited");
    clock.advance(std::time::Duration::from_millis(1));
    Way::Json.ask(&world, KEY, "acp:ok").await.expect(200);
    Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "rate_limited");
    world.finish().await;
}

#[tokio::test]
async fn every_face_tells_how_the_limits_stand_and_when_to_come_back() {
    let limits = r#"
limits:
  - { name: burst, by: principal, requests: 60, per: 1m, burst: 6 }
  - { name: daily, by: workspace, requests: 1000, per: 24h }
"#;
    let (world, _clock) = still(limits).await;
    let policy =
        r#""burst";q=60;w=60;switchyard-burst=6, "daily";q=1000;w=86400;switchyard-burst=1000"#;
    for (used, way) in (1..).zip(WAYS) {
        let answer = way.ask(&world, KEY, "acp:ok").await;
        assert!(answer.status.is_success(), "{way:?}: {}", answer.text());
        let left = 6 - used;
        // A day is a thousand times 86.4 s.
        let daily = (864 * used + 9_i32).div_euclid(10);
        let daily = format!(r#""daily";r={};t={daily}"#, 1_000 - used);
        let stands = format!(r#""burst";r={left};t={used}, {daily}"#);
        assert_eq!(answer.header("ratelimit"), stands, "{way:?}");
        assert_eq!(answer.header("ratelimit-policy"), policy, "{way:?}");
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "6", "{way:?}");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left.to_string(), "{way:?}");
        assert_eq!(answer.header("x-ratelimit-reset-requests"), format!("{used}s"), "{way:?}");
    }
    for way in WAYS {
        let answer = way.ask(&world, KEY, "acp:ok").await;
        assert_eq!(answer.header("retry-after"), "1", "{way:?}");
        assert_eq!(answer.header("ratelimit"), r#""burst";r=0;t=1"#, "{way:?}");
        let policy = r#""burst";q=60;w=60;switchyard-burst=6"#;
        assert_eq!(answer.header("ratelimit-policy"), policy, "{way:?}");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0", "{way:?}");
        let refused = refusal(way, answer, 429, "rate_limited");
        if !way.is_acp() {
            assert_eq!(refused["rules"], json!(["burst"]), "{way:?}: {refused}");
            assert_eq!(refused["origin"], "policy");
        }
    }
    let series = "switchyard_limit_refusals_total{limit=\"burst\"}";
    assert!((counted(&world, series).await - 6.0).abs() < 0.5);
    world.finish().await;
}

#[tokio::test]
async fn a_flood_of_wrong_keys_meets_the_limit_by_address_before_a_key_is_looked_at() {
    let limits = "limits: [{ name: address, by: address, requests: 5, per: 1h }]\n";
    let (world, _clock) = still(limits).await;
    for (count, way) in (0..).zip([Way::Json, Way::Stream, Way::Hook, Way::Acp, Way::Json]) {
        let answer = way.ask(&world, &format!("a-guess-{count}-0123456789"), "acp:ok").await;
        refusal(way, answer, 401, "unauthenticated");
    }
    for way in WAYS {
        let guess = way.ask(&world, "one-guess-more-0123456789", "acp:ok").await;
        assert!(guess.header("retry-after").parse::<u64>().unwrap() > 0);
        refusal(way, guess, 429, "rate_limited");
        // Whether a key is good is not told either.
        refusal(way, way.ask(&world, KEY, "acp:ok").await, 429, "rate_limited");
    }
    // Keys are not guessed at the operators' socket instead.
    world.admin("/admin/keys").await.problem(429, "rate_limited");
    // Whoever looks after the gateway still sees it.
    for path in ["/metrics", "/healthz", "/readyz"] {
        let answer = world.admin(path).await.expect(200);
        assert_eq!(answer.header("ratelimit"), "", "{path}");
    }
    let checks = world.admin("/metrics").await.text();
    let checks = checks.lines().filter(|line| line.starts_with("switchyard_identity_checks_total"));
    let checks: f64 = checks.map(|line| line.rsplit(' ').next().unwrap()).map(number).sum();
    assert!((checks - 5.0).abs() < 0.5, "{checks} credentials were looked at");
    world.finish().await;
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_call_comes_from() {
    let limits = "limits: [{ name: address, by: address, requests: 1, per: 1h }]\n";
    let from = async |world: &World, chain: &str| {
        let request = world.request(Method::GET, "/v1/upstreams").header("x-forwarded-for", chain);
        world.send(request.body(Default::default()).unwrap()).await.status.as_u16()
    };
    let (open, _clock) = still(limits).await;
    assert_eq!(from(&open, "198.51.100.1").await, 200);
    assert_eq!(from(&open, "198.51.100.2").await, 429, "nobody chooses an address");
    open.finish().await;
    let listen = "listen: { trusted_proxies: [\"127.0.0.0/8\"] }\n";
    let (behind, _clock) = still(&format!("{limits}{listen}")).await;
    assert_eq!(from(&behind, "198.51.100.1").await, 200);
    assert_eq!(from(&behind, "198.51.100.2").await, 200);
    assert_eq!(from(&behind, "198.51.100.1").await, 429);
    assert_eq!(from(&behind, "203.0.113.9, 198.51.100.1").await, 429, "left of it is hearsay");
    assert_eq!(from(&behind, "::ffff:198.51.100.2").await, 429, "the same in other clothes");
    // An IPv6 caller has a whole /64, so that is what is counted.
    assert_eq!(from(&behind, "2001:db8::1").await, 200);
    assert_eq!(from(&behind, "2001:db8::ffff").await, 429);
    assert_eq!(from(&behind, "2001:db8:0:1::1").await, 200);
    behind.finish().await;
}

#[tokio::test]
async fn a_limit_is_for_whom_its_filters_say_and_for_nobody_else() {
    for (filter, met, spared) in [
        ("workspaces: [umbrella]", (UMBRELLA, Way::Json, "zaia:ok"), (KEY, Way::Json, "zaia:ok")),
        ("classes: [trial]", (TRIAL, Way::Json, "acp:ok"), (OTHER, Way::Json, "acp:ok")),
        ("operations: [run_hook]", (KEY, Way::Hook, "acp:ok"), (KEY, Way::Json, "acp:ok")),
        ("operations: [run_acp]", (KEY, Way::AcpStream, "acp:ok"), (KEY, Way::Stream, "acp:ok")),
        ("agents: [support]", (KEY, Way::Json, "make:ok"), (KEY, Way::Json, "make:tools")),
        ("agents: [\"make:ok\"]", (KEY, Way::Stream, "support"), (KEY, Way::Json, "acp:ok")),
        ("upstreams: [zaia]", (KEY, Way::Acp, "zaia:ok"), (KEY, Way::Acp, "acp:ok")),
    ] {
        let limit = format!("{{ name: few, by: workspace, requests: 1, per: 1h, {filter} }}");
        let (world, _clock) = still(&format!("{CALLERS}limits: [{limit}]\n")).await;
        let (key, way, agent) = met;
        let answer = way.ask(&world, key, agent).await.expect(200);
        assert_eq!(answer.header("ratelimit"), r#""few";r=0;t=3600"#, "{filter}");
        refusal(way, way.ask(&world, key, agent).await, 429, "rate_limited");
        let (key, way, agent) = spared;
        for _ in 0..2 {
            let answer = way.ask(&world, key, agent).await;
            assert_eq!(answer.header("ratelimit"), "", "{filter}");
            answer.expect(200);
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn an_agent_has_one_counter_under_all_of_its_names_and_each_principal_its_own() {
    let limits = r#"
limits:
  - { name: per-agent, by: agent, requests: 2, per: 1h }
  - { name: own, by: principal, requests: 4, per: 1h }
"#;
    let (world, _clock) = still(&format!("{CALLERS}{limits}")).await;
    Way::Json.ask(&world, KEY, "support").await.expect(200);
    Way::Json.ask(&world, OTHER, "make:ok").await.expect(200);
    for agent in ["support", "make:ok"] {
        let refused = Way::Json.ask(&world, KEY, agent).await.problem(429, "rate_limited");
        assert_eq!(refused["rules"], json!(["per-agent"]));
    }
    Way::Json.ask(&world, KEY, "acp:ok").await.expect(200);
    let refused = Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "rate_limited");
    assert_eq!(refused["rules"], json!(["own"]), "refused requests were counted before");
    Way::Json.ask(&world, OTHER, "acp:ok").await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn to_explain_a_limit_counts_nothing() {
    let limits =
        "limits: [{ name: two, by: principal, requests: 2, per: 1h, operations: [create_run] }]\n";
    let (world, _clock) = still(&format!("{CALLERS}{limits}")).await;
    for left in [2, 1, 0] {
        for _ in 0..3 {
            let explained = explained(&world, "other", "acp:ok").await;
            assert_eq!(explained["limits"][0]["limit"], "two", "{explained}");
            assert_eq!(explained["limits"][0]["remaining"], left, "{explained}");
            assert_eq!(explained["allowed"], left > 0, "{explained}");
        }
        let status = if left > 0 { 200 } else { 429 };
        Way::Json.ask(&world, OTHER, "acp:ok").await.expect(status);
    }
    assert_eq!(explained(&world, "other", "acp:ok").await["refused_by"], "limits");
    assert_eq!(explained(&world, "n8n", "acp:ok").await["limits"][0]["remaining"], 2);
    world.finish().await;
}

const ONE: &str = "limits: [{ name: one, by: principal, concurrent: 1, operations: [create_run, create_agent_run] }]\n";

#[tokio::test]
async fn a_permit_lasts_until_the_last_byte_of_a_stream() {
    let world = World::with(ONE).await;
    let stream = opened(&world, "acp:two-events", "Hello").await;
    let refused = Way::Json.ask(&world, KEY, "acp:ok").await;
    assert_eq!(refused.header("retry-after"), "1");
    let refused = refused.problem(429, "concurrency_limited");
    assert_eq!(refused["rules"], json!(["one"]));
    Way::Hook.ask(&world, KEY, "acp:ok").await.expect(200);
    world.simulator.signal("second");
    stream.all().await;
    until("the permit is given back", async || {
        Way::Json.ask(&world, KEY, "acp:ok").await.status == 200
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_gives_its_permit_back() {
    let world = World::with(ONE).await;
    let stream = opened(&world, "acp:endless", "Hello").await;
    Way::Json.ask(&world, KEY, "acp:ok").await.problem(429, "concurrency_limited");
    drop(stream);
    let passes = async || Way::Json.ask(&world, KEY, "acp:ok").await.status == 200;
    until("the reader of a stream gave it back", passes).await;
    let waiting = Way::Json.request(&world, KEY, ("acp:head-stall", "Hello"), json!({}));
    let brief = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(brief, world.open(waiting)).await.is_err());
    until("who waited for a whole answer gave it back", passes).await;
    world.finish().await;
}
