//! Faces: a folder for each protocol that callers speak. A face decodes a request into the model's
//! words, asks the gateway, and encodes what comes back. Adding one is a folder, its rows in the
//! operation table, and a line in `faces.rs`.
//!
//! Invariant: a face keeps nothing between two requests.

pub mod acp;
pub mod admin;
pub mod answer;
pub mod errors;
pub mod faces;
pub mod headers;
pub mod hooks;
pub mod prefer;
pub mod proxy;
pub mod query;
#[cfg(test)]
pub mod samples;
pub mod start;
pub mod stream;
pub mod text;
pub mod unified;

pub use errors::render_error;
pub use faces::{Faces, Parts};

#[cfg(test)]
mod entry_tests;
