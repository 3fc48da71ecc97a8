//! The end of the RUN stack: finds a run's upstream, has its vendor encode the run, sends it
//! through the upstream's stack, and hands the answer on as run events.
//!
//! Invariant: what fails before a platform has said that it has the run is an error of the call;
//! what fails later is the run's end, in the stream.

mod inquire;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::clock::Clock;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::service::{RunEvents, UpstreamService};
use crate::model::call::Call;
use crate::model::plan::RunCall;
use crate::outbound::answer::Answer;
use crate::outbound::passing::{self, Passing};
use crate::outbound::pause::Pauses;
use crate::outbound::{UpstreamRequest, Vendor};
use crate::telemetry::metrics::UpstreamMetrics;

/// An upstream, ready to be called.
#[derive(Clone)]
pub struct Target {
    /// Its configured name.
    pub name: String,
    /// Its platform.
    pub vendor: Arc<dyn Vendor>,
    /// Its stack.
    pub service: UpstreamService,
    /// Bounds of its answers.
    pub caps: config::Caps,
    /// Where events of unknown type are counted.
    pub metrics: UpstreamMetrics,
}

/// The service. One for the process; a clone is a reference count.
#[derive(Clone)]
pub struct Dispatcher(Arc<Shared>);

struct Shared {
    targets: HashMap<String, Arc<Target>>,
    clock: Arc<dyn Clock>,
    pauses: Pauses,
}

impl Dispatcher {
    /// Dispatches to these upstreams, and notes in `pauses` which want to be left alone.
    pub fn new(
        targets: impl IntoIterator<Item = Target>,
        clock: Arc<dyn Clock>,
        pauses: Pauses,
    ) -> Self {
        let targets =
            targets.into_iter().map(|target| (target.name.clone(), Arc::new(target))).collect();
        Self(Arc::new(Shared { targets, clock, pauses }))
    }
}

impl Service<RunCall> for Dispatcher {
    type Response = RunEvents;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<RunEvents>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, run: RunCall) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { dispatch(&shared, run).await })
    }
}

impl Shared {
    /// The line to an upstream.
    fn line(&self, call: Arc<Call>, name: &str) -> Result<Line> {
        let target = self.targets.get(name).cloned().ok_or_else(|| {
            Error::new(Kind::Internal, format!("there is no upstream `{name}` to dispatch to"))
        })?;
        Ok(Line { target, call, clock: Arc::clone(&self.clock), pauses: self.pauses.clone() })
    }
}

async fn dispatch(shared: &Shared, run: RunCall) -> Result<RunEvents> {
    let line = shared.line(Arc::clone(&run.call), run.plan.upstream())?;
    if let Some(passing) = Passing::of(&run.plan) {
        return passing::pass(line, passing).await;
    }
    let exchange = line.target.vendor.start(&run.plan)?;
    if exchange.is_streamed {
        let response = line.send(exchange.request).await?;
        let response = line.accept(response).await?;
        return Ok(Answer::begun(line, exchange.decoder, exchange.warnings, response).into_events());
    }
    Ok(Answer::asked(line, exchange.decoder, exchange.warnings, exchange.request).into_events())
}

/// The line to one upstream during one call: how it is asked, and how time with it is counted.
pub(super) struct Line {
    pub(super) target: Arc<Target>,
    call: Arc<Call>,
    clock: Arc<dyn Clock>,
    pauses: Pauses,
}

/// What is read of a failure's body; platforms' error texts are far shorter.
pub(super) const FAILURE_BYTES: usize = 64 * 1024;

impl Line {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&self, request: UpstreamRequest) -> Result<Response<Body>> {
        let request = encode(request).map_err(|cause| {
            let message = "the platform's request cannot be written as HTTP";
            Error::new(Kind::Internal, message).caused_by(cause)
        })?;
        self.forward(request).await
    }

    /// The same with a request that is HTTP already.
    pub(super) async fn forward(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        request.extensions_mut().insert(Arc::clone(&self.call));
        let service = self.target.service.clone();
        self.waiting(service.oneshot(request)).await.map_err(|error| self.blame(error))
    }

    /// Passes on a success; makes an error of every other answer, by what the vendor reads in it.
    pub(super) async fn accept(&self, response: Response<Body>) -> Result<Response<Body>> {
        let status = response.status();
        let encoded = is_encoded(&response);
        if status.is_success() {
            if encoded {
                let message = "the answer is compressed, which was not asked for";
                return Err(self.blame(Error::new(Kind::UpstreamProtocol, message)));
            }
            return Ok(response);
        }
        let (head, mut body) = response.into_parts();
        let mut text = Vec::new();
        // A failure whose body breaks off, or cannot be read, is still that failure.
        while !encoded && text.len() < FAILURE_BYTES {
            let Some(Ok(bytes)) = self.next_bytes(&mut body).await else { break };
            let room = FAILURE_BYTES - text.len();
            text.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
        }
        Err(self.failure(status, &head.headers, &text))
    }

    /// What a failure says that came with this status.
    pub(super) fn failure(&self, status: StatusCode, headers: &HeaderMap, text: &[u8]) -> Error {
        let error = self.target.vendor.failure(status, headers, text);
        let error = match error.upstream_fault() {
            Some(_) => error,
            None => error.upstream(&self.target.name, Some(status.as_u16()), None),
        };
        self.pauses.note(&self.target.name, self.call.principal(), &error);
        error
    }

    /// The next bytes of an answer's body; trailers say nothing that a run needs.
    pub(super) async fn next_bytes(&self, body: &mut Body) -> Option<Result<bytes::Bytes>> {
        loop {
            match self.waiting(body.frame()).await? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(self.blame(error))),
            }
        }
    }

    /// Names the upstream in an error that does not name it yet.
    pub(super) fn blame(&self, error: Error) -> Error {
        match error.upstream_fault() {
            Some(_) => error,
            None => error.upstream(&self.target.name, None, None),
        }
    }

    /// Counts the time until `wait` is over as the platform's.
    pub(super) async fn waiting<T>(&self, wait: impl Future<Output = T>) -> T {
        let began = self.clock.monotonic();
        let done = wait.await;
        self.call.facts.waited_for_upstream(self.clock.monotonic().saturating_sub(began));
        done
    }
}

fn encode(request: UpstreamRequest) -> http::Result<Request<Body>> {
    let mut builder = Request::builder()
        .method(request.method)
        .uri(request.target)
        .header(ACCEPT, HeaderValue::from_static(request.accept));
    if !request.body.is_empty() {
        builder = builder.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    builder.body(Body::full(request.body))
}

/// Whether an answer is compressed.
pub(super) fn is_encoded(response: &Response<Body>) -> bool {
    let coding = response.headers().get(http::header::CONTENT_ENCODING);
    coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests;
