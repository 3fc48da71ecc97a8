//! Listening sockets, TLS and threads, by pingora; the only file that names it. It accepts, shakes
//! hands and gives the stream to [`Connections`].
//!
//! What pingora would do by itself and must not: at SIGTERM it stops accepting, sleeps its whole
//! grace period and drops what is open. So it is given a signal of ours, which only ever asks for
//! the fast end, after our own drain; or, where another process has taken the sockets over, the end
//! of accepting, after which its thread sleeps until the process is gone. Its read buffer of 64 KiB
//! a connection is left out. Its `run_forever` ends the process; `run` returns, and so has a thread
//! of its own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, select};
use parking_lot::Mutex;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig};
use pingora_core::protocols::Stream;
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{
    Fds, ListenFds, RunArgs, Server, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch,
};
use pingora_core::services::Service;
use pingora_core::services::listening;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::connection::Connections;
use super::tls::Certificate;

/// Seconds that pingora waits for open connections after it has stopped accepting: they end by our
/// own rules, and the process with them.
const FOR_EVER: u64 = 10 * 365 * 24 * 3600;

/// Listening sockets that go from one process to another: name, address, and the system's number.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Vec<(String, SocketAddr, RawFd)>);

impl Sockets {
    /// Adds one.
    pub(super) fn add(&mut self, name: &str, address: SocketAddr, socket: RawFd) {
        self.0.push((name.to_owned(), address, socket));
    }

    /// The socket of this name, where it listens at `wanted`; any port will do where that is 0.
    pub(super) fn get(&self, name: &str, wanted: SocketAddr) -> Option<(SocketAddr, RawFd)> {
        let is_it = |address: &SocketAddr| {
            *address == wanted || wanted.port() == 0 && address.ip() == wanted.ip()
        };
        let found = self.0.iter().find(|(known, address, _)| known == name && is_it(address))?;
        Some((found.1, found.2))
    }

    /// Closes those of them that are not among `kept`, or they would take connections that nobody
    /// accepts.
    pub(super) fn close_others(&self, kept: &[RawFd]) {
        let kept = self.0.iter().filter(|(_, _, socket)| kept.contains(socket));
        let keys = kept.map(|(name, address, _)| key(name, *address)).collect();
        self.fds().close_unclaimed(&keys);
    }

    fn fds(&self) -> Fds {
        let mut fds = Fds::new();
        for (name, address, socket) in &self.0 {
            fds.add(key(name, *address), *socket);
        }
        fds
    }
}

/// What a socket is called on its way: pingora knows one by one word.
fn key(name: &str, address: SocketAddr) -> String {
    format!("{name}={address}")
}

/// Gives sockets to the process that waits for them at `to`. Blocks for some seconds at most.
pub(super) fn send(sockets: &Sockets, to: &Path) -> io::Result<()> {
    sockets.fds().send_to_sock(text(to)?).map(drop).map_err(io::Error::other)
}

/// Waits at `at` for sockets. Blocks for some seconds at most.
pub(super) fn receive(at: &Path) -> io::Result<Sockets> {
    let mut fds = Fds::new();
    fds.get_from_sock(text(at)?).map_err(io::Error::other)?;
    let (keys, numbers) = fds.serialize();
    let mut sockets = Sockets::default();
    for (key, socket) in keys.iter().zip(numbers) {
        let read = key.split_once('=').and_then(|(name, at)| Some((name, at.parse().ok()?)));
        let (name, address) = read.ok_or_else(|| io::Error::other("a socket has no name"))?;
        sockets.add(name, address, socket);
    }
    Ok(sockets)
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other("the path is no UTF-8"))
}

/// A bound socket and what stands behind it.
pub(super) struct Endpoint {
    pub(super) name: &'static str,
    /// The socket, by the number that the system knows it by.
    pub(super) socket: RawFd,
    /// The socket's real address.
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) connections: Arc<Connections>,
    /// Threads of its own: operators are answered when callers keep theirs busy.
    pub(super) threads: usize,
    /// What goes on beside its connections, on the same threads.
    pub(super) beside: Option<BoxFuture<'static, ()>>,
}

