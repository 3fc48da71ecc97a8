//! Which header fields travel, both ways: what is about this connection, about who calls here, and
//! about the way to here stays behind (RFC 9110, 7.6). Called by `handle.rs` and `answer.rs`.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderMap,
    HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};

use crate::error::{Error, Kind, Result};

/// About one connection, whoever names them.
const HOP: [HeaderName; 10] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// What a caller shows itself by, and what would make another request of it. The body's length is
/// told by the body.
const CALLERS: [HeaderName; 16] = [
    AUTHORIZATION,
    COOKIE,
    HOST,
    EXPECT,
    CONTENT_LENGTH,
    FORWARDED,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-acp-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-request-id"),
];

/// What a platform says to a caller of its own, about an address that is not ours.
const PLATFORMS: [HeaderName; 4] = [
    SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("set-cookie2"),
];

/// The name that this proxy goes by (RFC 9110, 7.6.3).
const BY: &str = "switchyard";

/// What our own tracing says, where it is configured to.
const TRACES: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

/// Whether what is sent is the content itself, cut in chunks at most: another coding would be
/// taken off with its field, and what is left be something else (RFC 9112, 6.1).
pub(super) fn is_coded_for_the_way_only(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(is_chunked) && codings.next().is_none()
}

/// Takes out of a request's fields what does not travel.
pub(super) fn of_request(headers: &mut HeaderMap, version: http::Version, id: &str) -> Result<()> {
    refuse_upgrade(headers)?;
    hop(headers);
    CALLERS.iter().chain(&TRACES).for_each(|name| remove(headers, name));
    let is_forwarded = |name: &&HeaderName| name.as_str().starts_with("x-forwarded-");
    let forwarded: Vec<HeaderName> = headers.keys().filter(is_forwarded).cloned().collect();
    forwarded.iter().for_each(|name| remove(headers, name));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id);
    }
    via(headers, version);
    Ok(())
}

/// The same of an answer's.
pub(super) fn of_answer(headers: &mut HeaderMap, version: http::Version) {
    hop(headers);
    PLATFORMS.iter().for_each(|name| remove(headers, name));
    via(headers, version);
}

/// Another protocol would pass every policy. An offer of HTTP/2 may be passed over.
fn refuse_upgrade(headers: &HeaderMap) -> Result<()> {
    let offers = headers.get_all(UPGRADE).iter();
    let offers = offers.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    for offer in offers.map(<[u8]>::trim_ascii).filter(|offer| !offer.is_empty()) {
        if !offer.eq_ignore_ascii_case(b"h2c") {
            let said = "the proxy passes requests on, and no other protocol";
            return Err(Error::new(Kind::InvalidRequest, said).at("Upgrade", "not possible here"));
        }
    }
    Ok(())
}

fn hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    named.iter().chain(&HOP).for_each(|name| remove(headers, name));
}

fn remove(headers: &mut HeaderMap, name: &HeaderName) {
    while headers.remove(name).is_some() {}
}

fn via(headers: &mut HeaderMap, version: http::Version) {
    let version = match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    };
    if let Ok(by) = HeaderValue::try_from(format!("{version} {BY}")) {
        headers.append(VIA, by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Version;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_is_about_the_connection_or_the_caller_stays_behind() {
        let mut headers = map(&[
            ("accept", "a/b"),
            ("x-custom", "1"),
            ("x-custom", "2"),
            ("connection", "close, X-Named"),
            ("connection", "x-other,,"),
            ("x-named", "n"),
            ("x-other", "o"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("authorization", "Bearer secret"),
            ("x-api-key", "secret"),
            ("cookie", "session=secret"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "evil"),
            ("x-http-method-override", "DELETE"),
            ("expect", "100-continue"),
            ("via", "1.0 before"),
        ]);
        of_request(&mut headers, Version::HTTP_2, "req_1").unwrap();
        let left = map(&[
            ("accept", "a/b"),
            ("x-custom", "1"),
            ("x-custom", "2"),
            ("via", "1.0 before"),
            ("via", "2 switchyard"),
            ("x-request-id", "req_1"),
        ]);
        assert_eq!(headers, left);
    }

    #[test]
    fn no_other_protocol_is_spoken() {
        for (offer, passes) in [("websocket", false), ("h2c", true), ("h2c, websocket", false)] {
            let mut headers = map(&[("upgrade", offer), ("connection", "upgrade")]);
            assert_eq!(of_request(&mut headers, Version::HTTP_11, "x").is_ok(), passes, "{offer}");
        }
    }

    #[test]
    fn a_platforms_cookies_are_not_the_callers() {
        let mut headers = map(&[("set-cookie", "a=1"), ("set-cookie", "b=2"), ("etag", "x")]);
        of_answer(&mut headers, Version::HTTP_11);
        assert_eq!(headers, map(&[("etag", "x"), ("via", "1.1 switchyard")]));
    }
}
