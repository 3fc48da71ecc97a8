//! The stacks, top is outermost, a reason a line. The code is the list of layers.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tower::{Service, ServiceBuilder, service_fn};

use crate::clock::{Clock, Ids};
use crate::config::{self, Listen};
use crate::error::{Error, FieldError};
use crate::gateway::Gateway;
use crate::gateway::layers::conform::Conform;
use crate::gateway::layers::cost::CostCap;
use crate::gateway::layers::deadline::Deadline;
use crate::gateway::layers::schema::OutputSchema;
use crate::http::body::Body;
use crate::http::client::Client;
use crate::http::edge::allowance::AllowanceLayer;
use crate::http::edge::body_limit::BodyLimitLayer;
use crate::http::edge::call::CallLayer;
use crate::http::edge::deadline::DeadlineLayer;
use crate::http::edge::drain::{Drain, DrainLayer};
use crate::http::edge::measure::MeasureLayer;
use crate::http::edge::panic::PanicLayer;
use crate::http::edge::rescue::RescueLayer;
use crate::http::edge::route::RouteLayer;
use crate::http::edge::shed::{PriorityLayer, ShedLayer};
use crate::http::edge::trace::TraceLayer;
use crate::http::edge::valve::Valve;
use crate::http::layer::layer;
use crate::http::operation::Listener;
use crate::http::problem::Render;
use crate::http::service::{AdmitService, HttpService, ProxyService, RunService, UpstreamService};
use crate::model::judge::Judge;
use crate::model::plan::{Admission, Grants, Proposal};
use crate::model::priority::Priorities;
use crate::outbound::Vendor;
use crate::outbound::dispatch::Dispatcher;
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::layers::clocks::Clocks;
use crate::outbound::layers::credentials::Credentials;
use crate::outbound::layers::measure::Measure;
use crate::outbound::layers::permits::Permits;
use crate::outbound::pause::{LeaveAlone, Pauses};
use crate::policy::access::layer::Authorize;
use crate::policy::access::proxy::AuthorizeProxy;
use crate::policy::audit::layer::Recorded;
use crate::policy::audit::recorder::Recorder;
use crate::policy::budget::Budgets;
use crate::policy::budget::layer::{Reserve, Settle};
use crate::policy::identity::Identity;
use crate::policy::identity::layer::Identify;
use crate::policy::limits::Limits;
use crate::policy::limits::layer::{ByAddress, ByCaller, ByPassage, ByRun};
use crate::policy::pii;
use crate::policy::pii::layer::{Incoming, Outgoing};
use crate::policy::pii::passing::Passing;
use crate::policy::tools::layer::ToolsGoverned;
use crate::telemetry::metrics::{Metrics, PolicyMetrics, QueueMetrics, UpstreamMetrics};

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
    /// How much is taken in at a time.
    pub valve: Valve,
    /// Shapes failures, by face.
    pub render: Render,
    /// How often callers may ask.
    pub limits: Arc<Limits>,
    /// How callers are known.
    pub identity: Arc<Identity>,
    /// Who records.
    pub recorder: Arc<Recorder>,
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
    let EdgeParts {
        listener,
        listen,
        clock,
        ids,
        metrics,
        drain,
        valve,
        render,
        limits,
        identity,
        recorder,
    } = parts;
    let trusted = listen.trusted_proxies.clone();
    let rescued = Arc::clone(&metrics);
    let shed = ShedLayer {
        drain: drain.clone(),
        max_in_flight: listen.max_in_flight,
        body_bytes: listen.body_bytes,
        valve: valve.clone(),
        is_counted: listener == Listener::Api,
    };
    let by_priority = PriorityLayer { valve, is_counted: listener == Listener::Api };
    HttpService::new(
        ServiceBuilder::new()
            // Makes the call that all others read, and puts its ids on every answer.
            .layer(layer(CallLayer { clock: Arc::clone(&clock), ids, listener, trusted }))
            // Catches a panic in any layer below, and answers without their help.
            .layer(layer(PanicLayer { render, metrics: Arc::clone(&metrics) }))
            // Lines that are written below belong in the request's span.
            .layer(layer(TraceLayer { clock: Arc::clone(&clock) }))
            // Sees the status that the caller sees, of refusals too.
            .layer(layer(MeasureLayer::new(metrics, clock)))
            // Says how limits stand, on refusals too.
            .layer(layer(AllowanceLayer))
            // Makes answers of errors, so that nothing outside of it knows any.
            .layer(layer(RescueLayer { render, metrics: Some(rescued) }))
            // Sees what was refused and why, whoever refuses it; no answer leaves without a record.
            .layer(layer(Recorded(recorder)))
            // A gateway that is going says so before anything else is looked at.
            .layer(layer(DrainLayer(drain)))
            // Refuses before anything costs; reads the count that drain keeps.
            .layer(layer(shed))
            // Refuses what goes nowhere, so that its body is not read.
            .layer(layer(RouteLayer))
            // Before any credential is looked at, so that guessing one costs the guesser.
            .layer(layer(ByAddress(Arc::clone(&limits))))
            // The body's time runs while its bytes are counted.
            .layer(layer(DeadlineLayer(listen.body_timeout)))
            // Outside of identity, which reads the body of a signed webhook.
            .layer(layer(BodyLimitLayer(listen.body_bytes)))
            // Whoever is below knows who calls, and that it may use this operation at all.
            .layer(layer(Identify { identity, listener }))
            // Who can wait gives way to who cannot, before anything is counted for it.
            .layer(layer(by_priority))
            // Innermost: counts by caller, who is known by now.
            .layer(layer(ByCaller(limits)))
            .service(faces),
    )
}

