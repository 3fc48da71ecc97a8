//! What operators see of the gateway: metric families and the log.

pub mod labels;
pub mod metrics;
pub mod traces;
pub mod tracing;
