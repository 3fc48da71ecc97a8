//! Which runs a caller wants to see, and where a reader wants to go on. Called by the unified
//! face.

use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::gateway::{RunFilter, RunPage};
use crate::inbound::query::Query;
use crate::model::ids::ThreadId;
use crate::model::run::{Run, RunStatus};
use crate::model::upstream::UpstreamView;

/// Runs on a page, unless the caller says.
const DEFAULT_LIMIT: usize = 20;
/// Runs on a page at most.
const MOST: usize = 100;

/// A list, as every list is answered.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    /// Always `list`.
    pub object: ListObject,
    /// What is in it.
    pub data: Vec<T>,
    /// What `cursor` takes for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The word `list`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub enum ListObject {
    /// The word.
    #[serde(rename = "list")]
    List,
}

/// A page of runs.
pub fn runs(page: &RunPage) -> List<&Run> {
    let data = page.runs.iter().map(|run| run.as_ref()).collect();
    List { object: ListObject::List, data, next_cursor: page.next_cursor.clone() }
}

/// All upstreams.
pub fn upstreams(upstreams: Vec<UpstreamView>) -> List<UpstreamView> {
    List { object: ListObject::List, data: upstreams, next_cursor: None }
}

/// The filter of `GET /v1/runs`.
pub fn filter(query: Option<&str>) -> Result<RunFilter> {
    let known = ["agent", "status", "thread_id", "created_after", "limit", "cursor"];
    let query = Query::read(query, &known)?;
    let status = |text: &str| RunStatus::ALL.iter().copied().find(|s| s.as_str() == text);
    let states: Vec<_> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
    let states = format!("must be one of {}", states.join(", "));
    Ok(RunFilter {
        agent: query.get("agent").map(str::to_owned),
        status: query.parsed("status", &states, status)?,
        thread_id: query.parsed("thread_id", "must be the id of a thread", ThreadId::parse)?,
        created_after: query.parsed(
            "created_after",
            "must be an RFC 3339 time",
            Timestamp::parse,
        )?,
        ..page(&query)?
    })
}

/// The filter of `GET /v1/threads/{thread_id}/runs`.
pub fn thread_filter(query: Option<&str>, thread: ThreadId) -> Result<RunFilter> {
    let query = Query::read(query, &["limit", "cursor"])?;
    Ok(RunFilter { thread_id: Some(thread), ..page(&query)? })
}

fn page(query: &Query) -> Result<RunFilter> {
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    let limit = query.parsed("limit", "must be a number from 1 to 100", limit)?;
    Ok(RunFilter {
        limit: limit.unwrap_or(DEFAULT_LIMIT),
        cursor: query.get("cursor").map(str::to_owned),
        ..RunFilter::default()
    })
}

/// The event after which a reader goes on: `Last-Event-ID`, which a browser sends when it comes
/// back to the same address, before `after`.
pub fn after(headers: &HeaderMap, query: Option<&str>) -> Result<u64> {
    let must = "must be the id of an event: a whole number";
    let query = Query::read(query, &["after"])?;
    let after = query.parsed("after", must, |text| text.parse().ok())?;
    let Some(last) = headers.get("last-event-id") else { return Ok(after.unwrap_or(0)) };
    let last = last.to_str().ok().and_then(|text| text.trim().parse().ok());
    last.ok_or_else(|| Error::invalid("Last-Event-ID", must))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_filter_is_read_from_the_query() {
        let plain = filter(None).unwrap();
        assert_eq!((plain.limit, plain.agent, plain.cursor), (20, None, None));
        let full = "agent=support&status=failed&limit=100&cursor=c1&\
            thread_id=thr_00000000000000000000000000000001&\
            created_after=2026-01-02T03:04:05Z";
        let full = filter(Some(full)).unwrap();
        assert_eq!(full.agent.as_deref(), Some("support"));
        assert_eq!(full.status, Some(RunStatus::Failed));
        assert_eq!(full.thread_id.unwrap().as_str(), "thr_00000000000000000000000000000001");
        assert_eq!(full.created_after, Timestamp::parse("2026-01-02T03:04:05Z"));
        assert_eq!((full.limit, full.cursor.as_deref()), (100, Some("c1")));
    }

    #[test]
    fn a_wrong_filter_names_its_key() {
        for (query, path) in [
            ("status=done", "status"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("thread_id=abc", "thread_id"),
            ("created_after=yesterday", "created_after"),
            ("order=asc", "order"),
        ] {
            assert_eq!(filter(Some(query)).unwrap_err().fields()[0].path, path, "{query}");
        }
        let thread = ThreadId::parse("thr_00000000000000000000000000000001").unwrap();
        assert!(thread_filter(Some("status=failed"), thread).is_err());
    }

    #[test]
    fn the_header_says_where_to_go_on_before_the_query() {
        let with = |value| {
            HeaderMap::from_iter([(
                http::HeaderName::from_static("last-event-id"),
                HeaderValue::from_static(value),
            )])
        };
        let none = HeaderMap::new();
        assert_eq!(after(&none, None).unwrap(), 0);
        assert_eq!(after(&none, Some("after=7")).unwrap(), 7);
        assert_eq!(after(&with("9"), Some("after=7")).unwrap(), 9);
        let refused = after(&with("nine"), None).unwrap_err();
        assert_eq!(refused.fields()[0].path, "Last-Event-ID");
        assert_eq!(after(&none, Some("after=-1")).unwrap_err().fields()[0].path, "after");
    }
}
