//! Treats what a platform answers, by how it can be read.

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_RANGES, AGE, ALLOW, CONTENT_LENGTH, DATE, ETAG, EXPIRES, HeaderName, HeaderValue,
    LAST_MODIFIED, RETRY_AFTER, SERVER, TRANSFER_ENCODING, VARY,
};
use http::{Response, StatusCode};
use http_body_util::BodyExt;

use super::super::findings::{Tally, refusal};
use super::super::json::JsonTreatment;
use super::super::scan::Failure;
use super::{Answering, Form, form_of, request, stream, text};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::model::vault::TokenVault;

/// Fields that speak of the bytes as they came.
const OF_BYTES: [HeaderName; 5] = [
    CONTENT_LENGTH,
    ETAG,
    ACCEPT_RANGES,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
];

/// Fields in which HTTP tells of itself: times, lengths and names of programs.
const PLAIN: [HeaderName; 9] =
    [AGE, ALLOW, DATE, EXPIRES, LAST_MODIFIED, RETRY_AFTER, SERVER, TRANSFER_ENCODING, VARY];

/// The answer, treated.
pub(super) async fn treat(
    by: Answering,
    response: Response<Body>,
    is_head: bool,
) -> Result<Response<Body>> {
    if by.does_nothing() {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    OF_BYTES.iter().for_each(|name| while head.headers.remove(name).is_some() {});
    fields(&by, &mut head)?;
    let has_none = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if is_head || has_none || http_body::Body::is_end_stream(&body) {
        return Ok(Response::from_parts(head, body));
    }
    let body = match form_of(&head.headers) {
        Form::Events => stream::events(by, body),
        Form::Text | Form::Pairs => stream::text(by, body),
        Form::Json => {
            let bytes =
                read(body, by.passage.caps.answer).await.map_err(|error| named(&by, error))?;
            Body::full(whole(&by, bytes)?)
        }
        // What was minted for the call is all that could stand in it.
        Form::Unread if by.plan.is_empty() => body,
        Form::Unread => {
            let said = "the platform's answer is of a form that PII policy cannot examine";
            return Err(named(&by, Error::new(Kind::UpstreamProtocol, said)));
        }
    };
    Ok(Response::from_parts(head, body))
}

/// Treats what the head says beside HTTP's own; the words for its status are nobody's need.
fn fields(by: &Answering, head: &mut http::response::Parts) -> Result<()> {
    head.extensions.remove::<hyper::ext::ReasonPhrase>();
    let mut treatment = JsonTreatment::new(by.plan.clone(), by.vault.clone());
    let is_plain = |name: &HeaderName| PLAIN.contains(name);
    let treated = request::fields(&mut treatment, &mut head.headers, is_plain);
    by.count(&Tally::of(treatment.counts()));
    treated.map_err(|failure| refused(by, &failure))?;
    let Some(vault) = by.vault.as_deref() else { return Ok(()) };
    for value in head.headers.values_mut() {
        let restored = value.to_str().ok().and_then(|text| vault.restore(text));
        if let Some(restored) = restored.and_then(|text| HeaderValue::try_from(text).ok()) {
            *value = restored;
        }
    }
    Ok(())
}

fn whole(by: &Answering, bytes: Bytes) -> Result<Bytes> {
    let mut treatment = JsonTreatment::new(by.plan.clone(), by.vault.clone());
    let treated = text::treat(&mut treatment, Form::Json, bytes, by.vault.as_deref());
    by.count(&Tally::of(treatment.counts()));
    treated.map_err(|failure| refused(by, &failure))
}

fn refused(by: &Answering, failure: &Failure) -> Error {
    let Failure::Unreadable { what } = failure else { return refusal(failure, "answer") };
    let said = format!("the platform's answer cannot be examined by PII policy: {what}");
    named(by, Error::new(Kind::UpstreamProtocol, said))
}

async fn read(mut body: Body, bound: usize) -> Result<Bytes> {
    let mut text = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame?.into_data() else { continue };
        if text.len() + bytes.len() > bound {
            let said = format!("the answer is longer than {bound} bytes");
            return Err(Error::new(Kind::UpstreamProtocol, said));
        }
        text.extend_from_slice(&bytes);
    }
    Ok(text.freeze())
}

fn named(by: &Answering, error: Error) -> Error {
    match error.upstream_fault() {
        None if error.kind() == Kind::UpstreamProtocol => {
            error.upstream(&by.passage.upstream, None, None)
        }
        _ => error,
    }
}
