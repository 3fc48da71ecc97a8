//! Runs one layer in a test, inside the call layer that makes what every layer reads.

use std::sync::Arc;

use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::call::CallLayer;
use crate::clock::{CountingIds, ManualClock, Timestamp};
use crate::error::Result;
use crate::http::body::Body;
use crate::http::layer::{Step, layer};
use crate::http::operation::Listener;
use crate::telemetry::metrics::Metrics;

/// What layers are built from, with a clock that stands.
pub(crate) struct Fixture {
    pub(crate) clock: ManualClock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) listener: Listener,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            clock: ManualClock::at(Timestamp(1_000_000)),
            metrics: Arc::new(Metrics::new(Timestamp(0)).unwrap()),
            listener: Listener::Api,
        }
    }
}

impl Fixture {
    fn call_layer(&self) -> CallLayer {
        CallLayer {
            clock: Arc::new(self.clock.clone()),
            ids: Arc::new(CountingIds::default()),
            listener: self.listener,
            trusted: Vec::new(),
        }
    }

    /// Through the call layer alone.
    pub(crate) async fn call<F>(&self, request: Request<Body>, inner: F) -> Response<Body>
    where
        F: Fn(Request<Body>) -> Result<Response<Body>> + Clone + Send + Sync + 'static,
    {
        let stack = ServiceBuilder::new()
            .layer(layer(self.call_layer()))
            .service(service_fn(move |request| std::future::ready(inner(request))));
        stack.oneshot(request).await.unwrap()
    }

    /// Through the call layer and `step`.
    pub(crate) async fn through<T, F>(
        &self,
        step: T,
        request: Request<Body>,
        inner: F,
    ) -> Result<Response<Body>>
    where
        T: Step<Request<Body>, Response = Response<Body>>,
        F: Fn(Request<Body>) -> Result<Response<Body>> + Clone + Send + Sync + 'static,
    {
        let stack = ServiceBuilder::new()
            .layer(layer(self.call_layer()))
            .layer(layer(step))
            .service(service_fn(move |request| std::future::ready(inner(request))));
        stack.oneshot(request).await
    }
}

/// A `GET` over HTTP/1.1.
pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "localhost").body(Body::empty()).unwrap()
}

/// A `POST` over HTTP/1.1.
pub(crate) fn post(path: &str, body: Body) -> Request<Body> {
    Request::post(path).header("host", "localhost").body(body).unwrap()
}

/// An empty answer.
pub(crate) fn done(_: Request<Body>) -> Result<Response<Body>> {
    Ok(Response::new(Body::empty()))
}
