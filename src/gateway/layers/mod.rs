//! The RUN stack's own layers, those that are no policy: what holds for every run on every
//! platform. Each wraps the stream of events that the rest of the stack returns.

pub mod conform;
pub mod cost;
pub mod deadline;
mod expansion;
pub mod schema;
