//! Pretend platforms: Make, Zaia, ACP and Agentbase behind one listener, told apart by the first
//! path segment, happy and broken. Used by `simulate`, `demo`, the suite and the benches.
//!
//! Invariant: it knows bytes, paths and scripts only. It shares no type with the product, so that
//! a wrong idea of a platform's wire cannot agree with itself.

pub mod scenarios;
pub mod script;
pub mod server;

pub mod journal;
pub mod platform;
pub mod receive;
pub mod request;
pub mod stage;

pub mod acp;
pub mod agentbase;
pub mod agents;
pub mod make;
pub mod zaia;

pub mod faults;
pub mod gzip;
pub mod player;
pub mod random;
pub mod sample;

#[cfg(test)]
mod tests;
