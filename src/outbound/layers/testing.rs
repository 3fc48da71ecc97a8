//! What the tests of the layers and of the dispatcher share: bodies and platforms made of pieces.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tower::{Layer, Service, ServiceExt};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::http::body::Body;
use crate::http::layer::{Step, layer};
use crate::http::service::UpstreamService;
use crate::model::call::{Call, Facts, TraceContext};

/// A piece of a body.
pub(crate) enum Piece {
    /// Bytes, at once.
    Bytes(&'static str),
    /// Silence.
    Wait(Duration),
    /// An error, and nothing after it.
    Fail(Error),
}

struct Pieces {
    left: VecDeque<Piece>,
    silence: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// A body of these pieces.
pub(crate) fn body_of(pieces: Vec<Piece>) -> Body {
    Body::stream(Pieces { left: pieces.into(), silence: None })
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>>>> {
        loop {
            if let Some(silence) = &mut self.silence {
                std::task::ready!(silence.as_mut().poll(cx));
                self.silence = None;
            }
            match self.left.pop_front() {
                Some(Piece::Bytes(bytes)) => {
                    let bytes = Bytes::from_static(bytes.as_bytes());
                    return Poll::Ready(Some(Ok(http_body::Frame::data(bytes))));
                }
                Some(Piece::Wait(time)) => self.silence = Some(Box::pin(tokio::time::sleep(time))),
                Some(Piece::Fail(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A platform that answers as this function says.
pub(crate) fn platform<F, A>(answer: F) -> UpstreamService
where
    F: Fn(Request<Body>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response<Body>>> + Send + 'static,
{
    UpstreamService::new(tower::service_fn(answer))
}

/// A platform that gives each caller the next of these answers.
pub(crate) fn answers(list: Vec<Result<Response<Body>>>) -> UpstreamService {
    let list = Arc::new(parking_lot::Mutex::new(VecDeque::from(list)));
    platform(move |_| {
        let next = list.lock().pop_front().expect("one call more than answers");
        async move { next }
    })
}

/// An answer with this status and body.
pub(crate) fn response(status: u16, body: Body) -> Response<Body> {
    Response::builder().status(status).body(body).unwrap()
}

/// This layer around this platform.
pub(crate) fn wrapped<T>(step: T, inner: UpstreamService) -> UpstreamService
where
    T: Step<Request<Body>, Response = Response<Body>>,
{
    UpstreamService::new(layer(step).layer(inner))
}

/// Calls a platform with a request as the dispatcher makes it.
pub(crate) async fn call(service: &UpstreamService, target: &str) -> Result<Response<Body>> {
    let mut request = Request::post(target).body(Body::full("{}")).unwrap();
    request.extensions_mut().insert(a_call());
    let mut service = service.clone();
    service.ready().await?.call(request).await
}

/// A call of nobody in particular.
pub(crate) fn a_call() -> Arc<Call> {
    Arc::new(Call {
        id: "req_1".to_owned(),
        trace: TraceContext {
            parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            state: Some("vendor=1".to_owned()),
        },
        operation: "create_run",
        face: "unified",
        address: std::net::IpAddr::from([127, 0, 0, 1]),
        received_at: Timestamp(0),
        received: Duration::ZERO,
        facts: Facts::default(),
    })
}
