//! Webhooks in: what automation tools really send, JSON or forms, to a run.

pub mod coerce;
pub mod handle;
pub mod message;
pub mod request;
