//! Switchyard: one API in front of every agent platform.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod gateway;
pub mod http;
pub mod model;
pub mod outbound;
pub mod tasks;
pub mod wire;
