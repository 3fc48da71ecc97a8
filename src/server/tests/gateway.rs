//! A running server whose face is a function of the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tower::{ServiceBuilder, service_fn};

use crate::clock::{CountingIds, SystemClock};
use crate::config::{Listen, Tls};
use crate::error::{Error, Result};
use crate::http::body::Body;
use crate::http::edge::call::CallLayer;
use crate::http::edge::drain::{Drain, DrainLayer};
use crate::http::edge::rescue::RescueLayer;
use crate::http::layer::layer;
use crate::http::operation::Listener;
use crate::http::problem;
use crate::http::service::HttpService;
use crate::server::drain::Shutdown;
use crate::server::{self, Serving, StartError};
use crate::tasks::Tasks;

pub(super) struct Gateway {
    pub(super) serving: Serving,
    pub(super) shutdown: Shutdown,
}

type Answer = BoxFuture<'static, Result<Response<Body>>>;

/// Bounds that no test meets unless it changes them.
pub(in crate::server) fn listen() -> Listen {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Listen {
        api: loopback,
        admin: loopback,
        tls: None,
        trusted_proxies: Vec::new(),
        body_bytes: 1 << 20,
        header_bytes: 16 * 1024,
        max_in_flight: 1_000,
        header_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_secs(30),
        write_timeout: Duration::from_secs(30),
        drain: Duration::from_secs(30),
        threads: 2,
        handover: None,
    }
}

pub(super) fn start(
    listen: &Listen,
    face: impl Fn(Request<Body>) -> Answer + Clone + Send + Sync + 'static,
) -> Result<Gateway, StartError> {
    beside(listen, face, std::future::pending())
}

/// The same, with something that goes on beside its connections.
pub(super) fn beside(
    listen: &Listen,
    face: impl Fn(Request<Body>) -> Answer + Clone + Send + Sync + 'static,
    pulse: impl Future<Output = ()> + Send + 'static,
) -> Result<Gateway, StartError> {
    let (drain, tasks) = (Drain::default(), Tasks::default());
    let side = |listener, drain: Drain| {
        let call = CallLayer {
            clock: Arc::new(SystemClock::new()),
            ids: Arc::new(CountingIds::default()),
            listener,
            trusted: Vec::new(),
        };
        HttpService::new(
            ServiceBuilder::new()
                .layer(layer(call))
                .layer(layer(RescueLayer {
                    render: |_, error, call| problem::render(error, call),
                    metrics: None,
                }))
                .layer(layer(DrainLayer(drain)))
                .service(service_fn(face.clone())),
        )
    };
    let (api, admin) =
        (side(Listener::Api, drain.clone()), side(Listener::Admin, Drain::default()));
    let serving = server::start(listen, api, admin, &tasks, None, pulse)?;
    let interrupt = CancellationToken::new();
    let shutdown = Shutdown { drain, tasks, interrupt, grace: listen.drain };
    Ok(Gateway { serving, shutdown })
}

/// Answers each request with its body.
pub(super) fn echo(request: Request<Body>) -> Answer {
    Box::pin(async { Ok(Response::new(Body::full(request.into_body().read().await?))) })
}

pub(super) fn echoing() -> Gateway {
    start(&listen(), echo).unwrap()
}

/// A face that answers the first request to `…/events` with a stream that the test feeds, and
/// every other with its body.
pub(super) fn streaming(
    listen: &Listen,
) -> (Gateway, mpsc::Sender<&'static str>, oneshot::Receiver<()>) {
    let (feed, fed) = mpsc::channel::<&'static str>(1);
    let (dropping, dropped) = oneshot::channel::<()>();
    let stream = Arc::new(std::sync::Mutex::new(Some((fed, dropping))));
    let face = move |request: Request<Body>| -> Answer {
        if !request.uri().path().ends_with("/events") {
            return echo(request);
        }
        let (fed, dropping) = stream.lock().unwrap().take().unwrap();
        Box::pin(async { Ok(Response::new(fed_by(fed).guard(dropping))) })
    };
    (start(listen, face).unwrap(), feed, dropped)
}

fn fed_by(mut fed: mpsc::Receiver<&'static str>) -> Body {
    let frames = futures_util::stream::poll_fn(move |cx| {
        let frame =
            |text: &'static str| Ok::<_, Error>(Frame::data(Bytes::from_static(text.as_bytes())));
        fed.poll_recv(cx).map(|next| next.map(frame))
    });
    Body::stream(StreamBody::new(frames))
}

/// PEM files of a fresh certificate for `localhost`, and the certificate for a client's trust.
pub(super) fn certificate() -> (Tls, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap().keep();
    let tls = Tls { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    (tls, made.cert.der().clone())
}
