//! Signed webhooks in: requests that carry no key but a signature, after Standard Webhooks
//! (<https://www.standardwebhooks.com>), `v1`. Identity asks a hook's [`Verifier`] with headers and
//! body, and claims the message in the hook's [`Seen`].
//!
//! Invariant: no message is accepted twice within the replay window.

mod headers;
mod refused;
mod secret;
mod seen;
mod verify;

pub use headers::{ID, SIGNATURE, TIMESTAMP, is_signed};
pub use refused::Refused;
pub use secret::{SecretError, SigningSecret};
pub use seen::{Claim, DEFAULT_CAPACITY, Seen};
pub use verify::{DEFAULT_WINDOW, MAX_SECRETS, Verified, Verifier};
