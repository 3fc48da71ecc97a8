//! Answers that are whole: JSON, text, and the head of a run that goes on. Called by every face.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::headers::JSON;
use crate::model::run::Run;

/// A JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Response<Body>> {
    let bytes = serde_json::to_vec(value)
        .map_err(|cause| Error::new(Kind::Internal, "the answer has no JSON").caused_by(cause))?;
    Ok(bytes_of(status, HeaderValue::from_static(JSON), bytes.into()))
}

/// A text answer.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    bytes_of(status, HeaderValue::from_static("text/plain; charset=utf-8"), text.into())
}

/// An answer with these bytes.
pub fn bytes_of(status: StatusCode, media_type: HeaderValue, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Says where the run can be read.
pub fn located(mut response: Response<Body>, run: &Run) -> Response<Body> {
    // An id has only characters that a header may have.
    if let Ok(value) = HeaderValue::try_from(format!("/v1/runs/{}", run.id)) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

/// 202: the run goes on.
pub fn accepted(run: &Run) -> Result<Response<Body>> {
    let mut response = located(json(StatusCode::ACCEPTED, run)?, run);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}
