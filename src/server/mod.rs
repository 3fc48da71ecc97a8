//! The shell: sockets, TLS, HTTP connections, and an orderly end. Knows no operation; it calls the
//! one service that stands behind each socket.

pub mod connection;
pub mod drain;
pub mod handover;
mod head_clock;
mod listen;
mod stall;
pub mod tls;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{IntoRawFd, RawFd};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::config::Listen;
use crate::http::service::Served;
use crate::tasks::Tasks;
use connection::Connections;
pub use listen::Sockets;
use listen::{Endpoint, Running};
use tls::Certificate;

/// What the system takes of an answer ahead of a slow caller. Left alone it grows to megabytes a
/// connection, which thousands of slow readers would multiply; and what it has taken is kept a
/// second time by the run, for readers that come later.
const SOCKET_BUFFER: usize = 64 * 1024;

/// Why the sockets cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("cannot use {path}: {reason}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gives no thread, or TLS none of its settings.
    #[error("cannot start the listeners: {0}")]
    Listeners(std::io::Error),
}

/// Both sockets, being served. Dropped, it stops at once.
pub struct Serving {
    /// The callers' socket, with its real port.
    pub api: SocketAddr,
    /// The operators' socket, with its real port.
    pub admin: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    sockets: Sockets,
    connections: [Arc<Connections>; 2],
    running: Running,
}

/// Binds both sockets and serves them on threads of their own. When this returns, callers can
/// connect. `tasks` counts the tasks of HTTP/2 streams. What another process has given is used in
/// place of binding, where it listens at the address that is wanted. `pulse` is driven on the
/// threads that answer callers, and never ends.
pub fn start(
    listen: &Listen,
    api: impl Into<Served>,
    admin: impl Into<Served>,
    tasks: &Tasks,
    given: Option<&Sockets>,
    pulse: impl Future<Output = ()> + Send + 'static,
) -> Result<Serving, StartError> {
    let certificate = listen.tls.as_ref().map(Certificate::load).transpose()?.map(Arc::new);
    let mut sockets = Sockets::default();
    let mut have = |name, wanted| {
        let given = given.and_then(|given| given.get(name, wanted));
        let (address, socket) = given.map_or_else(|| bind(wanted), Ok)?;
        sockets.add(name, address, socket);
        Ok((address, socket))
    };
    let (api_address, api_socket) = have("api", listen.api)?;
    let (admin_address, admin_socket) = have("admin", listen.admin)?;
    if let Some(given) = given {
        given.close_others(&[api_socket, admin_socket]);
    }
    let services = [api.into(), admin.into()];
    let connections = services.map(|service| Connections::new(listen, service, tasks));
    let [api_connections, admin_connections] = connections.each_ref().map(Arc::clone);
    let running = listen::run(vec![
        Endpoint {
            name: "api",
            socket: api_socket,
            address: api_address,
            certificate: certificate.clone(),
            connections: api_connections,
            threads: threads(listen.threads),
            beside: Some(Box::pin(pulse)),
        },
        Endpoint {
            name: "admin",
            socket: admin_socket,
            address: admin_address,
            certificate: None,
            connections: admin_connections,
            threads: 1,
            beside: None,
        },
    ])
    .map_err(StartError::Listeners)?;
    let (api, admin) = (api_address, admin_address);
    Ok(Serving { api, admin, certificate, sockets, connections, running })
}

impl Serving {
    /// The certificate of the callers' socket, which may be renewed while it is served.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.clone()
    }

    /// The runtimes that connections are served on, each known from its first one on.
    pub fn runtimes(&self) -> [Arc<OnceLock<Handle>>; 2] {
        self.connections.each_ref().map(|connections| connections.runtime())
    }

    /// The sockets, to be given to another process.
    pub fn sockets(&self) -> Sockets {
        self.sockets.clone()
    }

    /// Accepts nothing more, and asks whoever is connected to come again elsewhere: with the next
    /// answer, or at once over HTTP/2, where nothing is lost by that.
    fn leave(&self) {
        self.running.leave();
        for connections in &self.connections {
            connections.leave();
        }
    }

    /// Waits until nobody is connected any more.
    async fn left(&self) {
        let [api, admin] = &self.connections;
        tokio::join!(api.left(), admin.left());
    }

    /// Closes idle connections at once, others when their request is over, at most `within`; then
    /// the sockets and the threads.
    async fn close(mut self, within: Duration) {
        let [api, admin] = &self.connections;
        tokio::join!(api.close(within), admin.close(within));
        self.running.stop().await;
    }
}

fn bind(address: SocketAddr) -> Result<(SocketAddr, RawFd), StartError> {
    let failed = |cause| StartError::Bind { address, cause };
    let socket = TcpListener::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    // Sockets that are accepted inherit it.
    socket2::SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((bound, socket.into_raw_fd()))
}

fn threads(configured: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}
