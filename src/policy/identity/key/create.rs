//! Makes keys, registers secrets of other APIs as keys, and gives a key its next secret. Commands
//! and the admin API call it and hand the result to the store; whoever builds the ring calls
//! [`configured`].
//!
//! Invariant: nothing here keeps a secret; what goes to the store has its hash only.

use std::time::Duration;

use super::form::{self, PREFIX};
use super::hash::Hasher;
use super::secret::Secret;
use super::validate::KeyRequest;
use crate::clock::{Ids, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::model::key::{Key, KeyId, KeySecret, SecretHash};

/// How long an old secret stays valid beside its successor, where nothing else is said: a day is
/// enough to change it everywhere, with people of other time zones.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3_600);
/// The longest that it may: two secrets are twice as many to lose.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A shorter text is no random secret, and its hash could be guessed: 20 letters and digits have
/// about 119 bits.
const MIN_FOREIGN: usize = 20;

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    /// What goes to the store.
    pub key: Key,
    /// What is shown, once.
    pub secret: Secret,
}

/// A secret of another API.
#[derive(Clone, Copy)]
pub enum Foreign<'a> {
    /// Its hash, so that it need not be known here.
    Hash(SecretHash),
    /// Its text.
    Text(&'a str),
}

/// A key's next secret.
#[derive(Debug)]
pub struct Rotation {
    /// What is shown, once.
    pub secret: Secret,
    /// What goes to the store.
    pub replacement: KeySecret,
    /// Until when the old secret is valid.
    pub old_until: Timestamp,
}

/// Makes a key.
///
/// # Errors
///
/// `InvalidRequest` naming each field that is wrong; `Internal` where there are no random bits.
pub fn new_key(
    wanted: KeyRequest,
    hasher: &Hasher,
    ids: &dyn Ids,
    now: Timestamp,
) -> Result<NewKey> {
    wanted.check_new(now)?;
    let secret = Secret::generate(&wanted.workspace)?;
    let hash = hasher.hash(secret.reveal());
    Ok(NewKey { key: assemble(wanted, KeyId::new(ids, now), hash, now), secret })
}

/// Registers a secret of another API as a key, so that its holder need not change it.
///
/// # Errors
///
/// `InvalidRequest` naming each field that is wrong; the field of the secret is `secret`.
pub fn register(
    wanted: KeyRequest,
    secret: Foreign<'_>,
    hasher: &Hasher,
    ids: &dyn Ids,
    now: Timestamp,
) -> Result<Key> {
    wanted.check_new(now)?;
    let hash = match secret {
        Foreign::Hash(hash) => hash,
        Foreign::Text(text) => {
            check_foreign(text)?;
            hasher.hash(text)
        }
    };
    Ok(assemble(wanted, KeyId::new(ids, now), hash, now))
}

/// A key of the configuration. Its id is `key_<workspace>.<name>`, the same in every run and on
/// every node, so its name has only what an id can have.
///
/// # Errors
///
/// `InvalidRequest` naming each field that is wrong.
pub fn configured(wanted: KeyRequest, hash: SecretHash, now: Timestamp) -> Result<Key> {
    wanted.check()?;
    let id = KeyId::parse(&format!("key_{}.{}", wanted.workspace, wanted.name));
    let message = "of a configured key is letters, digits and . _ -, and has with its workspace \
                   at most 79 characters";
    let id = id.ok_or_else(|| Error::invalid("name", message))?;
    Ok(assemble(wanted, id, hash, now))
}

/// Makes a key's next secret. The store decides once more whether the key can have one.
///
/// # Errors
///
/// `Conflict` for a key that is revoked or has expired, `InvalidRequest` for too long an overlap,
/// `Internal` where there are no random bits.
pub fn rotate(key: &Key, overlap: Duration, hasher: &Hasher, now: Timestamp) -> Result<Rotation> {
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|expires_at| expires_at <= now) {
        let message = "the key is revoked or has expired: make a new one";
        return Err(Error::new(Kind::Conflict, message));
    }
    if overlap > MAX_OVERLAP {
        return Err(Error::invalid("overlap", "is longer than 30 days"));
    }
    let secret = Secret::generate(&key.workspace)?;
    let hash = hasher.hash(secret.reveal());
    let replacement = KeySecret { hash, created_at: now, expires_at: None };
    Ok(Rotation { secret, replacement, old_until: now.later(overlap) })
}

