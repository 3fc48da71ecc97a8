//! Who is called back when a run ends, and is not always well: it fails, is slow, or leaves.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use switchyard::simulator::random::Random;
use switchyard::tasks::Tasks;
use tokio_util::sync::CancellationToken;

/// The receiver.
pub struct Receiver {
    pub addr: SocketAddr,
    seen: Arc<Mutex<HashSet<String>>>,
    stop: CancellationToken,
}

impl Receiver {
    pub async fn start(seed: u64, tasks: &Tasks) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::<Mutex<HashSet<String>>>::default(), CancellationToken::new());
        let random = Arc::new(Mutex::new(Random::new(seed)));
        let (told, until, within) = (Arc::clone(&seen), stop.clone(), tasks.clone());
        tasks.spawn("receiver", async move {
            let accept = async {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let (told, stop, random) = (Arc::clone(&told), until.clone(), random.clone());
                    let answer = service_fn(move |request| {
                        let lot = random.lock().number() % 10;
                        answer(Arc::clone(&told), request, lot)
                    });
                    within.spawn("receiver's connection", async move {
                        let served =
                            http1::Builder::new().serve_connection(TokioIo::new(socket), answer);
                        // One that left has told nobody.
                        stop.run_until_cancelled(served).await.map(Result::ok);
                    });
                }
            };
            until.run_until_cancelled(accept).await;
        });
        Self { addr, seen, stop }
    }

    /// How many callbacks were tried at least once.
    pub fn seen(&self) -> usize {
        self.seen.lock().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(
    seen: Arc<Mutex<HashSet<String>>>,
    request: Request<Incoming>,
    lot: u64,
) -> Result<Response<Empty<Bytes>>, std::io::Error> {
    let id = request.headers()["webhook-id"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let message: Value = serde_json::from_slice(&body).unwrap();
    assert!(message["type"].as_str().unwrap().starts_with("run."), "{message}");
    seen.lock().insert(id);
    let status = match lot {
        0 => 500,
        1 => 404,
        2 => return Err(std::io::ErrorKind::ConnectionReset.into()),
        3 => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            204
        }
        _ => 204,
    };
    Ok(Response::builder().status(status).body(Empty::new()).unwrap())
}
