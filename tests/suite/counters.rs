//! Limits that several gateways count together, against a real Redis: the one that
//! `SWITCHYARD_TEST_REDIS` names, or one of the test's own where `redis-server` is installed.
//! Without either they say that they are skipped.

#[path = "counters/redis.rs"]
pub mod redis;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::AsyncTypedCommands;
use switchyard::clock::{Clock, RandomIds, SystemClock};
use switchyard::policy::limits::{
    Absence, Dimension, Filters, Limits, Outcome, Peek, Permits, Quota, Refused, Rule, RuleKind,
    Settings, Stage, States, Subject, Watch, WhenAway, Why,
};
use switchyard::tasks::Tasks;

use self::redis::{Proxy, Server, available, eventually, prefix};

const ANNA: Subject<'static> = Subject {
    address: None,
    workspace: Some("acme"),
    subject: Some("key:anna"),
    class: None,
    operation: Some("runs.create"),
    agent: Some("support"),
    upstream: Some("make-eu"),
    tool: None,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn window(name: &str, requests: u32, per: Duration, burst: u32) -> Rule {
    Rule {
        name: name.into(),
        by: vec![Dimension::Principal],
        only: Filters::default(),
        kind: RuleKind::Window(Quota { requests, per, burst }),
    }
}

fn streams(limit: u32) -> Rule {
    Rule { kind: RuleKind::Concurrent(limit), ..window("streams", 1, HOUR, 1) }
}

#[derive(Debug, Default)]
struct Seen {
    there: AtomicBool,
    timed_out: AtomicUsize,
    unconnected: AtomicUsize,
    failed: AtomicUsize,
}

