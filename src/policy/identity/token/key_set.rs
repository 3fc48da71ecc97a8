//! The keys of one issuer, as it publishes them (JWK set, RFC 7517 section 5), and the one key
//! that a header means. [`crate::policy::identity::issuer`] reads sets; [`super::unverified`] asks
//! them.
//!
//! Invariant: finding a key costs the same in a set of one and of ten thousand, and is never a
//! guess: where two keys could be meant, none is.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::header::Header;
use super::key::{Fingerprint, Key};
use super::refusal::Refusal;

/// The most keys that a set may have. The largest known have three thousand.
pub const MOST_KEYS: usize = 10_000;

/// Why a set cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSet {
    /// It is no JSON object with a list `keys`.
    #[error("not a JWK set")]
    NotASet,
    /// It has more than [`MOST_KEYS`].
    #[error("too many keys")]
    TooMany,
    /// None of its keys can verify a token.
    #[error("no usable key")]
    NoUsableKey,
}

/// The usable keys of one issuer.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    by_id: HashMap<Box<str>, Meant>,
    /// For each algorithm, the key that is meant where a token names none.
    alone: [Option<Meant>; Algorithm::ALL.len()],
    fingerprints: HashSet<Fingerprint>,
}

/// Which key a name or an algorithm means.
#[derive(Clone, Copy, Debug)]
enum Meant {
    /// The one at this place.
    One(usize),
    /// It cannot be said.
    Several,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set. Keys that cannot be used are left out.
    pub fn read(text: &[u8]) -> Result<Self, BadSet> {
        let published: Published = serde_json::from_slice(text).map_err(|_| BadSet::NotASet)?;
        if published.keys.len() > MOST_KEYS {
            return Err(BadSet::TooMany);
        }
        let set = Self::of(published.keys.iter().filter_map(Key::read));
        if set.fingerprints.is_empty() { Err(BadSet::NoUsableKey) } else { Ok(set) }
    }

    fn of(published: impl Iterator<Item = Key>) -> Self {
        let mut keys: Vec<Key> = Vec::new();
        let mut by_id: HashMap<Box<str>, Meant> = HashMap::new();
        for key in published {
            let place = keys.len();
            if let Some(id) = &key.id {
                match by_id.get(id).copied() {
                    None => {
                        by_id.insert(id.clone(), Meant::One(place));
                    }
                    Some(Meant::One(first)) => match keys.get_mut(first) {
                        // The same key, once for each of its algorithms.
                        Some(first) if first.is_same_material(&key) => {
                            first.algorithms = first.algorithms.with(key.algorithms);
                            continue;
                        }
                        _ => {
                            by_id.insert(id.clone(), Meant::Several);
                        }
                    },
                    Some(Meant::Several) => {}
                }
            }
            keys.push(key);
        }
        let mut set = Self { keys, by_id, alone: Default::default(), fingerprints: HashSet::new() };
        set.index();
        set
    }

    fn index(&mut self) {
        for (place, key) in self.keys.iter().enumerate() {
            for algorithm in key.algorithms.iter() {
                if let Some(alone) = self.alone.get_mut(algorithm as usize) {
                    *alone = Some(alone.map_or(Meant::One(place), |_| Meant::Several));
                }
            }
            let ambiguous = key.id.as_deref().and_then(|id| self.by_id.get(id));
            if !matches!(ambiguous, Some(Meant::Several)) {
                self.fingerprints.insert(key.fingerprint());
            }
        }
    }

    /// The key that a header means.
    pub fn find(&self, header: &Header) -> Result<&Key, Refusal> {
        let meant = match header.key_id.as_deref() {
            Some(id) => self.by_id.get(id).copied(),
            None => self.alone.get(header.algorithm as usize).copied().flatten(),
        };
        let key = match meant {
            None => return Err(Refusal::UnknownKey),
            Some(Meant::Several) => return Err(Refusal::AmbiguousKey),
            Some(Meant::One(place)) => self.keys.get(place).ok_or(Refusal::UnknownKey)?,
        };
        if key.algorithms.has(header.algorithm) { Ok(key) } else { Err(Refusal::KeyMismatch) }
    }

