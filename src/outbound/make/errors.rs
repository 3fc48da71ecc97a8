//! Make's failures as ours. Their bodies are JSON, plain text or a web page, and no published
//! schema says which. Called by the vendor's `failure` and by the decoders.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::wire::Answer;
use crate::error::{Error, Kind};
use crate::outbound::fault;

/// Make counts calls by the minute.
const WINDOW: Duration = Duration::from_secs(60);

/// Reads an answer that is not a success.
pub(super) fn failure(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let said = match Answer::read(body) {
        Some(answer) => said(&answer),
        None => fault::plain_text(body).map(str::to_owned),
    };
    let error = match status.as_u16() {
        401 | 403 => Error::new(
            Kind::UpstreamMisconfigured,
            "the platform does not accept the gateway's credential or team for this",
        ),
        404 => Error::new(Kind::AgentNotFound, "the platform knows no such agent"),
        413 => too_large(),
        400 if said.as_deref().is_some_and(is_about_size) => too_large(),
        429 => Error::new(Kind::RateLimited, "the platform's limit of calls a minute is reached")
            .retry_after(fault::retry_after(headers).unwrap_or(WINDOW)),
        400..=499 => Error::new(Kind::UpstreamError, "the platform refused the run"),
        _ => Error::new(Kind::UpstreamError, "the platform failed"),
    };
    error.upstream(upstream, Some(status.as_u16()), said.as_deref())
}

fn too_large() -> Error {
    Error::new(Kind::ContentTooLarge, "the run is larger than the platform takes")
}

/// Make says so with a 400.
fn is_about_size(said: &str) -> bool {
    said.contains("request entity too large")
}

/// What a failure says of itself, in one line; none for an object that is not a failure.
pub(super) fn said(answer: &Answer) -> Option<String> {
    let parts = [&answer.message, &answer.detail, &answer.error];
    let mut said: Vec<String> = Vec::new();
    for text in parts.into_iter().flatten().filter_map(sentence) {
        if !said.contains(&text) {
            said.push(text);
        }
    }
    for suberror in answer.suberrors.as_ref().and_then(Value::as_array).into_iter().flatten() {
        said.extend(suberror.get("message").and_then(sentence));
    }
    let code = answer.code.as_ref().and_then(sentence);
    match (said.is_empty(), code) {
        (true, code) => code,
        (false, None) => Some(said.join("; ")),
        (false, Some(code)) => Some(format!("{} ({code})", said.join("; "))),
    }
}

/// A member of a failure as text: `detail` may be anything.
fn sentence(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::String(text) => fault::plain_text(text.as_bytes()).map(str::to_owned),
        Value::Object(object) if object.contains_key("message") => {
            object.get("message").and_then(sentence)
        }
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}
