//! Failures in ACP's body, `{"error": "…"}`, with its statuses and words where one fits. Called
//! by the rescue layer through `render_error`, and for runs that failed.

use http::header::RETRY_AFTER;
use http::{HeaderValue, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Kind, Problem};
use crate::http::body::Body;
use crate::inbound::{answer, errors, headers};

/// How ACP begins the two refusals that are the operator's fault, both of status 400.
const MISCONFIGURED: [&str; 2] = ["Model \"", "No API key for provider"];

/// An error body.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcpError {
    /// What is the matter.
    pub error: String,
}

/// The answer to a request or a run that failed.
pub fn answer(problem: &Problem) -> Response<Body> {
    let (status, error) = words(problem);
    let bytes = serde_json::to_vec(&AcpError { error }).unwrap_or_default();
    let media_type = HeaderValue::from_static(headers::JSON);
    let status = errors::status_of(status);
    let mut response = answer::bytes_of(status, media_type, bytes.into());
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// ACP's status and words for a problem.
pub fn words(problem: &Problem) -> (u16, String) {
    let is = |kind: Kind| problem.code == kind.code();
    if is(Kind::AgentNotFound) {
        return (404, "Agent profile not found".to_owned());
    }
    if is(Kind::Unauthenticated) {
        return (401, format!("Unauthorized: {}", sentence(problem)));
    }
    if is(Kind::BudgetExhausted) {
        return (429, format!("Daily AI usage limit reached. {}", sentence(problem)));
    }
    let said = problem.upstream.as_ref().and_then(|upstream| upstream.message.as_deref());
    if let Some(said) = said.filter(|_| is(Kind::UpstreamMisconfigured))
        && MISCONFIGURED.iter().any(|begin| said.starts_with(begin))
    {
        return (400, said.to_owned());
    }
    (problem.status, sentence(problem))
}

/// What happened, with the places that a problem document lists apart.
fn sentence(problem: &Problem) -> String {
    let mut text = problem.detail.clone();
    // Most sentences name the rule already.
    if problem.rules.iter().any(|rule| !text.contains(rule.as_str())) {
        text.push_str(&format!(" ({})", problem.rules.join(", ")));
    }
    for place in &problem.errors {
        text.push_str(&format!("; {}: {}", place.path, place.message));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn said(error: &Error) -> (u16, String) {
        words(&error.problem("req_1"))
    }

    #[test]
    fn what_acp_has_words_for_is_said_in_them() {
        let none = Error::new(Kind::AgentNotFound, "there is no agent x");
        assert_eq!(said(&none), (404, "Agent profile not found".to_owned()));
        let unknown = Error::new(Kind::Unauthenticated, "no key");
        assert_eq!(said(&unknown), (401, "Unauthorized: no key".to_owned()));
        let limited = Error::new(Kind::RateLimited, "reached").ruled_by(["per-key".to_owned()]);
        assert_eq!(said(&limited), (429, "reached (per-key)".to_owned()));
        let quota = Error::new(Kind::BudgetExhausted, "used up");
        assert_eq!(said(&quota), (429, "Daily AI usage limit reached. used up".to_owned()));
        let model = "Model \"gpt-x\" from profile is not enabled for this workspace";
        let misconfigured = Error::new(Kind::UpstreamMisconfigured, "model").upstream(
            "acp",
            Some(400),
            Some(model),
        );
        assert_eq!(said(&misconfigured), (400, model.to_owned()));
        let other =
            Error::new(Kind::UpstreamMisconfigured, "key").upstream("make", Some(401), Some("no"));
        assert_eq!(said(&other), (502, "key".to_owned()));
    }

    #[test]
    fn every_kind_has_its_status_and_places() {
        let refused = Error::new(Kind::NotSupported, "not yet").at("Idempotency-Key", "later");
        assert_eq!(said(&refused), (422, "not yet; Idempotency-Key: later".to_owned()));
    }
}
