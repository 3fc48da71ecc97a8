//! Which agents a caller wants to see.

use crate::error::{Error, Result};
use crate::gateway::agents::AgentFilter;
use crate::inbound::query::Query;

/// The beginning of an upstream's own filters.
const NATIVE: &str = "native.";
/// Agents on a page, unless the caller says, and at most.
const DEFAULT_LIMIT: usize = 20;
const MOST: usize = 100;
/// What is sought is a word or two.
const SOUGHT: usize = 200;

/// The filter of `GET /v1/agents`.
pub(super) fn filter(query: Option<&str>) -> Result<AgentFilter> {
    let known = ["upstream", "search", "limit", "cursor"];
    let query = Query::with_more(query, &known, NATIVE)?;
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    let limit = query.parsed("limit", "must be a number from 1 to 100", limit)?;
    let text = |key: &str| query.get(key).map(str::to_owned);
    let search = text("search");
    if search.as_ref().is_some_and(|sought| sought.chars().count() > SOUGHT) {
        return Err(Error::invalid("search", format!("must have at most {SOUGHT} characters")));
    }
    let native: Vec<(String, String)> = query.below(NATIVE).collect();
    let upstream = text("upstream");
    if let (Some((name, _)), None) = (native.first(), &upstream) {
        let said = "is a filter of one upstream: say which by `upstream`";
        return Err(Error::invalid(format!("{NATIVE}{name}"), said));
    }
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    Ok(AgentFilter { upstream, search, native, limit, cursor: text("cursor") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_from_the_query() {
        let plain = filter(None).unwrap();
        assert_eq!((plain.limit, plain.upstream, plain.search), (20, None, None));
        let full = "upstream=z&search=a+b&limit=7&cursor=c&native.x=1&native.x=2&native.y=3";
        let full = filter(Some(full)).unwrap();
        assert_eq!((full.limit, full.search.as_deref()), (7, Some("a b")));
        let native: Vec<_> = full.native.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(native, [("x", "1"), ("x", "2"), ("y", "3")]);
    }

    #[test]
    fn a_wrong_filter_names_its_key() {
        for (query, path) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("native.x=1", "native.x"),
            ("colour=red", "colour"),
            ("search=a&search=b", "search"),
        ] {
            assert_eq!(filter(Some(query)).unwrap_err().fields()[0].path, path, "{query}");
        }
        assert!(filter(Some(&format!("search={}", "a".repeat(201)))).is_err());
    }
}
