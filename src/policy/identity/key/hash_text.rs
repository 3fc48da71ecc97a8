//! A hash in configuration: `sha256:<64 hex digits>` or `hmac-sha256:<64 hex digits>`. Whoever
//! builds the ring from `identity.keys[]` reads it; commands print it.
//!
//! Invariant: no error holds any of the text, since people paste the key itself by mistake.

use std::fmt;

use super::form::PREFIX;
use crate::model::key::SecretHash;

/// How a hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// SHA-256.
    Sha256,
    /// HMAC-SHA-256 with the pepper.
    HmacSha256,
}

impl Scheme {
    /// Its name before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

/// A hash and how it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashText {
    /// How it was made.
    pub scheme: Scheme,
    /// The hash.
    pub hash: SecretHash,
}

/// Why a text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashTextError {
    /// It is the key itself.
    #[error("is a key itself, where its hash belongs; the key is now in a file: make a new one")]
    IsTheKey,
    /// It has no scheme that is known.
    #[error("begins with neither `sha256:` nor `hmac-sha256:`")]
    Scheme,
    /// It has not 64 digits.
    #[error("has {0} characters after the colon, not 64 hexadecimal digits")]
    Length(usize),
    /// It has something else than digits.
    #[error("has something else than hexadecimal digits after the colon")]
    NotHex,
    /// It is the hash of nothing.
    #[error("is the hash of an empty text (the variable that was hashed was not set)")]
    OfNothing,
    /// It needs a pepper.
    #[error("is an `hmac-sha256:` hash, and `identity.pepper` is not set")]
    NeedsPepper,
}

/// What `printf '' | sha256sum` prints.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

impl HashText {
    /// Reads a hash; digits may be of either case.
    ///
    /// # Errors
    ///
    /// Sentences that follow the name of the setting.
    pub fn parse(text: &str) -> Result<Self, HashTextError> {
        if text.starts_with(PREFIX) {
            return Err(HashTextError::IsTheKey);
        }
        let (scheme, digits) = text.split_once(':').ok_or(HashTextError::Scheme)?;
        let schemes = [Scheme::Sha256, Scheme::HmacSha256];
        let scheme = schemes.into_iter().find(|known| known.name() == scheme);
        let scheme = scheme.ok_or(HashTextError::Scheme)?;
        if digits.len() != 64 {
            return Err(HashTextError::Length(digits.chars().count()));
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = hex_byte(pair).ok_or(HashTextError::NotHex)?;
        }
        if scheme == Scheme::Sha256 && hash == OF_NOTHING {
            return Err(HashTextError::OfNothing);
        }
        Ok(Self { scheme, hash: SecretHash(hash) })
    }

    /// The hash, where it can ever be found.
    ///
    /// # Errors
    ///
    /// [`HashTextError::NeedsPepper`] for a hash with a pepper where there is none.
    pub fn usable(self, has_pepper: bool) -> Result<SecretHash, HashTextError> {
        match self.scheme {
            Scheme::HmacSha256 if !has_pepper => Err(HashTextError::NeedsPepper),
            Scheme::Sha256 | Scheme::HmacSha256 => Ok(self.hash),
        }
    }
}

impl fmt::Display for HashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme.name())?;
        self.hash.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let digit = |c: u8| char::from(c).to_digit(16);
    match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_what_it_printed() {
        for scheme in [Scheme::Sha256, Scheme::HmacSha256] {
            let hash = SecretHash(std::array::from_fn(|place| place as u8 * 7));
            let text = HashText { scheme, hash }.to_string();
            assert_eq!(HashText::parse(&text), Ok(HashText { scheme, hash }));
            let loud = text.to_uppercase().replace("HMAC-SHA256", "hmac-sha256");
            let loud = loud.replace("SHA256", "sha256");
            assert_eq!(HashText::parse(&loud), Ok(HashText { scheme, hash }));
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_nothing_of_the_text() {
        let zeros = "0".repeat(63);
        let cases = [
            (format!("swy_acme_{zeros}"), HashTextError::IsTheKey),
            (zeros.clone(), HashTextError::Scheme),
            (format!("md5:{zeros}0"), HashTextError::Scheme),
            (format!("SHA256:{zeros}0"), HashTextError::Scheme),
            (format!("sha256:{zeros}"), HashTextError::Length(63)),
            (format!("sha256:{zeros}00"), HashTextError::Length(65)),
            (format!("sha256:{zeros}g"), HashTextError::NotHex),
            (format!("sha256:{zeros}+"), HashTextError::NotHex),
            (format!("sha256: {zeros}"), HashTextError::NotHex),
        ];
        for (text, error) in cases {
            assert_eq!(HashText::parse(&text), Err(error), "{text}");
            assert!(!error.to_string().contains("00"), "{error}");
        }
        let hash = super::super::hash::Hasher::plain().hash("");
        let text = HashText { scheme: Scheme::Sha256, hash }.to_string();
        assert_eq!(HashText::parse(&text), Err(HashTextError::OfNothing));
    }

    #[test]
    fn a_hash_with_a_pepper_needs_one() {
        let hash = SecretHash([1; 32]);
        let (plain, keyed) = (Scheme::Sha256, Scheme::HmacSha256);
        assert_eq!(HashText { scheme: plain, hash }.usable(false), Ok(hash));
        assert_eq!(HashText { scheme: keyed, hash }.usable(true), Ok(hash));
        let refused = HashText { scheme: keyed, hash }.usable(false);
        assert_eq!(refused, Err(HashTextError::NeedsPepper));
    }
}
