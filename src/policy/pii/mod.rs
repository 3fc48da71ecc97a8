//! What must not leave does not leave, and what must not come back does not come back: values of
//! persons and secrets are found in text and treated by rules, on whole values and in streams
//! alike.
//!
//! From the inside out: `validators/` and `secrets/` say what is looked for, `scan/` finds it in
//! text that comes in pieces, `treat` and `json` do what the `rules` say, `request` and `answer`
//! know where a run has text, and `layer` stands in the stacks.
//!
//! Invariant: text comes out treated or not at all.

mod agents;
mod answer;
mod catalogue;
mod check;
mod file;
mod findings;
pub mod json;
pub mod layer;
pub mod passing;
pub mod plan;
mod request;
pub mod rules;
pub(crate) mod scan;
pub mod secrets;
#[cfg(test)]
mod testing;
mod token;
pub mod treat;
pub mod validators;
pub mod vault;

pub use plan::{Action, Direction, HashKey, Plan};
pub use rules::{Rules, Scope, Settings};
pub use scan::{Failure, Utf8Pieces};
pub use treat::{Count, Treatment};
pub use vault::Vault;
