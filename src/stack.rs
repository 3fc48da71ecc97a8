//! The stacks, top is outermost, a reason a line. The code is the list of layers.

use std::sync::Arc;

use http::{Request, Response};
use tower::{Service, ServiceBuilder};

use crate::clock::{Clock, Ids};
use crate::config::{self, Listen};
use crate::error::{Error, FieldError};
use crate::gateway::layers::conform::Conform;
use crate::gateway::layers::cost::CostCap;
use crate::gateway::layers::deadline::Deadline;
use crate::gateway::layers::schema::OutputSchema;
use crate::http::body::Body;
use crate::http::client::Client;
use crate::http::edge::body_limit::BodyLimitLayer;
use crate::http::edge::call::CallLayer;
use crate::http::edge::deadline::DeadlineLayer;
use crate::http::edge::drain::{Drain, DrainLayer};
use crate::http::edge::measure::MeasureLayer;
use crate::http::edge::panic::PanicLayer;
use crate::http::edge::rescue::RescueLayer;
use crate::http::edge::route::RouteLayer;
use crate::http::edge::shed::ShedLayer;
use crate::http::edge::trace::TraceLayer;
use crate::http::layer::layer;
use crate::http::operation::Listener;
use crate::http::problem::Render;
use crate::http::service::{HttpService, RunService, UpstreamService};
use crate::outbound::Vendor;
use crate::outbound::dispatch::Dispatcher;
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::layers::clocks::Clocks;
use crate::outbound::layers::credentials::Credentials;
use crate::outbound::layers::measure::Measure;
use crate::outbound::layers::permits::Permits;
use crate::telemetry::metrics::{Metrics, UpstreamMetrics};

/// What the EDGE stack is built from.
pub struct EdgeParts<'a> {
    /// The socket it stands on.
    pub listener: Listener,
    /// Its bounds.
    pub listen: &'a Listen,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Its requests in flight. The operators' socket has a drain of its own that is never
    /// started: who looks after a gateway must see it while it goes.
    pub drain: Drain,
    /// Shapes failures, by face.
    pub render: Render,
}

/// The EDGE stack around the faces of one socket.
pub fn edge<S>(parts: EdgeParts<'_>, faces: S) -> HttpService
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Error>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let EdgeParts { listener, listen, clock, ids, metrics, drain, render } = parts;
    let shed = ShedLayer {
        drain: drain.clone(),
        max_in_flight: listen.max_in_flight,
        metrics: Arc::clone(&metrics),
    };
    HttpService::new(
        ServiceBuilder::new()
            // Makes the call that all others read, and puts its ids on every answer.
            .layer(layer(CallLayer { clock: Arc::clone(&clock), ids, listener }))
            // Catches a panic in any layer below, and answers without their help.
            .layer(layer(PanicLayer { render, metrics: Arc::clone(&metrics) }))
            // Lines that are written below belong in the request's span.
            .layer(layer(TraceLayer { clock: Arc::clone(&clock) }))
            // Sees the status that the caller sees, of refusals too.
            .layer(layer(MeasureLayer::new(metrics, clock)))
            // Makes answers of errors, so that nothing outside of it knows any.
            .layer(layer(RescueLayer { render }))
            // A gateway that is going says so before anything else is looked at.
            .layer(layer(DrainLayer(drain)))
            // Refuses before anything costs; reads the count that drain keeps.
            .layer(layer(shed))
            // Refuses what goes nowhere, so that its body is not read.
            .layer(layer(RouteLayer))
            // The body's time runs while its bytes are counted.
            .layer(layer(DeadlineLayer(listen.body_timeout)))
            // Innermost: a body is judged only when a face is about to read it.
            .layer(layer(BodyLimitLayer(listen.body_bytes)))
            .service(faces),
    )
}

/// The RUN stack: what holds for every run on every platform. What a caller, a platform and a
/// record are promised of a run's meaning belongs here, not in the EDGE stack: here there is one
/// language, so that no face and no vendor can forget a promise.
pub fn run(bounds: &config::Runs, dispatcher: Dispatcher) -> RunService {
    RunService::new(
        ServiceBuilder::new()
            // Its clock covers everything that is done for the run.
            .layer(layer(Deadline { longest: bounds.max_duration }))
            // Judges the answer that the caller would get.
            .layer(layer(OutputSchema))
            // Stops the run at the cost that the platform reports.
            .layer(layer(CostCap))
            // Innermost: all others may rely on the order that it enforces.
            .layer(layer(Conform))
            .service(dispatcher),
    )
}

/// What an UPSTREAM stack is built from.
pub struct UpstreamParts<'a> {
    /// The upstream.
    pub upstream: &'a config::Upstream,
    /// Its translator.
    pub vendor: &'a dyn Vendor,
    /// When it is not to be called; shared with whoever shows its health.
    pub breaker: Breaker,
    /// What is counted.
    pub metrics: Arc<UpstreamMetrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// One upstream's UPSTREAM stack. Errors name a place below the upstream.
