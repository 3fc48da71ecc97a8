//! HTTP as every face and platform shares it: the operation table, bodies that carry guards, the
//! layer helper, the EDGE layers, the client of platforms, and calls to addresses that callers name.

pub mod body;
pub mod client;
pub mod edge;
pub mod egress;
pub mod layer;
pub mod operation;
pub mod passage;
pub mod problem;
pub mod service;
