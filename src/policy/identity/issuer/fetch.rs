//! Fetching a small document: what `keys.rs` needs of HTTP, as a trait, so that its tests
//! need no socket. [`super::client`] is the real one.
//!
//! Invariant: no more than the limit is ever held. The clock is the asker's, who drops what
//! takes too long.

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;

/// The most that a document may be, in bytes: ten thousand RSA keys of 2,048 bits take about
/// 5 MB.
pub const LARGEST: usize = 8 * 1024 * 1024;

/// Fetches documents.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The body of a 200 answer to GET, whole and not larger than `largest`. Redirects are not
    /// followed. Dropping the future ends the request.
    async fn get(&self, address: &Uri, largest: usize) -> Result<Bytes, FetchError>;
}

/// Why a document could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There was no connection.
    #[error("it cannot be connected to")]
    Connect,
    /// The status was not 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The document is larger than it may be.
    #[error("its answer is too large")]
    TooLarge,
    /// The answer is not HTTP, or broke off.
    #[error("its answer broke off")]
    Broken,
}
