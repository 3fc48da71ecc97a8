//! Failures as callers see them: problem documents (RFC 9457), except on the face of ACP, which
//! has its own error bodies. Called by the rescue layer, and by faces for runs that failed.

use http::{Response, StatusCode};

use crate::error::{Error, Problem};
use crate::http::body::Body;
use crate::http::operation::Face;
use crate::inbound::acp;
use crate::model::call::Call;
use crate::wire::problem;

/// The answer to a request that failed.
pub fn render_error(face: Face, error: &Error, call: &Call) -> Response<Body> {
    let problem = error.problem(&call.id);
    match face {
        Face::Acp => acp::errors::answer(&problem),
        Face::Unified | Face::Hooks | Face::Proxy | Face::Admin => problem_answer(&problem),
    }
}

/// A problem document.
pub fn problem_answer(problem: &Problem) -> Response<Body> {
    let (headers, bytes) = problem::encode(problem);
    let mut response = Response::new(Body::full(bytes));
    *response.status_mut() = status_of(problem.status);
    *response.headers_mut() = headers;
    response
}

/// A status of ours, which is always one of HTTP's.
pub fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::error::Kind;
    use crate::model::call::{Facts, TraceContext};
    use std::time::Duration;

    fn rendered(face: Face, error: &Error) -> (Response<Body>, String) {
        let call = Call {
            id: "req_1".to_owned(),
            trace: TraceContext::default(),
            operation: "create_run",
            face: "unified",
            address: std::net::IpAddr::from([127, 0, 0, 1]),
            received_at: Timestamp(0),
            received: Duration::ZERO,
            facts: Facts::default(),
        };
        let mut response = render_error(face, error, &call);
        let bytes = response.body_mut().take_full().unwrap();
        (response, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn a_problem_has_the_status_of_its_kind_and_says_when_to_come_back() {
        let error = Error::new(Kind::Overloaded, "busy").retry_after(Duration::from_millis(1500));
        let (response, text) = rendered(Face::Unified, &error);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "2");
        assert!(
            text.contains(r#""code":"overloaded""#) && text.contains(r#""request_id":"req_1""#)
        );
    }

    #[test]
    fn acp_has_its_own_error_bodies() {
        let (response, text) = rendered(Face::Acp, &Error::new(Kind::AgentNotFound, "none"));
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(text, r#"{"error":"Agent profile not found"}"#);
    }
}
