//! ACP's failures as ours; [`super::Acp`] and the decoder call it.
//!
//! Invariant: what ACP says stands in the error's `upstream` member only, never in our sentence.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::error::{Error, Kind};
use crate::outbound::fault;

/// Reads an answer that is not a success.
pub(super) fn failure(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let said = fault::said(body, &["error", "message", "detail"]);
    let class = classify(status, said.as_deref().unwrap_or_default());
    fault::failed(upstream, status, headers, said.as_deref(), class)
}

fn classify(status: StatusCode, said: &str) -> (Kind, &'static str) {
    let is_model = said.starts_with("Model ") && said.contains("not enabled");
    match status.as_u16() {
        400 if is_model => (Kind::UpstreamMisconfigured, "the agent's model is not enabled there"),
        400 if said.starts_with("No API key for provider") => {
            (Kind::UpstreamMisconfigured, "the platform has no key for the agent's model provider")
        }
        // The request is the gateway's own work, so that a 400 is not the caller's fault.
        400 => (Kind::UpstreamError, "the platform refused the gateway's request"),
        300..=399 => (Kind::UpstreamMisconfigured, "the platform's API is not at base_url"),
        401 | 403 => (Kind::UpstreamMisconfigured, "the platform refused the gateway's credential"),
        404 => (Kind::AgentNotFound, "the platform has no such agent"),
        // The documented 429 is a cap on a day's cost, which no short wait helps.
        429 if said.is_empty() || said.to_ascii_lowercase().contains("daily") => {
            (Kind::BudgetExhausted, "the platform's daily quota is used up")
        }
        429 => (Kind::RateLimited, "the platform takes no more requests for now"),
        _ => (Kind::UpstreamError, "the platform answered with a failure"),
    }
}

/// A failure that ACP tells inside a stream or a whole answer.
pub(super) fn told(upstream: &str, status: Option<u16>, error: &Value, message: &Value) -> Error {
    let said = fault::sentence(error).or_else(|| fault::sentence(message));
    Error::new(Kind::UpstreamError, "the platform reported a failure of the run")
        .upstream(upstream, status, said)
}

/// Something that is not what ACP's API promises.
pub(super) fn broken(upstream: &str, what: &'static str) -> Error {
    Error::new(Kind::UpstreamProtocol, what).upstream(upstream, None, None)
}
