//! The section `listen`: sockets and what may come in through them. [`super::load`] calls it.
//!
//! Invariant: the two sockets are never one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::describe::{Key, Setting, Shape};
use super::reader::Section;
use super::units::{GIB, KIB, MIB};

/// Sockets and what may come in through them.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// The callers' socket.
    pub api: SocketAddr,
    /// The operators' socket.
    pub admin: SocketAddr,
    /// TLS on the callers' socket.
    pub tls: Option<Tls>,
    /// The proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// The largest request head, in bytes.
    pub header_bytes: usize,
    /// Requests in flight, beyond which new ones are shed.
    pub max_in_flight: usize,
    /// How long a request head may take to arrive.
    pub header_timeout: Duration,
    /// How long an HTTP/1.1 connection is kept for a next request.
    pub idle_timeout: Duration,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How long a caller may take no byte of its answer.
    pub write_timeout: Duration,
    /// How long open streams may go on after a request to stop.
    pub drain: Duration,
    /// Worker threads; 0 for one a core.
    pub threads: usize,
    /// The folder in which processes hand over; none for one beside a SQLite store.
    pub handover: Option<PathBuf>,
}

/// TLS on a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Loopback, so that a first start exposes nothing.
const API: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));
/// Beside the API, where Prometheus looks by habit.
const ADMIN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9090));
/// Attachments travel inside the body in base64: this takes a scanned document of 6 MiB.
const BODY_BYTES: Setting<usize> = Setting::new(
    "body_bytes",
    "The largest request body.",
    8 * MIB,
    KIB..=GIB,
    "less takes no request, and a body is held in memory",
);
/// Twice the 16 KiB that common proxies send at most.
const HEADER_BYTES: Setting<usize> = Setting::new(
    "header_bytes",
    "The largest request head.",
    32 * KIB,
    8 * KIB..=MIB,
    "the HTTP library reads into no less, and every connection may take it",
);
/// At 50 KiB a request about 500 MiB, which a small machine has.
const MAX_IN_FLIGHT: Setting<u32> = Setting::new(
    "max_in_flight",
    "Requests in flight, beyond which new ones are answered 503.",
    10_000,
    1..=1_000_000,
    "none would serve nobody, and a machine has no more sockets",
);
/// Heads are small: a caller that needs longer is holding the connection, not using it.
const HEADER_TIMEOUT: Setting<Duration> = Setting::new(
    "header_timeout",
    "How long a request head may take to arrive.",
    Duration::from_secs(10),
    Duration::from_millis(100)..=Duration::from_secs(300),
    "less refuses honest callers, and more lets slow ones hold connections",
);
/// Longer than the 60 s for which common proxies and clients keep theirs: who closes first must be
/// the one who sends, or a request meets a connection that is just being closed.
const IDLE_TIMEOUT: Setting<Duration> = Setting::new(
    "idle_timeout",
    "How long an HTTP/1.1 connection is kept for a next request.",
    Duration::from_secs(75),
    Duration::from_millis(100)..=Duration::from_secs(3600),
    "less is no keeping, and more keeps dead ones",
);
/// 8 MiB in 30 s is 2.2 Mbit/s, which a phone has.
const BODY_TIMEOUT: Setting<Duration> = Setting::new(
    "body_timeout",
    "How long a request body may take to arrive.",
    Duration::from_secs(30),
    Duration::from_millis(100)..=Duration::from_secs(3600),
    "less refuses honest callers, and more lets slow ones hold connections",
);
/// Four heartbeats: a reader that takes none of them is gone.
const WRITE_TIMEOUT: Setting<Duration> = Setting::new(
    "write_timeout",
    "How long a caller may take no byte of its answer.",
    Duration::from_secs(60),
    Duration::from_secs(1)..=Duration::from_secs(3600),
    "less cuts slow readers off, and more keeps dead ones",
);
/// What orchestrators give a process to end.
const DRAIN: Setting<Duration> = Setting::new(
    "drain",
    "How long open streams may go on after a request to stop.",
    Duration::from_secs(30),
    Duration::from_secs(1)..=Duration::from_secs(3600),
    "less cuts every stream, and more keeps an old process for ever",
);
/// The gateway waits more than it computes, so one a core is enough.
const THREADS: Setting<u32> = Setting::new(
    "threads",
    "Worker threads; 0 for one a core.",
    0,
    0..=1024,
    "no machine has more cores",
);

pub(super) fn read(root: &mut Section<'_>) -> Listen {
    let mut section = root.section("listen", "Sockets and what may come in through them.");
    let listen = Listen {
        api: section.address("api", "The callers' socket.", API),
        admin: section.address("admin", "The operators' socket: metrics and health.", ADMIN),
        tls: section.optional_section("tls", "TLS on the callers' socket.").and_then(read_tls),
        trusted_proxies: read_proxies(&mut section),
        body_bytes: section.bytes(&BODY_BYTES),
        header_bytes: section.bytes(&HEADER_BYTES),
        max_in_flight: section.count(&MAX_IN_FLIGHT) as usize,
        header_timeout: section.duration(&HEADER_TIMEOUT),
        idle_timeout: section.duration(&IDLE_TIMEOUT),
        body_timeout: section.duration(&BODY_TIMEOUT),
        write_timeout: section.duration(&WRITE_TIMEOUT),
        drain: section.duration(&DRAIN),
        threads: section.count(&THREADS) as usize,
        handover: read_handover(&mut section),
    };
    if listen.api == listen.admin && listen.api.port() != 0 {
        section.refuse("admin", "is the same address as `listen.api`");
    }
    section.finish();
    listen
}

fn read_handover(section: &mut Section<'_>) -> Option<PathBuf> {
    let about = "The folder in which a newer process takes over from an older one; only its user \
                 may enter it. Left out, it stands beside a SQLite store's file.";
    section.text(Key::new("handover", Shape::Text, about)).map(PathBuf::from)
}

fn read_proxies(section: &mut Section<'_>) -> Vec<IpNet> {
    let about = "The proxies in front whose `X-Forwarded-For` is believed: addresses or networks.";
    let texts = section.texts(Key::new("trusted_proxies", Shape::Texts, about));
    let network =
        |text: &String| text.parse::<IpNet>().ok().or(text.parse::<IpAddr>().ok().map(IpNet::from));
    let networks: Vec<IpNet> = texts.iter().filter_map(network).collect();
    if networks.len() != texts.len() {
        section.refuse(
            "trusted_proxies",
            "holds what is no address or network (write it like `10.0.0.0/8`)",
        );
    }
    networks
}

fn read_tls(mut section: Section<'_>) -> Option<Tls> {
    let certificate = "The certificate chain, a PEM file.";
    let certificate = section.text(Key::new("certificate", Shape::Text, certificate).required());
    let key = section.text(Key::new("key", Shape::Text, "Its key, a PEM file.").required());
    section.finish();
    Some(Tls { certificate: certificate?.into(), key: key?.into() })
}
