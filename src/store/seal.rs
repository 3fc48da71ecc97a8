//! What keeps text at rest unreadable: AES-256-GCM under a key of its own for every row, derived
//! from the configured one (HKDF, RFC 5869). The store seals what callers and agents have said
//! before an engine sees it. What is long is compressed first: what is written, flushed and copied
//! of a conversation is most of what keeping it costs.
//!
//! Invariant: a sealed text opens only under the name that it was sealed for, so that rows cannot
//! be exchanged; a key never seals more than one row's few texts, so that random nonces suffice.

use std::fmt;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, digest, hkdf, hmac};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// The form of what follows: a text as it is.
const PLAIN: u8 = 1;
/// The form of what follows: a text's length and its LZ4 block.
const COMPRESSED: u8 = 2;
/// Bytes from which on a text is compressed. A shorter one would hardly become any shorter.
const LONG: usize = 2_048;
/// Bytes by which the key is found that a text was sealed with.
const KEY_NAME: usize = 4;
const HEAD: usize = 1 + KEY_NAME + aead::NONCE_LEN;

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

struct Keys {
    /// The first one seals; all of them open.
    all: Vec<([u8; KEY_NAME], hkdf::Prk)>,
    digests: hmac::Key,
    random: SystemRandom,
}

impl Sealer {
    /// Seals with `key`, and opens what it or one of `old` has sealed.
    pub fn new(key: &[u8; KEY_BYTES], old: &[[u8; KEY_BYTES]]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"switchyard store");
        let named = |key: &[u8; KEY_BYTES]| {
            let name = digest::digest(&digest::SHA256, key);
            let mut short = [0; KEY_NAME];
            short.copy_from_slice(&name.as_ref()[..KEY_NAME]);
            (short, salt.extract(key))
        };
        let all: Vec<_> = std::iter::once(key).chain(old).map(named).collect();
        let digests = hmac::Key::new(hmac::HMAC_SHA256, &*derived(&salt.extract(key), &["digest"]));
        Self(Arc::new(Keys { all, digests, random: SystemRandom::new() }))
    }

    /// Seals `text` for the thing of this kind and name.
    pub fn seal(&self, kind: &str, name: &str, text: &[u8]) -> Result<Vec<u8>> {
        if text.len() < LONG {
            return self.sealed(PLAIN, kind, name, text);
        }
        self.sealed(COMPRESSED, kind, name, &lz4_flex::compress_prepend_size(text))
    }

    fn sealed(&self, form: u8, kind: &str, name: &str, text: &[u8]) -> Result<Vec<u8>> {
        let (key_name, prk) = self.0.all.first().ok_or_else(|| broken(Unsealable))?;
        let mut nonce = [0; aead::NONCE_LEN];
        self.0.random.fill(&mut nonce).map_err(|_| broken(Unsealable))?;
        let mut sealed = Vec::with_capacity(HEAD + text.len() + aead::MAX_TAG_LEN);
        sealed.push(form);
        sealed.extend_from_slice(key_name);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = cipher(prk, kind, name)?
            .seal_in_place_separate_tag(nonce, aead::Aad::from([form]), &mut sealed[HEAD..])
            .map_err(|_| broken(Unsealable))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for the thing of this kind and name.
    pub fn open(&self, kind: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let unreadable = || broken(Unreadable);
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or_else(unreadable)?;
        let (form, rest_of_head) = head.split_first().ok_or_else(unreadable)?;
        let (key_name, nonce) = rest_of_head.split_at(KEY_NAME);
        let known = self.0.all.iter().find(|(name, _)| name == key_name);
        let (_, prk) = known.ok_or_else(|| broken(OtherKey))?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut text = rest.to_vec();
        let length = cipher(prk, kind, name)?
            .open_in_place(nonce, aead::Aad::from([*form]), &mut text)
            .map_err(|_| unreadable())?
            .len();
        text.truncate(length);
        // By whom it was sealed is known by now, so that its length can be believed.
        match *form {
            PLAIN => Ok(text),
            COMPRESSED => lz4_flex::decompress_size_prepended(&text).map_err(broken),
            _ => Err(unreadable()),
        }
    }

    /// The keyed digest of a text, for one purpose: who has neither the text nor the key learns
    /// nothing from it, and cannot try texts out.
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0.digests);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    /// A key for another purpose, the same each time.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        match self.0.all.first() {
            Some((_, prk)) => derived(prk, &["for", purpose]),
            None => Zeroizing::new([0; KEY_BYTES]),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealer]")
    }
}

