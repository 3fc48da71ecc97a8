//! The shell over real sockets on port 0, with faces of the tests' own.

mod client;
mod ends;
pub(super) mod gateway;
mod http1;
mod http2;
