//! The keys of one issuer: fetched by one task in the background, read by every request.
//! [`super::Issuers`] has one of these for each issuer, so that none waits for another's.
//!
//! Invariant: a good set is replaced only by a good set, serves until it is stale, and is fetched
//! only when [`Pacing`] says so.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::Uri;
use parking_lot::Mutex;
use ring::digest;
use ring::rand::SecureRandom;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::discovery::{self, BadDocument};
use super::fetch::{self, Fetch, FetchError};
use super::pacing::{Pacing, Turn};
use super::settings::{IssuerSettings, Source};
use super::{Observer, unavailable};
use crate::clock::Clock;
use crate::error::Result;
use crate::policy::identity::token::header::Header;
use crate::policy::identity::token::key::Fingerprint;
use crate::policy::identity::token::key_set::{BadSet, KeySet};

/// How long the place of the keys, once discovered, is believed while fetching from it works.
const DISCOVERED_FOR: Duration = Duration::from_secs(60 * 60);

/// The keys of one issuer.
pub(super) struct IssuerKeys {
    settings: IssuerSettings,
    clock: Arc<dyn Clock>,
    held: ArcSwapOption<Held>,
    pacing: Mutex<Pacing>,
    /// Wakes the task that fetches.
    wanted: Notify,
    /// Counts the fetches that have ended.
    ended: watch::Sender<u64>,
}

/// A set, and when it was last seen at the issuer.
struct Held {
    keys: Arc<KeySet>,
    fetched: Duration,
}

