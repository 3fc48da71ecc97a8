//! What a platform's failure says, whatever its form: JSON of several shapes, plain text, HTML.
//! The vendors' `errors.rs` and their decoders call it.
//!
//! Invariant: what comes out is the platform's own sentence or nothing; never a page of markup.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::error::{Error, Kind};

/// When to come back where the platform does not say.
const LATER: Duration = Duration::from_secs(60);

/// An answer that is not a success as ours: what the platform said goes with it and, where waiting
/// helps, when to come back.
pub fn failed(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
    said: Option<&str>,
    (kind, message): (Kind, &'static str),
) -> Error {
    let error = Error::new(kind, message).upstream(upstream, Some(status.as_u16()), said);
    let hint = match status.as_u16() {
        429 | 503 => retry_after(headers),
        _ => None,
    };
    match hint.or((kind == Kind::RateLimited).then_some(LATER)) {
        Some(after) => error.retry_after(after),
        None => error,
    }
}

/// The sentence in a body: the first of `keys` that holds one, or the body itself where it is
/// plain text.
pub fn said(body: &[u8], keys: &[&str]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
        Ok(value) => keys.iter().find_map(|key| sentence(value.get(key)?)).map(str::to_owned),
        // A web server's error page says nothing that the status does not say.
        Err(_) => plain_text(body).map(str::to_owned),
    }
}

/// The body as a sentence, if it is plain text: not JSON, not markup, printable.
pub fn plain_text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_plain = !text.is_empty()
        && !text.starts_with(['<', '{', '['])
        && !text.contains("</")
        && !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_plain.then_some(text)
}

/// The sentence in a value: a string, or the `message` of an object.
pub fn sentence(value: &Value) -> Option<&str> {
    let text = value.as_str().or_else(|| value.get("message")?.as_str())?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// When the platform wants to be asked again, by the headers that are in use for it. A point in
/// time is read against the answer's own `Date`, so that no clock of ours comes into it.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| text(headers, name)?.parse::<f64>().ok().filter(|n| *n >= 0.0);
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(millis) = number("retry-after-ms") {
        return seconds(millis / 1_000.0);
    }
    if let Some(after) = number(RETRY_AFTER.as_str()) {
        return seconds(after);
    }
    if let Some(at) = date(headers, RETRY_AFTER.as_str()) {
        return Duration::try_from(at - date(headers, DATE.as_str())?).ok();
    }
    let reset = number("x-ratelimit-reset")?;
    // Some mean seconds from now, some a Unix time; no limit resets in thirty years.
    if reset < 1e9 {
        return seconds(reset);
    }
    seconds(reset - date(headers, DATE.as_str())?.unix_timestamp() as f64)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(headers: &HeaderMap, name: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text(headers, name)?, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        retry_after(&headers.collect()).map(|after| after.as_millis() as u64)
    }

    #[test]
    fn a_sentence_is_found_in_every_form() {
        let keys = ["error", "message", "detail"];
        for (body, expected) in [
            (r#"{"error":"no"}"#, Some("no")),
            (r#"{"error":{"message":"no"}}"#, Some("no")),
            (r#"{"error":7,"message":"no"}"#, Some("no")),
            (r#"{"detail":"no"}"#, Some("no")),
            (r#""no""#, Some("no")),
            ("no", Some("no")),
            (" <html>no</html>", None),
            ("{}", None),
            ("[1]", None),
            ("", None),
        ] {
            assert_eq!(said(body.as_bytes(), &keys).as_deref(), expected, "{body}");
        }
        assert_eq!(said(b"\xff", &keys), None);
    }

    #[test]
    fn only_plain_text_is_a_sentence() {
        assert_eq!(plain_text(b" error code: 1010\n"), Some("error code: 1010"));
        for body in ["", "<!doctype html><p>x", "{\"a\":1}", "oops</body>", "a\u{0}b"] {
            assert_eq!(plain_text(body.as_bytes()), None, "{body}");
        }
        assert_eq!(plain_text(b"\xff"), None);
    }

    #[test]
    fn the_time_to_come_back_is_read_from_each_header() {
        let date = ("date", "Mon, 01 Jun 2026 10:00:00 GMT");
        assert_eq!(after(&[("retry-after", "3")]), Some(3_000));
        assert_eq!(after(&[("retry-after-ms", "250"), ("retry-after", "3")]), Some(250));
        let at = ("retry-after", "Mon, 01 Jun 2026 10:00:05 GMT");
        assert_eq!(after(&[at, date]), Some(5_000));
        assert_eq!(after(&[at]), None);
        assert_eq!(after(&[("x-ratelimit-reset", "9")]), Some(9_000));
        assert_eq!(after(&[("x-ratelimit-reset", "1780308007"), date]), Some(7_000));
        assert_eq!(after(&[("x-ratelimit-reset", "1780308007")]), None);
        for wrong in ["-1", "nan", "inf", "soon", "1e300"] {
            assert_eq!(after(&[("retry-after", wrong)]), None, "{wrong}");
        }
        assert_eq!(after(&[]), None);
    }
}
