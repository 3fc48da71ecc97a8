//! How a limit stands after a request was held against it: what the headers of an answer say.

use std::sync::Arc;
use std::time::Duration;

/// How a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The limit's configured name: letters, digits, `.`, `_` and `-`.
    pub limit: Arc<str>,
    /// Requests that come back in a window.
    pub quota: u32,
    /// How long the window is.
    pub window: Duration,
    /// Requests that may be made at once.
    pub burst: u32,
    /// Requests that may be made now.
    pub remaining: u32,
    /// When the whole burst may be made again.
    pub full_in: Duration,
    /// For the limit that refused: when to come back.
    pub retry_after: Option<Duration>,
}
