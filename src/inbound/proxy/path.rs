//! The path of a call below an upstream, and its meaning: refused where two readers could
//! understand it differently. Called by `handle.rs`.
//!
//! Invariant: what is judged is what the platform reads, whether it decodes before or after it cuts
//! a path into segments, and whether it does so once or twice.

use percent_encoding::percent_decode_str;

use crate::error::{Error, Kind, Result};

/// A path that has one meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// As it is sent: below the base URL, beginning with `/`.
    pub(super) target: String,
    /// Its segments, decoded.
    pub(super) segments: Vec<String>,
}

/// Reads the rest of a path behind `/proxy/{upstream}/`. A base path that is repeated there is left
/// out: clients often have it in their own configuration.
pub(super) fn read(rest: &str, base: &str) -> Result<Path> {
    let rest = below(rest, base.trim_matches('/'));
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.len() - 1;
    let mut decoded = Vec::with_capacity(segments.len());
    for (at, raw) in segments.into_iter().enumerate() {
        let segment = segment(raw)?;
        // One slash at the end is another path, and two in the middle are nobody's.
        if segment.is_empty() && at < last {
            return Err(ambiguous("an empty segment"));
        }
        decoded.push(segment);
    }
    Ok(Path { target: format!("/{rest}"), segments: decoded })
}

fn below<'a>(rest: &'a str, base: &str) -> &'a str {
    if base.is_empty() {
        return rest;
    }
    match rest.strip_prefix(base) {
        Some("") => "",
        Some(below) => below.strip_prefix('/').unwrap_or(rest),
        None => rest,
    }
}

fn segment(raw: &str) -> Result<String> {
    let mut escapes = raw.split('%');
    let _before = escapes.next();
    let is_hex = |escape: &str| {
        escape.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(is_hex) {
        return Err(ambiguous("a percent sign without two digits"));
    }
    let decoded = percent_decode_str(raw).decode_utf8();
    let decoded = decoded.map_err(|_| ambiguous("what is not UTF-8"))?.into_owned();
    if matches!(decoded.as_str(), "." | "..") {
        return Err(ambiguous("a dot segment"));
    }
    let has = |wrong: fn(char) -> bool| decoded.contains(wrong);
    if has(|c| matches!(c, '/' | '\\')) {
        return Err(ambiguous("a slash inside of a segment"));
    }
    if has(|c| c == ';') {
        return Err(ambiguous("a semicolon"));
    }
    if has(|c| c == '%') {
        return Err(ambiguous("what is encoded twice"));
    }
    if has(|c| matches!(c, '?' | '#')) {
        return Err(ambiguous("an encoded delimiter"));
    }
    if has(char::is_control) {
        return Err(ambiguous("a control character"));
    }
    Ok(decoded)
}

fn ambiguous(what: &str) -> Error {
    Error::new(Kind::InvalidRequest, format!("the path has {what}, which is read in two ways"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(base: &str, rest: &str) -> (String, Vec<String>) {
        let Path { target, segments } = read(rest, base).unwrap();
        (target, segments)
    }

    #[test]
    fn a_plain_path_goes_out_as_it_came() {
        for (rest, segments) in [
            ("v1/agents/a", &["v1", "agents", "a"][..]),
            ("v1/agents/", &["v1", "agents", ""]),
            ("v1/make%3Aa%20b", &["v1", "make:a b"]),
            ("", &[""]),
        ] {
            assert_eq!(
                read_at("", rest),
                (format!("/{rest}"), segments.iter().map(|s| (*s).to_owned()).collect())
            );
        }
    }

    #[test]
    fn a_base_path_that_is_repeated_is_left_out_once() {
        assert_eq!(read_at("/api/v2", "api/v2/agents").0, "/agents");
        assert_eq!(read_at("/api/v2/", "api/v2").0, "/");
        assert_eq!(read_at("/api/v2", "api/v2/api/v2/agents").0, "/api/v2/agents");
        assert_eq!(read_at("/api/v2", "api/v22/agents").0, "/api/v22/agents");
        assert_eq!(read_at("/api/v2", "api").0, "/api");
        assert!(read("api/v2//agents", "/api/v2").is_err());
        assert!(read("api/v2/../agents", "/api/v2").is_err());
    }

    #[test]
    fn what_is_read_in_two_ways_is_refused() {
        for rest in [
            "a/../b",
            "a/./b",
            "..",
            "a/%2e%2e/b",
            "a/.%2E/b",
            "a//b",
            "/a",
            "a%2fb",
            "a%2Fb",
            "a%5cb",
            "a\\b",
            "a;b",
            "a;x=1/b",
            "a%3bb",
            "a%252fb",
            "a%25",
            "a%",
            "a%2",
            "a%zz",
            "a%00",
            "a%0d%0ab",
            "a%7f",
            "a%ff",
            "a%c0%af",
            "a%c2%85",
            "a%3fb",
            "a%23b",
            "a%2e%2e%2fb",
        ] {
            let kind = read(rest, "").map_err(|error| error.kind());
            assert_eq!(kind, Err(Kind::InvalidRequest), "{rest}");
        }
    }
}
