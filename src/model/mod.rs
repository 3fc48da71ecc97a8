//! The gateway's own language: what a run, an agent, an event are, for every face and every
//! platform alike. No I/O, no protocol, no vendor.

pub mod agent;
pub mod allowance;
pub mod amounts;
pub mod call;
pub mod capability;
pub mod content;
pub mod event;
pub mod fold;
pub mod halt;
pub mod ids;
pub mod judge;
pub mod key;
pub mod micro;
pub mod payload;
pub mod pii;
pub mod plan;
pub mod principal;
pub mod priority;
pub mod profile;
pub mod progress;
pub mod record;
pub mod request;
pub mod run;
pub mod scope;
pub mod screen;
pub mod scribe;
pub mod thread;
pub mod upstream;
pub mod vault;
