//! From a credential to what is kept of it: SHA-256, or HMAC-SHA-256 with the pepper where one is
//! set. A plain hash is enough, since what is hashed has 256 random bits; the pepper is for those
//! who want a stolen store to be of no use even to find out which key is whose. The ring asks it
//! for every request.
//!
//! Invariant: hashes are compared in constant time.

use std::fmt;

use ring::{digest, hmac};
use smallvec::SmallVec;
use subtle::{Choice, ConstantTimeEq};

use crate::model::key::SecretHash;

/// The hashes that a credential may be kept under.
pub(super) type Candidates = SmallVec<[SecretHash; 2]>;

/// RFC 2104 discourages keys that are shorter than the hash.
const MIN_PEPPER: usize = 32;

/// Hashes credentials.
pub struct Hasher {
    pepper: Option<hmac::Key>,
}

/// The pepper has less than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is shorter than 32 bytes")]
pub struct PepperTooShort;

impl Hasher {
    /// Hashes with SHA-256.
    pub const fn plain() -> Self {
        Self { pepper: None }
    }

    /// Hashes with HMAC-SHA-256, the pepper's bytes being the key.
    ///
    /// # Errors
    ///
    /// Where the pepper has less than 32 bytes.
    pub fn peppered(pepper: &[u8]) -> Result<Self, PepperTooShort> {
        if pepper.len() < MIN_PEPPER {
            return Err(PepperTooShort);
        }
        Ok(Self { pepper: Some(hmac::Key::new(hmac::HMAC_SHA256, pepper)) })
    }

    /// Whether there is a pepper.
    pub const fn has_pepper(&self) -> bool {
        self.pepper.is_some()
    }

    /// The hash that a new secret is kept under.
    pub fn hash(&self, credential: &str) -> SecretHash {
        match &self.pepper {
            Some(pepper) => keyed(pepper, credential),
            None => plain(credential),
        }
    }

    /// Every hash that a credential may be kept under. With a pepper these are two: configuration
    /// may give plain hashes, and a store may be older than its pepper.
    pub(super) fn candidates(&self, credential: &str) -> Candidates {
        let mut candidates = Candidates::new();
        candidates.push(plain(credential));
        if let Some(pepper) = &self.pepper {
            candidates.push(keyed(pepper, credential));
        }
        candidates
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.has_pepper() { "hmac-sha256" } else { "sha256" })
    }
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub fn same(one: &SecretHash, other: &SecretHash) -> bool {
    // Word by word: byte by byte takes ten times as long.
    let (one, _) = one.0.as_chunks::<8>();
    let (other, _) = other.0.as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let pairs = one.iter().zip(other);
    pairs.fold(Choice::from(1), |all, (a, b)| all & word(a).ct_eq(&word(b))).into()
}

fn plain(credential: &str) -> SecretHash {
    of(digest::digest(&digest::SHA256, credential.as_bytes()).as_ref())
}

fn keyed(pepper: &hmac::Key, credential: &str) -> SecretHash {
    of(hmac::sign(pepper, credential.as_bytes()).as_ref())
}

/// Both algorithms give 32 bytes.
fn of(bytes: &[u8]) -> SecretHash {
    let mut hash = [0; 32];
    hash.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    SecretHash(hash)
}

#[cfg(test)]
mod tests {
    use super::super::hash_text::{HashText, Scheme};
    use super::*;

    #[test]
    fn hashes_are_those_of_other_programs() {
        // printf %s gsk_example | sha256sum
        let hash = Hasher::plain().hash("gsk_example");
        let text = HashText { scheme: Scheme::Sha256, hash }.to_string();
        assert_eq!(text, "sha256:03991086354a2cf456c0e110211a2f294ce0a74e764697f6ecdc3964049b51fc");
        // printf %s gsk_example | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let hasher = Hasher::peppered(b"0123456789abcdef0123456789abcdef").unwrap();
        let hash = hasher.hash("gsk_example");
        let text = HashText { scheme: Scheme::HmacSha256, hash }.to_string();
        assert_eq!(
            text,
            "hmac-sha256:6883f2db3d80751ae3c2a0ab5c7c4fef93d3cd5f5009445f81403e2bdf270950"
        );
    }

    #[test]
    fn with_a_pepper_both_forms_are_candidates() {
        let hasher = Hasher::peppered(&[7; 32]).unwrap();
        let candidates = hasher.candidates("secret");
        assert_eq!(candidates.as_slice(), [Hasher::plain().hash("secret"), hasher.hash("secret")]);
        assert_eq!(Hasher::plain().candidates("secret").len(), 1);
    }

    #[test]
    fn a_short_pepper_is_refused_and_none_is_printed() {
        assert_eq!(Hasher::peppered(&[7; 31]).unwrap_err(), PepperTooShort);
        assert_eq!(format!("{:?}", Hasher::peppered(&[7; 32]).unwrap()), "hmac-sha256");
    }

    #[test]
    fn hashes_that_differ_in_one_bit_are_not_the_same() {
        let one = SecretHash([0x5a; 32]);
        assert!(same(&one, &one.clone()));
        for bit in 0..256 {
            let mut other = one;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!same(&one, &other), "{bit}");
        }
    }
}
