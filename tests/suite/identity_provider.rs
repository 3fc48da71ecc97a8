//! An identity provider that rotates keys, answers slowly, hangs, goes away, serves thousands of
//! keys or poisons: what callers see each time, and exactly how many requests the provider saw.
//! Over real sockets. The pacing goes by a clock that the tests move; only time-outs are real.

pub mod provider;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchyard::clock::{ManualClock, SystemClock, Timestamp};
use switchyard::error::{Error, Kind};
use switchyard::policy::identity::issuer::{
    HttpFetch, IssuerSettings, Issuers, Observer, Surroundings,
};
use switchyard::policy::identity::token::{
    Algorithm, ClaimPath, NoRevocations, Refusal, Rules, Workspace,
};
use switchyard::tasks::Tasks;

use crate::tokens::forge::{NOW, TestKey, claims, with};
use provider::{Answer, Provider};

/// The clock over a fetch in these tests. Long enough for a busy machine to answer in.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Counts what issuers report.
#[derive(Default)]
struct Counts {
    good: AtomicUsize,
    bad: AtomicUsize,
}

impl Observer for Counts {
    fn fetched(&self, _: &str, good: bool) {
        let count = if good { &self.good } else { &self.bad };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A gateway's issuers, beside a provider.
struct Bench {
    clock: ManualClock,
    tasks: Tasks,
    counts: Arc<Counts>,
    issuers: Arc<Issuers>,
}

fn settings(provider: &Provider) -> IssuerSettings {
    let org = Workspace::Claim(ClaimPath::top("org"));
    let mut rules = Rules::new("corp", &provider.url(), "us", org);
    rules.algorithms = Algorithm::ALL.iter().copied().collect();
    let jwks_url = Some(provider.keys_url());
    IssuerSettings { jwks_url, timeout: TIMEOUT, ..IssuerSettings::new(rules) }
}

fn bench(settings: Vec<IssuerSettings>) -> Bench {
    let clock = ManualClock::at(Timestamp(NOW * 1_000_000));
    let (tasks, counts) = (Tasks::default(), Arc::new(Counts::default()));
    let surroundings = Surroundings {
        fetch: Arc::new(HttpFetch::new().unwrap()),
        clock: Arc::new(clock.clone()),
        tasks: tasks.clone(),
        revocations: Arc::new(NoRevocations),
        observer: Arc::clone(&counts) as Arc<dyn Observer>,
        capacity: 100,
    };
    let issuers = Arc::new(Issuers::new(settings, surroundings).unwrap());
    Bench { clock, tasks, counts, issuers }
}

impl Bench {
    async fn verify(&self, token: &str) -> Result<(), Error> {
        self.issuers.verify(token).await.map(|_| ())
    }

    async fn passes(&self, token: &str) -> bool {
        self.verify(token).await.is_ok()
    }

    async fn refusal(&self, token: &str) -> Option<Refusal> {
        self.verify(token).await.err().as_ref().and_then(Refusal::of)
    }

    /// Whether it is told to come back, and not that its token is bad.
    async fn is_put_off(&self, token: &str) -> bool {
        let Err(error) = self.verify(token).await else { return false };
        error.kind() == Kind::PolicyUnavailable && error.retry_in().is_some()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// All these at once; how many passed.
    async fn pass_of(&self, tokens: Vec<String>) -> usize {
        let mut set = tokio::task::JoinSet::new();
        for token in tokens {
            let issuers = Arc::clone(&self.issuers);
            set.spawn(async move { issuers.verify(&token).await.is_ok() });
        }
        set.join_all().await.into_iter().filter(|passed| *passed).count()
    }
}

fn set(keys: &[&TestKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// A token of this key for user number so.
fn token(provider: &Provider, key: &TestKey, user: usize) -> String {
    let user = json!({"sub": format!("u{user}"), "exp": NOW + 10 * 86_400});
    key.token(&key.header(), &with(&claims(&provider.url()), &user))
}

#[tokio::test]
async fn keys_are_discovered_and_fetched_once_for_many() {
    let key = TestKey::rsa("a", 1);
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let bench = bench(vec![IssuerSettings { jwks_url: None, ..settings(&provider) }]);
    let tokens = (0..50).map(|user| token(&provider, &key, user)).collect();
    assert_eq!(bench.pass_of(tokens).await, 50);
    assert_eq!((provider.discoveries(), provider.fetches()), (1, 1));
    // The place that was discovered serves the next fetch as well.
    bench.advance(10);
    let other = TestKey::ed25519("b");
    provider.answer(Answer::keys(&set(&[&key, &other])));
    assert!(bench.passes(&token(&provider, &other, 1)).await);
    assert_eq!((provider.discoveries(), provider.fetches()), (1, 2));
    // Once it fails, it is discovered anew: the keys may have moved.
    let moved = TestKey::ed25519("c");
    provider.answer(Answer::text(404, ""));
    bench.advance(10);
    assert_eq!(bench.refusal(&token(&provider, &moved, 1)).await, Some(Refusal::UnknownKey));
    assert_eq!((provider.discoveries(), provider.fetches()), (1, 3));
    provider.answer(Answer::keys(&set(&[&moved])));
    bench.advance(10);
    assert!(bench.passes(&token(&provider, &moved, 1)).await);
    assert_eq!((provider.discoveries(), provider.fetches()), (2, 4));
}

#[tokio::test]
async fn a_discovery_that_speaks_for_another_or_names_a_forbidden_place_is_not_followed() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    for document in [
        json!({"issuer": format!("{}/", provider.url()), "jwks_uri": provider.keys_url()}),
        json!({"issuer": "https://id.example.com", "jwks_uri": provider.keys_url()}),
        json!({"issuer": provider.url(), "jwks_uri": "http://192.0.2.1/keys"}),
        json!({"issuer": provider.url(), "jwks_uri": "file:///keys"}),
        json!({"issuer": provider.url()}),
        json!("text"),
    ] {
        provider.document(&document);
        let bench = bench(vec![IssuerSettings { jwks_url: None, ..settings(&provider) }]);
        assert!(bench.is_put_off(&token(&provider, &key, 1)).await, "{document}");
    }
    assert_eq!((provider.discoveries(), provider.fetches()), (6, 0));
}

#[tokio::test]
async fn keys_that_should_come_over_tls_never_come_without() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let jwks_url = Some(provider.keys_url().replace("http:", "https:"));
    let bench = bench(vec![IssuerSettings { jwks_url, ..settings(&provider) }]);
    assert!(bench.is_put_off(&token(&provider, &key, 1)).await);
    assert_eq!(provider.fetches(), 0);
}

#[tokio::test]
async fn a_new_key_is_fetched_at_once_and_once_for_all_who_wait() {
    let (old, new) = (TestKey::p256("old"), TestKey::p256("new"));
    let provider = Provider::start(Answer::keys(&set(&[&old]))).await;
    let bench = bench(vec![settings(&provider)]);
    let kept = token(&provider, &old, 1);
    assert!(bench.passes(&kept).await);
    bench.advance(10);

    provider.answer(Answer::keys(&set(&[&new])).after(Duration::from_millis(100)));
    let tokens = (0..200).map(|user| token(&provider, &new, user)).collect();
    assert_eq!(bench.pass_of(tokens).await, 200);
    assert_eq!(provider.fetches(), 2);
    // What the old key had verified has gone with it.
    assert!(bench.issuers.cached(&kept).is_none());
    assert_eq!(bench.refusal(&kept).await, Some(Refusal::UnknownKey));
}

#[tokio::test]
async fn a_storm_of_unknown_key_names_causes_one_fetch_in_an_interval() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let bench = bench(vec![settings(&provider)]);
    assert!(bench.passes(&token(&provider, &key, 0)).await);
    let storm = |round: usize| -> Vec<String> {
        let named = |at| with(&key.header(), &json!({"kid": format!("random-{round}-{at}")}));
        (0..500).map(|at| key.token(&named(at), &claims(&provider.url()))).collect()
    };
    assert_eq!(bench.pass_of(storm(0)).await, 0);
    assert_eq!(provider.fetches(), 1, "the first fetch was just now");
    for round in 1..=3 {
        bench.advance(10);
        assert_eq!(bench.pass_of(storm(round)).await, 0);
        assert_eq!(bench.pass_of(storm(round)).await, 0);
        assert_eq!(provider.fetches(), 1 + round);
    }
    assert!(bench.passes(&token(&provider, &key, 1)).await);
}

#[tokio::test]
async fn a_key_name_that_the_provider_does_not_know_is_not_asked_for_again_for_a_minute() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let bench = bench(vec![settings(&provider)]);
    assert!(bench.passes(&token(&provider, &key, 0)).await);
    let gone = key.token(&with(&key.header(), &json!({"kid": "gone"})), &claims(&provider.url()));
    for (seconds, fetches) in [(10, 2), (10, 2), (20, 2), (29, 2), (1, 3), (10, 3)] {
        bench.advance(seconds);
        assert_eq!(bench.refusal(&gone).await, Some(Refusal::UnknownKey));
        assert_eq!(provider.fetches(), fetches);
    }
}

#[tokio::test]
async fn tokens_that_could_not_pass_anyway_cause_no_fetch() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let bench = bench(vec![settings(&provider)]);
    assert!(bench.passes(&token(&provider, &key, 0)).await);
    bench.advance(10);
    let header = with(&key.header(), &json!({"kid": "unknown"}));
    for (header, changes) in [
        (&header, json!({"exp": NOW - 100})),
        (&header, json!({"aud": "them"})),
        (&header, json!({"iss": "https://evil.example.com"})),
        (&with(&header, &json!({"alg": "none"})), json!({})),
        (&with(&header, &json!({"jwk": {}})), json!({})),
        // Names no key, so that none can be missing.
        (&json!({"alg": "RS256"}), json!({})),
    ] {
        let token = key.token(header, &with(&claims(&provider.url()), &changes));
        assert!(bench.refusal(&token).await.is_some());
    }
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn a_slow_provider_keeps_nobody_waiting_but_its_own() {
    let key = TestKey::ed25519("a");
    let slow = Provider::start(Answer::keys(&set(&[&key])).after(Duration::from_secs(2))).await;
    let quick = Provider::start(Answer::keys(&set(&[&key]))).await;
    let mut other = settings(&quick);
    other.rules.name = "quick".into();
    let timeout = Duration::from_secs(10);
    let bench = bench(vec![IssuerSettings { timeout, ..settings(&slow) }, other]);
    let started = Instant::now();
    let waiting = bench.pass_of((0..20).map(|user| token(&slow, &key, user)).collect());
    let meanwhile = async {
        assert!(bench.passes(&token(&quick, &key, 1)).await);
        started.elapsed()
    };
    let (passed, meanwhile) = tokio::join!(waiting, meanwhile);
    assert!(meanwhile < Duration::from_millis(1_500), "{meanwhile:?}");
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!((passed, slow.fetches(), quick.fetches()), (20, 1, 1));
}

#[tokio::test]
async fn a_hanging_provider_costs_one_request_its_time_and_the_others_nothing() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::hang()).await;
    let bench =
        bench(vec![IssuerSettings { timeout: Duration::from_secs(1), ..settings(&provider) }]);
    let good = token(&provider, &key, 1);
    assert!(bench.is_put_off(&good).await);
    let started = Instant::now();
    for _ in 0..1_000 {
        assert!(bench.is_put_off(&good).await);
    }
    // One that waited would wait for the rest of the clock each time.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(provider.fetches(), 1);
    // The next try: who starts it waits, nobody else does.
    bench.advance(10);
    let asker = bench.pass_of(vec![good.clone()]);
    let others = async {
        while provider.fetches() < 2 {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        for _ in 0..100 {
            assert!(bench.is_put_off(&good).await);
        }
        started.elapsed()
    };
    let (passed, others) = tokio::join!(asker, others);
    assert!(others < Duration::from_millis(800), "{others:?}");
    assert_eq!((passed, provider.fetches()), (0, 2));
    // It recovers; the failures had pushed the next try further away.
    provider.answer(Answer::keys(&set(&[&key])));
    bench.advance(19);
    assert!(bench.is_put_off(&good).await);
    bench.advance(1);
    assert!(bench.passes(&good).await);
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test]
async fn a_provider_that_goes_away_leaves_its_keys_until_they_are_stale() {
    let (key, new) = (TestKey::ed25519("a"), TestKey::ed25519("b"));
    let mut provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    let bench = bench(vec![settings(&provider)]);
    let kept = token(&provider, &key, 1);
    assert!(bench.passes(&kept).await);
    provider.stop();

    bench.advance(12 * 60 * 60);
    assert!(bench.issuers.cached(&kept).is_some());
    assert!(bench.passes(&token(&provider, &key, 2)).await, "a new token of a known key");
    assert_eq!(bench.refusal(&token(&provider, &new, 1)).await, Some(Refusal::UnknownKey));
    assert_eq!(bench.counts.bad.load(Ordering::Relaxed), 1);

    bench.advance(12 * 60 * 60 + 1);
    assert!(bench.issuers.cached(&kept).is_none());
    assert!(bench.is_put_off(&kept).await);
    assert!(bench.is_put_off(&token(&provider, &key, 3)).await);

    provider.restart(Answer::keys(&set(&[&new]))).await;
    bench.advance(60);
    assert!(bench.passes(&token(&provider, &new, 1)).await);
    assert_eq!(bench.refusal(&kept).await, Some(Refusal::UnknownKey));
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test]
async fn the_gateway_starts_without_the_provider() {
    let key = TestKey::rsa("a", 1);
    let mut provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    provider.stop();
    let bench = bench(vec![settings(&provider)]);
    assert!(bench.is_put_off(&token(&provider, &key, 1)).await);
    provider.restart(Answer::keys(&set(&[&key]))).await;
    assert!(bench.is_put_off(&token(&provider, &key, 1)).await, "not before the interval");
    bench.advance(10);
    assert!(bench.passes(&token(&provider, &key, 1)).await);
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn thousands_of_keys_are_taken_and_more_are_not() {
    let key = TestKey::rsa("the-one", 1);
    let crowd = |count: usize| {
        let named = |at| with(&TestKey::jwk(&key), &json!({"kid": format!("key-{at}")}));
        let mut keys: Vec<Value> = (1..count).map(named).collect();
        keys.push(key.jwk());
        json!({ "keys": keys })
    };
    for (count, passes) in [(3_000, true), (10_000, true), (10_001, false)] {
        let provider = Provider::start(Answer::keys(&crowd(count))).await;
        let timeout = Duration::from_secs(20);
        let bench = bench(vec![IssuerSettings { timeout, ..settings(&provider) }]);
        assert_eq!(bench.passes(&token(&provider, &key, 1)).await, passes, "{count}");
        assert_eq!(provider.fetches(), 1);
    }
}

fn poisons(key: &TestKey) -> Vec<(&'static str, Answer)> {
    let secret = json!({"kty": "oct", "kid": key.id, "k": "c2VjcmV0", "alg": "HS256"});
    let encrypts = with(&key.jwk(), &json!({"use": "enc"}));
    let elsewhere = "location: /keys2\r\n";
    let truncated = set(&[key]).to_string().replace("]}", "");
    vec![
        ("a page", Answer::text(200, "<html><body>Sign in</body></html>")),
        ("an error", Answer::text(500, &set(&[key]).to_string())),
        ("no content", Answer::text(204, "")),
        ("a redirect", Answer::text(302, "").header(elsewhere)),
        ("nothing", Answer::text(200, "")),
        ("an empty set", Answer::keys(&json!({"keys": []}))),
        ("another object", Answer::keys(&json!({"error": "none"}))),
        ("shared secrets", Answer::keys(&json!({ "keys": [secret] }))),
        ("keys to encrypt with", Answer::keys(&json!({ "keys": [encrypts] }))),
        ("half a set", Answer::text(200, &truncated)),
        ("an answer that breaks off", Answer::text(200, "{}").header("content-length: 9\r\n")),
        ("50 MB that say so", Answer::huge(50_000_000)),
        ("50 MB that do not say so", Answer::huge(50_000_000).chunked()),
    ]
}

#[tokio::test]
async fn a_poisoned_answer_never_replaces_good_keys() {
    let key = TestKey::ed25519("a");
    let provider = Provider::start(Answer::keys(&set(&[&key]))).await;
    for (at, (name, poison)) in poisons(&key).into_iter().enumerate() {
        provider.answer(Answer::keys(&set(&[&key])));
        let bench = bench(vec![settings(&provider)]);
        assert!(bench.passes(&token(&provider, &key, 0)).await);
        provider.answer(poison);
        bench.advance(10);
        let unknown = with(&key.header(), &json!({"kid": "other"}));
        let unknown = key.token(&unknown, &claims(&provider.url()));
        assert_eq!(bench.refusal(&unknown).await, Some(Refusal::UnknownKey), "{name}");
        let counts = [&bench.counts.good, &bench.counts.bad].map(|it| it.load(Ordering::Relaxed));
        assert_eq!((counts, provider.fetches()), ([1, 1], 2 * (at + 1)), "{name}");
        assert!(bench.passes(&token(&provider, &key, 1)).await, "{name}");
    }
}

#[tokio::test]
async fn a_poisoned_first_answer_lets_nobody_in() {
    let key = TestKey::ed25519("a");
    for (name, poison) in poisons(&key) {
        let provider = Provider::start(poison).await;
        let bench = bench(vec![settings(&provider)]);
        assert!(bench.is_put_off(&token(&provider, &key, 0)).await, "{name}");
        assert!(bench.is_put_off(&token(&provider, &key, 0)).await, "{name}");
        assert_eq!(provider.fetches(), 1, "{name}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_used_do_not_spoil_the_others() {
    let key = TestKey::ed25519("a");
    let odd = json!({"keys": [
        {"kty": "unknown", "kid": "u"}, {"kty": "oct", "k": "AAAA"}, 1, null, {},
        with(&TestKey::p256("b").jwk(), &json!({"use": "enc"})),
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "small"},
        key.jwk(),
    ]});
    let provider = Provider::start(Answer::keys(&odd)).await;
    let bench = bench(vec![settings(&provider)]);
    assert!(bench.passes(&token(&provider, &key, 1)).await);
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_and_the_task_ends_with_the_issuers() {
    let (old, new) = (TestKey::ed25519("a"), TestKey::ed25519("b"));
    let provider = Provider::start(Answer::keys(&set(&[&old]))).await;
    let second = Duration::from_secs(1);
    let mut settings = settings(&provider);
    (settings.min_interval, settings.refresh) = (second, second);
    let tasks = Tasks::default();
    let surroundings = Surroundings {
        fetch: Arc::new(HttpFetch::new().unwrap()),
        clock: Arc::new(SystemClock::new()),
        tasks: tasks.clone(),
        revocations: Arc::new(NoRevocations),
        observer: Arc::new(Counts::default()),
        capacity: 100,
    };
    let started = Instant::now();
    let issuers = Issuers::new(vec![settings], surroundings).unwrap();
    assert_eq!(tasks.len(), 1);
    provider.fetched(1).await;
    provider.answer(Answer::keys(&set(&[&new])));
    provider.fetched(2).await;
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    drop(issuers);
    assert!(tasks.drained(Duration::from_secs(5)).await, "a task was left");
}

#[tokio::test]
async fn dropping_the_issuers_ends_also_a_fetch_that_hangs() {
    let provider = Provider::start(Answer::hang()).await;
    let bench =
        bench(vec![IssuerSettings { timeout: Duration::from_secs(30), ..settings(&provider) }]);
    provider.fetched(1).await;
    let Bench { tasks, issuers, .. } = bench;
    drop(issuers);
    assert!(tasks.drained(Duration::from_secs(5)).await, "a task was left");
}
