//! A key's secret while it is in our hands: from the drawing of its bits until it has been shown
//! once to whoever asked for the key. Commands and the admin API hold it that long.
//!
//! Invariant: it cannot be copied, prints as `[key]`, and its memory is wiped when it goes.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::base62;
use super::form::{CHECKSUM_LENGTH, PREFIX, RANDOM_LENGTH, checksum};
use crate::error::{Error, Kind, Result};

/// The whole text of a key.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Draws a new one, with 256 bits of the operating system's. The workspace is taken as it is:
    /// whoever calls has checked it.
    pub(super) fn generate(workspace: &str) -> Result<Self> {
        let mut bits = Zeroizing::new([0u8; 32]);
        SystemRandom::new().fill(bits.as_mut_slice()).map_err(|_| {
            Error::new(Kind::Internal, "the operating system gave no random bits for a key")
        })?;
        let mut words = Zeroizing::new([0u32; 8]);
        for (word, bytes) in words.iter_mut().zip(bits.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        let random = Zeroizing::new(base62::encode::<RANDOM_LENGTH>(words.as_mut_slice()));
        // Room for everything at once: a string that grows leaves its old memory behind.
        let length = PREFIX.len() + workspace.len() + 1 + RANDOM_LENGTH + CHECKSUM_LENGTH;
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(PREFIX);
        text.push_str(workspace);
        text.push('_');
        text.extend(random.iter().copied().map(char::from));
        let sum = checksum(&text);
        text.extend(sum.into_iter().map(char::from));
        Ok(Self(text))
    }

    /// Shows it, for the one answer that tells it to its holder.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed_and_never_the_same() {
        let (one, other) = (Secret::generate("acme").unwrap(), Secret::generate("acme").unwrap());
        assert_eq!(format!("{one:?}"), "[key]");
        assert_ne!(one.reveal(), other.reveal());
    }

    #[test]
    fn its_text_was_never_moved_while_it_grew() {
        let secret = Secret::generate("acme").unwrap();
        assert_eq!(secret.0.capacity(), secret.0.len());
    }
}
