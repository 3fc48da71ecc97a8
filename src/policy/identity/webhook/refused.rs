//! Why a signed webhook is refused, as a closed list: its names go to metrics and the log, its
//! sentences to the sender, whose developers have to find out what they do wrong.
//!
//! Invariant: no sentence holds any of the request.

use crate::error::{Error, Kind};

/// Why a signed webhook is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// A header is not there.
    #[error("one of webhook-id, webhook-timestamp and webhook-signature is missing")]
    MissingHeader,
    /// A header is there more than once.
    #[error("one of webhook-id, webhook-timestamp and webhook-signature stands more than once")]
    DuplicateHeader,
    /// A header is too long.
    #[error("webhook-id is longer than 256 bytes, or webhook-signature longer than 2048")]
    TooLong,
    /// The id is empty, or has something else than visible ASCII, or a full stop.
    #[error("webhook-id is empty, or has a full stop or something else than visible ASCII")]
    MalformedId,
    /// The timestamp is no whole number of seconds.
    #[error("webhook-timestamp is no whole number of seconds since 1970")]
    MalformedTimestamp,
    /// The list of signatures is none.
    #[error("webhook-signature is no list of `v1,<base64>` with spaces between")]
    MalformedSignature,
    /// There are signatures, but none of a version that is known.
    #[error("webhook-signature has no signature of version v1")]
    NoKnownVersion,
    /// It was signed too long ago.
    #[error("webhook-timestamp is too long ago")]
    TooOld,
    /// It was signed in the future.
    #[error("webhook-timestamp is in the future")]
    TooNew,
    /// No signature is right.
    #[error("no signature matches the body")]
    WrongSignature,
    /// The very same request has come before, or an older one than has.
    #[error("this request has come before")]
    Replayed,
    /// The message has come before; its sender has signed it anew.
    #[error("this message has come before")]
    Retried,
    /// There is no room to remember the message, so it cannot be accepted.
    #[error("too many messages have come within the replay window")]
    Full,
}

impl Refused {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::MissingHeader,
        Self::DuplicateHeader,
        Self::TooLong,
        Self::MalformedId,
        Self::MalformedTimestamp,
        Self::MalformedSignature,
        Self::NoKnownVersion,
        Self::TooOld,
        Self::TooNew,
        Self::WrongSignature,
        Self::Replayed,
        Self::Retried,
        Self::Full,
    ];

    /// Its name, for metrics and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::DuplicateHeader => "duplicate_header",
            Self::TooLong => "too_long",
            Self::MalformedId => "malformed_id",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::MalformedSignature => "malformed_signature",
            Self::NoKnownVersion => "no_known_version",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::WrongSignature => "wrong_signature",
            Self::Replayed => "replayed",
            Self::Retried => "retried",
            Self::Full => "full",
        }
    }

    /// What answers the sender: 401 for what is not signed as it must be, or has been played
    /// before; 409 for an honest second attempt where nobody answers it with the first; 503 where
    /// there is no room.
    pub fn error(self) -> Error {
        let kind = match self {
            Self::Retried => Kind::Conflict,
            Self::Full => Kind::Overloaded,
            Self::MissingHeader
            | Self::DuplicateHeader
            | Self::TooLong
            | Self::MalformedId
            | Self::MalformedTimestamp
            | Self::MalformedSignature
            | Self::NoKnownVersion
            | Self::TooOld
            | Self::TooNew
            | Self::WrongSignature
            | Self::Replayed => Kind::Unauthenticated,
        };
        Error::new(kind, self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_all_different() {
        let names: std::collections::HashSet<_> = Refused::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Refused::ALL.len());
    }

    #[test]
    fn an_honest_second_attempt_is_told_from_a_replay() {
        assert_eq!(Refused::Retried.error().kind().status(), 409);
        assert_eq!(Refused::Replayed.error().kind().status(), 401);
        assert_eq!(Refused::Full.error().kind().status(), 503);
    }
}
