//! What a key looks like: `swy_<workspace>_<random><checksum>`. The checksum (CRC-32 over all that
//! stands before it, as in GitHub's tokens) tells a typo from a wrong key, and lets a secret
//! scanner be sure of what it has found. The ring asks it before anything is hashed.
//!
//! Random part and checksum have a fixed length and no underscore, so a key is read from its end:
//! a workspace may have underscores itself.
//!
//! Invariant: it is no judgement on whether a key is valid, only on whether it is whole.

use super::base62;

/// How every key of ours begins.
pub const PREFIX: &str = "swy_";
/// Digits of the random part: 256 bits need 43 digits of base 62.
pub(super) const RANDOM_LENGTH: usize = 43;
/// Digits of the checksum: 32 bits need 6 digits of base 62.
pub(super) const CHECKSUM_LENGTH: usize = 6;
/// What stands behind the workspace's underscore.
const TAIL_LENGTH: usize = RANDOM_LENGTH + CHECKSUM_LENGTH;
/// The longest name of a workspace that a key can have.
pub(super) const MAX_WORKSPACE: usize = 80;
/// Longer credentials than these bytes are refused unread: tokens of other APIs have less, and
/// what an unknown caller can make us hash is bounded by it.
pub(super) const MAX_CREDENTIAL: usize = 512;

/// The regular expression that finds keys in text, for secret scanners. A match is a key only
/// where its last six characters are the checksum.
pub const SCANNER_PATTERN: &str = r"\bswy_[0-9A-Za-z._-]{1,80}_[0-9A-Za-z]{49}\b";

/// A key that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The workspace that it names. What it is for is what the ring says, not this.
    pub workspace: &'a str,
}

/// Why a text is no whole key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It has not the form of a key at all.
    #[error("it has not the form swy_<workspace>_<49 letters and digits>")]
    NotAKey,
    /// It has the form, but was mistyped.
    #[error("the checksum does not match")]
    Checksum,
}

/// Reads a key.
///
/// # Errors
///
/// [`Malformed::NotAKey`] where the form is not that of a key, [`Malformed::Checksum`] where it is
/// but some character is another than it was.
pub fn parse(text: &str) -> Result<Parsed<'_>, Malformed> {
    let rest = text.strip_prefix(PREFIX).ok_or(Malformed::NotAKey)?;
    let at = rest.len().checked_sub(TAIL_LENGTH).ok_or(Malformed::NotAKey)?;
    let (head, tail) = rest.split_at_checked(at).ok_or(Malformed::NotAKey)?;
    let workspace = head.strip_suffix('_').ok_or(Malformed::NotAKey)?;
    if !is_workspace(workspace) || !tail.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Malformed::NotAKey);
    }
    let at = text.len() - CHECKSUM_LENGTH;
    let (body, sum) = text.split_at_checked(at).ok_or(Malformed::NotAKey)?;
    // Who has the body can compute the checksum, so there is nothing here that time could tell.
    if sum.as_bytes() != checksum(body) {
        return Err(Malformed::Checksum);
    }
    Ok(Parsed { workspace })
}

/// The checksum that ends a key whose text before it is this.
pub(super) fn checksum(body: &str) -> [u8; CHECKSUM_LENGTH] {
    base62::encode(&mut [crc32fast::hash(body.as_bytes())])
}

/// Whether it can be the name of a workspace: 1 to 80 of `[A-Za-z0-9._-]`.
pub(super) fn is_workspace(text: &str) -> bool {
    (1..=MAX_WORKSPACE).contains(&text.len()) && text.bytes().all(is_word)
}

/// Whether it may stand in the name of a workspace, a class or a configured key.
pub(super) fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-')
}

/// Whether it may be hashed at all: short, and of visible ASCII.
pub(super) fn is_readable(credential: &str) -> bool {
    (1..=MAX_CREDENTIAL).contains(&credential.len())
        && credential.bytes().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::super::secret::Secret;
    use super::*;
    use proptest::prelude::*;

    fn made(workspace: &str) -> String {
        Secret::generate(workspace).unwrap().reveal().to_owned()
    }

    #[test]
    fn a_key_says_its_workspace_whatever_underscores_it_has() {
        for workspace in ["acme", "a", "_", "__", "acme_eu", "acme_", "_acme", "swy_acme", "a.b-c"]
        {
            let key = made(workspace);
            assert_eq!(parse(&key), Ok(Parsed { workspace }), "{workspace}");
            assert_eq!(key.len(), 4 + workspace.len() + 1 + 49);
        }
    }

    #[test]
    fn a_known_key_has_the_checksum_that_other_programs_compute() {
        // python3: zlib.crc32(b"swy_acme_" + b"A" * 43) = 0x47741b14, in base 62 the digits below.
        let body = format!("swy_acme_{}", "A".repeat(43));
        let key = format!("{body}{}", std::str::from_utf8(&checksum(&body)).unwrap());
        assert_eq!(key, format!("{body}1J80Ps"));
        assert!(parse(&key).is_ok());
    }

    #[test]
    fn every_single_typo_is_found() {
        let key = made("acme_eu");
        for place in 0..key.len() {
            for other in b"0189AZaz_-. !".iter().filter(|c| **c != key.as_bytes()[place]) {
                let mut typed = key.clone().into_bytes();
                typed[place] = *other;
                let typed = String::from_utf8(typed).unwrap();
                assert!(parse(&typed).is_err(), "{place} {}", char::from(*other));
            }
        }
    }

    #[test]
    fn a_key_that_was_cut_off_or_run_together_is_found() {
        let key = made("acme");
        for length in 0..key.len() {
            assert!(parse(&key[..length]).is_err(), "{length}");
        }
        assert!(parse(&format!("{key}{key}")).is_err());
        assert!(parse(&format!(" {key}")).is_err() && parse(&format!("{key}\n")).is_err());
    }

    #[test]
    fn neighbours_that_changed_places_are_found() {
        let key = made("acme").into_bytes();
        for place in (4..key.len() - 1).filter(|place| key[*place] != key[place + 1]) {
            let mut typed = key.clone();
            typed.swap(place, place + 1);
            assert!(parse(std::str::from_utf8(&typed).unwrap()).is_err(), "{place}");
        }
    }

    #[test]
    fn what_has_not_the_form_is_told_from_what_was_mistyped() {
        let long = format!("swy_{}_{}", "a".repeat(81), "0".repeat(49));
        let umlaut = format!("swy_acme_{}é{}", "0".repeat(40), "0".repeat(7));
        for text in ["", "swy_", "swy__", "gsk_abc", &long, &umlaut] {
            assert_eq!(parse(text), Err(Malformed::NotAKey), "{text}");
        }
        let typed = format!("swy_acme_{}", "0".repeat(49));
        assert_eq!(parse(&typed), Err(Malformed::Checksum));
    }

    proptest! {
        #[test]
        fn any_workspace_reads_back(workspace in "[A-Za-z0-9._-]{1,80}") {
            let key = made(&workspace);
            prop_assert_eq!(parse(&key), Ok(Parsed { workspace: &workspace }));
            prop_assert!(is_readable(&key));
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,200}") {
            prop_assert!(parse(&text).is_err());
            let text = format!("swy_{text}");
            prop_assert!(parse(&text).is_err());
        }
    }
}
