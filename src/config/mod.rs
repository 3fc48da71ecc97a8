//! The configuration, valid: what the rest of the gateway is built from. A file per section reads
//! it; all errors are found at once, each with its place.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Sockets and what may come in through them.
    pub listen: Listen,
    /// How callers are known.
    pub identity: Identity,
    /// The platforms, by name.
    pub upstreams: IndexMap<String, Upstream>,
    /// Short names of agents.
    pub agents: IndexMap<String, Agent>,
    /// Webhooks in, by agent reference.
    pub hooks: IndexMap<String, Hook>,
    /// What is kept of runs, and their bounds.
    pub runs: Runs,
    /// The log.
    pub log: Log,
}

/// How callers are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nothing is said: only loopback may be listened on.
    #[default]
    Unset,
    /// The operator says that nobody is asked who they are.
    None,
}

/// Sockets and what may come in through them.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The callers' socket.
    pub api: SocketAddr,
    /// The operators' socket.
    pub admin: SocketAddr,
    /// TLS on the callers' socket.
    pub tls: Option<Tls>,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// The largest request head, in bytes.
    pub header_bytes: usize,
    /// Requests in flight, beyond which new ones are shed.
    pub max_in_flight: usize,
    /// How long a request head may take to arrive.
    pub header_timeout: Duration,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How long a caller may take no byte of its answer.
    pub write_timeout: Duration,
    /// How long open streams may go on after a request to stop.
    pub drain: Duration,
    /// Worker threads; 0 for one a core.
    pub threads: usize,
}

/// TLS on a listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// A platform.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its kind, a folder of `outbound/`.
    pub kind: String,
    /// Where its API is; without a trailing slash.
    pub base_url: http::Uri,
    /// The gateway's credential there.
    pub credential: Secret,
    /// What only platforms of its kind have, as written; the vendor checks it.
    pub settings: Map<String, Value>,
    /// Whether a caller may ask the platform itself to call somebody back.
    pub native_callbacks: bool,
    /// The four clocks.
    pub clocks: Clocks,
    /// Calls at a time.
    pub max_concurrent: usize,
    /// When to stop calling.
    pub breaker: Breaker,
    /// Bounds of an answer.
    pub caps: Caps,
}

/// The four clocks of a call to a platform.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// From wanting a connection to having one.
    pub connect: Duration,
    /// From sending the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two bytes of the answer.
    pub idle: Duration,
    /// From sending the request to the last byte of the answer.
    pub total: Duration,
}

/// When to stop calling a platform.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    /// Failures in a row that open the breaker.
    pub failures: u32,
    /// How long it stays open before a probe.
    pub open: Duration,
}

/// Bounds of a platform's answer, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// A whole JSON answer, and a whole stream.
    pub answer: usize,
    /// One line of a stream.
    pub line: usize,
    /// One event of a stream.
    pub event: usize,
}

/// A short name for an agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The upstream it lives on.
    pub upstream: String,
    /// The platform's id of it; for platforms without agents, the alias itself.
    pub id: String,
    /// What a platform without agents is given on each run; the vendor checks it.
    pub preset: Map<String, Value>,
}

/// A webhook in.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where the message stands.
    pub input: HookInput,
    /// How long a caller waits before it is answered 202.
    pub reply_within: Duration,
}

/// Where the message of a webhook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookInput {
    /// In the payload's `input`.
    Input,
    /// At a JSON pointer (RFC 6901) into the payload.
    Pointer(String),
    /// In a text with `{{/json/pointer}}` places.
    Template(String),
}

/// What is kept of runs, and their bounds.
#[derive(Clone, Debug)]
pub struct Runs {
    /// Silence after which a stream gets a comment line.
    pub heartbeat: Duration,
    /// Bytes that the reader who started a run may lag behind the platform.
    pub window_bytes: usize,
    /// Bytes of events kept of one run for readers that come later.
    pub journal_bytes: usize,
    /// Bytes of ended runs kept.
    pub kept_bytes: usize,
    /// Ended runs kept.
    pub kept: usize,
    /// Bytes of one answer.
    pub answer_bytes: usize,
    /// The longest run.
    pub max_duration: Duration,
    /// Threads kept.
    pub threads: usize,
    /// Bytes of history kept of one thread.
    pub history_bytes: usize,
    /// Runs that may be in flight with nobody reading them.
    pub max_background: usize,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// JSON lines rather than text.
    pub json: bool,
    /// An `env_logger`-like filter, `info` by default.
    pub filter: String,
}

/// A secret. Never printed, never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Shows it, for the one header that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}
