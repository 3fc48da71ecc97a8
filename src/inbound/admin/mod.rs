//! Operations: what monitors and orchestrators ask, and what operators do.

pub mod audit;
pub mod explain;
pub mod handle;
pub mod reload;
pub mod request;
pub mod response;
pub mod status;
pub mod tail;
