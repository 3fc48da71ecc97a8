//! Makes the [`Call`] of a request and finds its [`Route`]; both ride on the request as its only
//! extensions. Puts the call's ids and the gateway's own time on every answer.
//!
//! Order: outermost, because every other layer reads the call, and because its headers must stand
//! on answers that other layers make.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body as _;
use ipnet::IpNet;
use tracing::{Instrument, Span};

use super::address::Peer;
use super::{address, trace_context};
use crate::clock::{Clock, Ids};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::{Listener, Operation, Route};
use crate::model::call::{Call, Facts};
use crate::telemetry::traces::spans::{self, Remote};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Longer ids than this are not an id of a request.
const REQUEST_ID_BYTES: usize = 128;

/// The layer; one for each listener.
pub struct CallLayer {
    /// Tells when the request arrived.
    pub clock: Arc<dyn Clock>,
    /// Gives ids where the caller has none.
    pub ids: Arc<dyn Ids>,
    /// Which rows of the operation table are answered.
    pub listener: Listener,
    /// The proxies in front that are believed.
    pub trusted: Vec<IpNet>,
}

impl CallLayer {
    fn received(
        &self,
        route: &Route,
        peer: Option<Peer>,
        request: &Request<Body>,
    ) -> (Call, Option<Span>) {
        let received_at = self.clock.now();
        let draw = || self.ids.next(received_at);
        let (headers, operation) = (request.headers(), route.operation.name());
        let id = callers_id(headers).unwrap_or_else(|| draw().to_string());
        let begin = |remote: Option<Remote<'_>>| spans::call(operation, request.method(), remote);
        let (trace, span) = trace_context::continued(headers, begin, draw);
        let call = Call {
            id,
            trace,
            operation,
            face: route.face.name(),
            address: address::of(peer, headers, &self.trusted),
            received_at,
            received: self.clock.monotonic(),
            facts: Facts::default(),
        };
        (call, span)
    }
}

impl Step<Request<Body>> for CallLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        mut request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let route = Operation::route(self.listener, request.method(), request.uri().path());
        let peer = request.extensions_mut().remove::<Peer>();
        let (call, span) = self.received(&route, peer, &request);
        let call = Arc::new(call);
        let is_head = *request.method() == Method::HEAD;
        request.extensions_mut().insert(Arc::clone(&call));
        request.extensions_mut().insert(route);

        let mut response = match span {
            None => next.run(request).await?,
            Some(span) => {
                let response = next.run(request).instrument(span.clone()).await?;
                spans::answered(&span, &call.id, response.status().as_u16());
                // It lasts to the last byte.
                response.map(|body| body.guard(span))
            }
        };
        if is_head {
            response = without_body(response);
        }
        stamp(response.headers_mut(), &call, own_time(&call, self.clock.monotonic()));
        Ok(response)
    }
}

/// The call that a request belongs to.
pub fn of(request: &Request<Body>) -> Result<Arc<Call>> {
    request.extensions().get().cloned().ok_or_else(|| misplaced("call"))
}

/// Where a request goes.
pub fn route_of(request: &Request<Body>) -> Result<&Route> {
    request.extensions().get().ok_or_else(|| misplaced("route"))
}

fn misplaced(what: &str) -> Error {
    Error::new(Kind::Internal, format!("a layer stands outside of what makes the {what}"))
}

/// The gateway's own part of the time since a call came in.
pub fn own_time(call: &Call, now: Duration) -> Duration {
    now.saturating_sub(call.received).saturating_sub(call.facts.upstream_time())
}

/// The caller's own id of the request, where it sent one that can be echoed and logged.
fn callers_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(&REQUEST_ID)?.as_bytes();
    let is_usable =
        !id.is_empty() && id.len() <= REQUEST_ID_BYTES && id.iter().all(u8::is_ascii_graphic);
    is_usable.then(|| String::from_utf8_lossy(id).into_owned())
}

fn stamp(headers: &mut HeaderMap, call: &Call, own: Duration) {
    // Both texts are ASCII by construction, so neither is ever left out.
    if let Ok(id) = HeaderValue::from_str(&call.id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(parent) = HeaderValue::from_str(&call.trace.parent) {
        headers.insert(TRACE_PARENT, parent);
    }
    let mut timing = String::with_capacity(24);
    let micros = own.as_micros();
    let written = write!(timing, "gw;dur={}.{:03}", micros / 1_000, micros % 1_000);
    if let (Ok(()), Ok(timing)) = (written, HeaderValue::try_from(timing)) {
        headers.append(SERVER_TIMING, timing);
    }
}

/// The answer to a `HEAD`: the head that `GET` would have had. HTTP/2 would send the body.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, get};

    fn answered(_: Request<Body>) -> Result<Response<Body>> {
        Ok(Response::new(Body::full("{}")))
    }

    #[tokio::test]
    async fn the_callers_ids_are_taken_and_echoed() {
        let mut request = get("/v1/runs/run_1");
        request.headers_mut().insert("x-request-id", "order-7".parse().unwrap());
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        request.headers_mut().insert("traceparent", parent.parse().unwrap());
        let fixture = Fixture::default();
        let clock = fixture.clock.clone();
        let answer = fixture
            .call(request, move |request| {
                let call = of(&request)?;
                assert_eq!((call.id.as_str(), call.operation), ("order-7", "get_run"));
                assert_eq!(route_of(&request)?.segments, ["run_1"]);
                clock.advance(Duration::from_micros(8_042));
                call.facts.waited_for_upstream(Duration::from_millis(7));
                answered(request)
            })
            .await;
        assert_eq!(answer.headers()["x-request-id"], "order-7");
        let echoed = answer.headers()["traceparent"].to_str().unwrap();
        assert_eq!(&echoed[..36], &parent[..36]);
        assert_ne!(echoed, parent);
        assert_eq!(answer.headers()["server-timing"], "gw;dur=1.042");
    }

    #[tokio::test]
    async fn an_id_that_cannot_be_echoed_is_replaced() {
        for unusable in ["", "a b", "ü", &"x".repeat(129)] {
            let mut request = get("/v1/runs");
            let value = HeaderValue::from_bytes(unusable.as_bytes()).unwrap();
            request.headers_mut().insert("x-request-id", value);
            let answer = Fixture::default().call(request, answered).await;
            let id = answer.headers()["x-request-id"].to_str().unwrap();
            assert_eq!(id, "00000000-0000-0000-0000-000000000001", "{unusable}");
        }
    }

    #[tokio::test]
    async fn head_is_answered_like_get_without_its_body() {
        let mut request = get("/v1/runs");
        *request.method_mut() = Method::HEAD;
        let answer = Fixture::default().call(request, answered).await;
        assert_eq!(answer.headers()["content-length"], "2");
        assert!(answer.body().is_end_stream());
    }
}
