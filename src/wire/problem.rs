//! Problem documents (RFC 9457) as bytes and header fields; rescue and the faces call it for
//! every error answer.
//!
//! Invariant: what is written is what [`Problem`] holds, nothing of the error's cause.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use crate::error::Problem;

/// The media type of problem documents.
pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The header fields and the body of an error answer.
pub fn encode(problem: &Problem) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(CONTENT_TYPE, MEDIA_TYPE);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Text, numbers and lists of them always have a JSON form.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (headers, Bytes::from(body))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Error, Kind};

    #[test]
    fn a_problem_is_rendered_with_its_headers_and_without_its_cause() {
        let error = Error::new(Kind::Overloaded, "too much to do")
            .retry_after(Duration::from_millis(1_200))
            .caused_by(std::io::Error::other("a secret"));
        let (headers, body) = encode(&error.problem("req_1"));
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[RETRY_AFTER], "2");
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("secret"));
        let read: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(
            (read.status, read.code.as_str(), read.retry_after),
            (503, "overloaded", Some(2))
        );
    }

    #[test]
    fn retry_after_stands_only_where_it_is_known() {
        let (headers, _) = encode(&Error::invalid("input", "required").problem("req_1"));
        assert!(!headers.contains_key(RETRY_AFTER));
    }
}
