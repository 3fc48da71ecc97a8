//! A plain relay: hyper's server and client with nothing between them, streaming both ways. What
//! the parts that the gateway stands on cost by themselves. A process of its own.

use std::net::SocketAddr;

use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use switchyard::tasks::Tasks;
use tokio::net::TcpListener;

use crate::Outcome;

type Passed = Either<Incoming, Empty<Bytes>>;

#[derive(Clone)]
struct Relay {
    client: Client<HttpConnector, Incoming>,
    to: Authority,
}

/// Serves until the process is ended.
#[tokio::main]
pub(crate) async fn serve(listen: SocketAddr, to: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind(listen).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let relay = Relay { client, to: to.to_string().parse()? };
    let tasks = Tasks::default();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let relay = relay.clone();
        tasks.spawn("relay connection", async move {
            let service = service_fn(move |request| relay.clone().pass(request));
            let server = auto::Builder::new(TokioExecutor::new());
            // A caller that leaves in the middle is how held streams end.
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}

impl Relay {
    async fn pass(self, mut request: Request<Incoming>) -> Result<Response<Passed>, http::Error> {
        let path = request.uri().path_and_query().cloned();
        let mut target = Uri::builder().scheme(Scheme::HTTP).authority(self.to);
        if let Some(path) = path {
            target = target.path_and_query(path);
        }
        *request.uri_mut() = target.build()?;
        match self.client.request(request).await {
            Ok(response) => Ok(response.map(Either::Left)),
            Err(_) => Response::builder()
                .status(StatusCode::BAD_GATEWAY)
                .body(Either::Right(Empty::new())),
        }
    }
}
