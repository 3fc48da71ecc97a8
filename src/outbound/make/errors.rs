//! Make's failures as ours. Their bodies are JSON, plain text or a web page, and no published
//! schema says which. Called by the vendor's `failure` and by the decoders.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::wire::Answer;
use crate::error::{Error, Kind};
use crate::outbound::fault;

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
    let class = classify(status, said.as_deref().unwrap_or_default());
    fault::failed(upstream, status, headers, said.as_deref(), class)
}

fn classify(status: StatusCode, said: &str) -> (Kind, &'static str) {
    match status.as_u16() {
        300..=399 => (Kind::UpstreamMisconfigured, "the platform's API is not at base_url"),
        401 | 403 => (
            Kind::UpstreamMisconfigured,
            "the platform does not accept the gateway's credential or team for this",
        ),
        404 => (Kind::AgentNotFound, "the platform knows no such agent"),
        413 => TOO_LARGE,
        400 if is_about_size(said) => TOO_LARGE,
        429 => (Kind::RateLimited, "the platform's limit of calls a minute is reached"),
        400..=499 => (Kind::UpstreamError, "the platform refused the run"),
        _ => (Kind::UpstreamError, "the platform failed"),
    }
}

const TOO_LARGE: (Kind, &str) =
    (Kind::ContentTooLarge, "the run is larger than the platform takes");

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
