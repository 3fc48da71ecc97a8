//! Signed webhooks in: requests that carry no key but a signature, after Standard Webhooks
//! (<https://www.standardwebhooks.com>), `v1`. Identity asks a hook's [`Verifier`] with headers and
//! body, and claims the message in the hook's [`Seen`].
//!
//! Invariant: no message runs twice within the replay window; one that its sender signs anew is told
//! what became of the first.

mod headers;
mod refused;
mod seen;
mod verify;

pub use headers::is_signed;
pub use refused::Refused;
pub use seen::{Claim, DEFAULT_CAPACITY, Seen};
pub use verify::{DEFAULT_WINDOW, Verified, Verifier};

pub use crate::wire::webhook::secret::{SecretError, SigningSecret};
pub use crate::wire::webhook::{ID, MAX_SECRETS, SIGNATURE, TIMESTAMP};
