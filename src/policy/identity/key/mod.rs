//! Keys: how they look, how they are hashed, made and found. Identity asks [`KeyRing::find`] for
//! each request that carries one; commands and the admin API make them with [`new_key`],
//! [`register`] and [`rotate`].
//!
//! Invariant: a secret is held only by what makes it or checks it, and is never printed.

mod base62;
mod create;
mod form;
mod hash;
mod hash_text;
mod index;
mod keyring;
mod refused;
mod revoked_tokens;
mod secret;
mod validate;

#[cfg(test)]
mod testing;

pub use create::{
    DEFAULT_OVERLAP, Foreign, MAX_OVERLAP, NewKey, Rotation, configured, new_key, register, rotate,
};
pub use form::{Malformed, PREFIX, Parsed, SCANNER_PATTERN, parse};
pub use hash::{Hasher, PepperTooShort, same};
pub use hash_text::{HashText, HashTextError, Scheme};
pub use keyring::{Backing, DEFAULT_STALE, Found, KeyRing, Refreshed};
pub use refused::Refused;
pub use secret::Secret;
pub use validate::KeyRequest;