/// What the ADMIT stack is built from.
pub struct AdmitParts {
    /// Decides who may run what.
    pub judge: Arc<dyn Judge>,
    /// Which platforms want to be left alone.
    pub pauses: Pauses,
    /// How often agents may be run.
    pub limits: Arc<Limits>,
    /// What must not leave.
    pub pii: Arc<pii::layer::Policy>,
    /// What may be spent.
    pub budgets: Arc<Budgets>,
    /// The longest run.
    pub longest: Duration,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

/// The ADMIT stack: what may refuse a run before there is one, so that nobody is promised a run
/// that policy does not let be. What it takes for a run rides in the admission's grants.
pub fn admit(parts: AdmitParts) -> AdmitService {
    let AdmitParts { judge, pauses, limits, pii, budgets, longest, clock, metrics } = parts;
    AdmitService::new(
        ServiceBuilder::new()
            // A run that nobody may start costs nothing further down.
            .layer(layer(Authorize { judge, clock }))
            // Neither does one whose platform would refuse it.
            .layer(layer(LeaveAlone(pauses)))
            // Cheaper than money, and given back by itself.
            .layer(layer(ByRun(limits)))
            // A run with something in it that is blocked costs no money.
            .layer(layer(Outgoing(pii)))
            // Innermost: what is reserved here is spent unless the run gives it back.
            .layer(layer(Reserve { budgets, longest, metrics }))
            .service(service_fn(|proposal: Proposal| {
                let Proposal { plan, .. } = proposal;
                std::future::ready(Ok(Admission { plan, grants: Grants::default() }))
            })),
    )
}

/// The RUN stack: what holds for every run on every platform. What a caller, a platform and a
/// record are promised of a run's meaning belongs here, not in the EDGE stack: here there is one
/// language, so that no face and no vendor can forget a promise.
pub fn run(
    bounds: &config::Runs,
    tools: ToolsGoverned,
    pii: Arc<pii::layer::Policy>,
    metrics: &PolicyMetrics,
    dispatcher: Dispatcher,
) -> RunService {
    RunService::new(
        ServiceBuilder::new()
            // Whoever below ends the run, its end is told only when it has been paid for.
            .layer(layer(Settle { metrics: metrics.clone() }))
            // Judges the answer that the caller gets.
            .layer(layer(OutputSchema))
            // Whatever ends the run further down, what is held back here is told before.
            .layer(layer(Incoming(pii)))
            // Its clock covers everything that is done for the run.
            .layer(layer(Deadline { longest: bounds.max_duration }))
            // Stops the run at the cost that the platform reports.
            .layer(layer(CostCap))
            // What a tool answers is judged before anything else looks at it.
            .layer(layer(tools))
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
    /// Who goes first where there is no room for all.
    pub priorities: Priorities,
    /// What is counted of who waits.
    pub waiting: QueueMetrics,
    /// What is counted.
    pub metrics: Arc<UpstreamMetrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// One upstream's UPSTREAM stack. Errors name a place below the upstream.
pub fn upstream(parts: UpstreamParts<'_>) -> Result<UpstreamService, FieldError> {
    let UpstreamParts { upstream, vendor, breaker, priorities, waiting, metrics, clock } = parts;
    let (most, queue) = (upstream.max_concurrent, upstream.queue);
    let name = upstream.name.as_str();
    let client = Client::new(name, upstream.clocks.connect)
        .map_err(|error| FieldError { path: "base_url".to_owned(), message: error.to_string() })?;
    Ok(UpstreamService::new(
        ServiceBuilder::new()
            // Counts every try, refused ones too.
            .layer(layer(Measure::new(name, Arc::clone(&metrics) as _, clock)))
            // A sick platform is left alone before it takes permits.
            .layer(layer(breaker))
            // No more calls at a time than the platform is to bear.
            .layer(layer(Permits::new(
                name,
                most,
                queue,
                priorities,
                waiting,
                Arc::clone(&metrics),
            )))
            // Its clocks measure the platform, not the wait for a permit.
            .layer(layer(Clocks::new(name, upstream.clocks)))
            // Innermost, so that no other layer ever sees a credential.
            .layer(layer(Credentials::new(upstream, vendor)?))
            .service(client),
    ))
}

/// What the PROXY stack is built from.
pub struct ProxyParts {
    /// Decides who may reach what.
    pub judge: Arc<dyn Judge>,
    /// Tells the hour.
    pub clock: Arc<dyn Clock>,
    /// Which platforms want to be left alone.
    pub pauses: Pauses,
    /// How often they may be called.
    pub limits: Arc<Limits>,
    /// What must not leave.
    pub pii: Arc<pii::layer::Policy>,
}

/// The PROXY stack: what holds for every call of a platform's own API. A call that starts a run
/// goes on into the ADMIT and RUN stacks at its end.
pub fn proxy(parts: ProxyParts, gateway: Gateway) -> ProxyService {
    let ProxyParts { judge, clock, pauses, limits, pii } = parts;
    ProxyService::new(
        ServiceBuilder::new()
            // Who may not reach the platform learns nothing of it.
            .layer(layer(AuthorizeProxy { judge, clock }))
            // Neither is one called that would refuse.
            .layer(layer(LeaveAlone(pauses)))
            // Cheaper than reading a body.
            .layer(layer(ByPassage(limits)))
            // Innermost, so that whatever is sent on has been treated.
            .layer(layer(Passing(pii)))
            .service(service_fn(move |request: Request<Body>| {
                let gateway = gateway.clone();
                async move { gateway.forward(request).await }
            })),
    )
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
    use crate::model::scope::Scope;
    use crate::model::scribe::Scribe;
    use crate::policy::audit::testing::MemoryLog;
    use crate::policy::identity::key::{Backing, Hasher, KeyRequest, KeyRing, configured};
    use crate::policy::identity::token::NoRevocations;
    use crate::policy::identity::{SignedHook, issuer};
    use crate::policy::limits;
    use crate::store::health::Health;

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
            let log = Arc::new(MemoryLog::default());
            let overload = config::Overload {
                delay: Duration::from_millis(10),
                body_bytes: 1 << 30,
                priorities: Priorities::default(),
            };
            let parts = EdgeParts {
                listener: Listener::Api,
                listen,
                clock: Arc::new(ManualClock::at(Timestamp(0))),
                ids: Arc::new(CountingIds::default()),
                metrics: Arc::clone(&metrics),
                drain: drain.clone(),
                valve: Valve::new(&overload, listen.max_in_flight, metrics.overload().clone()),
                render: |_, error, call| problem::render(error, call),
                limits: Arc::new(limits()),
                identity: Arc::new(identity(&metrics)),
                recorder: Arc::new(Recorder::new(
                    log,
                    Scribe::new(clock(), Arc::new(CountingIds::default())),
                    Health::new(metrics.audit().clone(), clock()),
                )),
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
            trusted_proxies: Vec::new(),
            body_bytes: 16,
            header_bytes: 16 * 1024,
            max_in_flight: 1,
            header_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            body_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            drain: Duration::from_secs(1),
            threads: 1,
            handover: None,
        }
    }

    const SECRET: &str = "a-secret-of-another-api";

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::at(Timestamp(0)))
    }

