//! What must not leave does not leave: values of persons and secrets are found in text and
//! treated by rules, on whole values and in streams alike. It opens no sockets and waits for
//! nothing. No stack has a layer for it yet, so that nothing which passes the gateway is treated.
//!
//! Invariant: text comes out treated or not at all.

mod catalogue;
mod check;
pub mod json;
pub mod plan;
pub mod rules;
pub(crate) mod scan;
pub mod secrets;
mod token;
pub mod treat;
pub mod validators;
pub mod vault;

pub use plan::{Action, Direction, HashKey, Plan};
pub use rules::{Rules, Scope, Settings};
pub use scan::{Failure, Utf8Pieces};
pub use token::restore::Restorer;
pub use treat::{Count, Treatment};
pub use vault::Vault;