/// The running listeners. Dropped, they stop at once.
pub(super) struct Running {
    stop: CancellationToken,
    /// Cancelled when nothing more is accepted here.
    leave: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Closes the sockets, drops what is still open, and waits for the threads.
    pub(super) async fn stop(&mut self) {
        if self.leave.is_cancelled() {
            // Its thread sleeps; the process is about to end.
            return;
        }
        self.stop.cancel();
        // The sender is only ever dropped: at the end of the thread.
        (&mut self.ended).await.ok();
    }
}

impl Running {
    /// Accepts nothing more; what is open goes on, and the sockets are another process's.
    pub(super) fn leave(&self) {
        self.leave.cancel();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves `endpoints` until stopped.
pub(super) fn run(endpoints: Vec<Endpoint>) -> std::io::Result<Running> {
    let conf = ServerConf { grace_period_seconds: Some(FOR_EVER), ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    for endpoint in endpoints {
        server.add_service(Bound::new(endpoint)?);
    }
    let stop = CancellationToken::new();
    let (ending, ended) = oneshot::channel();
    let leave = CancellationToken::new();
    let signal = Box::new(Stop { stop: stop.clone(), leave: leave.clone() });
    std::thread::Builder::new().name("listeners".to_owned()).spawn(move || {
        let _ending: oneshot::Sender<()> = ending;
        server.run(RunArgs { shutdown_signal: signal });
    })?;
    Ok(Running { stop, leave, ended })
}

/// Asks for the end when told to, never at a signal of the system.
struct Stop {
    stop: CancellationToken,
    leave: CancellationToken,
}

#[async_trait]
impl ShutdownSignalWatch for Stop {
    async fn recv(&self) -> ShutdownSignal {
        tokio::select! {
            () = self.stop.cancelled() => ShutdownSignal::FastShutdown,
            () = self.leave.cancelled() => ShutdownSignal::GracefulTerminate,
        }
    }
}

/// A listening service that puts its own socket where pingora looks before it binds one: so a
/// port 0 is known, and an address in use is an error of the start.
struct Bound {
    service: listening::Service<App>,
    /// Taken at the start; behind a lock because a service must be shareable.
    beside: Mutex<Option<BoxFuture<'static, ()>>>,
    address: String,
    socket: Option<RawFd>,
}

impl Bound {
    fn new(endpoint: Endpoint) -> std::io::Result<Self> {
        let address = endpoint.address.to_string();
        let mut config =
            ListenerConfig::tcp(address.clone()).l4_buffer(L4BufferSettings::unbuffered());
        if let Some(certificate) = endpoint.certificate {
            config = config.tls(tls(certificate)?);
        }
        let app = App(endpoint.connections);
        let mut service = listening::Service::new(endpoint.name.to_owned(), app);
        service.threads = Some(endpoint.threads);
        service.add_listener(config);
        let (beside, socket) = (Mutex::new(endpoint.beside), Some(endpoint.socket));
        Ok(Self { service, beside, address, socket })
    }
}

/// Settings without files, which pingora would read late and panic over.
fn tls(certificate: Arc<Certificate>) -> std::io::Result<TlsSettings> {
    let mut settings = TlsSettings::intermediate("", "").map_err(std::io::Error::other)?;
    settings.set_cert_resolver(certificate);
    settings.enable_h2();
    Ok(settings)
}

#[async_trait]
impl Service for Bound {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        if let (Some(fds), Some(socket)) = (&fds, self.socket.take()) {
            fds.lock().add(self.address.clone(), socket);
        }
        let beside = self.beside.get_mut().take();
        let serving = self.service.start_service(fds, shutdown, listeners_per_fd);
        let beside = beside.unwrap_or_else(|| Box::pin(std::future::pending()));
        // Over when the service is.
        select(serving, beside).await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        self.service.listen_addresses()
    }
}

struct App(Arc<Connections>);

#[async_trait]
impl ServerApp for App {
    async fn process_new(self: &Arc<Self>, stream: Stream, _: &ShutdownWatch) -> Option<Stream> {
        // Not awaited: pingora's own task still holds what its handshake needed, many KiB.
        let digest = stream.get_socket_digest();
        let peer = digest.as_ref().and_then(|digest| Some(digest.peer_addr()?.as_inet()?.ip()));
        self.0.serve(stream, peer);
        None
    }
}