pub fn upstream(parts: UpstreamParts<'_>) -> Result<UpstreamService, FieldError> {
    let UpstreamParts { upstream, vendor, breaker, metrics, clock } = parts;
    let name = upstream.name.as_str();
    let client = Client::new(name, upstream.clocks.connect)
        .map_err(|error| FieldError { path: "base_url".to_owned(), message: error.to_string() })?;
    Ok(UpstreamService::new(
        ServiceBuilder::new()
            // Counts every try, refused ones too.
            .layer(layer(Measure::new(metrics, clock)))
            // A sick platform is left alone before it takes permits.
            .layer(layer(breaker))
            // No more calls at a time than the platform is to bear.
            .layer(layer(Permits::new(name, upstream.max_concurrent)))
            // Its clocks measure the platform, not the wait for a permit.
            .layer(layer(Clocks::new(name, upstream.clocks)))
            // Innermost, so that no other layer ever sees a credential.
            .layer(layer(Credentials::new(upstream, vendor)?))
            .service(client),
    ))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::clock::{CountingIds, ManualClock, Timestamp};
    use crate::http::problem;

    struct Stack {
        service: HttpService,
        metrics: Arc<Metrics>,
        drain: Drain,
        reached: Arc<AtomicUsize>,
    }

    impl Stack {
        fn new(listen: &Listen) -> Self {
            let metrics = Arc::new(Metrics::new(Timestamp(0)).unwrap());
            let (drain, reached) = (Drain::default(), Arc::new(AtomicUsize::new(0)));
            let parts = EdgeParts {
                listener: Listener::Api,
                listen,
                clock: Arc::new(ManualClock::at(Timestamp(0))),
                ids: Arc::new(CountingIds::default()),
                metrics: Arc::clone(&metrics),
                drain: drain.clone(),
                render: |_, error, call| problem::render(error, call),
            };
            let counted = Arc::clone(&reached);
            let faces = service_fn(move |request: Request<Body>| {
                counted.fetch_add(1, Ordering::Relaxed);
                async move {
                    if request.headers().contains_key("x-panic") {
                        panic!("as asked");
                    }
                    Ok(Response::new(Body::full(request.into_body().read().await?)))
                }
            });
            Self { service: edge(parts, faces), metrics, drain, reached }
        }

        /// Status and code of the answer, and whether a face was reached.
        async fn ask(&self, request: Request<Body>) -> (u16, String, bool) {
            let before = self.reached.load(Ordering::Relaxed);
            let answer = self.service.clone().oneshot(request).await.unwrap();
            for header in ["x-request-id", "traceparent", "server-timing"] {
                assert!(answer.headers().contains_key(header), "{header}");
            }
            let status = answer.status().as_u16();
            let body = answer.into_body().read().await.unwrap();
            let code = serde_json::from_slice::<serde_json::Value>(&body)
                .ok()
                .and_then(|problem| problem["code"].as_str().map(str::to_owned))
                .unwrap_or_default();
            (status, code, self.reached.load(Ordering::Relaxed) > before)
        }
    }

    fn listen() -> Listen {
        Listen {
            api: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            body_bytes: 16,
            header_bytes: 16 * 1024,
            max_in_flight: 1,
            header_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            body_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            drain: Duration::from_secs(1),
            threads: 1,
        }
    }

    fn post(path: &str, body: &'static str) -> Request<Body> {
        Request::post(path).header("host", "h").body(Body::full(body)).unwrap()
    }

    fn never() -> Request<Body> {
        let pending = futures_util::stream::pending::<Result<http_body::Frame<_>, Error>>();
        let body = Body::stream(http_body_util::StreamBody::new(pending));
        Request::post("/v1/runs").header("host", "h").body(body).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_layer_refuses_in_its_place() {
        let stack = Stack::new(&listen());
        let refused = |status, code: &str, reached| (status, code.to_owned(), reached);
        assert_eq!(stack.ask(post("/v1/runs", "{}")).await, refused(200, "", true));
        // A route that leads nowhere is told before its body is judged.
        let large = "01234567890123456789";
        assert_eq!(stack.ask(post("/x", large)).await, refused(404, "not_found", false));
        let too_large = stack.ask(post("/v1/runs", large)).await;
        assert_eq!(too_large, refused(413, "content_too_large", false));
        assert_eq!(stack.ask(never()).await, refused(408, "request_timeout", true));
        let mut panics = post("/v1/runs", "{}");
        panics.headers_mut().insert("x-panic", "1".parse().unwrap());
        assert_eq!(stack.ask(panics).await, refused(500, "internal_error", true));
        // All of them have ended, the panic too, so this one is the only one in flight.
        assert_eq!(stack.drain.in_flight(), 0);
        let held = stack.service.clone().oneshot(post("/v1/runs", "{}")).await.unwrap();
        assert_eq!(stack.ask(post("/x", "{}")).await, refused(503, "overloaded", false));
        // Draining is told before overload is.
        stack.drain.start();
        assert_eq!(stack.ask(post("/x", "{}")).await, refused(503, "draining", false));
        drop(held);
        let text = stack.metrics.render().unwrap();
        for line in [
            r#"switchyard_http_requests_total{operation="create_run",status="5xx"} 1"#,
            r#"switchyard_http_requests_total{operation="create_run",status="4xx"} 2"#,
            r#"switchyard_http_requests_total{operation="unknown",status="5xx"} 2"#,
            "switchyard_shed_total 1",
        ] {
            assert!(text.contains(line), "no `{line}` in\n{text}");
        }
    }
}
