//! Server-sent events (WHATWG HTML 9.2): what platforms stream to the gateway is decoded here,
//! what the gateway streams to callers is encoded here.

mod decode;
mod encode;

pub use decode::{Caps, Decoder, Frame};
pub use encode::{HEARTBEAT, encode};
