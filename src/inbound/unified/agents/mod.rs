//! Agents in the unified API: listed, read, made, changed, deleted, and what they can use attached
//! and detached.

mod condition;
pub mod handle;
mod list;
pub(super) mod operations;
pub mod request;
pub mod response;
