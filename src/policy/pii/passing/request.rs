//! Treats what a caller sends: the target, the headers and the body. What stands in a path names a
//! thing and cannot be another, so that a path with a finding is refused.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RANGE, TRANSFER_ENCODING, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use percent_encoding::percent_decode_str;

use super::super::findings::{Tally, refusal};
use super::super::json::JsonTreatment;
use super::super::scan::Failure;
use super::{Form, form_of, pairs, text};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;

/// Bodies from which on a treatment would hold up others of its thread.
const LARGE: usize = 256 * 1024;
/// Fields whose numbers are HTTP's own, and the versions of a program, which look like addresses.
const PLAIN: [http::HeaderName; 4] = [CONTENT_LENGTH, RANGE, TRANSFER_ENCODING, USER_AGENT];

/// The request, treated, and what was found either way.
pub(super) async fn treat(
    mut by: JsonTreatment,
    request: Request<Body>,
) -> (Result<Request<Body>>, Tally) {
    let (mut head, body) = request.into_parts();
    let outside = target(&mut by, &mut head.uri)
        .map_err(|failure| at(&failure, "the target"))
        .and_then(|()| {
            let plain = |name: &HeaderName| PLAIN.contains(name);
            let treated = fields(&mut by, &mut head.headers, plain);
            treated.map_err(|failure| at(&failure, "a header field"))
        });
    if let Err(error) = outside {
        return (Err(error), Tally::of(by.counts()));
    }
    if http_body::Body::is_end_stream(&body) {
        return (Ok(Request::from_parts(head, body)), Tally::of(by.counts()));
    }
    let form = form_of(&head.headers);
    if form == Form::Unread {
        let said = "a rule of PII policy applies, and a body of this form cannot be examined";
        return (Err(Error::new(Kind::UnsupportedMediaType, said)), Tally::of(by.counts()));
    }
    let body = match body.read().await {
        Ok(body) => body,
        Err(error) => return (Err(error), Tally::of(by.counts())),
    };
    let (treated, by) = whole(by, form, body).await;
    let found = Tally::of(by.iter().flat_map(JsonTreatment::counts));
    let treated = treated.map(|body| {
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(TRANSFER_ENCODING);
        Request::from_parts(head, Body::full(body))
    });
    (treated, found)
}

async fn whole(
    mut by: JsonTreatment,
    form: Form,
    body: Bytes,
) -> (Result<Bytes>, Option<JsonTreatment>) {
    let is_large = body.len() >= LARGE;
    let work = move || {
        let treated = text::treat(&mut by, form, body, None);
        (treated.map_err(|failure| at(&failure, "the body")), Some(by))
    };
    if !is_large {
        return work();
    }
    let broke = |_| (Err(Error::new(Kind::Internal, "the request could not be examined")), None);
    tokio::task::spawn_blocking(work).await.unwrap_or_else(broke)
}

fn at(failure: &Failure, place: &str) -> Error {
    let error = refusal(failure, "request");
    if error.kind() == Kind::PiiBlocked {
        error.at(place, "cannot be sent on as it is")
    } else {
        error
    }
}

fn target(by: &mut JsonTreatment, uri: &mut Uri) -> Result<(), Failure> {
    let path = percent_decode_str(uri.path()).decode_utf8();
    let path = path.map_err(|_| Failure::Unreadable { what: "it is not UTF-8" })?.into_owned();
    let mut treated = path.clone();
    by.text("", &mut treated)?;
    if treated != path {
        return Err(Failure::Unreadable { what: "a path cannot be treated" });
    }
    let Some(query) = uri.query() else { return Ok(()) };
    let treated = pairs::treat(by, query)?;
    if treated != query {
        let target = PathAndQuery::try_from(format!("{}?{treated}", uri.path()));
        *uri = target.map_err(|_| Failure::Internal)?.into();
    }
    Ok(())
}

/// Treats header fields. One that says what the body is cannot be another.
pub(super) fn fields(
    by: &mut JsonTreatment,
    headers: &mut HeaderMap,
    is_plain: impl Fn(&HeaderName) -> bool,
) -> Result<(), Failure> {
    for (name, value) in headers.iter_mut().filter(|(name, _)| !is_plain(name)) {
        let text = std::str::from_utf8(value.as_bytes());
        let text = text.map_err(|_| Failure::Unreadable { what: "it is not UTF-8" })?;
        let mut treated = text.to_owned();
        by.text(name.as_str(), &mut treated)?;
        if treated != text {
            if name == CONTENT_TYPE {
                return Err(Failure::Unreadable { what: "a media type cannot be treated" });
            }
            *value = HeaderValue::try_from(treated).map_err(|_| Failure::Internal)?;
        }
    }
    Ok(())
}
