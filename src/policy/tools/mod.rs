//! Which tools a run may use. Asked for tools are judged before the run (see
//! [`crate::policy::access::layer`]); what a platform then does is watched in the stream, since
//! most platforms cannot be told which tools to leave alone.
//!
//! What this cannot do: a hosted platform may have run a tool before its event was seen. Then its
//! result can be hidden and the run ended, but what the tool did is done.

pub mod layer;
pub mod watch;
