//! Request targets from parts that callers chose. Called by vendors' `request.rs`.
//!
//! Invariant: a caller's id is one path segment and can reach no other path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Kind, Result};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An agent's id as a path segment. The ids that no escape makes safe (empty and the dot
/// segments) name no agent.
pub fn agent_segment(id: &str) -> Result<String> {
    if matches!(id, "" | "." | "..") {
        return Err(Error::new(Kind::AgentNotFound, "the agent's id is not valid"));
    }
    Ok(segment(id))
}

/// Any other id as a path segment.
pub fn segment(id: &str) -> String {
    utf8_percent_encode(id, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(agent_segment("a/../b?x#y z%2f").unwrap(), "a%2F..%2Fb%3Fx%23y%20z%252f");
        for dots in ["", ".", ".."] {
            assert_eq!(agent_segment(dots).unwrap_err().kind(), Kind::AgentNotFound);
        }
    }
}