impl IssuerKeys {
    pub(super) fn new(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Self {
        let pacing = Mutex::new(Pacing::new(settings.min_interval, settings.refresh));
        let (ended, _) = watch::channel(0);
        let (held, wanted) = (ArcSwapOption::empty(), Notify::new());
        Self { settings, clock, held, pacing, wanted, ended }
    }

    /// The settings of the issuer.
    pub(super) fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// Whether the key that once verified a token is still the issuer's. Does not wait.
    pub(super) fn hold(&self, key: &Fingerprint) -> bool {
        let held = self.held.load();
        held.as_deref().is_some_and(|held| self.is_fresh(held) && held.keys.holds(key))
    }

    /// The keys among which the one that a header means should be. Fetches them where there are
    /// none or where the name is new, as far as the pacing lets it; waits for that no longer than
    /// one fetch may take.
    pub(super) async fn for_header(&self, header: &Header) -> Result<Arc<KeySet>> {
        if let Some(keys) = self.usable() {
            let known = match header.key_id.as_deref() {
                // A token that names no key cannot ask for a new one.
                None => true,
                Some(id) => keys.knows(id) || self.is_not_known(id),
            };
            if known {
                return Ok(keys);
            }
        }
        let fetched = self.fetched().await;
        let now = self.clock.monotonic();
        let Some(keys) = self.usable() else {
            return Err(unavailable(self.pacing.lock().until_earliest(now)));
        };
        if let Some(id) = header.key_id.as_deref()
            && fetched
            && !keys.knows(id)
        {
            self.pacing.lock().not_known(id, now);
        }
        Ok(keys)
    }

    /// Waits for a fetch, where one may start or runs. Whether it was ours and worked: then the
    /// provider was asked after the token came.
    async fn fetched(&self) -> bool {
        // Before the pacing is asked, so that no end is missed.
        let mut ended = self.ended.subscribe();
        let turn = self.pacing.lock().ask(self.clock.monotonic());
        match turn {
            Turn::Later(_) => return false,
            Turn::Start => self.wanted.notify_one(),
            Turn::Join => {}
        }
        let waited = tokio::time::timeout(self.settings.timeout, ended.changed()).await;
        matches!(waited, Ok(Ok(()))) && turn == Turn::Start && !self.pacing.lock().is_failing()
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        held.as_deref().filter(|held| self.is_fresh(held)).map(|held| Arc::clone(&held.keys))
    }

    fn is_fresh(&self, held: &Held) -> bool {
        self.clock.monotonic().saturating_sub(held.fetched) <= self.settings.stale
    }

    fn is_not_known(&self, id: &str) -> bool {
        self.pacing.lock().is_not_known(id, self.clock.monotonic())
    }
}

/// The one that fetches.
pub(super) struct Fetcher {
    pub(super) keys: Arc<IssuerKeys>,
    pub(super) source: Source,
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) observer: Arc<dyn Observer>,
    /// Where the keys are, and when that was found out.
    discovered: Option<(Uri, Duration)>,
    /// The SHA-256 of the set that is held: most fetches bring the same again.
    digest: Option<digest::Digest>,
}

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Document(#[from] BadDocument),
    #[error(transparent)]
    Set(#[from] BadSet),
    #[error("it took too long")]
    TimedOut(#[from] tokio::time::error::Elapsed),
}

impl Fetcher {
    pub(super) fn new(
        keys: Arc<IssuerKeys>,
        source: Source,
        fetch: Arc<dyn Fetch>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { keys, source, fetch, observer, discovered: None, digest: None }
    }

    /// Fetches whenever it is due or wanted, until it is told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let stopped = stop.cancelled_owned();
        tokio::pin!(stopped);
        loop {
            let keys = Arc::clone(&self.keys);
            let due = keys.pacing.lock().until_due(keys.clock.monotonic());
            let wanted = tokio::select! {
                () = &mut stopped => return,
                () = keys.wanted.notified() => true,
                () = tokio::time::sleep(due) => false,
            };
            // A request that got its turn at this same moment has left a wake-up as well.
            if !wanted && keys.pacing.lock().ask(keys.clock.monotonic()) != Turn::Start {
                continue;
            }
            let good = tokio::select! {
                () = &mut stopped => return,
                good = self.fetch() => good,
            };
            keys.pacing.lock().ended(keys.clock.monotonic(), good, jitter());
            keys.ended.send_modify(|count| *count += 1);
        }
    }

    /// One fetch; whether it worked.
    async fn fetch(&mut self) -> bool {
        let within = self.keys.settings.timeout;
        let outcome = match tokio::time::timeout(within, self.attempt()).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(elapsed.into()),
        };
        let issuer = &*self.keys.settings.rules.name;
        self.observer.fetched(issuer, outcome.is_ok());
        if let Err(failure) = &outcome {
            // The place may have changed with the failure: it is discovered anew.
            self.discovered = None;
            tracing::warn!(issuer, reason = %failure, "the keys of an issuer were not fetched");
        }
        outcome.is_ok()
    }

    async fn attempt(&mut self) -> Result<(), Failure> {
        let started = self.keys.clock.monotonic();
        let place = self.place(started).await?;
        let text = self.fetch.get(&place, fetch::LARGEST).await?;
        let digest = digest::digest(&digest::SHA256, &text);
        let same = self.digest.is_some_and(|held| held.as_ref() == digest.as_ref());
        let held = self.keys.held.load_full().filter(|_| same);
        let keys = match held {
            Some(held) => Arc::clone(&held.keys),
            None => Arc::new(KeySet::read(&text)?),
        };
        self.digest = Some(digest);
        self.keys.held.store(Some(Arc::new(Held { keys, fetched: started })));
        Ok(())
    }

    /// Where the keys are.
    async fn place(&mut self, now: Duration) -> Result<Uri, Failure> {
        let document = match (&self.source, &self.discovered) {
            (Source::Keys(place), _) => return Ok(place.clone()),
            (Source::Discovery(_), Some((place, at)))
                if now.saturating_sub(*at) < DISCOVERED_FOR =>
            {
                return Ok(place.clone());
            }
            (Source::Discovery(document), _) => document,
        };
        let text = self.fetch.get(document, discovery::LARGEST).await?;
        let settings = &self.keys.settings;
        let issuer = &settings.rules.issuer;
        let place = discovery::read(&text, issuer, settings.plain(issuer))?;
        self.discovered = Some((place.clone(), now));
        Ok(place)
    }
}

/// 0 to 255; 0 where the system has no random bytes.
fn jitter() -> u8 {
    let mut byte = [0];
    match ring::rand::SystemRandom::new().fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 0,
    }
}
