//! Treats what a platform answers, by how it can be read.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, ETAG, HeaderName};
use http::{Response, StatusCode};
use http_body_util::BodyExt;

use super::super::findings::{Tally, refusal};
use super::super::json::JsonTreatment;
use super::super::scan::Failure;
use super::{Answering, Form, form_of, stream, text};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;

/// Fields that speak of the bytes as they came.
const OF_BYTES: [HeaderName; 5] = [
    CONTENT_LENGTH,
    ETAG,
    ACCEPT_RANGES,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
];

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

fn whole(by: &Answering, bytes: Bytes) -> Result<Bytes> {
    let mut treatment = JsonTreatment::new(by.plan.clone(), by.vault.clone());
    let treated = text::treat(&mut treatment, Form::Json, bytes, by.vault.as_deref());
    by.count(&Tally::of(treatment.counts()));
    treated.map_err(|failure| match failure {
        Failure::Unreadable { what } => {
            let said = format!("the platform's answer cannot be examined by PII policy: {what}");
            named(by, Error::new(Kind::UpstreamProtocol, said))
        }
        failure => refusal(&failure, "answer"),
    })
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
