//! Listening sockets, TLS and threads, by pingora; the only file that names it. It accepts, shakes
//! hands and gives the stream to [`Connections`].
//!
//! What pingora would do by itself and must not: at SIGTERM it stops accepting, sleeps its whole
//! grace period and drops what is open. So it is given a signal of ours, which only ever asks for
//! the fast end, after our own drain. Its read buffer of 64 KiB a connection is left out. Its
//! `run_forever` ends the process; `run` returns, and so has a thread of its own.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig};
use pingora_core::protocols::Stream;
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{
    ListenFds, RunArgs, Server, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch,
};
use pingora_core::services::Service;
use pingora_core::services::listening;
use rustls::server::ResolvesServerCert;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::connection::Connections;

/// A bound socket and what stands behind it.
pub(super) struct Endpoint {
    pub(super) name: &'static str,
    pub(super) socket: TcpListener,
    /// The socket's real address.
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Arc<dyn ResolvesServerCert>>,
    pub(super) connections: Arc<Connections>,
    /// Threads of its own: operators are answered when callers keep theirs busy.
    pub(super) threads: usize,
}

/// The running listeners. Dropped, they stop at once.
pub(super) struct Running {
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Closes the sockets, drops what is still open, and waits for the threads.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        // The sender is only ever dropped: at the end of the thread.
        (&mut self.ended).await.ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves `endpoints` until stopped.
pub(super) fn run(endpoints: Vec<Endpoint>) -> std::io::Result<Running> {
    let mut server = Server::new_with_opt_and_conf(None, ServerConf::default());
    for endpoint in endpoints {
        server.add_service(Bound::new(endpoint)?);
    }
    let stop = CancellationToken::new();
    let (ending, ended) = oneshot::channel();
    let signal = Box::new(Stop(stop.clone()));
    std::thread::Builder::new().name("listeners".to_owned()).spawn(move || {
        let _ending: oneshot::Sender<()> = ending;
        server.run(RunArgs { shutdown_signal: signal });
    })?;
    Ok(Running { stop, ended })
}

/// Asks for the end when told to, never at a signal of the system.
struct Stop(CancellationToken);

#[async_trait]
impl ShutdownSignalWatch for Stop {
    async fn recv(&self) -> ShutdownSignal {
        self.0.cancelled().await;
        ShutdownSignal::FastShutdown
    }
}

/// A listening service that puts its own socket where pingora looks before it binds one: so a
/// port 0 is known, and an address in use is an error of the start.
struct Bound {
    service: listening::Service<App>,
    address: String,
    socket: Option<TcpListener>,
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
        Ok(Self { service, address, socket: Some(endpoint.socket) })
    }
}

/// Settings without files, which pingora would read late and panic over.
fn tls(certificate: Arc<dyn ResolvesServerCert>) -> std::io::Result<TlsSettings> {
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
            fds.lock().add(self.address.clone(), socket.into_raw_fd());
        }
        self.service.start_service(fds, shutdown, listeners_per_fd).await;
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
