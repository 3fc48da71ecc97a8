//! The promise that there is no answer without a record, and that the record can be verified by
//! someone who does not trust us. Runs are recorded by the gateway, with their state; everything
//! else that is asked of it, and every refusal, is recorded here.

pub mod committer;
pub mod export;
pub mod layer;
pub mod log;
pub mod ocsf;
pub mod prove;
pub mod recorder;
pub mod retention;
pub mod targets;
#[cfg(test)]
pub mod testing;
mod unknown;
