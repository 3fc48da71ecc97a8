//! What a receiver answered, as far as it matters: its status, and when it wants to be asked
//! again. The poster reads it off the head of the answer.
//!
//! Invariant: nothing of the answer's body is kept.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The answer of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status; a redirect is as good as any, and is not followed.
    pub status: StatusCode,
    /// How long it asks to be left alone, unbounded, where it says so.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Reads the head of an answer.
    pub fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        Self { status, retry_after: retry_after(headers) }
    }
}

/// `Retry-After` in both of its forms (RFC 9110, 10.2.3). A point in time is read against the
/// answer's own `Date`, so that no clock of ours comes into it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(value)? - date(text(headers, &DATE)?)?;
    Duration::try_from(wait).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pairs: &[(HeaderName, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name, value.parse().unwrap());
        }
        Answer::read(StatusCode::OK, &headers).retry_after.map(|after| after.as_secs())
    }

    #[test]
    fn the_time_to_come_back_is_read_in_both_forms() {
        let date = (DATE, "Mon, 01 Jun 2026 10:00:00 GMT");
        let at = (RETRY_AFTER, "Mon, 01 Jun 2026 10:02:00 GMT");
        assert_eq!(after(&[(RETRY_AFTER, "120")]), Some(120));
        assert_eq!(after(&[at.clone(), date.clone()]), Some(120));
        assert_eq!(after(&[at]), None);
        let past = (RETRY_AFTER, "Mon, 01 Jun 2026 09:59:00 GMT");
        assert_eq!(after(&[past, date]), None);
        for wrong in ["-1", "1.5", "soon", "", "99999999999999999999999"] {
            assert_eq!(after(&[(RETRY_AFTER, wrong)]), None, "{wrong}");
        }
        assert_eq!(after(&[]), None);
    }
}
