//! One POST to an address that a caller named: resolved once, judged, connected to, sent, and its
//! answer's status read. Whoever delivers callbacks calls it, once for each try.
//!
//! Invariant: the connection goes to an address that was judged in this very call, and is closed
//! at its end: a kept one could outlive a changed decision. Every address of the name is judged
//! before the first byte leaves, and one that is not allowed refuses them all. Redirects are not
//! followed.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, pending, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tower::Service;

use super::allowed::Allowed;
use super::answer::Answer;
use super::failure::Failure;
use super::refused::Refused;
use super::resolve::{Resolve, SystemResolver};
use super::target::{Host, Target};

/// Bytes of an answer's body that are read, so that a receiver may finish its sentence and need
/// not see the connection break. Nothing is done with them.
const ANSWER_BYTES: usize = 64 * 1024;
/// Bytes of an answer's head at most; also what is read ahead of its body.
const HEAD_BYTES: usize = 16 * 1024;
/// Addresses of a name that are tried, where the first ones cannot be connected to: a machine
/// without IPv6 is given such addresses first.
const TRIES: usize = 4;
/// No clock of a delivery is longer.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Who is calling.
const CALLER: HeaderValue = HeaderValue::from_static("switchyard");

/// How long a delivery may take, an hour at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Name, connection and TLS together.
    pub connect: Duration,
    /// Everything until the head of the answer; what is then left of it is for its body.
    pub whole: Duration,
}

/// Calls addresses that callers named. Cheap to clone.
#[derive(Clone)]
pub struct Poster {
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    allowed: Arc<Allowed>,
    clocks: Clocks,
}

/// TLS that trusts the certificates that browsers trust. Sessions are not kept, as connections are
/// not.
///
/// # Errors
///
/// The TLS library takes none of its own versions.
pub fn public_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_roots()
        .with_no_client_auth();
    tls.resumption = rustls::client::Resumption::disabled();
    Ok(tls)
}

impl Poster {
    /// A poster that asks the machine's own resolver and trusts the public certificates.
    ///
    /// # Errors
    ///
    /// Those of [`public_tls`].
    pub fn new(allowed: Allowed, clocks: Clocks) -> Result<Self, rustls::Error> {
        Ok(Self::with(Arc::new(SystemResolver::default()), public_tls()?, allowed, clocks))
    }

    /// A poster of these parts.
    pub fn with(
        resolver: Arc<dyn Resolve>,
        tls: ClientConfig,
        allowed: Allowed,
        clocks: Clocks,
    ) -> Self {
        Self { resolver, tls: Arc::new(tls), allowed: Arc::new(allowed), clocks }
    }

    /// What it may call: what [`Target::read`] is to be given.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Sends `body` with these headers, and with `Host`, `User-Agent`, `Connection` and
    /// `Content-Length`, which it sets itself. It is sent once at most.
    ///
    /// Cancel-safe: when it is dropped, its connection is closed; the receiver may have taken the
    /// request nevertheless.
    ///
    /// # Errors
    ///
    /// Why there is no answer. An answer of whatever status is not an error.
    pub async fn post(
        &self,
        target: &Target,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let start = Instant::now();
        let end = start + self.clocks.whole.min(LONGEST);
        let connecting_ends = end.min(start + self.clocks.connect.min(LONGEST));
        let stream = timeout_at(connecting_ends, self.connect(target, connecting_ends))
            .await
            .map_err(|_| Failure::ConnectTimeout)??;
        let host = HeaderValue::try_from(target.authority());
        headers.insert(HOST, host.map_err(|_| Failure::Forbidden(Refused::Host))?);
        headers.insert(USER_AGENT, CALLER);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.path();
        *request.headers_mut() = headers;
        exchange(stream, request, end).await
    }

    /// A connection to an address of the target, with TLS on it where the target has it.
    async fn connect(
        &self,
        target: &Target,
        end: Instant,
    ) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, Failure> {
        if !target.is_tls() && !self.allowed.http {
            return Err(Failure::Forbidden(Refused::Plain));
        }
        let addresses = self.addresses(target.host()).await?;
        let stream = dial(&addresses, target.port(), end).await.map_err(Failure::NotConnected)?;
        // The name of the certificate is the URL's; where the connection goes is settled.
        let uri = Uri::try_from(target.origin()).map_err(|_| Failure::Forbidden(Refused::Host))?;
        let mut tls = HttpsConnector::from((Dialled(Some(stream)), Arc::clone(&self.tls)));
        tls.call(uri).await.map_err(Failure::Tls)
    }

    /// The addresses of the host, every one of them allowed.
    async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, Failure> {
        match host {
            Host::Address(ip) => {
                let allowed = self.allowed.check(*ip);
                allowed.map_err(|class| Failure::Forbidden(Refused::Address(class)))?;
                Ok(vec![*ip])
            }
            Host::Name(name) => {
                let addresses = self.resolver.addresses(name).await.map_err(Failure::NoAddress)?;
                for ip in &addresses {
                    let allowed = self.allowed.check(*ip);
                    allowed.map_err(|class| Failure::Forbidden(Refused::Resolved(class)))?;
                }
                if addresses.is_empty() {
                    let none = io::Error::new(io::ErrorKind::NotFound, "no address");
                    return Err(Failure::NoAddress(none));
                }
                Ok(addresses)
            }
        }
    }
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// Connects to the first address that can be connected to. Each has an even share of the time that
/// is left, so that a silent one does not use up that of the next.
async fn dial(addresses: &[IpAddr], port: u16, end: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    let tries = addresses.len().min(TRIES);
    for (place, ip) in addresses.iter().take(tries).enumerate() {
        let left = u32::try_from(tries - place).unwrap_or(1);
        let share = end.saturating_duration_since(Instant::now()) / left;
        // An IPv4-mapped address is the IPv4 address, also where the system would not unwrap it.
        let address = SocketAddr::new(ip.to_canonical(), port);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(cause)) => last = cause,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Sends the request and reads the answer.
async fn exchange(
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    request: Request<Full<Bytes>>,
    end: Instant,
) -> Result<Answer, Failure> {
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_BYTES);
    let (mut sender, connection) = http.handshake(stream).await.map_err(Failure::Protocol)?;
    // The connection is driven here, not in a task: it ends with whoever waits for the answer. Its
    // own end says nothing that the answer does not say.
    let driven = async {
        let _ended = connection.await;
        pending::<Infallible>().await
    };
    let answered = async {
        let response = timeout_at(end, sender.send_request(request))
            .await
            .map_err(|_| Failure::Timeout)?
            .map_err(Failure::Protocol)?;
        let answer = Answer::read(response.status(), response.headers());
        // The head has said all; a body that breaks off or does not end takes nothing from it.
        let _read = timeout_at(end, discard(response)).await;
        Ok(answer)
    };
    // Nothing is lost by dropping the loser: it is either the connection, at its end, or nothing.
    tokio::select! {
        answer = answered => answer,
        never = driven => match never {},
    }
}

/// Reads a body to its end, or to its bound.
async fn discard(response: Response<Incoming>) {
    let mut body = pin!(response.into_body());
    let mut read = 0;
    while !body.is_end_stream() && read < ANSWER_BYTES {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(1, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

/// A connector that has connected already, so that TLS can be put on that connection and no other.
struct Dialled(Option<TcpStream>);

impl Service<Uri> for Dialled {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take().map(TokioIo::new);
        ready(stream.ok_or_else(|| io::Error::other("the connection is taken")))
    }
}
