//! Traces, as a collector gets them from the program itself: which spans, whose children, under
//! which trace; and that a collector that is slow or dead delays nobody.

#[path = "traces/wire.rs"]
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use switchyard::simulator::server::Running;
use switchyard::tasks::Tasks;
use switchyard::telemetry::tracing::FIELDS;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use self::wire::Span;
use crate::harness::PATIENCE;
use crate::process::{Kept, Serving, simulator};

/// A batch that a collector was sent.
struct Batch {
    path: String,
    headers: HeaderMap,
    spans: Vec<Span>,
    resource: std::collections::BTreeMap<String, String>,
}

/// A collector that takes everything, over HTTP and gRPC alike.
struct Collector {
    address: SocketAddr,
    batches: mpsc::Receiver<Batch>,
    tasks: Tasks,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, batches) = mpsc::channel(1_000);
        let tasks = Tasks::default();
        let connections = tasks.clone();
        tasks.spawn("collector", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                let service = service_fn(move |request| take(request, tell.clone()));
                connections.spawn("connection", async move {
                    let served = auto::Builder::new(TokioExecutor::new());
                    served.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Self { address, batches, tasks }
    }

    /// All spans up to and with one of this name.
    async fn until(&mut self, name: &str) -> (Vec<Span>, Batch) {
        let mut spans = Vec::new();
        loop {
            let batch = tokio::time::timeout(PATIENCE, self.batches.recv()).await;
            let batch = batch.unwrap_or_else(|_| panic!("no `{name}` in {spans:#?}")).unwrap();
            spans.extend(batch.spans.iter().cloned());
            if spans.iter().any(|span: &Span| span.name == name) {
                return (spans, batch);
            }
        }
    }
}

type Answer = Response<StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Data>>>>;
type Data = Result<Frame<Bytes>, Infallible>;

async fn take(request: Request<Incoming>, tell: mpsc::Sender<Batch>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let is_grpc = head.headers["content-type"] == "application/grpc";
    let (spans, resource) = wire::spans(if is_grpc { &body[5..] } else { &body });
    let (path, headers) = (head.uri.path().to_owned(), head.headers);
    tell.send(Batch { path, headers, spans, resource }).await.ok();
    let mut frames: Vec<Data> = Vec::new();
    let mut answer = Response::builder();
    if is_grpc {
        answer = answer.header("content-type", "application/grpc");
        frames.push(Ok(Frame::data(Bytes::from_static(&[0; 5]))));
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        frames.push(Ok(Frame::trailers(trailers)));
    }
    Ok(answer.body(StreamBody::new(futures_util::stream::iter(frames))).unwrap())
}

fn serving(name: &str, simulator: &Running, traces: &str) -> Serving {
    let more = format!("\ntelemetry: {{ traces: {{ {traces} }} }}");
    Serving::of(name, simulator.addr(), "", &more)
}

const RUN: &str = "/v1/agents/acp:ok/runs";
const HELLO: &str = r#"{"input":"the prompt of nobody else"}"#;

fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}: {spans:#?}"))
}

/// Holds the spans of one run against what its caller was told.
fn hold(spans: &[Span], traceparent: &str) {
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!(parts[3], "01", "it is recorded");
    let spans: Vec<Span> = spans.iter().filter(|span| span.trace == parts[1]).cloned().collect();
    let call = one(&spans, "create_agent_run");
    assert_eq!((call.id.as_str(), call.kind), (parts[2], 2));
    assert_eq!(call.attributes["http.response.status_code"], "200");
    let run = one(&spans, "invoke_agent");
    assert_eq!((&run.parent, run.kind), (&call.id, 3));
    for (name, value) in [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.provider.name", "acp"),
        ("gen_ai.agent.id", "ok"),
        ("switchyard.outcome", "completed"),
    ] {
        assert_eq!(run.attributes[name], value);
    }
    let upstream = one(&spans, "POST");
    assert_eq!((&upstream.parent, upstream.kind), (&run.id, 3));
    assert_eq!(upstream.attributes["server.address"], "127.0.0.1");
    assert_eq!(upstream.attributes["switchyard.outcome"], "success");
    for policy in ["identity", "access", "limits", "budget"] {
        let is_it =
            |span: &&Span| span.name == "policy" && span.attributes["switchyard.policy"] == policy;
        let decision = spans.iter().find(is_it).unwrap_or_else(|| panic!("no {policy}"));
        assert_eq!(decision.parent, call.id);
        assert_eq!(decision.attributes["switchyard.decision"], "allowed");
    }
    assert!(!format!("{spans:?}").contains("nobody else"), "a prompt: {spans:#?}");
}

