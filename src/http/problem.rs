//! The default rendering of a failure: a problem document (RFC 9457). Rescue uses it through the
//! stack's render function, for every face that has no error body of its own.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::error::{Error, Kind};
use crate::http::body::Body;
use crate::http::operation::Face;
use crate::model::call::Call;

/// Renders a failure in a face's own shape: status, media type and body. The headers that any
/// face's answer has are added by rescue.
pub type Render = fn(Face, &Error, &Call) -> Response<Body>;

/// The media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Renders a failure as a problem document.
pub fn render(error: &Error, call: &Call) -> Response<Body> {
    // A document of strings and numbers is always written; an empty body would still have the
    // right status.
    let body = serde_json::to_vec(&error.problem(&call.id)).unwrap_or_default();
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status(error.kind());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// The status that answers a kind.
pub fn status(kind: Kind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_status_that_http_knows() {
        for kind in Kind::ALL.iter().copied() {
            assert_eq!(status(kind).as_u16(), kind.status(), "{}", kind.code());
        }
    }
}
