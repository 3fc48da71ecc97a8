//! All faces as one service: what stands at the bottom of the EDGE stack.
//!
//! Invariant: the operation table has decided where a request goes before it comes here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response};
use indexmap::IndexMap;
use tower::Service;

use crate::config::Hook;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::http::body::Body;
use crate::http::operation::{Operation, Route};
use crate::inbound::{acp, admin, errors, hooks, unified};
use crate::model::call::Call;

/// What the faces need.
pub struct Parts {
    /// What does the work.
    pub gateway: Arc<Gateway>,
    /// Webhooks in, by agent reference.
    pub hooks: IndexMap<String, Hook>,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// Silence after which a stream gets a comment line.
    pub heartbeat: Duration,
    /// The longest run that may be asked for.
    pub max_duration: Duration,
    /// Writes the metrics out.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// Why the gateway is not ready; empty while it is.
    pub unready: Box<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[parts of the faces]")
    }
}

/// All faces.
#[derive(Clone, Debug)]
pub struct Faces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    openapi: Bytes,
}

impl Faces {
    /// Makes them; the OpenAPI document is written once, here.
    pub fn new(parts: Parts) -> Self {
        let openapi = unified::openapi::document().to_string().into();
        Self(Arc::new(Inner { parts, openapi }))
    }
}

impl Service<Request<Body>> for Faces {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.answer(request).await })
    }
}

impl Inner {
    async fn answer(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        let extensions = request.extensions_mut();
        let (Some(call), Some(route)) =
            (extensions.remove::<Arc<Call>>(), extensions.remove::<Route>())
        else {
            return Err(Error::new(Kind::Internal, "the request was not routed"));
        };
        let parts = &self.parts;
        let segment = |at: usize| route.segments.get(at).map_or("", String::as_str);
        let (first, second) = (segment(0), segment(1));
        let (head, body) = request.into_parts();
        let whole = |head| Request::from_parts(head, body);
        match route.operation {
            Operation::CreateRun => {
                unified::handle::create_run(parts, &call, None, whole(head)).await
            }
            Operation::CreateAgentRun => {
                unified::handle::create_run(parts, &call, Some(first), whole(head)).await
            }
            Operation::ListRuns => unified::handle::list_runs(parts, &call, &head).await,
            Operation::GetRun => unified::handle::get_run(parts, &call, first, &head).await,
            Operation::FollowRun => unified::handle::follow_run(parts, &call, first, &head).await,
            Operation::CancelRun => {
                unified::handle::cancel_run(parts, &call, first, whole(head)).await
            }
            Operation::GetThread => unified::handle::get_thread(parts, &call, first, &head).await,
            Operation::ListThreadRuns => {
                unified::handle::list_thread_runs(parts, &call, first, &head).await
            }
            Operation::ListUpstreams => unified::handle::list_upstreams(parts, &head),
            Operation::GetOpenApi => unified::handle::get_openapi(&self.openapi, &head),
            Operation::RunHook => hooks::handle::run_hook(parts, &call, first, whole(head)).await,
            Operation::RunAcp => {
                acp::handle::run_acp(parts, &call, first, second, whole(head)).await
            }
            Operation::GetMetrics => Ok(admin::response::metrics((parts.metrics)())),
            Operation::GetHealth => Ok(admin::response::health()),
            Operation::GetReadiness => admin::response::readiness((parts.unready)()),
            Operation::Unknown => unknown(&route, &call),
        }
    }
}

/// The answer where the table has no operation.
fn unknown(route: &Route, call: &Call) -> Result<Response<Body>> {
    if route.allowed.is_empty() {
        return Err(Error::new(Kind::NotFound, "there is nothing at this path"));
    }
    let methods: Vec<&str> = route.allowed.iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let error = Error::new(Kind::MethodNotAllowed, format!("this path takes {methods}"));
    // Answered here rather than by rescue, because an error has no place for `Allow`.
    let mut response = errors::problem_answer(&error.problem(&call.id));
    if let Ok(value) = HeaderValue::try_from(methods) {
        response.headers_mut().insert(ALLOW, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::model::call::{Facts, TraceContext};
    use crate::model::principal::Principal;

    #[test]
    fn what_the_table_does_not_have_is_not_found_or_says_what_is_allowed() {
        let call = Call {
            id: "req_1".to_owned(),
            trace: TraceContext::default(),
            operation: "unknown",
            principal: Principal::anonymous(),
            received_at: Timestamp(0),
            received: Duration::ZERO,
            facts: Facts::default(),
        };
        let route = |allowed| Route { operation: Operation::Unknown, segments: vec![], allowed };
        let error = unknown(&route(vec![]), &call).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        let response = unknown(&route(vec![Method::GET, Method::POST]), &call).unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET, POST");
    }
}
