//! HTTP as every face and platform shares it: the operation table, bodies that carry guards, the
//! layer helper, the EDGE layers, and the client.

pub mod body;
pub mod client;
pub mod edge;
pub mod layer;
pub mod operation;
pub mod problem;
pub mod service;