fn cipher(prk: &hkdf::Prk, kind: &str, name: &str) -> Result<aead::LessSafeKey> {
    let key = derived(prk, &["row", kind, name]);
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &*key);
    Ok(aead::LessSafeKey::new(key.map_err(|_| broken(Unsealable))?))
}

/// Each part with its length, so that no two lists of parts are one.
fn derived(prk: &hkdf::Prk, parts: &[&str]) -> Zeroizing<[u8; KEY_BYTES]> {
    let lengths: Vec<[u8; 8]> =
        parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let mut info: Vec<&[u8]> = Vec::with_capacity(parts.len() * 2);
    for (part, length) in parts.iter().zip(&lengths) {
        info.extend([length.as_slice(), part.as_bytes()]);
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    // Fails only for longer keys than HKDF makes.
    if let Ok(okm) = prk.expand(&info, hkdf::HKDF_SHA256) {
        okm.fill(&mut *key).ok();
    }
    key
}

fn broken(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Internal, "what the store holds cannot be read").caused_by(cause)
}

#[derive(Debug, thiserror::Error)]
#[error("a text cannot be sealed")]
struct Unsealable;

#[derive(Debug, thiserror::Error)]
#[error("a sealed text was changed, or is another row's")]
struct Unreadable;

#[derive(Debug, thiserror::Error)]
#[error("a text was sealed with a key that is not configured")]
struct OtherKey;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8, old: &[u8]) -> Sealer {
        let old: Vec<_> = old.iter().map(|byte| [*byte; KEY_BYTES]).collect();
        Sealer::new(&[byte; KEY_BYTES], &old)
    }

    #[test]
    fn a_text_opens_where_it_belongs_and_nowhere_else() {
        let one = sealer(1, &[]);
        let sealed = one.seal("run", "run_1", b"hello").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"hello"));
        assert_eq!(one.open("run", "run_1", &sealed).unwrap(), b"hello");
        assert!(one.open("run", "run_2", &sealed).is_err());
        assert!(one.open("thread", "run_1", &sealed).is_err());
        assert!(sealer(2, &[]).open("run", "run_1", &sealed).is_err());
        assert_eq!(sealer(2, &[1]).open("run", "run_1", &sealed).unwrap(), b"hello");
        assert_eq!(
            one.seal("run", "run_1", b"").map(|it| one.open("run", "run_1", &it).unwrap()).unwrap(),
            b""
        );
    }

    #[test]
    fn what_is_long_is_kept_short_and_comes_back_whole() {
        let one = sealer(1, &[]);
        let long = "The oldest of the 14 tickets waits for us. ".repeat(1_000);
        for text in [&long[..LONG - 1], &long[..LONG], &long] {
            let sealed = one.seal("run", "run_1", text.as_bytes()).unwrap();
            assert_eq!(one.open("run", "run_1", &sealed).unwrap(), text.as_bytes());
            assert_eq!(sealed.len() < text.len() / 2, text.len() >= LONG, "{}", text.len());
            let mut other = sealed.clone();
            other[0] = 3 - other[0];
            assert!(one.open("run", "run_1", &other).is_err());
        }
    }

    #[test]
    fn no_changed_byte_is_overlooked() {
        let one = sealer(1, &[]);
        let sealed = one.seal("run", "run_1", b"hello").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(one.open("run", "run_1", &changed).is_err(), "{at}");
            assert!(one.open("run", "run_1", &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn digests_depend_on_key_purpose_and_the_borders_of_parts() {
        let one = sealer(1, &[]);
        assert_eq!(one.digest("a", &[b"bc"]), one.digest("a", &[b"bc"]));
        assert_ne!(one.digest("a", &[b"b", b"c"]), one.digest("a", &[b"bc"]));
        assert_ne!(one.digest("ab", &[b"c"]), one.digest("a", &[b"bc"]));
        assert_ne!(sealer(2, &[]).digest("a", &[b"bc"]), one.digest("a", &[b"bc"]));
        assert_ne!(*one.derive("x"), *one.derive("y"));
    }
}
