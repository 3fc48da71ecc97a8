//! Operations: what monitors and orchestrators ask.

pub mod response;
