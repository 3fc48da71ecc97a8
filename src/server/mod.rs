//! The shell: sockets, TLS, HTTP connections, and an orderly end. Knows no operation; it calls the
//! one service that stands behind each socket.

pub mod connection;
pub mod drain;
mod head_clock;
mod listen;
mod stall;
pub mod tls;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Listen;
use crate::http::service::HttpService;
use crate::tasks::Tasks;
use connection::Connections;
use listen::{Endpoint, Running};

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
    connections: [Arc<Connections>; 2],
    running: Running,
}

/// Binds both sockets and serves them on threads of their own. When this returns, callers can
/// connect. `tasks` counts the tasks of HTTP/2 streams.
pub fn start(
    listen: &Listen,
    api: HttpService,
    admin: HttpService,
    tasks: &Tasks,
) -> Result<Serving, StartError> {
    let certificate = listen.tls.as_ref().map(tls::load).transpose()?;
    let (api_socket, api_address) = bind(listen.api)?;
    let (admin_socket, admin_address) = bind(listen.admin)?;
    let connections = [api, admin].map(|service| Connections::new(listen, service, tasks));
    let [api_connections, admin_connections] = connections.each_ref().map(Arc::clone);
    let running = listen::run(vec![
        Endpoint {
            name: "api",
            socket: api_socket,
            address: api_address,
            certificate,
            connections: api_connections,
            threads: threads(listen.threads),
        },
        Endpoint {
            name: "admin",
            socket: admin_socket,
            address: admin_address,
            certificate: None,
            connections: admin_connections,
            threads: 1,
        },
    ])
    .map_err(StartError::Listeners)?;
    Ok(Serving { api: api_address, admin: admin_address, connections, running })
}

impl Serving {
    /// Closes idle connections at once, others when their request is over, at most `within`; then
    /// the sockets and the threads.
    async fn close(mut self, within: Duration) {
        let [api, admin] = &self.connections;
        tokio::join!(api.close(within), admin.close(within));
        self.running.stop().await;
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |cause| StartError::Bind { address, cause };
    let socket = TcpListener::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    // Sockets that are accepted inherit it.
    socket2::SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}

fn threads(configured: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}
