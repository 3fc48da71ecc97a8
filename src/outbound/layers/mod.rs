//! The layers of an UPSTREAM stack, in their order from the outside: measure, breaker, permits,
//! clocks, credentials; the client is inside them all. Each is a [`Step`](crate::http::layer::Step).

pub mod breaker;
pub mod circuit;
pub mod clocks;
pub mod credentials;
pub mod end;
pub mod measure;
pub mod permits;

#[cfg(test)]
pub(crate) mod testing;