fn check_foreign(text: &str) -> Result<()> {
    if !form::is_readable(text) || text.len() < MIN_FOREIGN {
        return Err(Error::invalid("secret", "is not 20 to 512 characters of visible ASCII"));
    }
    if text.starts_with(PREFIX) && form::parse(text).is_err() {
        return Err(Error::invalid("secret", "begins as a key of this gateway, but is not whole"));
    }
    Ok(())
}

fn assemble(wanted: KeyRequest, id: KeyId, hash: SecretHash, now: Timestamp) -> Key {
    let KeyRequest { name, workspace, scopes, groups, agents, class, expires_at } = wanted;
    let secrets = vec![KeySecret { hash, created_at: now, expires_at: None }];
    Key {
        id,
        name,
        workspace,
        scopes,
        groups,
        agents,
        class,
        secrets,
        created_at: now,
        expires_at,
        revoked_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::request;
    use super::*;
    use crate::clock::CountingIds;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_new_key_holds_the_hash_of_the_secret_that_is_shown() {
        let hasher = Hasher::peppered(&[7; 32]).unwrap();
        let made = new_key(request("n8n"), &hasher, &CountingIds::default(), NOW).unwrap();
        assert_eq!(form::parse(made.secret.reveal()).unwrap().workspace, "acme");
        assert_eq!(made.key.secrets.len(), 1);
        assert_eq!(made.key.secrets[0].hash, hasher.hash(made.secret.reveal()));
        assert!(!format!("{made:?}").contains(made.secret.reveal()));
        assert!(KeyId::parse(made.key.id.as_str()).is_some());
    }

    #[test]
    fn a_wrong_request_makes_no_key() {
        let ids = CountingIds::default();
        let error = new_key(request(""), &Hasher::plain(), &ids, NOW).unwrap_err();
        assert_eq!(error.fields()[0].path, "name");
    }

    #[test]
    fn a_foreign_secret_is_registered_by_text_or_by_hash_alike() {
        let (hasher, ids) = (Hasher::plain(), CountingIds::default());
        let text = "gsk_0123456789abcdefghij";
        let by_text = register(request("a"), Foreign::Text(text), &hasher, &ids, NOW).unwrap();
        let hash = Foreign::Hash(hasher.hash(text));
        let by_hash = register(request("a"), hash, &hasher, &ids, NOW).unwrap();
        assert_eq!(by_text.secrets, by_hash.secrets);
        let long = "a".repeat(513);
        let mistyped = format!("swy_acme_{}", "0".repeat(49));
        for text in ["", "gsk_short", "gsk_0123456789 abcdefghij", &long, &mistyped] {
            let error = register(request("a"), Foreign::Text(text), &hasher, &ids, NOW);
            let error = error.unwrap_err();
            assert_eq!(error.fields()[0].path, "secret");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }

    #[test]
    fn a_configured_key_has_the_same_id_each_time_and_may_have_expired() {
        let mut wanted = request("n8n");
        wanted.expires_at = Some(Timestamp(1));
        let key = configured(wanted, SecretHash([1; 32]), NOW).unwrap();
        assert_eq!(key.id.as_str(), "key_acme.n8n");
        for name in ["n 8 n", "ä", &"a".repeat(80)] {
            let error = configured(request(name), SecretHash([1; 32]), NOW).unwrap_err();
            assert_eq!(error.fields()[0].path, "name");
        }
    }

    #[test]
    fn a_rotation_is_for_a_living_key_and_ends_the_old_secret_in_time() {
        let (hasher, ids) = (Hasher::plain(), CountingIds::default());
        let NewKey { mut key, secret } = new_key(request("a"), &hasher, &ids, NOW).unwrap();
        let next = rotate(&key, DEFAULT_OVERLAP, &hasher, NOW).unwrap();
        assert_eq!(next.replacement.hash, hasher.hash(next.secret.reveal()));
        assert_ne!(next.secret.reveal(), secret.reveal());
        assert_eq!(next.old_until, Timestamp(NOW.0 + 86_400_000_000));
        let long = MAX_OVERLAP + Duration::from_secs(1);
        let error = rotate(&key, long, &hasher, NOW).unwrap_err();
        assert_eq!(error.fields()[0].path, "overlap");
        key.expires_at = Some(NOW);
        assert_eq!(rotate(&key, DEFAULT_OVERLAP, &hasher, NOW).unwrap_err().kind(), Kind::Conflict);
        (key.expires_at, key.revoked_at) = (None, Some(NOW));
        assert_eq!(rotate(&key, DEFAULT_OVERLAP, &hasher, NOW).unwrap_err().kind(), Kind::Conflict);
    }
}
