//! Policy: a folder for each promise, engine files and one `layer.rs` each. Engines are plain and
//! know no sockets; layers only ask them.
//!
//! Invariant: policy knows neither faces nor platforms.

pub mod access;
pub mod audit;
pub mod budget;
pub mod identity;
pub mod limits;
pub mod pii;
pub mod tools;