    /// Whether it has a key of this name, usable or not clear.
    pub fn knows(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether the key that once verified a token still stands in it, unchanged.
    pub fn holds(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    /// How many keys tokens can be verified by.
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Whether there is none. A set that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const OTHER: &str = "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08";

    fn ed(id: &str, x: &str) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id})
    }

    fn read(keys: &[Value]) -> Result<KeySet, BadSet> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn header(id: Option<&str>) -> Header {
        Header { algorithm: Algorithm::EdDSA, key_id: id.map(str::to_owned) }
    }

    fn found(set: &KeySet, id: Option<&str>) -> Result<Option<String>, Refusal> {
        set.find(&header(id)).map(|key| key.id.as_deref().map(str::to_owned))
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let set = read(&[ed("a", X), ed("b", OTHER)]).unwrap();
        assert_eq!(found(&set, Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(found(&set, Some("c")), Err(Refusal::UnknownKey));
        let rsa = Header { algorithm: Algorithm::RS256, key_id: Some("a".to_owned()) };
        assert_eq!(set.find(&rsa).err(), Some(Refusal::KeyMismatch));
    }

    #[test]
    fn a_token_that_names_no_key_means_the_only_one_that_fits() {
        let one = read(&[ed("a", X), json!({"kty": "oct", "k": "AAAA"})]).unwrap();
        assert_eq!(found(&one, None), Ok(Some("a".to_owned())));
        let two = read(&[ed("a", X), ed("b", OTHER)]).unwrap();
        assert_eq!(found(&two, None), Err(Refusal::AmbiguousKey));
        let rsa = Header { algorithm: Algorithm::RS256, key_id: None };
        assert_eq!(one.find(&rsa).err(), Some(Refusal::UnknownKey));
    }

    #[test]
    fn a_name_that_two_keys_have_means_neither() {
        let set = read(&[ed("a", X), ed("a", OTHER), ed("a", X), ed("b", X)]).unwrap();
        assert_eq!(found(&set, Some("a")), Err(Refusal::AmbiguousKey));
        assert_eq!(found(&set, Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(set.len(), 1);
        // The same key twice is one key.
        let mut again = ed("a", X);
        again["alg"] = json!("EdDSA");
        let set = read(&[ed("a", X), again]).unwrap();
        assert_eq!(found(&set, Some("a")), Ok(Some("a".to_owned())));
        assert_eq!(found(&set, None), Ok(Some("a".to_owned())));
    }

    #[test]
    fn what_is_no_set_or_has_no_usable_key_is_not_taken() {
        for text in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "null"] {
            assert_eq!(KeySet::read(text.as_bytes()).err(), Some(BadSet::NotASet), "{text}");
        }
        assert_eq!(read(&[]).err(), Some(BadSet::NoUsableKey));
        assert_eq!(read(&[json!({"kty": "oct"}), json!(1)]).err(), Some(BadSet::NoUsableKey));
        assert_eq!(read(&[ed("a", X), ed("a", OTHER)]).err(), Some(BadSet::NoUsableKey));
        let many: Vec<Value> = (0..=MOST_KEYS).map(|at| ed(&at.to_string(), X)).collect();
        assert_eq!(read(&many).err(), Some(BadSet::TooMany));
        assert_eq!(read(&many[1..]).unwrap().len(), MOST_KEYS);
    }

    #[test]
    fn a_key_that_has_left_is_told_by_its_fingerprint() {
        let set = read(&[ed("a", X), ed("b", OTHER)]).unwrap();
        let print = set.find(&header(Some("a"))).unwrap().fingerprint();
        assert!(set.holds(&print));
        assert!(!read(&[ed("b", OTHER)]).unwrap().holds(&print));
        assert!(!read(&[ed("a", OTHER)]).unwrap().holds(&print));
        assert!(!read(&[ed("a", X), ed("a", OTHER), ed("c", X)]).unwrap().holds(&print));
    }
}
