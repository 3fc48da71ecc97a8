//! Request targets from parts that callers chose. Called by vendors' `request.rs`.
//!
//! Invariant: a caller's id is one path segment and can reach no other path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Kind, Result};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An agent's or a tool's id as a path segment. What no escape makes safe names none: empty and dot
/// segments, and characters that a server which decodes a path before it reads it takes for the
/// path's own.
pub fn agent_segment(id: &str) -> Result<String> {
    let is_of_paths = |c: char| "/\\%;?#".contains(c) || c.is_control();
    if matches!(id, "" | "." | "..") || id.contains(is_of_paths) {
        return Err(Error::new(Kind::AgentNotFound, "the id is not valid"));
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
        assert_eq!(agent_segment("a: b@é").unwrap(), "a%3A%20b%40%C3%A9");
        assert_eq!(segment("a/../b?x#y z%2f"), "a%2F..%2Fb%3Fx%23y%20z%252f");
        for id in ["", ".", "..", "a/b", "..\\b", "a%2fb", "a;b", "a?b", "a#b", "a\nb"] {
            assert_eq!(agent_segment(id).unwrap_err().kind(), Kind::AgentNotFound, "{id:?}");
        }
    }
}
