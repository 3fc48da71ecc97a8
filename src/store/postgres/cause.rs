//! What went wrong with the server, in words for the log and the operator.
//!
//! Invariant: no value that was sent to the server is in them; it quotes some in its details,
//! which are left out.

use std::error::Error as _;

use super::super::open::OpenError;
use super::super::unavailable;
use crate::error::Error;

/// The words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl Cause {
    fn of(error: &tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self(format!("the server says {}: {}", said.code().code(), said.message()));
        }
        match error.source() {
            Some(source) => Self(format!("{error}: {source}")),
            None => Self(error.to_string()),
        }
    }
}

/// A call failed by it.
pub(super) fn failed(error: &tokio_postgres::Error) -> Error {
    unavailable(Cause::of(error))
}

/// The store could not be opened.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn unusable(error: tokio_postgres::Error) -> OpenError {
    OpenError::unusable(Cause::of(&error))
}
