//! Zaia's failures as ours. Only 401 and 404 are documented; the rest goes by status. Called by
//! the vendor's `failure`.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::wire::Failure;
use crate::error::{Error, Kind};
use crate::outbound::fault;

/// When to come back where the platform does not say.
const LATER: Duration = Duration::from_secs(60);

/// Reads an answer that is not a success.
pub(super) fn failure(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let said = said(body);
    let error = match status.as_u16() {
        401 | 403 => Error::new(
            Kind::UpstreamMisconfigured,
            "the platform does not accept the gateway's credential or plan for this",
        ),
        402 => Error::new(Kind::BudgetExhausted, "the platform's credits are used up"),
        404 => Error::new(Kind::AgentNotFound, "the platform knows no such agent"),
        413 => Error::new(Kind::ContentTooLarge, "the run is larger than the platform takes"),
        429 => Error::new(Kind::RateLimited, "the platform's limit of calls is reached")
            .retry_after(fault::retry_after(headers).unwrap_or(LATER)),
        400..=499 => Error::new(Kind::UpstreamError, "the platform refused the run"),
        _ => Error::new(Kind::UpstreamError, "the platform failed"),
    };
    error.upstream(upstream, Some(status.as_u16()), said.as_deref())
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
