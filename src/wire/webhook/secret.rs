//! What the sender and the receiver of webhooks share: `whsec_` and the base64 of 24 to 64 bytes.
//! Whoever reads the configuration parses it; the verifier of hooks and the signer of callbacks
//! sign with it.
//!
//! Invariant: it is never printed, and no error holds any of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use zeroize::Zeroizing;

/// How every secret begins.
const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the specification has them: 192 to 512 bits.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that requests are signed with.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It begins otherwise.
    #[error("does not begin with `whsec_`")]
    Prefix,
    /// The rest is no base64.
    #[error("is not standard base64, with its padding, after `whsec_`")]
    Base64,
    /// It is too short or too long.
    #[error("has {0} bytes, not 24 to 64")]
    Length(usize),
}

impl SigningSecret {
    /// Reads a secret.
    ///
    /// # Errors
    ///
    /// Sentences that follow the name of the setting.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let digits = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = Zeroizing::new(STANDARD.decode(digits).map_err(|_| SecretError::Base64)?);
        if !LENGTHS.contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A secret that nobody has.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn unknown() -> Result<Self, ring::error::Unspecified> {
        hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new()).map(Self)
    }

    /// The signature of `<id>.<timestamp>.<body>`.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        context.sign()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7u8; bytes]))
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        for bytes in [24, 25, 32, 64] {
            assert!(SigningSecret::parse(&of(bytes)).is_ok(), "{bytes}");
        }
        for bytes in [0, 23, 65] {
            let error = SigningSecret::parse(&of(bytes)).unwrap_err();
            assert_eq!(error, SecretError::Length(bytes));
        }
    }

    #[test]
    fn what_is_no_secret_is_said_without_it() {
        let unpadded = of(25).trim_end_matches('=').to_owned();
        for (text, error) in [
            ("", SecretError::Prefix),
            ("whsk_abc", SecretError::Prefix),
            ("whsec_?", SecretError::Base64),
            (&unpadded, SecretError::Base64),
        ] {
            assert_eq!(SigningSecret::parse(text).unwrap_err(), error);
        }
        assert_eq!(format!("{:?}", SigningSecret::parse(&of(32)).unwrap()), "[secret]");
    }
}
