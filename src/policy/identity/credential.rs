//! The credential in a request's head: `Authorization: Bearer …`, or `X-API-Key`, which many
//! automation tools have in its place (API.md, part 1).
//!
//! Invariant: a request has one credential. Two that differ are none: what stands in front may
//! have looked at the other.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::unauthenticated;
use crate::error::Result;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a caller carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A key, ours or registered.
    Key(&'a str),
    /// A token (JWT).
    Token(&'a str),
}

impl<'a> Credential<'a> {
    /// The credential of a request; none where it has none. `bare` where the face's protocol takes
    /// a key in `Authorization` without a scheme.
    pub fn read(headers: &'a HeaderMap, bare: bool) -> Result<Option<Self>> {
        let mut found = None;
        let schemed = headers.get_all(AUTHORIZATION).iter().map(|value| bearer(value, bare));
        let plain = headers.get_all(&API_KEY).iter().map(text);
        for credential in schemed.chain(plain) {
            let credential = credential?;
            if found.is_some_and(|other| other != credential) {
                return Err(unauthenticated("the request has two credentials that differ"));
            }
            found = Some(credential);
        }
        Ok(found.map(Self::of))
    }

    fn of(text: &'a str) -> Self {
        // A token is three parts, and its first is a JSON object in base64url.
        let is_token =
            text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() >= 2;
        if is_token { Self::Token(text) } else { Self::Key(text) }
    }
}

/// The credential behind the scheme, whose case does not count (RFC 9110, 11.1).
fn bearer(value: &HeaderValue, bare: bool) -> Result<&str> {
    let text = text(value)?;
    let schemed = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match schemed.map(|(_, rest)| rest.trim_start_matches(' ')) {
        Some(rest) if !rest.is_empty() && !rest.contains(' ') => Ok(rest),
        None if bare && !text.is_empty() && !text.contains(' ') => Ok(text),
        Some(_) | None => Err(unauthenticated("Authorization must be `Bearer` and one credential")),
    }
}

fn text(value: &HeaderValue) -> Result<&str> {
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(unauthenticated("the credential is empty, or not visible ASCII"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &str)], bare: bool) -> std::result::Result<String, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        match Credential::read(&headers, bare) {
            Ok(Some(Credential::Key(text))) => Ok(format!("key {text}")),
            Ok(Some(Credential::Token(text))) => Ok(format!("token {text}")),
            Ok(None) => Ok("none".to_owned()),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    #[test]
    fn a_credential_stands_in_either_header() {
        for (lines, found) in [
            (&[][..], "none"),
            (&[("authorization", "Bearer swy_a_1")], "key swy_a_1"),
            (&[("authorization", "bEARER   swy_a_1 ")], "key swy_a_1"),
            (&[("x-api-key", "gsk_a_1")], "key gsk_a_1"),
            (&[("authorization", "Bearer k"), ("x-api-key", "k")], "key k"),
            (&[("authorization", "Bearer eyJh.eyJp.c2ln")], "token eyJh.eyJp.c2ln"),
            (&[("authorization", "Bearer eyJh.a.b.c.d")], "token eyJh.a.b.c.d"),
        ] {
            assert_eq!(read(lines, false), Ok(found.to_owned()));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for lines in [
            &[("authorization", "Bearer a"), ("x-api-key", "b")][..],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            &[("authorization", "Bearer a b")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer")],
            &[("authorization", "Basic dTpw")],
            &[("authorization", "swy_a_1")],
            &[("authorization", "")],
            &[("x-api-key", "")],
            &[("x-api-key", "\u{e9}")],
            &[("authorization", "Bearer a"), ("authorization", "Basic dTpw")],
        ] {
            assert!(read(lines, false).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn a_key_without_a_scheme_is_taken_where_the_protocol_has_it() {
        assert_eq!(read(&[("authorization", "gsk_a_1")], true), Ok("key gsk_a_1".to_owned()));
        assert!(read(&[("authorization", "gsk a")], true).is_err());
    }
}
