//! A call of a platform's own API from request to answer. Called by `faces.rs`.

use std::sync::Arc;

use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts as Head;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri, Version};
use http_body::Body as _;
use tower::ServiceExt;

use super::{answer, fields, path};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::faces::Parts;
use crate::model::call::Call;

/// `ANY /proxy/{upstream}/{path…}`.
pub async fn pass(
    parts: &Parts,
    call: &Arc<Call>,
    upstream: &str,
    rest: &str,
    head: Head,
    body: Body,
) -> Result<Response<Body>> {
    // What frames a body in two ways is read in the one that counts, and looks like every other by
    // now: nothing that follows it on the connection is read as a request (RFC 9112, 6.1).
    let is_chunked =
        head.version <= Version::HTTP_11 && head.headers.contains_key(TRANSFER_ENCODING);
    if !fields::is_coded_for_the_way_only(&head.headers) {
        let said = "a body in this coding cannot be passed on";
        let error = Error::new(Kind::InvalidRequest, said);
        return Err(error.at("Transfer-Encoding", "must be `chunked` alone"));
    }
    let base = parts.gateway.base_path(upstream);
    let path = path::read(rest, &base)?;
    let passage = parts.gateway.passage(call, upstream, &head.method, &path.segments)?;
    let base = passage.base.clone();
    let target = match head.uri.query() {
        Some(query) => format!("{}?{query}", path.target),
        None => path.target,
    };
    let target = PathAndQuery::try_from(target).map_err(|cause| {
        Error::new(Kind::InvalidRequest, "the path cannot be sent on").caused_by(cause)
    })?;
    let mut request = Request::new(answer::without_trailers(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = head.headers;
    fields::of_request(request.headers_mut(), head.version, &call.id)?;
    let body = request.body();
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // The client would send a `GET` without its body otherwise.
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(TRANSFER_ENCODING, chunked);
    }
    request.extensions_mut().insert(Arc::new(passage));
    let answered = parts.proxy.clone().oneshot(request).await?;
    let mut answer = answer::of(answered, upstream, &base)?;
    if is_chunked {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
