//! The keys of a log, Ed25519, in the text that c2sp.org/signed-note and the Go package
//! `golang.org/x/mod/sumdb/note` give them. Notes are signed and judged by them.
//!
//! Invariant: a key's name and number are those of its own public half, so a text in which one of
//! the three was changed is no key; the private half is never printed but by the one function that
//! makes it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

/// The type of signature, as both texts begin it: Ed25519 over the note's text.
const ALGORITHM: u8 = 1;
/// Bytes of an Ed25519 key, of either half.
const KEY_BYTES: usize = 32;
/// What a private key's text begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// The key of one who signs notes.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

/// The public half: by it a note is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: [u8; KEY_BYTES],
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has not the form of a key.
    #[error("the key has not the form name+number+base64")]
    Form,
    /// It is a key of another kind.
    #[error("the key is not one of Ed25519")]
    Algorithm,
    /// Its number belongs to another name or another key.
    #[error("the key's number does not fit its name and bytes")]
    Number,
    /// No random bytes were to be had.
    #[error("the system has no random bytes for a key")]
    Random,
}

impl SigningKey {
    /// Makes a new key, and gives its text: `PRIVATE+KEY+name+number+base64`, to be kept secret.
    ///
    /// # Errors
    ///
    /// The name is no name of a key, or there is no randomness.
    pub fn generate(
        name: &str,
        random: &dyn SecureRandom,
    ) -> Result<(Self, Zeroizing<String>), KeyError> {
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        random.fill(seed.as_mut_slice()).map_err(|_| KeyError::Random)?;
        let key = Self::from_seed(name, &seed)?;
        let secret = Zeroizing::new([&[ALGORITHM], seed.as_slice()].concat());
        let encoded = Zeroizing::new(STANDARD.encode(secret.as_slice()));
        let text = format!("{PRIVATE}{name}+{:08x}+{}", key.verifier.id, encoded.as_str());
        Ok((key, Zeroizing::new(text)))
    }

    /// The key whose text this is.
    ///
    /// # Errors
    ///
    /// Why it is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let parts = text.strip_prefix(PRIVATE).ok_or(KeyError::Form)?;
        let (name, id, seed) = split(parts)?;
        let key = Self::from_seed(name, &seed)?;
        if key.verifier.id != id {
            return Err(KeyError::Number);
        }
        Ok(key)
    }

    /// The key whose private half is these bytes (RFC 8032, 5.1.5).
    ///
    /// # Errors
    ///
    /// The name is no name of a key.
    pub fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Form)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Form)?;
        Ok(Self { pair, verifier: VerifierKey::new(name, public)? })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature of a text: 64 bytes.
    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl VerifierKey {
    fn new(name: &str, public: [u8; KEY_BYTES]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Form);
        }
        let data = [name.as_bytes(), &[b'\n', ALGORITHM], &public].concat();
        let hash = digest(&SHA256, &data);
        let first = hash.as_ref().first_chunk().ok_or(KeyError::Form)?;
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*first), public })
    }

    /// The key whose text this is: `name+number+base64`, as it prints itself.
    ///
    /// # Errors
    ///
    /// Why it is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, id, public) = split(text)?;
        let key = Self::new(name, *public)?;
        if key.id != id {
            return Err(KeyError::Number);
        }
        Ok(key)
    }

    /// Whose key it is: by custom the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number, which tells keys of one name apart. It is no fingerprint: it is short enough to
    /// be made by force.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether this key signed the text.
    pub(super) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        key.verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ALGORITHM], self.public.as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

/// Whether a key may be named so: not empty, without spaces and pluses, which the texts of keys
/// and of signatures are cut at.
pub(super) fn is_name(name: &str) -> bool {
    let is_cut = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(is_cut)
}

/// The name, the number and the bytes of a key.
type Parts<'a> = (&'a str, u32, Zeroizing<[u8; KEY_BYTES]>);

fn split(text: &str) -> Result<Parts<'_>, KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
    let (number, key) = rest.split_once('+').ok_or(KeyError::Form)?;
    let id = u32::from_str_radix(number, 16).map_err(|_| KeyError::Form)?;
    if format!("{id:08x}") != number {
        return Err(KeyError::Form);
    }
    let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| KeyError::Form)?);
    let (algorithm, key) = key.split_first().ok_or(KeyError::Form)?;
    if *algorithm != ALGORITHM {
        return Err(KeyError::Algorithm);
    }
    let key = key.try_into().map_err(|_| KeyError::Form)?;
    Ok((name, id, Zeroizing::new(key)))
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    // The example of golang.org/x/mod/sumdb/note.
    const PRIVATE_KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_keys_of_the_go_package_are_read_and_written() {
        let key = SigningKey::parse(PRIVATE_KEY).unwrap();
        assert_eq!(key.verifier().to_string(), PUBLIC_KEY);
        assert_eq!(key.verifier(), &VerifierKey::parse(PUBLIC_KEY).unwrap());
        assert!(!format!("{key:?}").contains("pair"));
    }

    #[test]
    fn a_generated_key_comes_back_from_its_text() {
        let (key, text) = SigningKey::generate("example.com/log", &SystemRandom::new()).unwrap();
        let again = SigningKey::parse(&text).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(again.sign("text\n"), key.sign("text\n"));
        for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b"] {
            let made = SigningKey::generate(name, &SystemRandom::new());
            assert_eq!(made.unwrap_err(), KeyError::Form);
        }
    }

    #[test]
    fn a_changed_key_is_none() {
        assert_eq!(VerifierKey::parse(&PUBLIC_KEY.replace("c7", "C7")), Err(KeyError::Form));
        assert_eq!(VerifierKey::parse(&PUBLIC_KEY.replace("Peter", "Paul")), Err(KeyError::Number));
        assert_eq!(VerifierKey::parse(&PUBLIC_KEY.replace("c7", "c8")), Err(KeyError::Number));
        assert_eq!(VerifierKey::parse(&PUBLIC_KEY.replace("+AR", "+BR")), Err(KeyError::Algorithm));
        let of_another = PRIVATE_KEY.replace("+AYEK", "+AYEL");
        assert_eq!(SigningKey::parse(&of_another).unwrap_err(), KeyError::Number);
        assert_eq!(SigningKey::parse(PUBLIC_KEY).unwrap_err(), KeyError::Form);
    }
}
