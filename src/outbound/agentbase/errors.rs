//! Agentbase's failures as ours; [`super::Agentbase`] and the decoder call it. The form of its
//! error bodies is not documented, so every usual one is read.
//!
//! Invariant: what Agentbase says stands in the error's `upstream` member only, never in our
//! sentence.

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
    let said = said.to_ascii_lowercase();
    let is_money = ["credit", "balance"].iter().any(|word| said.contains(word));
    match status.as_u16() {
        402 => (Kind::BudgetExhausted, "the platform's account has no credit left"),
        403 if is_money => (Kind::BudgetExhausted, "the platform's account has no credit left"),
        401 | 403 => (Kind::UpstreamMisconfigured, "the platform refused the gateway's credential"),
        404 if said.contains("session") => {
            (Kind::ThreadNotFound, "the platform no longer has this conversation")
        }
        // The platform has no agents that could be missing: a run's path is wrong.
        300..=399 | 404 | 405 => {
            (Kind::UpstreamMisconfigured, "the platform's API is not at base_url and run_path")
        }
        400 | 422 => (Kind::UpstreamError, "the platform refused the gateway's request"),
        429 => (Kind::RateLimited, "the platform takes no more requests for now"),
        _ => (Kind::UpstreamError, "the platform answered with a failure"),
    }
}

/// A failure that Agentbase tells with a success status; the first of `places` that says
/// something is its sentence.
pub(super) fn told(upstream: &str, status: Option<u16>, places: &[&Value]) -> Error {
    let said = places.iter().find_map(|place| fault::sentence(place));
    Error::new(Kind::UpstreamError, "the platform reported a failure of the run")
        .upstream(upstream, status, said)
}

/// Something that is not what Agentbase's API promises.
pub(super) fn broken(upstream: &str, what: &'static str) -> Error {
    Error::new(Kind::UpstreamProtocol, what).upstream(upstream, None, None)
}
