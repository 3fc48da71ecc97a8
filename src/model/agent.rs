//! Which agent a run is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An agent on an upstream: `<upstream>:<native id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentRef {
    /// The upstream's configured name.
    pub upstream: String,
    /// The platform's own id of the agent; may be empty where a platform has no agents.
    pub native: String,
}

impl AgentRef {
    /// Reads `<upstream>:<native id>`; none without a colon or an upstream name.
    pub fn parse(text: &str) -> Option<Self> {
        let (upstream, native) = text.split_once(':')?;
        let known = !upstream.is_empty() && !native.is_empty();
        known.then(|| Self { upstream: upstream.to_owned(), native: native.to_owned() })
    }
}

impl fmt::Display for AgentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.upstream, self.native)
    }
}
