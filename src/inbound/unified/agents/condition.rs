//! Conditions on a request (RFC 9110, 13): whether a caller has the agent as it is, or wants it
//! changed only as it was.

use http::{HeaderMap, header};

use crate::error::{Error, Result};
use crate::gateway::agents::IfMatch;

/// `If-Match`, by which a change is refused that was made of another state.
pub(super) fn if_match(headers: &HeaderMap) -> Result<IfMatch> {
    let wrong = || Error::invalid("If-Match", "must be `*` or a list of entity tags");
    let mut tags = Vec::new();
    for line in headers.get_all(header::IF_MATCH) {
        let line = line.to_str().map_err(|_| wrong())?.trim();
        if line == "*" {
            return Ok(IfMatch::Any);
        }
        for tag in line.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            // A weak tag never matches here (RFC 9110, 13.1.1), but it is a condition.
            let bare = tag.strip_prefix("W/").unwrap_or(tag);
            if bare.len() < 2 || !bare.starts_with('"') || !bare.ends_with('"') {
                return Err(wrong());
            }
            tags.push(tag.to_owned());
        }
    }
    if headers.contains_key(header::IF_MATCH) {
        Ok(IfMatch::Tags(tags))
    } else {
        Ok(IfMatch::Nothing)
    }
}

/// Whether the caller has what carries this tag, by `If-None-Match`.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_condition_is_a_list_of_tags() {
        let read = |value| if_match(&with(header::IF_MATCH, value));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), IfMatch::Nothing);
        assert_eq!(read("*").unwrap(), IfMatch::Any);
        let two = IfMatch::Tags(vec!["\"a\"".to_owned(), "W/\"b\"".to_owned()]);
        assert_eq!(read("\"a\", W/\"b\"").unwrap(), two);
        for wrong in ["a", "\"", "\"a\", b", "W/a"] {
            assert_eq!(read(wrong).unwrap_err().fields()[0].path, "If-Match", "{wrong}");
        }
    }

    #[test]
    fn a_caller_has_what_carries_one_of_its_tags() {
        for (value, known) in
            [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(is_known(&with(header::IF_NONE_MATCH, value), "\"a\""), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }
}
