//! The EDGE layers: what is about a caller and an HTTP exchange, not about the meaning of a run.
//! `stack.rs` puts them in order; each says under `Order:` what must be outside and inside it.

pub mod address;
pub mod allowance;
pub mod body_limit;
pub mod call;
pub mod deadline;
pub mod drain;
pub mod measure;
pub mod panic;
pub mod rescue;
pub mod route;
pub mod shed;
pub mod trace;
mod trace_context;
pub mod valve;

#[cfg(test)]
pub(crate) mod harness;
