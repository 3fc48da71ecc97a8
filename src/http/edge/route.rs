//! Refuses what goes nowhere: a target that is too long, an ambiguous host, a path or a method
//! that the operation table does not have. Faces only see operations of theirs.
//!
//! Order: inside drain and shed, so that a gateway that must stop says so first; outside of the
//! body's bounds, because a body that goes nowhere is not read.

use http::header::HOST;
use http::{Request, Response, Version};

use super::call;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::Operation;

/// No operation has a target near this; longer ones are an attack or a mistake.
const TARGET_BYTES: usize = 8 * 1024;

/// The layer.
pub struct RouteLayer;

impl Step<Request<Body>> for RouteLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        refused(&request)?;
        next.run(request).await
    }
}

fn refused(request: &Request<Body>) -> Result<()> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES {
        return Err(Error::new(Kind::UriTooLong, "the target is longer than 8192 bytes"));
    }
    // RFC 9112, 3.2: what is before us may have read another host than we would.
    let hosts = request.headers().get_all(HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        return Err(Error::new(Kind::InvalidRequest, "a request has exactly one Host header"));
    }
    let route = call::route_of(request)?;
    if route.operation != Operation::Unknown {
        return Ok(());
    }
    if route.allowed.is_empty() {
        return Err(Error::new(Kind::NotFound, "there is no operation at this path"));
    }
    Err(Error::new(Kind::MethodNotAllowed, "this path does not take that method"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::harness::{Fixture, done, get};
    use http::Method;

    async fn kind(request: Request<Body>) -> Option<Kind> {
        Fixture::default().through(RouteLayer, request, done).await.err().map(|e| e.kind())
    }

    #[tokio::test]
    async fn what_goes_nowhere_is_refused_with_its_reason() {
        let wrong_method = || {
            let mut request = get("/v1/runs");
            *request.method_mut() = Method::PATCH;
            request
        };
        let two_hosts = || {
            let mut request = get("/v1/runs");
            request.headers_mut().append(HOST, "other".parse().unwrap());
            request
        };
        let long = format!("/v1/runs?cursor={}", "x".repeat(TARGET_BYTES));
        for (request, wanted) in [
            (get("/v1/runs"), None),
            (get("/v1/nothing"), Some(Kind::NotFound)),
            (get("/v1/runs/"), Some(Kind::NotFound)),
            (get("/metrics"), Some(Kind::NotFound)),
            (wrong_method(), Some(Kind::MethodNotAllowed)),
            (two_hosts(), Some(Kind::InvalidRequest)),
            (get(&long), Some(Kind::UriTooLong)),
        ] {
            let line = format!("{} {}", request.method(), request.uri().path());
            assert_eq!(kind(request).await, wanted, "{line}");
        }
    }

    #[tokio::test]
    async fn http_2_needs_no_host_header() {
        let mut request = get("/v1/runs");
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().clear();
        assert_eq!(kind(request).await, None);
    }
}
