//! What a caller is told when the store fails. Both engines make their errors here.
//!
//! Invariant: what the store's engine said goes to the log, never to a caller.

use std::time::Duration;

use crate::error::{Error, Kind};

/// How long one call may take, however sick the disk or the server is. Longer than the wait for
/// another process's lock, shorter than what a caller of the gateway bears.
pub(super) const CALL_CLOCK: Duration = Duration::from_secs(5);

/// When a caller may come back: repair is noticed by the next call, so soon.
const COME_BACK: Duration = Duration::from_secs(1);

/// The store cannot be used now. `cause` is kept for the log.
pub fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::PolicyUnavailable, "the store cannot be used now")
        .retry_after(COME_BACK)
        .caused_by(cause)
}

/// Why a call failed before the engine had its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unserved {
    /// As many calls are waiting as may.
    #[error("too many calls are waiting for the store")]
    Full,
    /// It took longer than [`CALL_CLOCK`].
    #[error("the store did not answer in time")]
    Slow,
    /// It was closed, or what served it has ended.
    #[error("the store is closed")]
    Closed,
    /// The last attempt to reach it failed a moment ago.
    #[error("the store could not be reached a moment ago")]
    BackingOff,
}

/// A row that does not hold what the gateway writes.
#[derive(Debug, thiserror::Error)]
#[error("the store holds a {0} that cannot be read")]
pub(super) struct Damaged(pub(super) &'static str);

impl From<Damaged> for Error {
    fn from(damaged: Damaged) -> Self {
        Error::new(Kind::Internal, "the store holds something that cannot be read")
            .caused_by(damaged)
    }
}

/// The refusals that both engines make, in the same words.
pub(super) fn no_such_key() -> Error {
    Error::new(Kind::NotFound, "there is no such key")
}

pub(super) fn key_is_revoked() -> Error {
    Error::new(Kind::Conflict, "the key is revoked")
}

pub(super) fn key_exists() -> Error {
    Error::new(Kind::Conflict, "a key of this name, id or secret exists")
}

pub(super) fn reserved_otherwise() -> Error {
    Error::new(Kind::Conflict, "the reservation is held with other claims")
}

pub(super) fn not_held() -> Error {
    Error::new(Kind::Conflict, "the reservation is no longer held")
}
