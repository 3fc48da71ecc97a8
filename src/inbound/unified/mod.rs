//! The unified API: one language for every platform. JSON in, JSON or server-sent events out.

pub mod agents;
pub mod attachment;
pub mod check;
pub mod events;
pub mod handle;
pub mod list;
pub mod object;
pub mod openapi;
pub mod operations;
pub mod request;
pub mod schemas;