impl Watch for Seen {
    fn refused(&self, _: &str, _: Why) {}
    fn fell_back(&self, why: Absence) {
        let count = match why {
            Absence::TimedOut => &self.timed_out,
            Absence::Unconnected => &self.unconnected,
            Absence::Failed => &self.failed,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
    fn counters(&self, there: bool) {
        self.there.store(there, Ordering::SeqCst);
    }
}

impl Seen {
    fn fallbacks(&self) -> usize {
        [&self.timed_out, &self.unconnected, &self.failed]
            .map(|n| n.load(Ordering::SeqCst))
            .iter()
            .sum()
    }
}

/// One gateway's limits.
struct Node {
    limits: Arc<Limits>,
    tasks: Tasks,
    seen: Arc<Seen>,
}

impl Node {
    fn new(
        url: &str,
        prefix: &str,
        rules: &[Rule],
        when_away: WhenAway,
        time_out: Duration,
    ) -> Self {
        let (tasks, seen) = (Tasks::default(), Arc::new(Seen::default()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (url, prefix) = (url.to_owned(), prefix.to_owned());
        let settings = Settings { url, nodes: 3, when_away, time_out, prefix };
        let watch = Arc::clone(&seen) as Arc<dyn Watch>;
        let limits = Limits::shared(rules.to_vec(), settings, &clock, &RandomIds, &tasks, watch);
        Self { limits: Arc::new(limits.unwrap()), tasks, seen }
    }

    /// One that is connected. Its time-out is long, so that a busy machine changes nothing.
    async fn connected(url: &str, prefix: &str, rules: &[Rule]) -> Self {
        let node = Self::new(url, prefix, rules, WhenAway::Refuse, Duration::from_secs(1));
        node.returned().await;
        node
    }

    async fn returned(&self) {
        eventually("Redis is there", async || self.seen.there.load(Ordering::SeqCst)).await;
    }

    async fn ask(&self) -> Result<(States, Permits), Refused> {
        match self.limits.ask(Stage::Caller, &ANNA).await {
            Outcome::Allowed { states, permits } => Ok((states, permits)),
            Outcome::Refused(refused) => Err(refused),
        }
    }

    async fn peek(&self) -> Peek {
        self.limits.peek(Stage::Caller, &ANNA).await
    }

    async fn out(&self) -> u32 {
        self.peek().await.permits[0].out
    }

    /// Drops the limits, and asserts that their tasks end.
    async fn finish(self) {
        drop(self.limits);
        assert!(self.tasks.drained(Duration::from_secs(10)).await, "a task is left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_three_nodes_exactly_the_burst_passes() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let rules = [window("hour", 1, HOUR, 100), window("day", 10, HOUR * 24, 1_000)];
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::connected(server.url(), &prefix, &rules).await);
    }
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..1_200 {
        let limits = Arc::clone(&nodes[n % 3].limits);
        asking.spawn(async move {
            match limits.ask(Stage::Caller, &ANNA).await {
                Outcome::Allowed { .. } => true,
                Outcome::Refused(refused) => {
                    assert_eq!((&*refused.rule, refused.why), ("hour", Why::Rate));
                    false
                }
            }
        });
    }
    let passed = asking.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 100);
    let left: Vec<u32> =
        nodes[0].peek().await.windows.iter().map(|state| state.remaining).collect();
    assert_eq!(left, [0, 900], "what one window refused, the other has not counted");
    for node in nodes {
        assert_eq!(node.seen.fallbacks(), 0);
        node.finish().await;
    }
}

#[tokio::test]
async fn a_refusal_takes_nothing_anywhere() {
    let Some(server) = available() else { return };
    let rules = [window("narrow", 5, HOUR, 5), window("wide", 1, HOUR * 24, 6), streams(10)];
    let node = Node::connected(server.url(), &prefix(), &rules).await;
    for left in (0..5).rev() {
        let (states, permits) = node.ask().await.unwrap();
        assert_eq!((states[0].remaining, states[1].remaining), (left, left + 1));
        assert_eq!(permits.len(), 1);
    }
    eventually("permits are given back", async || node.out().await == 0).await;
    let before = node.peek().await;
    for _ in 0..3 {
        let refused = node.ask().await.unwrap_err();
        assert_eq!((&*refused.rule, refused.why), ("narrow", Why::Rate));
        assert_eq!(refused.states.len(), 1);
        // Five in an hour: the next comes back in 12 minutes.
        assert!(refused.retry_after <= HOUR / 5 && refused.retry_after > HOUR / 6);
    }
    let after = node.peek().await;
    assert_eq!(after.windows[1].remaining, before.windows[1].remaining);
    assert_eq!(after.permits[0].out, 0);
    assert!(after.windows[1].full_in <= before.windows[1].full_in);
    node.finish().await;
}

#[tokio::test]
async fn a_window_refills_by_the_clock_of_redis_and_no_faster() {
    let Some(server) = available() else { return };
    let clock = SystemClock::new();
    let rules = [window("fast", 100, Duration::from_secs(1), 10)];
    let node = Node::connected(server.url(), &prefix(), &rules).await;
    let (start, mut passed) = (clock.monotonic(), 0);
    while clock.monotonic() - start < Duration::from_millis(500) {
        passed += u32::from(node.ask().await.is_ok());
    }
    let most = 10 + (clock.monotonic() - start).as_millis() as u32 / 10;
    assert!(passed <= most, "{passed} passed, {most} may");
    assert!(passed > 10, "nothing came back");
    node.finish().await;
}

#[tokio::test]
async fn permits_are_counted_over_nodes_and_given_back_once() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let one = Node::connected(server.url(), &prefix, &[streams(2)]).await;
    let other = Node::connected(server.url(), &prefix, &[streams(2)]).await;
    let (_, first) = one.ask().await.unwrap();
    let (_, second) = other.ask().await.unwrap();
    for node in [&one, &other] {
        assert_eq!(node.ask().await.unwrap_err().why, Why::Concurrency);
    }
    drop(first);
    eventually("one is out", async || other.out().await == 1).await;
    let (_, third) = other.ask().await.unwrap();
    assert_eq!(one.ask().await.unwrap_err().why, Why::Concurrency);
    drop((second, third));
    eventually("none is out", async || one.out().await == 0).await;
    one.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn a_permit_whose_node_died_is_free_when_its_lease_ends() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let node = Node::connected(server.url(), &prefix, &[streams(1)]).await;
    let mut redis = server.client().await;
    let (_, permit) = node.ask().await.unwrap();
    let set = redis.keys(format!("{prefix}*")).await.unwrap().remove(0);
    let left = redis.pttl(&set).await.unwrap().raw();
    let time: (f64, f64) = ::redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    let now = time.0 * 1e6 + time.1;
    let held = redis.zrange_withscores(&set, 0, -1).await.unwrap();
    let lease = held[0].1 - now;
    assert!(lease > 50e6 && lease <= 60e6, "the lease ends in {lease} µs");
    assert!(left > 50_000 && left <= 60_000, "the set vanishes in {left} ms");
    assert_eq!(node.ask().await.unwrap_err().why, Why::Concurrency);
    // As if the minute were over, and nobody had renewed it.
    redis.zadd(&set, &held[0].0, now - 1.0).await.unwrap();
    assert_eq!(node.out().await, 0);
    let (_, next) = node.ask().await.unwrap();
    assert_eq!(redis.zcard(&set).await.unwrap(), 1, "the dead permit is swept");
    drop((permit, next));
    node.finish().await;
}

#[tokio::test]
async fn a_permit_that_is_held_is_renewed() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let node = Node::connected(server.url(), &prefix, &[streams(1)]).await;
    let redis = server.client().await;
    let (_, permit) = node.ask().await.unwrap();
    let set = redis.clone().keys(format!("{prefix}*")).await.unwrap().remove(0);
    let lease = async || redis.clone().zrange_withscores(&set, 0, -1).await.unwrap().remove(0);
    let (id, first) = lease().await;
    // As if most of the minute were over.
    redis.clone().zadd(&set, &id, first - 50e6).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    tokio::time::resume();
    eventually("the lease is new", async || lease().await.1 > first).await;
    drop(permit);
    node.finish().await;
}

#[tokio::test]
async fn the_widest_window_that_may_be_configured_is_counted_exactly() {
    let Some(server) = available() else { return };
    let (prefix, day) = (prefix(), HOUR * 24);
    let node = Node::connected(server.url(), &prefix, &[window("wide", 1, day, 3_660)]).await;
    for left in (0..3_660).rev() {
        let (states, _) = node.ask().await.unwrap();
        assert_eq!(states[0].remaining, left);
    }
    let refused = node.ask().await.unwrap_err();
    assert!(refused.retry_after <= day && refused.retry_after > day - HOUR);
    // A smaller burst under the same name is empty, not in debt for years.
    let narrow = Node::connected(server.url(), &prefix, &[window("wide", 1, day, 2)]).await;
    let refused = narrow.ask().await.unwrap_err();
    assert!(refused.retry_after <= day, "{:?}", refused.retry_after);
    node.finish().await;
    narrow.finish().await;
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_answer_keeps_no_permit() {
    let Some(server) = available() else { return };
    let node = Node::connected(server.url(), &prefix(), &[streams(100)]).await;
    for _ in 0..20 {
        let asking = node.limits.ask(Stage::Caller, &ANNA);
        tokio::select! {
            biased;
            outcome = asking => drop(outcome),
            () = tokio::task::yield_now() => {}
        }
    }
    eventually("none is out", async || node.out().await == 0).await;
    node.finish().await;
}

#[tokio::test]
async fn keys_vanish_by_themselves_and_name_no_caller() {
    let Some(server) = available() else { return };
    let prefix = prefix();
    let rules = [window("minute", 60, Duration::from_secs(60), 10), streams(10)];
    let node = Node::connected(server.url(), &prefix, &rules).await;
    let held = node.ask().await.unwrap();
    let mut redis = server.client().await;
    let keys = redis.keys(format!("{prefix}*")).await.unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(!key.contains("anna") && !key.contains("acme"), "{key}");
        assert!(redis.pttl(&key).await.unwrap().raw() > 0, "{key} stays for ever");
    }
    drop(held);
    eventually("the window is full again", async || {
        redis.clone().keys(format!("{prefix}*")).await.unwrap().is_empty()
    })
    .await;
    node.finish().await;
}

#[tokio::test]
async fn while_redis_is_away_each_node_gives_its_share_or_none() {
    // Nobody listens there.
    let url = format!("redis://127.0.0.1:{}", redis::free_port());
    let time_out = Duration::from_millis(5);
    let rules = [window("hour", 30, HOUR, 30), streams(3)];
    let local = Node::new(&url, "x:", &rules, WhenAway::Local, time_out);
    let (_, held) = local.ask().await.unwrap();
    assert_eq!(local.ask().await.unwrap_err().why, Why::Concurrency);
    drop(held);
    let mut passed = 1;
    while local.ask().await.is_ok() {
        passed += 1;
    }
    assert_eq!(passed, 10, "a third of 30");
    assert_eq!(local.peek().await.windows[0].remaining, 0);
    assert!(local.seen.fallbacks() >= 11);
    local.finish().await;

    let refuse = Node::new(&url, "x:", &rules, WhenAway::Refuse, time_out);
    let refused = refuse.ask().await.unwrap_err();
    assert_eq!((refused.why, refused.error().kind().status()), (Why::Away, 503));
    assert!(refused.error().retry_in().is_some());
    // What no rule is for needs no counter.
    let outcome = refuse.limits.ask(Stage::Run, &ANNA).await;
    assert!(matches!(outcome, Outcome::Allowed { .. }));
    refuse.finish().await;
}

#[tokio::test]
async fn redis_may_be_killed_and_started_again() {
    let Some(mut server) = Server::start() else { return };
    let rules = [window("hour", 1, HOUR, 30), streams(9)];
    let node = Node::new(server.url(), "s:", &rules, WhenAway::Local, Duration::from_millis(500));
    node.returned().await;
    let (_, held) = node.ask().await.unwrap();
    assert_eq!(node.seen.fallbacks(), 0);

    server.kill();
    let (states, _) = node.ask().await.unwrap();
    assert_eq!(states[0].burst, 10, "the share of one of three");
    assert!(node.seen.fallbacks() > 0);
    eventually("Redis is away", async || !node.seen.there.load(Ordering::SeqCst)).await;

    server.restart();
    node.returned().await;
    let (states, _) = node.ask().await.unwrap();
    assert_eq!(states[0].burst, 30);
    // It has forgotten everything; the permit that is held is put back.
    eventually("the held permit is out", async || node.out().await == 1).await;
    drop(held);
    eventually("none is out", async || node.out().await == 0).await;
    node.finish().await;
}

#[tokio::test]
async fn a_redis_that_stops_answering_costs_a_few_time_outs_and_then_nothing() {
    let Some(server) = available() else { return };
    let clock = SystemClock::new();
    let proxy = Proxy::before(server.url()).await;
    let rules = [window("hour", 1, HOUR, 3_000), streams(900)];
    let time_out = Duration::from_millis(5);
    let node = Node::new(&proxy.url(), &prefix(), &rules, WhenAway::Local, time_out);
    node.returned().await;

    proxy.silence(true);
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let start = clock.monotonic();
        assert!(node.ask().await.is_ok());
        slowest = slowest.max(clock.monotonic() - start);
    }
    assert!(slowest < Duration::from_millis(80), "a decision took {slowest:?}");
    let timed_out = node.seen.timed_out.load(Ordering::SeqCst);
    assert!((1..=5).contains(&timed_out), "{timed_out} waited before the link was away");
    assert!(node.seen.unconnected.load(Ordering::SeqCst) >= 45);

    proxy.silence(false);
    node.returned().await;
    let before = node.seen.fallbacks();
    eventually("Redis decides again", async || {
        node.ask().await.is_ok() && node.seen.fallbacks() == before
    })
    .await;
    node.finish().await;
}

#[tokio::test]
async fn a_redis_that_never_answers_keeps_nobody_waiting() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let clock = SystemClock::new();
    let rules = [window("hour", 1, HOUR, 300)];
    let node = Node::new(&url, "n:", &rules, WhenAway::Local, Duration::from_millis(5));
    let _silent = listener.accept().await.unwrap();
    let start = clock.monotonic();
    for _ in 0..100 {
        assert!(node.ask().await.is_ok());
    }
    let took = clock.monotonic() - start;
    assert!(took < Duration::from_millis(100), "100 decisions took {took:?}");
    node.finish().await;
}
