//! Where the demo receives callbacks: it takes everything, and keeps the last one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// How long the demo waits for a callback.
const PATIENCE: Duration = Duration::from_secs(10);

/// Receives callbacks until it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    last: Arc<Mutex<Option<Callback>>>,
    stop: CancellationToken,
}

/// A callback as it came.
#[derive(Clone)]
pub(super) struct Callback {
    pub(super) id: String,
    pub(super) signature: String,
    pub(super) body: Bytes,
}

impl Receiver {
    pub(super) async fn start(tasks: &Tasks) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let receiver = Self {
            address: listener.local_addr()?,
            last: Arc::default(),
            stop: CancellationToken::new(),
        };
        let (last, stop, more) = (Arc::clone(&receiver.last), receiver.stop.clone(), tasks.clone());
        tasks.spawn("receiver", async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = accepted else { return };
                let last = Arc::clone(&last);
                let take = service_fn(move |request| take(Arc::clone(&last), request));
                more.spawn("received", async move {
                    let served = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), take);
                    // A sender that breaks off sends again.
                    served.await.ok();
                });
            }
        });
        Ok(receiver)
    }

    /// The last callback, once there is one.
    pub(super) async fn received(&self) -> Option<Callback> {
        let wait = async {
            loop {
                if let Some(callback) = self.last.lock().take() {
                    return callback;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(
    last: Arc<Mutex<Option<Callback>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (id, signature) = (header("webhook-id"), header("webhook-signature"));
    let body = request.into_body().collect().await?.to_bytes();
    *last.lock() = Some(Callback { id, signature, body });
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}
