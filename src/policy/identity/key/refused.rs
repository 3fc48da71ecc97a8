//! Why a credential is refused, as a closed list: its names go to metrics and the log, its
//! sentences to the caller. Identity turns it into an answer.
//!
//! Invariant: to a caller an unknown key, an expired, a revoked and a superseded one are the same,
//! so that nobody learns which keys have existed.

use crate::error::{Error, Kind};

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It is too long, empty, or has something else than visible ASCII.
    Unreadable,
    /// It begins as a key of ours, but was mistyped or cut off.
    Mistyped,
    /// No key has this secret.
    Unknown,
    /// The key has expired.
    Expired,
    /// The key was revoked.
    Revoked,
    /// The secret was replaced by a newer one, and its time beside it is over.
    Superseded,
    /// The store has been away for so long that nothing of it is believed any more.
    StoreAway,
}

impl Refused {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::Unreadable,
        Self::Mistyped,
        Self::Unknown,
        Self::Expired,
        Self::Revoked,
        Self::Superseded,
        Self::StoreAway,
    ];

    /// Its name, for metrics and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Mistyped => "mistyped",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::StoreAway => "store_away",
        }
    }

    /// What may be said to the caller.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => "the credential is longer than 512 bytes or not visible ASCII",
            Self::Mistyped => "the key's checksum does not match: it was mistyped or cut off",
            Self::Unknown | Self::Expired | Self::Revoked | Self::Superseded => {
                "the credential is not valid"
            }
            Self::StoreAway => "keys cannot be checked at the moment",
        }
    }

    /// What answers the caller: 503 where nothing is known of it, else 401.
    pub fn error(self) -> Error {
        let kind = match self {
            Self::StoreAway => Kind::PolicyUnavailable,
            Self::Unreadable
            | Self::Mistyped
            | Self::Unknown
            | Self::Expired
            | Self::Revoked
            | Self::Superseded => Kind::Unauthenticated,
        };
        Error::new(kind, self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_cannot_tell_which_keys_have_existed() {
        let alike = [Refused::Expired, Refused::Revoked, Refused::Superseded];
        for refused in alike {
            assert_eq!(refused.error().to_string(), Refused::Unknown.error().to_string());
            assert_eq!(refused.error().kind().status(), 401);
        }
    }

    #[test]
    fn names_are_all_different_and_only_an_outage_is_503() {
        let names: std::collections::HashSet<_> = Refused::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Refused::ALL.len());
        let away = Refused::ALL.iter().filter(|r| r.error().kind().status() == 503);
        assert_eq!(away.collect::<Vec<_>>(), [&Refused::StoreAway]);
    }
}
