//! The server that a URL names, and how a connection to it is made.
//!
//! Invariant: with `sslmode=require` or stronger, nothing is sent to a server whose certificate
//! does not hold for its name.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::open::OpenError;
use super::session::Session;
use crate::tasks::Tasks;

/// How long making a connection to one address may take.
const CONNECT: Duration = Duration::from_secs(2);

/// When a peer that says nothing is asked whether it is there, and when it is given up.
const QUIET: Duration = Duration::from_secs(15);
const GONE: Duration = Duration::from_secs(10);

/// What every session is told. The server gives a statement up before its caller does, so that
/// nothing goes on behind an error; and a commit reaches the disk, whatever the default is.
const SETTINGS: &str = "
    SET statement_timeout = '4s';
    SET idle_in_transaction_session_timeout = '10s';
    SET client_min_messages = 'warning';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';";

/// A server. It has no `Debug`, as it knows the password.
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Server {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        // The driver knows `require` alone; verification is always full.
        let (url, verify) = match url.split_once('?') {
            Some((base, query)) => {
                let settings: Vec<&str> = query
                    .split('&')
                    .map(|setting| match setting {
                        "sslmode=verify-ca" | "sslmode=verify-full" => "sslmode=require",
                        other => other,
                    })
                    .collect();
                let verify = settings.contains(&"sslmode=require");
                (format!("{base}?{}", settings.join("&")), verify)
            }
            None => (url.to_owned(), false),
        };
        let mut config = Config::from_str(&url).map_err(|_| OpenError::BadUrl)?;
        let tls = verify.then(tls).transpose()?;
        if tls.is_none() {
            config.ssl_mode(SslMode::Disable);
        }
        if config.get_application_name().is_none() {
            config.application_name("switchyard");
        }
        config.connect_timeout(CONNECT).keepalives_idle(QUIET).tcp_user_timeout(GONE);
        Ok(Self { config, tls })
    }

    /// Makes a connection and tells it the settings.
    pub(super) async fn connect(&self, tasks: &Tasks) -> Result<Session, tokio_postgres::Error> {
        let session = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                Session::start(client, connection, tasks)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Session::start(client, connection, tasks)
            }
        };
        session.set(SETTINGS).await?;
        Ok(session)
    }
}

fn tls() -> Result<MakeRustlsConnect, OpenError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(OpenError::unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_used_where_the_url_requires_it() {
        for (query, mode) in [
            ("", SslMode::Disable),
            ("?sslmode=prefer", SslMode::Disable),
            ("?connect_timeout=3&sslmode=require", SslMode::Require),
            ("?sslmode=verify-ca", SslMode::Require),
            ("?sslmode=verify-full&keepalives=1", SslMode::Require),
        ] {
            let url = format!("postgres://user:secret@host/db{query}");
            let server = Server::parse(&url).unwrap();
            assert_eq!(server.config.get_ssl_mode(), mode, "{query}");
            assert_eq!(server.tls.is_some(), mode == SslMode::Require, "{query}");
        }
        for wrong in ["?sslmode=sometimes", "?nonsense=1", "?sslmode=verify-fully"] {
            let url = format!("postgres://user:secret@host/db{wrong}");
            assert!(matches!(Server::parse(&url), Err(OpenError::BadUrl)), "{wrong}");
        }
    }
}
