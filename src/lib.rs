//! Switchyard: one API in front of every agent platform.

pub mod clock;
pub mod config;
pub mod error;
pub mod gateway;
pub mod http;
pub mod inbound;
pub mod model;
pub mod outbound;
pub mod stack;
pub mod tasks;
pub mod telemetry;
pub mod wire;
