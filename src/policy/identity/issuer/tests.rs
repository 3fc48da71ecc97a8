//! Issuers under a clock that runs with the paused timers, and a provider in memory: how often
//! it is asked in hours and days.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Fetch, FetchError, IssuerSettings, Issuers, NoObserver, Surroundings};
use crate::clock::{Clock, Timestamp};
use crate::policy::identity::token::{NoRevocations, Rules, Workspace};
use crate::tasks::Tasks;

/// Wall and monotonic time are those of the paused timers.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.elapsed().as_micros() as i64)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What the provider does, and when it was asked.
struct Provider {
    start: Instant,
    good: Mutex<bool>,
    asked: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Fetch for Provider {
    async fn get(&self, _: &http::Uri, _: usize) -> Result<Bytes, FetchError> {
        self.asked.lock().push(self.start.elapsed());
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "kid": "a",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        let good = *self.good.lock();
        if good { Ok(json!({ "keys": [key] }).to_string().into()) } else { Err(FetchError::Broken) }
    }
}

impl Provider {
    fn new(good: bool) -> Arc<Self> {
        let asked = Mutex::default();
        Arc::new(Self { start: Instant::now(), good: Mutex::new(good), asked })
    }

    fn gaps(&self) -> Vec<Duration> {
        let asked = self.asked.lock();
        asked.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

fn issuers(provider: &Arc<Provider>, tasks: &Tasks) -> Issuers {
    let acme = Workspace::Fixed("acme".to_owned());
    let settings = IssuerSettings {
        jwks_url: Some("https://id.example.com/keys".to_owned()),
        ..IssuerSettings::new(Rules::new("corp", "https://id.example.com", "us", acme))
    };
    let surroundings = Surroundings {
        fetch: Arc::clone(provider) as Arc<dyn Fetch>,
        clock: Arc::new(PausedClock(provider.start)),
        tasks: tasks.clone(),
        revocations: Arc::new(NoRevocations),
        observer: Arc::new(NoObserver),
        capacity: 10,
    };
    Issuers::new(vec![settings], surroundings).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn keys_are_refreshed_each_interval_or_a_little_before() {
    let (provider, tasks) = (Provider::new(true), Tasks::default());
    let issuers = issuers(&provider, &tasks);
    sleep(seconds(3600)).await;
    let gaps = provider.gaps();
    assert!((12..=14).contains(&gaps.len()), "{gaps:?}");
    let timely = |gap: &Duration| (seconds(270)..=seconds(301)).contains(gap);
    assert!(gaps.iter().all(timely), "{gaps:?}");
    drop(issuers);
    assert!(tasks.drained(seconds(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_is_asked_less_and_less_and_its_return_is_seen_within_a_minute() {
    let (provider, tasks) = (Provider::new(false), Tasks::default());
    let issuers = issuers(&provider, &tasks);
    sleep(seconds(600)).await;
    let gaps: Vec<u64> = provider.gaps().iter().map(Duration::as_secs).collect();
    assert_eq!(gaps[..5], [10, 20, 40, 60, 60]);
    assert!(gaps.iter().skip(3).all(|gap| *gap == 60), "{gaps:?}");
    *provider.good.lock() = true;
    sleep(seconds(61)).await;
    assert!(issuers.by_name["corp"].for_header(&header()).await.is_ok());
    drop(issuers);
    assert!(tasks.drained(seconds(1)).await);
}

fn header() -> crate::policy::identity::token::header::Header {
    crate::policy::identity::token::header::Header::read(br#"{"alg":"EdDSA","kid":"a"}"#).unwrap()
}

#[tokio::test(start_paused = true)]
async fn keys_serve_for_a_day_after_the_last_fetch_that_worked() {
    let (provider, tasks) = (Provider::new(true), Tasks::default());
    let issuers = issuers(&provider, &tasks);
    let keys = Arc::clone(&issuers.by_name["corp"]);
    // A day of the same answers, so that each of them must count.
    sleep(seconds(24 * 3600)).await;
    let last = *provider.asked.lock().last().unwrap();
    *provider.good.lock() = false;
    sleep(last + seconds(24 * 3600 - 1) - provider.start.elapsed()).await;
    assert!(keys.for_header(&header()).await.is_ok());
    sleep(seconds(2)).await;
    let error = keys.for_header(&header()).await.unwrap_err();
    assert!(error.retry_in().is_some_and(|after| after <= seconds(60)), "{error:?}");
    drop(issuers);
    assert!(tasks.drained(seconds(1)).await);
}
