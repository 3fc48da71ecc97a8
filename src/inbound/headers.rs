//! What request headers ask of every face: the media types in and out, and what is refused by
//! name until it is built.
//!
//! Invariant: a header that changes what is asked for is obeyed or refused, never passed over.

use http::{HeaderMap, header};

use crate::error::{Error, Kind, Result};

/// The type of a JSON answer.
pub const JSON: &str = "application/json";
/// The type of a stream.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The request's media type in lower case, without parameters; none where it names none.
pub fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    // What is no text is no known type either.
    let text = value.to_str().unwrap_or("unreadable");
    let essence = text.split(';').next().unwrap_or("").trim();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

/// Whether a media type is JSON.
pub fn is_json(media_type: &str) -> bool {
    media_type == JSON || media_type.ends_with("+json")
}

/// Refuses a body that is compressed, or in another charset than UTF-8: read as it came, it would
/// mean something else.
pub fn require_plain(headers: &HeaderMap) -> Result<()> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !encodings.into_iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let error = Error::new(Kind::UnsupportedMediaType, "the body must not be compressed");
        return Err(error.at("Content-Encoding", "must be identity"));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parameters = content_type.unwrap_or("").split(';').skip(1);
    let is_other = |parameter: &str| {
        let charset = parameter
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.is_some_and(|(_, value)| {
            let value = value.trim().trim_matches('"');
            !["utf-8", "utf8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(value))
        })
    };
    if parameters.any(is_other) {
        let error = Error::new(Kind::UnsupportedMediaType, "the body must be UTF-8");
        return Err(error.at("Content-Type", "must be of charset utf-8"));
    }
    Ok(())
}

/// Refuses a body that says it is not JSON. One that says nothing is taken for JSON.
pub fn require_json(headers: &HeaderMap) -> Result<()> {
    require_plain(headers)?;
    match content_type(headers) {
        Some(other) if !is_json(&other) => Err(unsupported_type("application/json")),
        Some(_) | None => Ok(()),
    }
}

/// The refusal of a media type.
pub fn unsupported_type(expected: &str) -> Error {
    Error::new(Kind::UnsupportedMediaType, format!("the body must be {expected}"))
        .at("Content-Type", "not a media type that this operation reads")
}

/// Refuses where `Accept` leaves out the type of the answer (RFC 9110, 12.5.1).
pub fn require_accepts(headers: &HeaderMap, answer: &str) -> Result<()> {
    let mut best: Option<(u8, bool)> = None;
    let mut named = false;
    for line in headers.get_all(header::ACCEPT) {
        let Ok(line) = line.to_str() else { return Ok(()) };
        for range in line.split(',').filter(|range| !range.trim().is_empty()) {
            named = true;
            let mut parts = range.split(';').map(str::trim);
            let Some(weight) = precedence(parts.next().unwrap_or(""), answer) else { continue };
            let refused = parts.any(is_zero_quality);
            // The most precise range decides over the others.
            if best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, !refused));
            }
        }
    }
    if !named || best.is_some_and(|(_, accepted)| accepted) {
        return Ok(());
    }
    let said = format!("the answer is {answer}, which Accept leaves out");
    Err(Error::new(Kind::NotAcceptable, said).at("Accept", format!("must allow {answer}")))
}

/// How precisely a range names `answer`; none where it does not.
fn precedence(range: &str, answer: &str) -> Option<u8> {
    let range = range.to_ascii_lowercase();
    let kind = answer.split('/').next().unwrap_or("");
    if range == answer {
        Some(2)
    } else if range.strip_suffix("/*") == Some(kind) {
        Some(1)
    } else {
        (range == "*/*" || range == "*").then_some(0)
    }
}

fn is_zero_quality(parameter: &str) -> bool {
    let quality = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("q"));
    quality.is_some_and(|(_, value)| value.trim().parse::<f32>().is_ok_and(|q| q <= 0.0))
}

/// Characters of an idempotency key, at most.
const KEY_CHARACTERS: usize = 255;

/// The caller's `Idempotency-Key`: 1 to 255 visible characters of ASCII.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let wrong = |said: String| Err(Error::invalid("Idempotency-Key", said));
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return wrong("must be given once".to_owned());
    }
    let key = value.as_bytes();
    if key.is_empty() || key.len() > KEY_CHARACTERS || !key.iter().all(u8::is_ascii_graphic) {
        return wrong(format!("must be 1 to {KEY_CHARACTERS} visible characters of ASCII"));
    }
    Ok(value.to_str().ok().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            header::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn a_body_is_json_unless_it_says_otherwise() {
        assert!(require_json(&HeaderMap::new()).is_ok());
        for taken in
            ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
        {
            assert!(require_json(&with("content-type", taken)).is_ok(), "{taken}");
        }
        for refused in ["text/plain", "application/x-www-form-urlencoded", "json"] {
            let error = require_json(&with("content-type", refused)).unwrap_err();
            assert_eq!(error.kind(), Kind::UnsupportedMediaType, "{refused}");
        }
    }

    #[test]
    fn a_body_that_would_have_to_be_translated_is_refused() {
        let json = "application/json";
        for (name, value, taken) in [
            ("content-encoding", "identity", true),
            ("content-encoding", "gzip", false),
            ("content-type", json, true),
            ("content-type", "application/json; charset=UTF-8", true),
            ("content-type", "application/json;x=y;Charset=\"utf-8\"", true),
            ("content-type", "application/json; charset=utf-16", false),
            ("content-type", "text/plain; charset=iso-8859-1", false),
        ] {
            let read = require_plain(&with(name, value));
            assert_eq!(read.is_ok(), taken, "{name}: {value}");
            assert!(read.err().is_none_or(|e| e.kind() == Kind::UnsupportedMediaType));
        }
    }

    #[test]
    fn accept_decides_by_its_most_precise_range() {
        assert!(require_accepts(&HeaderMap::new(), JSON).is_ok());
        for (accept, answer, taken) in [
            ("*/*", JSON, true),
            ("", JSON, true),
            ("application/*", JSON, true),
            ("Application/JSON", JSON, true),
            ("text/html, application/xml;q=0.9, */*;q=0.8", JSON, true),
            ("text/html", JSON, false),
            ("text/event-stream", JSON, false),
            ("application/json", EVENT_STREAM, false),
            ("text/event-stream, application/json", EVENT_STREAM, true),
            ("*/*, application/json;q=0", JSON, false),
            ("application/json;q=0.5, */*;q=0", JSON, true),
            ("*/*;q=0.0", JSON, false),
        ] {
            let read = require_accepts(&with("accept", accept), answer);
            assert_eq!(read.is_ok(), taken, "{accept} for {answer}");
            assert!(read.err().is_none_or(|error| error.kind() == Kind::NotAcceptable));
        }
    }

    #[test]
    fn an_idempotency_key_is_one_word_of_ascii() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        let longest = "k".repeat(255);
        for good in ["k1", "8e03978e-40d5-43e8-bc93-6894a57f9324", "\"quoted\"", &longest] {
            let read = idempotency_key(&with("idempotency-key", good)).unwrap();
            assert_eq!(read.as_deref(), Some(good));
        }
        for wrong in ["", "two words", "k\u{e9}", &"k".repeat(256)] {
            let refused = idempotency_key(&with("idempotency-key", wrong)).unwrap_err();
            assert_eq!(refused.fields()[0].path, "Idempotency-Key", "{wrong}");
        }
        let mut twice = with("idempotency-key", "k1");
        twice.append("idempotency-key", HeaderValue::from_static("k1"));
        assert!(idempotency_key(&twice).is_err());
    }
}
