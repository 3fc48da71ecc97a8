//! The operations of the unified API, each from request to answer. Called by `faces.rs`.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts as Head;
use http::{HeaderValue, Response, StatusCode};

use crate::error::{Error, Result};
use crate::http::body::Body;
use crate::inbound::faces::Parts;
use crate::inbound::headers::{EVENT_STREAM, JSON};
use crate::inbound::prefer::{Patience, Preference};
use crate::inbound::query::Query;
use crate::inbound::start::{self, Asked, Streamed};
use crate::inbound::unified::check::{self, Checked};
use crate::inbound::unified::events::Encoder;
use crate::inbound::unified::list;
use crate::inbound::unified::object::Object;
use crate::inbound::unified::request::RunBody;
use crate::inbound::{answer, headers, stream};
use crate::model::call::Call;
use crate::model::request::RunRequest;
use crate::wire::json::{self, Bounds};

/// Longer references name nothing: a path holds no more.
const AGENT_BYTES: usize = 8 * 1024;

/// `POST /v1/runs`, and with the path's `agent` `POST /v1/agents/{agent}/runs`.
pub async fn create_run(
    parts: &Parts,
    call: &Arc<Call>,
    agent: Option<&str>,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    let key = headers::idempotency_key(&head.headers)?;
    headers::require_json(&head.headers)?;
    let bytes = body.read().await?;
    let (agent, checked) = decode_run(&bytes, agent, parts.max_duration)?;
    let asked = Asked { key, callback: checked.callback };
    if checked.run.stream {
        headers::require_accepts(&head.headers, EVENT_STREAM)?;
        return stream_run(parts, call, &agent, checked.run, asked).await;
    }
    headers::require_accepts(&head.headers, JSON)?;
    let preference = Preference::read(&head.headers, parts.max_duration);
    // Asked for in the body, a background run is one whatever is preferred.
    let patience = if checked.background { Patience::None } else { preference.patience() };
    let (run, is_replayed) =
        start::whole(&parts.gateway, call, &agent, checked.run, patience, asked).await?;
    let applied = preference.applied().filter(|_| patience == preference.patience());
    Ok(start::replaying(preferring(start::run_answer(&run)?, applied), is_replayed))
}

/// Reads a run request; the agent is the path's or the body's, never both.
pub fn decode_run(
    bytes: &[u8],
    agent: Option<&str>,
    longest: Duration,
) -> Result<(String, Checked)> {
    let Object(mut body): Object<RunBody> = json::decode(bytes, Bounds::default())?;
    let agent = match (agent, body.agent.take()) {
        (Some(agent), None) => agent.to_owned(),
        (None, Some(agent)) => agent,
        (Some(_), Some(_)) => {
            return Err(Error::invalid("agent", "unknown here: the path names the agent"));
        }
        (None, None) => return Err(Error::invalid("agent", "is required")),
    };
    if agent.trim().is_empty() {
        return Err(Error::invalid("agent", "must not be empty"));
    }
    // It becomes a part of the platform's path, and stands in every list.
    if agent.len() > AGENT_BYTES {
        return Err(Error::invalid("agent", format!("must have at most {AGENT_BYTES} bytes")));
    }
    Ok((agent, check::check(body, longest)?))
}

/// Says which preference was followed.
pub fn preferring(mut response: Response<Body>, applied: Option<HeaderValue>) -> Response<Body> {
    if let Some(applied) = applied {
        response.headers_mut().insert("preference-applied", applied);
    }
    response
}

/// Starts a run and answers with its events.
pub async fn stream_run(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    request: RunRequest,
    asked: Asked,
) -> Result<Response<Body>> {
    let (streamed, is_replayed) =
        start::streamed(&parts.gateway, call, agent, request, asked).await?;
    let answer = match streamed {
        Streamed::Open(read, reader) => stream::answer(read, reader, Encoder, parts.heartbeat),
        Streamed::Failed(run) => start::run_answer(&run)?,
    };
    Ok(start::replaying(answer, is_replayed))
}

/// `GET /v1/runs`.
pub async fn list_runs(parts: &Parts, call: &Call, head: &Head) -> Result<Response<Body>> {
    headers::require_accepts(&head.headers, JSON)?;
    let filter = list::filter(head.uri.query())?;
    let page = parts.gateway.runs(call, &filter).await?;
    answer::json(StatusCode::OK, &list::runs(&page))
}

/// `GET /v1/runs/{run_id}`.
pub async fn get_run(parts: &Parts, call: &Call, id: &str, head: &Head) -> Result<Response<Body>> {
    plain(head)?;
    let run = parts.gateway.run(call, id).await?;
    answer::json(StatusCode::OK, &*run)
}

/// `GET /v1/runs/{run_id}/events`.
pub async fn follow_run(
    parts: &Parts,
    call: &Call,
    id: &str,
    head: &Head,
) -> Result<Response<Body>> {
    headers::require_accepts(&head.headers, EVENT_STREAM)?;
    let after = list::after(&head.headers, head.uri.query())?;
    let reader = parts.gateway.follow(call, id, after).await?;
    Ok(stream::answer(Vec::new(), reader, Encoder, parts.heartbeat))
}

/// `POST /v1/runs/{run_id}/cancel`. Takes no body, or an empty object.
pub async fn cancel_run(
    parts: &Parts,
    call: &Arc<Call>,
    id: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    plain(head)?;
    let bytes = body.read().await?;
    if !bytes.iter().all(u8::is_ascii_whitespace) {
        headers::require_json(&head.headers)?;
        let Object(Nothing {}) = json::decode(&bytes, Bounds::default())?;
    }
    let run = parts.gateway.cancel(call, id).await?;
    answer::json(StatusCode::OK, &*run)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `GET /v1/threads/{thread_id}`.
pub async fn get_thread(
    parts: &Parts,
    call: &Call,
    id: &str,
    head: &Head,
) -> Result<Response<Body>> {
    plain(head)?;
    answer::json(StatusCode::OK, &parts.gateway.thread(call, id).await?)
}

/// `GET /v1/threads/{thread_id}/runs`.
pub async fn list_thread_runs(
    parts: &Parts,
    call: &Call,
    id: &str,
    head: &Head,
) -> Result<Response<Body>> {
    headers::require_accepts(&head.headers, JSON)?;
    let filter = list::thread_filter(head.uri.query(), check::thread(id)?)?;
    // Asked first, so that another caller's thread is 404 rather than empty.
    parts.gateway.thread(call, id).await?;
    let page = parts.gateway.runs(call, &filter).await?;
    answer::json(StatusCode::OK, &list::runs(&page))
}

/// `GET /v1/upstreams`.
pub fn list_upstreams(parts: &Parts, call: &Call, head: &Head) -> Result<Response<Body>> {
    plain(head)?;
    answer::json(StatusCode::OK, &list::upstreams(parts.gateway.upstreams(call)))
}

/// `GET /openapi.json`, from bytes made at the start.
pub fn get_openapi(document: &bytes::Bytes, head: &Head) -> Result<Response<Body>> {
    plain(head)?;
    let media_type = HeaderValue::from_static(JSON);
    Ok(answer::bytes_of(StatusCode::OK, media_type, document.clone()))
}

/// A request without query parameters that is answered with JSON.
fn plain(head: &Head) -> Result<()> {
    Query::read(head.uri.query(), &[])?;
    headers::require_accepts(&head.headers, JSON)
}