#[tokio::test]
async fn a_collector_sees_a_call_its_decisions_its_run_and_its_tries_over_http() {
    let (mut collector, simulator) = (Collector::start().await, simulator().await);
    let endpoint = format!(
        "endpoint: \"http://{}/v1/traces\", headers: {{ authorization: {{ secret: \"${{env:SWITCHYARD_TEST_KEY}}\" }} }}",
        collector.address
    );
    let serving = serving("traces-http", &simulator, &endpoint);
    let answer = Kept::to(serving.api()).await.send(RUN, HELLO).await;
    assert_eq!(answer.status(), 200);
    let parent = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    drop(answer);
    let (mut spans, batch) = collector.until("create_agent_run").await;
    assert_eq!(batch.path, "/v1/traces");
    assert_eq!(batch.headers["content-type"], "application/x-protobuf");
    assert_eq!(batch.headers["authorization"], "6f1e8d3a-5ec2-4222-8333-444455556666");
    assert_eq!(batch.resource["service.name"], "switchyard");
    if !spans.iter().any(|span| span.name == "invoke_agent") {
        spans.extend(collector.until("invoke_agent").await.0);
    }
    hold(&spans, &parent);
    let mut connection = Kept::to(serving.admin()).await;
    let metrics = connection.get("/metrics").await.into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(metrics.contains("switchyard_trace_spans_dropped_total 0"), "{metrics}");
    assert!(!metrics.contains("switchyard_trace_spans_exported_total 0"), "{metrics}");
    drop(connection);

    // What waits when the gateway ends is sent before it is gone.
    let mut last = Kept::to(serving.api()).await;
    let answer = last.send(RUN, HELLO).await;
    let parent = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    drop((answer, last));
    serving.signal("-TERM");
    assert_eq!(serving.end().await.0, 0);
    let mut spans = Vec::new();
    while let Ok(batch) = collector.batches.try_recv() {
        spans.extend(batch.spans);
    }
    hold(&spans, &parent);
    drop(collector.tasks);
}

#[tokio::test]
async fn a_collector_sees_the_same_over_grpc() {
    let (mut collector, simulator) = (Collector::start().await, simulator().await);
    let endpoint = format!("endpoint: \"http://{}\", protocol: grpc", collector.address);
    let serving = serving("traces-grpc", &simulator, &endpoint);
    let answer = Kept::to(serving.api()).await.send(RUN, HELLO).await;
    let parent = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    drop(answer);
    let (mut spans, batch) = collector.until("create_agent_run").await;
    assert_eq!(batch.path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    if !spans.iter().any(|span| span.name == "invoke_agent") {
        spans.extend(collector.until("invoke_agent").await.0);
    }
    hold(&spans, &parent);
}

#[tokio::test]
async fn a_caller_who_keeps_no_trace_gets_none_and_a_share_of_zero_begins_none() {
    let (mut collector, simulator) = (Collector::start().await, simulator().await);
    let endpoint = format!("endpoint: \"http://{}/v1/traces\", sample: \"0\"", collector.address);
    let serving = serving("traces-none", &simulator, &endpoint);
    let answer = Kept::to(serving.api()).await.send(RUN, HELLO).await;
    assert!(answer.headers()["traceparent"].to_str().unwrap().ends_with("-00"));
    drop(answer);
    serving.signal("-TERM");
    assert_eq!(serving.end().await.0, 0);
    assert!(collector.batches.try_recv().is_err(), "a span was sent");
}

#[tokio::test]
async fn a_collector_that_hangs_delays_neither_runs_nor_the_end() {
    let simulator = simulator().await;
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("endpoint: \"http://{}/v1/traces\"", silent.local_addr().unwrap());
    let serving = serving("traces-silent", &simulator, &endpoint);
    let mut connection = Kept::to(serving.api()).await;
    for _ in 0..20 {
        let began = Instant::now();
        let answer = connection.send(RUN, HELLO).await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    drop(connection);
    serving.signal("-TERM");
    let began = Instant::now();
    let (code, log) = serving.end().await;
    assert_eq!(code, 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ended: Vec<_> = log.iter().filter(|line| line["message"] == "run ended").collect();
    assert_eq!(ended.len(), 20);
    for line in ended {
        for field in line.as_object().unwrap().keys() {
            let is_documented = FIELDS.iter().any(|(name, _)| name == field);
            assert!(is_documented, "`{field}` has no line in the table of the log's fields");
        }
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn spans_that_a_dead_collector_does_not_take_are_counted_and_said_once() {
    let simulator = simulator().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("endpoint: \"http://{free}/v1/traces\"");
    let serving = serving("traces-dead", &simulator, &endpoint);
    let mut connection = Kept::to(serving.api()).await;
    let mut admin = Kept::to(serving.admin()).await;
    let began = Instant::now();
    loop {
        let answer = connection.send(RUN, HELLO).await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        let metrics = admin.get("/metrics").await.into_body().collect().await.unwrap().to_bytes();
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        if !metrics.contains("switchyard_trace_spans_dropped_total 0") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is dropped");
        tokio::task::yield_now().await;
    }
    drop((connection, admin));
    serving.signal("-TERM");
    let (code, log) = serving.end().await;
    assert_eq!(code, 0);
    let said = "the collector does not take traces; they are dropped";
    let said: Vec<&Value> = log.iter().filter(|line| line["message"] == said).collect();
    assert_eq!(said.len(), 1, "{log:?}");
}