    /// One request an hour from each address but the caller's own, and eight by the caller.
    fn limits() -> Limits {
        let hourly = |name: &str, by, requests| limits::Rule {
            name: name.to_owned(),
            by: vec![by],
            only: limits::Filters::default(),
            kind: limits::RuleKind::Window(limits::Quota {
                requests,
                per: Duration::from_secs(3_600),
                burst: requests,
            }),
        };
        let rules = vec![
            hourly("by-address", limits::Dimension::Address, 10),
            hourly("by-caller", limits::Dimension::Principal, 4),
        ];
        Limits::local(rules, &clock(), Arc::new(())).unwrap()
    }

    /// Who knows one key, registered by its hash.
    fn identity(metrics: &Metrics) -> Identity {
        let keys = KeyRing::new(Hasher::plain(), clock(), Backing::Configuration);
        let wanted = KeyRequest {
            name: "n8n".to_owned(),
            workspace: "acme".to_owned(),
            scopes: [Scope::RunsWrite].into_iter().collect(),
            ..KeyRequest::default()
        };
        let hash = Hasher::plain().hash(SECRET);
        keys.configure(vec![configured(wanted, hash, Timestamp(0)).unwrap()]).unwrap();
        let with = issuer::Surroundings {
            fetch: Arc::new(issuer::HttpFetch::new().unwrap()),
            clock: clock(),
            tasks: crate::tasks::Tasks::default(),
            revocations: Arc::new(NoRevocations),
            observer: Arc::new(issuer::NoObserver),
            capacity: 1,
        };
        Identity {
            keys: Arc::new(keys),
            issuers: issuer::Issuers::new(Vec::new(), with).unwrap(),
            hooks: std::collections::HashMap::new(),
            no_hook: SignedHook::unknown().unwrap(),
            clock: clock(),
            metrics: metrics.policy().clone(),
        }
    }

