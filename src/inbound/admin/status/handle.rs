//! `GET /admin/status`, from request to answer. Called by `faces.rs`.

use http::header::CACHE_CONTROL;
use http::request::Parts as Head;
use http::{HeaderValue, Response, StatusCode};

use super::stream;
use crate::error::Result;
use crate::http::body::Body;
use crate::inbound::answer;
use crate::inbound::faces::Parts;
use crate::inbound::headers::{self, EVENT_STREAM, JSON};
use crate::inbound::query::Query;

/// Answers once, or as long as somebody reads where a stream is asked for.
pub async fn read(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    // JSON is what is answered where either would do.
    if headers::require_accepts(&head.headers, JSON).is_err() {
        headers::require_accepts(&head.headers, EVENT_STREAM)?;
        return Ok(stream::answer(parts.tells.clone(), parts.draining.clone()));
    }
    let mut response = answer::json(StatusCode::OK, &parts.tells.status().await)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
