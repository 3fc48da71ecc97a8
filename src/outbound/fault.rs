//! What vendors' `errors.rs` have in common: the readable text of a failed answer, and when to
//! come back.
//!
//! Invariant: no markup is ever passed on as a message.

use std::time::Duration;

use http::{HeaderMap, header};

/// The body as a sentence, if it is plain text: not JSON, not markup, printable.
pub fn plain_text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_plain = !text.is_empty()
        && !text.starts_with(['<', '{', '['])
        && !text.contains("</")
        && !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_plain.then_some(text)
}

/// `Retry-After` in seconds, where the answer has one. Its other form, a date, is not read: it
/// would need the platform's clock.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_is_a_sentence() {
        assert_eq!(plain_text(b" error code: 1010\n"), Some("error code: 1010"));
        for body in ["", "<!doctype html><p>x", "{\"a\":1}", "oops</body>", "a\u{0}b"] {
            assert_eq!(plain_text(body.as_bytes()), None, "{body}");
        }
        assert_eq!(plain_text(b"\xff"), None);
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(header::RETRY_AFTER, http::HeaderValue::from_static(value))])
        };
        assert_eq!(retry_after(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers("Wed, 21 Oct 2015 07:28:00 GMT")), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