    fn post(path: &str, body: &'static str) -> Request<Body> {
        let request = Request::post(path).header("host", "h").header("x-api-key", SECRET);
        request.body(Body::full(body)).unwrap()
    }

    fn never() -> Request<Body> {
        let pending = futures_util::stream::pending::<Result<http_body::Frame<_>, Error>>();
        let body = Body::stream(http_body_util::StreamBody::new(pending));
        let request = Request::post("/v1/runs").header("host", "h").header("x-api-key", SECRET);
        request.body(body).unwrap()
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
        // A credential is asked for before the body is looked at, and its scope before a face is.
        let mut unknown = post("/v1/runs", large);
        unknown.headers_mut().remove("x-api-key");
        assert_eq!(stack.ask(unknown).await, refused(413, "content_too_large", false));
        let mut unknown = post("/v1/runs", "{}");
        unknown.headers_mut().remove("x-api-key");
        assert_eq!(stack.ask(unknown).await, refused(401, "unauthenticated", false));
        let read = Request::get("/v1/runs").header("host", "h").header("x-api-key", SECRET);
        let read = read.body(Body::empty()).unwrap();
        assert_eq!(stack.ask(read).await, refused(403, "forbidden", false));
        // All of them have ended, the panic too, so this one is the only one in flight.
        assert_eq!(stack.drain.in_flight(), 0);
        let held = stack.service.clone().oneshot(post("/v1/runs", "{}")).await.unwrap();
        assert_eq!(stack.ask(post("/x", "{}")).await, refused(503, "overloaded", false));
        drop(held);
        // The caller's own limit is met before the one by address, which counted them all.
        assert_eq!(stack.ask(post("/v1/runs", "{}")).await, refused(429, "rate_limited", false));
        assert_eq!(stack.ask(post("/v1/runs", "{}")).await, refused(429, "rate_limited", false));
        let held = stack.service.clone().oneshot(post("/v1/runs", "{}")).await.unwrap();
        assert_eq!(held.status(), 429);
        // Draining is told before overload is.
        stack.drain.start();
        assert_eq!(stack.ask(post("/x", "{}")).await, refused(503, "draining", false));
        drop(held);
        let text = stack.metrics.render().unwrap();
        for line in [
            r#"switchyard_http_requests_total{operation="create_run",status="5xx"} 1"#,
            r#"switchyard_http_requests_total{operation="create_run",status="4xx"} 7"#,
            r#"switchyard_http_requests_total{operation="unknown",status="5xx"} 2"#,
            "switchyard_shed_total{priority=\"high\",reason=\"in_flight\"} 1",
        ] {
            assert!(text.contains(line), "no `{line}` in\n{text}");
        }
    }
}
