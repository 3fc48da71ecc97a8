//! A platform's answer as the proxy gives it: its fields, its addresses in our words, and its bytes
//! without trailers. Called by `handle.rs`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LOCATION, HeaderValue, LOCATION};
use http::{Response, Uri};
use http_body::{Body as _, Frame, SizeHint};

use super::fields;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;

/// The answer to a call of this upstream, whose API is at `base`.
pub(super) fn of(mut answer: Response<Body>, upstream: &str, base: &Uri) -> Result<Response<Body>> {
    let version = answer.version();
    if !fields::is_coded_for_the_way_only(answer.headers()) {
        let said =
            "the platform's answer is in a coding of its connection that cannot be passed on";
        return Err(Error::new(Kind::UpstreamProtocol, said).upstream(upstream, None, None));
    }
    let headers = answer.headers_mut();
    fields::of_answer(headers, version);
    for name in [LOCATION, CONTENT_LOCATION] {
        let here = headers.get(&name).and_then(|value| value.to_str().ok());
        let here = here.and_then(|location| here_of(location, upstream, base));
        if let Some(here) = here.and_then(|here| HeaderValue::try_from(here).ok()) {
            headers.insert(name, here);
        }
    }
    // Of a version of the platform's connection, not of ours.
    *answer.version_mut() = http::Version::HTTP_11;
    Ok(answer.map(without_trailers))
}

/// An address of the platform's as callers reach it; none for one that is not below its base.
fn here_of(location: &str, upstream: &str, base: &Uri) -> Option<String> {
    let prefix = base.path().trim_end_matches('/');
    let path = if location.starts_with('/') && !location.starts_with("//") {
        location.to_owned()
    } else {
        let uri: Uri = location.parse().ok()?;
        let is_there = uri.scheme() == base.scheme() && uri.authority() == base.authority();
        is_there.then(|| uri.path_and_query().map_or("/", |it| it.as_str()).to_owned())?
    };
    let below = path.strip_prefix(prefix)?;
    let is_below = below.is_empty() || below.starts_with(['/', '?', '#']);
    is_below.then(|| format!("/proxy/{upstream}{below}"))
}

/// The bytes of a body alone. Trailers are about the bytes as they came, and no policy has seen
/// them; a proxy may leave them out (RFC 9110, 6.5.1).
pub(super) fn without_trailers(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::stream(Data(body)) }
}

struct Data(Body);

impl http_body::Body for Data {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                Some(Ok(frame)) if !frame.is_data() => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_below_the_base_becomes_one_of_ours() {
        let base = Uri::from_static("https://a.example/api/v2");
        for (location, here) in [
            ("https://a.example/api/v2/agents/1?x=1", Some("/proxy/make/agents/1?x=1")),
            ("/api/v2/agents/1", Some("/proxy/make/agents/1")),
            ("https://a.example/api/v2", Some("/proxy/make")),
            ("https://a.example/api/v22/agents", None),
            ("https://b.example/api/v2/agents", None),
            ("http://a.example/api/v2/agents", None),
            ("//a.example/api/v2/agents", None),
            ("/login", None),
            ("agents/1", None),
        ] {
            assert_eq!(here_of(location, "make", &base).as_deref(), here, "{location}");
        }
        let root = Uri::from_static("https://a.example");
        assert_eq!(here_of("/x", "a", &root).as_deref(), Some("/proxy/a/x"));
    }
}
