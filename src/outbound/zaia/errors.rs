//! Zaia's failures as ours. Only 401 and 404 are documented; the rest goes by status. Called by
//! the vendor's `failure`.

use http::{HeaderMap, StatusCode};

use super::wire::Failure;
use crate::error::{Error, Kind};
use crate::outbound::fault;

/// Reads an answer that is not a success.
pub(super) fn failure(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let said = said(body);
    let class = classify(status);
    fault::failed(upstream, status, headers, said.as_deref(), class)
}

fn classify(status: StatusCode) -> (Kind, &'static str) {
    match status.as_u16() {
        300..=399 => (Kind::UpstreamMisconfigured, "the platform's API is not at base_url"),
        401 | 403 => (
            Kind::UpstreamMisconfigured,
            "the platform does not accept the gateway's credential or plan for this",
        ),
        402 => (Kind::BudgetExhausted, "the platform's credits are used up"),
        404 => (Kind::AgentNotFound, "the platform knows no such agent"),
        413 => (Kind::ContentTooLarge, "the run is larger than the platform takes"),
        429 => (Kind::RateLimited, "the platform's limit of calls is reached"),
        400..=499 => (Kind::UpstreamError, "the platform refused the run"),
        _ => (Kind::UpstreamError, "the platform failed"),
    }
}

/// What the failure says of itself: its sentence for people, in English if there is one.
fn said(body: &[u8]) -> Option<String> {
    let Ok(failure) = serde_json::from_slice::<Failure>(body) else {
        return fault::plain_text(body).map(str::to_owned);
    };
    let feedback = failure.feedback.unwrap_or_default();
    let sentences = [feedback.en_us, failure.message, feedback.pt_br, feedback.es_es, failure.name];
    let said = sentences
        .into_iter()
        .flatten()
        .find_map(|text| fault::plain_text(text.as_bytes()).map(str::to_owned));
    match (said, failure.code) {
        (Some(said), Some(code)) => Some(format!("{said} ({code})")),
        (said, code) => said.or(code),
    }
}
