//! Calls to addresses that callers name: the callbacks of runs. A caller may name any address, so
//! each is judged before anything is sent to it (OWASP API7:2023, server-side request forgery).
//! Whoever delivers callbacks reads a [`target`] and gives it to the [`post::Poster`].
//!
//! Invariant: nothing else in the crate sends to an address that a caller chose, and a connection
//! is only ever made to the very address that was judged.

pub mod address;
pub mod allowed;
pub mod answer;
pub mod failure;
mod port;
pub mod post;
pub mod refused;
pub mod resolve;
pub mod target;

#[cfg(test)]
mod tests;
