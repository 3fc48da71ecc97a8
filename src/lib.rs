//! Switchyard: one API in front of every agent platform.
//!
//! In reading order: [`model`] is the gateway's own language; a request comes in through
//! [`server`], passes the EDGE stack of [`stack`], is decoded by a face in [`inbound`], admitted
//! and driven by [`gateway`], and spoken to its platform by a vendor in [`outbound`].

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod gateway;
pub mod http;
pub mod inbound;
pub mod model;
pub mod outbound;
pub mod policy;
pub mod server;
pub mod simulator;
pub mod stack;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod wire;
