//! Rings with many keys, and credentials to ask them for.
//!
//! Invariant: every credential is a whole key; only the ring knows which are its own.

use std::sync::Arc;

use async_trait::async_trait;
use switchyard::clock::{Clock, RandomIds, SystemClock, Timestamp};
use switchyard::error::{Error, Kind, Result};
use switchyard::model::key::{Key, KeyId, KeySecret};
use switchyard::model::scope::Scope;
use switchyard::policy::identity::key::{
    Backing, DEFAULT_STALE, Foreign, Hasher, KeyRequest, KeyRing, new_key, register,
};
use switchyard::store::{KeyChanges, Keys, RevokedToken};

use crate::Outcome;

/// Keys that the store gives at a time: so few that they do not count when memory is measured.
const PAGE: usize = 1_000;
/// More credentials than caches forget, and as many as a busy gateway has callers.
pub(crate) const ASKED: usize = 1_024;

/// A ring, and credentials that it knows and does not know.
pub(crate) struct Ring {
    pub(crate) ring: KeyRing,
    pub(crate) now: Timestamp,
    pub(crate) known: Vec<String>,
    pub(crate) unknown: Vec<String>,
    pub(crate) mistyped: Vec<String>,
}

pub(crate) fn hasher(has_pepper: bool) -> Outcome<Hasher> {
    Ok(if has_pepper { Hasher::peppered(&[7; 32])? } else { Hasher::plain() })
}

/// A ring with so many keys, all of a store.
pub(crate) fn ring(keys: usize, has_pepper: bool) -> Outcome<Ring> {
    let clock = Arc::new(SystemClock::new());
    let now = clock.now();
    let backing = Backing::Store { stale: DEFAULT_STALE * 100 };
    let ring = KeyRing::new(hasher(has_pepper)?, clock, backing);
    let secrets = || (0..ASKED).map(|_| secret(ring.hasher(), now));
    let known = secrets().take(keys).collect::<Outcome<Vec<String>>>()?;
    let unknown = secrets().collect::<Outcome<Vec<String>>>()?;
    let mistyped = unknown.iter().map(|text| mistype(text)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Pages { known: &known, hasher: ring.hasher(), keys };
    for _ in 0..keys.div_ceil(PAGE) {
        runtime.block_on(ring.refresh(&store))?;
    }
    Ok(Ring { now, known, unknown, mistyped, ring })
}

/// A store whose version is the number of keys that it has given away.
struct Pages<'a> {
    known: &'a [String],
    hasher: &'a Hasher,
    keys: usize,
}

impl Pages<'_> {
    /// The known keys are spread among the others.
    fn key(&self, number: usize, now: Timestamp) -> Result<Key> {
        let apart = (self.keys / ASKED).max(1);
        let known = self.known.get(number / apart).filter(|_| number.is_multiple_of(apart));
        let wanted = request(format!("key-{number}"));
        match known {
            Some(text) => register(wanted, Foreign::Text(text), self.hasher, &RandomIds, now),
            None => Ok(new_key(wanted, self.hasher, &RandomIds, now)?.key),
        }
    }
}

#[async_trait]
impl Keys for Pages<'_> {
    async fn changes(&self, since: u64, now: Timestamp) -> Result<KeyChanges> {
        let since = usize::try_from(since).unwrap_or(self.keys);
        let until = (since + PAGE).min(self.keys);
        let keys = (since..until).map(|number| self.key(number, now)).collect::<Result<_>>()?;
        Ok(KeyChanges { version: until as u64, keys, revoked_tokens: Vec::new() })
    }

    async fn add(&self, _: &Key) -> Result<()> {
        Err(unused())
    }

    async fn get(&self, _: &KeyId) -> Result<Option<Key>> {
        Err(unused())
    }

    async fn list(&self, _: Option<&str>, _: Option<&KeyId>, _: usize) -> Result<Vec<Key>> {
        Err(unused())
    }

    async fn rotate(&self, _: &KeyId, _: KeySecret, _: Timestamp, _: Timestamp) -> Result<Key> {
        Err(unused())
    }

    async fn revoke(&self, _: &KeyId, _: Timestamp) -> Result<Key> {
        Err(unused())
    }

    async fn revoke_token(&self, _: &RevokedToken, _: Timestamp) -> Result<()> {
        Err(unused())
    }
}

fn unused() -> Error {
    Error::new(Kind::Internal, "the bench only reads changes")
}

fn request(name: String) -> KeyRequest {
    KeyRequest {
        name,
        workspace: "acme".to_owned(),
        scopes: [Scope::RunsRead, Scope::RunsWrite].into_iter().collect(),
        groups: vec!["support".to_owned()],
        ..KeyRequest::default()
    }
}

fn secret(hasher: &Hasher, now: Timestamp) -> Outcome<String> {
    let made = new_key(request("bench".to_owned()), hasher, &RandomIds, now)?;
    Ok(made.secret.reveal().to_owned())
}

/// One digit of the random part is another one.
fn mistype(text: &str) -> String {
    let change = |(place, digit): (usize, char)| match (place, digit) {
        (20, 'x') => 'y',
        (20, _) => 'x',
        (_, digit) => digit,
    };
    text.chars().enumerate().map(change).collect()
}
