//! Why there is no answer of a receiver. The poster returns it; whoever delivers callbacks decides
//! by it whether to try again.
//!
//! Invariant: what is shown (`Display`) is a fixed sentence or a rule; the causes, which may name
//! addresses of the inside, are for the log.

use std::io;

use super::refused::Refused;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule forbids the address; nothing was sent to it.
    #[error("the address {0}")]
    Forbidden(Refused),
    /// The name gives no address.
    #[error("the name gives no address")]
    NoAddress(#[source] io::Error),
    /// No connection: refused, unreachable.
    #[error("cannot be connected to")]
    NotConnected(#[source] io::Error),
    /// No TLS: a certificate that is not trusted or is another name's, or no TLS at all.
    #[error("TLS failed")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Name, connection and TLS together took longer than their clock.
    #[error("took too long to connect to")]
    ConnectTimeout,
    /// There was no head of an answer within the clock over the whole.
    #[error("did not answer in time")]
    Timeout,
    /// The connection broke before there was an answer, or the answer was not HTTP.
    #[error("broke off before it answered, or did not speak HTTP")]
    Protocol(#[source] hyper::Error),
}

impl Failure {
    /// A word for records and metrics; stable.
    pub const fn code(&self) -> &'static str {
        match self {
            Failure::Forbidden(_) => "forbidden",
            Failure::NoAddress(_) => "no_address",
            Failure::NotConnected(_) => "not_connected",
            Failure::Tls(_) => "tls",
            Failure::ConnectTimeout => "connect_timeout",
            Failure::Timeout => "timeout",
            Failure::Protocol(_) => "protocol",
        }
    }
}
