//! The audit as auditors read it, each operation from request to answer. Called by `faces.rs`.
//!
//! Invariant: a filter that is not known is refused, never passed over: an auditor must not take a
//! part of the log for the whole.

use http::request::Parts as Head;
use http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::gateway::audit::{AuditFilter, AuditItem, CheckpointView};
use crate::http::body::Body;
use crate::inbound::answer;
use crate::inbound::faces::Parts;
use crate::inbound::headers::{self, EVENT_STREAM};
use crate::inbound::query::Query;
use crate::inbound::unified::list::{List, ListObject};
use crate::model::call::Call;
use crate::model::ids::RunId;
use crate::model::judge::{Action, Circumstances, Question, Resource, When};
use crate::model::record::{Stage, Verdict};
use crate::store::log::{From, LeafFilter};

use super::tail;

/// Records on a page at most.
const MOST: usize = 1_000;
/// Records on a page, unless the caller says.
const USUAL: usize = 100;

/// The filters of records, by name.
pub const FILTERS: [&str; 10] = [
    "workspace",
    "run_id",
    "stage",
    "decision",
    "subject",
    "operation",
    "agent",
    "code",
    "since",
    "until",
];

/// Checkpoints, and the key that they are judged by.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CheckpointList")]
pub struct Checkpoints {
    /// Always `list`.
    pub object: ListObject,
    /// The verifier key of the log. Who does not trust the gateway has it from elsewhere.
    pub key: String,
    /// The checkpoints, the smallest first.
    pub data: Vec<CheckpointView>,
    /// What `after` takes for the next page; null on the last.
    pub next_after: Option<u64>,
}

/// Holds an auditor against the access policies: the scope alone is not enough.
pub fn authorize(parts: &Parts, call: &Call) -> Result<()> {
    parts.judge.judge(&Question {
        principal: call.principal(),
        action: Action::Read,
        resource: Resource::Gateway,
        circumstances: Circumstances::plain(call.face, When::at(call.received_at), call.address),
    })
}

/// `GET /admin/audit`.
pub async fn list(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    let known: Vec<&str> = FILTERS.into_iter().chain(["limit", "cursor", "order"]).collect();
    let query = Query::read(head.uri.query(), &known)?;
    let filter = filter(&query)?;
    let limit = limit(&query)?;
    let order = |text: &str| match text {
        "newest" => Some(true),
        "oldest" => Some(false),
        _ => None,
    };
    let is_newest = query.parsed("order", "must be newest or oldest", order)?.unwrap_or(true);
    let cursor = query.parsed("cursor", "not a cursor of this list", |text| text.parse().ok())?;
    let from = match (is_newest, cursor) {
        (true, below) => From::Below(below),
        (false, place) => From::Place(place.unwrap_or(0)),
    };
    let page = parts.audit.page(&filter, from, limit).await?;
    let next_cursor = page.next.map(|place| place.to_string());
    let list: List<AuditItem> = List { object: ListObject::List, data: page.items, next_cursor };
    answer::json(StatusCode::OK, &list)
}

/// `GET /admin/audit/checkpoints`.
pub async fn checkpoints(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    let query = Query::read(head.uri.query(), &["after", "limit"])?;
    let after = query.parsed("after", "must be a whole number", |text| text.parse().ok())?;
    let limit = limit(&query)?;
    // One more than asked for tells that there is a next page.
    let mut data = parts.audit.checkpoints(after.unwrap_or(0), limit + 1).await?;
    let is_last = data.len() <= limit;
    data.truncate(limit);
    let next_after = data.last().filter(|_| !is_last).map(|last| last.size);
    let key = parts.audit.verifier();
    answer::json(StatusCode::OK, &Checkpoints { object: ListObject::List, key, data, next_after })
}

/// `GET /admin/audit/records/{seq}/proof`.
pub async fn prove(parts: &Parts, head: &Head, seq: &str) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    let none = || {
        let said = "there is no such record, or no checkpoint counts it yet";
        Error::new(Kind::NotFound, said)
    };
    let seq = seq.parse().map_err(|_| none())?;
    let proof = parts.audit.prove(seq).await?.ok_or_else(none)?;
    Ok(answer::text(StatusCode::OK, proof))
}

/// `GET /admin/audit/tail`.
pub async fn follow(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    headers::require_accepts(&head.headers, EVENT_STREAM)?;
    let next = match after(&head.headers)? {
        Some(seq) => seq.saturating_add(1),
        None => parts.audit.end().await?,
    };
    Ok(tail::answer(parts.audit.clone(), next, parts.draining.clone()))
}

/// The record after which a reader goes on.
fn after(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(last) = headers.get("last-event-id") else { return Ok(None) };
    let last = last.to_str().ok().and_then(|text| text.trim().parse().ok());
    let must = "must be the place of a record: a whole number";
    last.map(Some).ok_or_else(|| Error::invalid("Last-Event-ID", must))
}

fn limit(query: &Query) -> Result<usize> {
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    let limit = query.parsed("limit", "must be a number from 1 to 1000", limit)?;
    Ok(limit.unwrap_or(USUAL))
}

/// Which records are wanted.
fn filter(query: &Query) -> Result<AuditFilter> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let stages: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
    let stages = format!("must be one of {}", stages.join(", "));
    let stage = |text: &str| Stage::ALL.iter().copied().find(|stage| stage.name() == text);
    let verdict = |text: &str| match text {
        "allow" => Some(Verdict::Allow),
        "deny" => Some(Verdict::Deny),
        _ => None,
    };
    let time = |name: &str| query.parsed(name, "must be an RFC 3339 time", Timestamp::parse);
    Ok(AuditFilter {
        kept: LeafFilter {
            workspace: text("workspace"),
            run_id: query.parsed("run_id", "must be the id of a run", RunId::parse)?,
            stage: query.parsed("stage", &stages, stage)?,
            decision: query.parsed("decision", "must be allow or deny", verdict)?,
            since: time("since")?,
            until: time("until")?,
        },
        subject: text("subject"),
        operation: text("operation"),
        agent: text("agent"),
        code: text("code"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_is_read_and_a_wrong_one_names_its_key() {
        let full = "workspace=acme&run_id=run_00000000000000000000000000000001&stage=ended&\
            decision=deny&subject=key:k&operation=get_run&agent=support&code=forbidden&\
            since=2026-01-02T03:04:05Z&until=2026-01-03T03:04:05Z";
        let filter = filter(&Query::read(Some(full), &FILTERS).unwrap()).unwrap();
        assert_eq!(filter.kept.workspace.as_deref(), Some("acme"));
        assert!(filter.kept.run_id.is_some() && filter.kept.since < filter.kept.until);
        assert_eq!(
            (filter.kept.stage, filter.kept.decision),
            (Some(Stage::Ended), Some(Verdict::Deny))
        );
        assert_eq!(filter.subject.as_deref(), Some("key:k"));
        assert_eq!(filter.operation.as_deref(), Some("get_run"));
        assert_eq!(
            (filter.agent.as_deref(), filter.code.as_deref()),
            (Some("support"), Some("forbidden"))
        );
        for wrong in ["run_id=1", "stage=over", "decision=maybe", "since=now", "until=x"] {
            let query = Query::read(Some(wrong), &FILTERS).unwrap();
            let path = super::filter(&query).unwrap_err().fields()[0].path.clone();
            assert_eq!(path, wrong.split('=').next().unwrap());
        }
    }
}
