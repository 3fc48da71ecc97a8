//! The configured issuers of tokens: which one a token is of, its keys, and what was verified
//! before. The identity layer asks it for every bearer token that is no key of ours.
//!
//! Invariant: a token passes only by a key that its issuer publishes, and no issuer's trouble is
//! another's. What callers send never makes an issuer be asked more often than its settings say.

mod address;
pub mod client;
mod discovery;
pub mod fetch;
mod keys;
mod pacing;
pub mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::client::HttpFetch;
pub use self::fetch::{Fetch, FetchError};
use self::keys::{Fetcher, IssuerKeys};
pub use self::settings::{BadSettings, IssuerSettings};
use super::token::cache::{self, TokenCache};
use super::token::compact::LONGEST;
use super::token::{self, Refusal, Revocations, Unverified, Verified, claims};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::tasks::Tasks;

/// What is worth counting. Labels are closed: names of configured issuers and of refusals.
pub trait Observer: Send + Sync + 'static {
    /// The keys of an issuer were fetched, or that failed.
    fn fetched(&self, _issuer: &str, _good: bool) {}
    /// A token was refused; the issuer is none where it is not a configured one's.
    fn refused(&self, _issuer: Option<&str>, _refusal: Refusal) {}
}

/// Nothing is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// What [`Issuers`] need of their surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Fetches documents.
    pub fetch: Arc<dyn Fetch>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Runs the task that each issuer has.
    pub tasks: Tasks,
    /// Knows which tokens were revoked.
    pub revocations: Arc<dyn Revocations>,
    /// Counts.
    pub observer: Arc<dyn Observer>,
    /// How many verified tokens are kept; [`cache::CAPACITY`] by default.
    pub capacity: u64,
}

/// The configured issuers. Dropping it ends their tasks.
pub struct Issuers {
    by_name: HashMap<Arc<str>, Arc<IssuerKeys>>,
    by_issuer: HashMap<String, Arc<IssuerKeys>>,
    verified: TokenCache,
    clock: Arc<dyn Clock>,
    revocations: Arc<dyn Revocations>,
    observer: Arc<dyn Observer>,
    _stop: DropGuard,
}

/// What was kept of a token.
enum Kept {
    Nothing,
    Revoked(Arc<Verified>),
    Good(Arc<Verified>),
}

impl Issuers {
    /// Starts fetching the keys of every issuer. A provider that is down does not keep it.
    pub fn new(settings: Vec<IssuerSettings>, with: Surroundings) -> Result<Self, BadSettings> {
        let (mut by_name, mut by_issuer) = (HashMap::new(), HashMap::new());
        let mut fetchers = Vec::new();
        for settings in settings {
            settings.check()?;
            let source = settings.source().ok_or(BadSettings::Address)?;
            let keys = Arc::new(IssuerKeys::new(settings, Arc::clone(&with.clock)));
            let rules = &keys.settings().rules;
            let names = by_name.insert(Arc::clone(&rules.name), Arc::clone(&keys));
            let issuers = by_issuer.insert(rules.issuer.clone(), Arc::clone(&keys));
            if names.is_some() || issuers.is_some() {
                return Err(BadSettings::Twice);
            }
            let (fetch, observer) = (Arc::clone(&with.fetch), Arc::clone(&with.observer));
            fetchers.push(Fetcher::new(keys, source, fetch, observer));
        }
        let stop = CancellationToken::new();
        for fetcher in fetchers {
            with.tasks.spawn("issuer keys", fetcher.run(stop.child_token()));
        }
        Ok(Self {
            by_name,
            by_issuer,
            verified: TokenCache::new(with.capacity),
            clock: with.clock,
            revocations: with.revocations,
            observer: with.observer,
            _stop: stop.drop_guard(),
        })
    }

    /// The bearer of a token that was verified before and still holds: one hash, no waiting. None
    /// says only that [`Issuers::verify`] must be asked.
    pub fn cached(&self, token: &str) -> Option<Arc<Verified>> {
        if token.len() > LONGEST {
            return None;
        }
        match self.kept(&cache::hash(token), self.clock.now()) {
            Kept::Good(verified) => Some(verified),
            Kept::Nothing | Kept::Revoked(_) => None,
        }
    }

    /// Verifies a token. Waits only where its issuer's keys must be fetched first.
    ///
    /// # Errors
    ///
    /// 401 with a [`Refusal`] behind it; 503 with the time to come back where the issuer's keys
    /// cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>> {
        if token.len() > LONGEST {
            return Err(self.refused(None, Refusal::TooLarge));
        }
        let hash = cache::hash(token);
        let now = self.clock.now();
        match self.kept(&hash, now) {
            Kept::Good(verified) => return Ok(verified),
            Kept::Revoked(verified) => {
                return Err(self.refused(Some(&verified.issuer), Refusal::Revoked));
            }
            Kept::Nothing => {}
        }
        let unread = |refusal| self.refused(None, refusal);
        let read = Unverified::read(token).map_err(unread)?;
        let claims = read.claims().map_err(unread)?;
        let issuer = claims.get("iss").and_then(serde_json::Value::as_str);
        let issuer = issuer.and_then(|issuer| self.by_issuer.get(issuer));
        let issuer = issuer.ok_or_else(|| unread(Refusal::UnknownIssuer))?;
        let rules = &issuer.settings().rules;
        let refused = |refusal| self.refused(Some(&rules.name), refusal);
        if !rules.algorithms.has(read.header().algorithm) {
            return Err(refused(Refusal::Algorithm));
        }
        let checked = claims::check(&claims, rules, now).map_err(refused)?;
        let keys = issuer.for_header(read.header()).await?;
        let verified = token::verify(&read, &claims, checked, rules, &keys).map_err(refused)?;
        let verified = Arc::new(verified);
        // Kept even where it was revoked, so that asking again does not cost a signature.
        self.verified.put(hash, Arc::clone(&verified));
        if self.revocations.has(&verified) {
            return Err(refused(Refusal::Revoked));
        }
        Ok(verified)
    }

    /// What was kept of a token, if it still holds: its time, its key, and that nobody revoked it.
    fn kept(&self, hash: &cache::Hash, now: Timestamp) -> Kept {
        let Some(verified) = self.verified.get(hash) else { return Kept::Nothing };
        let issuer = self.by_name.get(&verified.issuer);
        if !verified.holds_at(now) || !issuer.is_some_and(|keys| keys.hold(verified.key())) {
            self.verified.forget(hash);
            return Kept::Nothing;
        }
        if self.revocations.has(&verified) { Kept::Revoked(verified) } else { Kept::Good(verified) }
    }

    /// How many verified tokens are kept.
    pub fn kept_tokens(&self) -> u64 {
        self.verified.len()
    }

    fn refused(&self, issuer: Option<&str>, refusal: Refusal) -> Error {
        self.observer.refused(issuer, refusal);
        refusal.into()
    }
}

impl std::fmt::Debug for Issuers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

/// What a caller is told while an issuer's keys cannot be had.
fn unavailable(again: Duration) -> Error {
    let sentence = "the keys of the token's issuer cannot be had at present";
    Error::new(Kind::PolicyUnavailable, sentence).retry_after(again.max(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests;
