//! The trigger API of ACP, for any platform: who already calls it changes the base URL.
//!
//! Invariant: every shape here is ACP's own; nothing of the unified API shows through.

pub mod errors;
pub mod events;
pub mod handle;
pub mod request;
pub mod response;
