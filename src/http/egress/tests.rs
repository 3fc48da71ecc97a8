//! The poster against real sockets: receivers that redirect, stall, never end or are somebody
//! else, and resolvers that change their mind.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::address::{Class, class};
use super::allowed::Allowed;
use super::answer::Answer;
use super::failure::Failure;
use super::post::{Clocks, Poster, public_tls};
use super::refused::Refused;
use super::resolve::Resolve;
use super::target::Target;

const SHORT: Duration = Duration::from_millis(150);
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);
const PATIENT: Clocks = Clocks { connect: LONG, whole: LONG };
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A resolver with a list of answers: each name is given the next one, whatever it is called.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Script {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let ips = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(ips).collect()), ..Self::default() })
    }

    fn times_asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Resolve for Script {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))
    }
}

/// A resolver that never answers.
struct Silent;

#[async_trait]
impl Resolve for Silent {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

fn allowing(networks: &[&str]) -> Allowed {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Allowed { networks, http: true }
}

fn poster(resolver: Arc<dyn Resolve>, networks: &[&str], clocks: Clocks) -> Poster {
    Poster::with(resolver, public_tls().unwrap(), allowing(networks), clocks)
}

/// A poster that may call this machine, and resolves every name to it.
fn at_home(clocks: Clocks) -> Poster {
    poster(Script::of(&[&["127.0.0.1"], &["127.0.0.1"]]), &["127.0.0.0/8"], clocks)
}

async fn post(poster: &Poster, url: &str) -> Result<Answer, Failure> {
    let everything = allowing(&["0.0.0.0/0", "::/0"]);
    let target = Target::read(url, &everything).unwrap();
    let headers = HeaderMap::from_iter([("webhook-id".parse().unwrap(), "evt_1".parse().unwrap())]);
    poster.post(&target, headers, Bytes::from_static(b"{}")).await
}

/// What a receiver's thread told: each request as it came, and whatever the test's own part adds.
type Told = Receiver<String>;

fn head_and_body(stream: &mut impl Read) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\r\n\r\n{}") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(char::from(byte[0])),
            _ => break,
        }
    }
    text
}

/// A receiver that reads each request, tells of it, and leaves the rest to `answer`.
fn receiver(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (SocketAddr, Told) {
    receiver_at("127.0.0.1:0".parse().unwrap(), answer)
}

fn receiver_at(
    at: SocketAddr,
    answer: impl Fn(&mut TcpStream) + Send + 'static,
) -> (SocketAddr, Told) {
    let listener = TcpListener::bind(at).unwrap();
    let at = listener.local_addr().unwrap();
    let (tell, told) = channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            if tell.send(head_and_body(&mut stream)).is_err() {
                return;
            }
            answer(&mut stream);
        }
    });
    (at, told)
}

fn saying(answer: &'static [u8]) -> (SocketAddr, Told) {
    receiver(move |stream| stream.write_all(answer).unwrap())
}

#[tokio::test]
async fn a_post_arrives_as_it_was_given_and_its_connection_is_closed() {
    let (tell, told_end) = channel();
    let (at, told) = receiver(move |stream| {
        stream.write_all(OK).unwrap();
        // The end of the stream: the poster keeps no connection.
        stream.set_read_timeout(Some(LONG)).unwrap();
        tell.send(stream.read(&mut [0]).unwrap()).unwrap();
    });
    let url = format!("http://Receiver.example:{}/hook/1?a=b%20c", at.port());
    let answer = post(&at_home(PATIENT), &url).await.unwrap();
    assert_eq!(answer, Answer { status: StatusCode::OK, retry_after: None });
    let request = told.recv().unwrap();
    assert!(request.starts_with("POST /hook/1?a=b%20c HTTP/1.1\r\n"), "{request}");
    for line in [
        format!("host: receiver.example:{}", at.port()),
        "webhook-id: evt_1".to_owned(),
        "content-length: 2".to_owned(),
        "connection: close".to_owned(),
        "user-agent: switchyard".to_owned(),
    ] {
        assert_eq!(request.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {request}");
    }
    assert_eq!(told_end.recv().unwrap(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (elsewhere, told_elsewhere) = saying(OK);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let (at, _told) = receiver(move |stream| {
            let location = format!("location: http://{elsewhere}/\r\ncontent-length: 0");
            write!(stream, "HTTP/1.1 {status}\r\n{location}\r\n\r\n").unwrap();
        });
        let answer = post(&at_home(PATIENT), &format!("http://{at}/")).await.unwrap();
        assert!(answer.status.is_redirection(), "{status}");
    }
    assert!(told_elsewhere.try_recv().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let cases: [(&[u8], u16, Option<u64>); 5] = [
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 410, None),
        (b"HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", 503, Some(7)),
        (b"HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 202 Yes\r\n\r\n", 202, None),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
    ];
    for (text, status, seconds) in cases {
        let (at, _told) = saying(text);
        let answer = post(&at_home(PATIENT), &format!("http://{at}/")).await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.retry_after, seconds.map(Duration::from_secs));
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_runs_into_the_clock() {
    for begun in [&b""[..], b"HTTP/1.1 200 OK\r\nx: "] {
        let (at, _told) = receiver(move |stream| {
            stream.write_all(begun).unwrap();
            thread::sleep(LONG);
        });
        let clocks = Clocks { connect: LONG, whole: SECOND };
        let failure = post(&at_home(clocks), &format!("http://{at}/")).await.unwrap_err();
        assert!(matches!(failure, Failure::Timeout), "{failure:?}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_a_bound() {
    let (tell, told_written) = channel();
    let (at, _told) = receiver(move |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut written = 0;
        while stream.write_all(&[b'x'; 4096]).is_ok() {
            written += 4096;
        }
        tell.send(written).unwrap();
    });
    let answer = post(&at_home(PATIENT), &format!("http://{at}/")).await.unwrap();
    assert_eq!(answer.status, 200);
    // What the system took ahead of the reader is in it.
    let written = told_written.recv_timeout(LONG).unwrap();
    assert!(written < 16 << 20, "{written} bytes were taken");
}

#[tokio::test]
async fn a_body_that_stalls_or_breaks_takes_nothing_from_the_head() {
    for (stalls, body) in [
        (true, "content-length: 9\r\n\r\nx"),
        (false, "content-length: 9\r\n\r\nx"),
        (false, "transfer-encoding: chunked\r\n\r\nzz\r\n"),
        (true, "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n"),
    ] {
        let (at, _told) = receiver(move |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n{body}").unwrap();
            if stalls {
                thread::sleep(LONG);
            }
        });
        let clocks = Clocks { connect: LONG, whole: SECOND };
        let (poster, url) = (at_home(clocks), format!("http://{at}/"));
        let answer = tokio::time::timeout(LONG / 2, post(&poster, &url)).await.unwrap().unwrap();
        assert_eq!(answer.status, 200, "{body}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_broken() {
    const LONG_HEAD: &[u8] = &[b'x'; 64 * 1024];
    for answer in [&b""[..], b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nx", LONG_HEAD] {
        let (at, _told) = receiver(move |stream| drop(stream.write_all(answer)));
        let failure = post(&at_home(PATIENT), &format!("http://{at}/")).await.unwrap_err();
        assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_broken() {
    for (begun, more) in [("", &b"name: value\r\n"[..]), ("name: ", &[b'x'; 4096])] {
        let (tell, told_written) = channel();
        let (at, _told) = receiver(move |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\n{begun}").unwrap();
            let mut written = 0;
            while written < 64 << 20 && stream.write_all(more).is_ok() {
                written += more.len();
            }
            tell.send(written).unwrap();
        });
        let failure = post(&at_home(PATIENT), &format!("http://{at}/")).await.unwrap_err();
        assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
        // What the system took ahead of the reader is in it.
        let written = told_written.recv_timeout(LONG).unwrap();
        assert!(written < 16 << 20, "{written} bytes were taken");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_resolved_once_and_judged_each_time() {
    // Where the name points to later, which is forbidden.
    let (bad, told_bad) = saying(OK);
    let good = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), bad.port());
    let (good, told) = receiver_at(good, |stream| stream.write_all(OK).unwrap());
    let script = Script::of(&[&["127.0.0.2"], &["127.0.0.1"], &["169.254.169.254"]]);
    let poster = poster(script.clone(), &["127.0.0.2/32"], PATIENT);
    let url = format!("http://rebinding.example:{}/", good.port());
    assert_eq!(post(&poster, &url).await.unwrap().status, 200);
    assert_eq!(script.times_asked(), 1);
    assert!(told.recv().unwrap().contains("host: rebinding.example:"));
    for class in [Class::Loopback, Class::Metadata] {
        let failure = post(&poster, &url).await.unwrap_err();
        let expected = Refused::Resolved(class);
        assert!(matches!(failure, Failure::Forbidden(rule) if rule == expected), "{failure:?}");
    }
    assert_eq!(script.times_asked(), 3);
    assert!(told_bad.try_recv().is_err(), "the forbidden address was called");
}

#[tokio::test]
async fn one_forbidden_address_refuses_them_all() {
    let (at, told) = saying(OK);
    for addresses in [["127.0.0.1", "10.0.0.1"], ["::ffff:10.0.0.1", "127.0.0.1"]] {
        let poster = poster(Script::of(&[&addresses]), &["127.0.0.0/8"], PATIENT);
        let url = format!("http://both.example:{}/", at.port());
        let failure = post(&poster, &url).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Forbidden(Refused::Resolved(Class::Private))),
            "{failure:?}"
        );
    }
    assert!(told.try_recv().is_err(), "it was called");
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_again_by_the_settings_of_the_hour() {
    let (at, told) = saying(OK);
    let poster = poster(Script::of(&[]), &[], PATIENT);
    let failure = post(&poster, &format!("http://{at}/")).await.unwrap_err();
    assert!(matches!(failure, Failure::Forbidden(Refused::Address(Class::Loopback))));
    let allowed = Allowed { http: false, ..allowing(&["127.0.0.0/8"]) };
    let poster = Poster::with(Script::of(&[]), public_tls().unwrap(), allowed, PATIENT);
    let failure = post(&poster, &format!("http://{at}/")).await.unwrap_err();
    assert!(matches!(failure, Failure::Forbidden(Refused::Plain)));
    assert!(told.try_recv().is_err(), "it was called");
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_cannot_be_connected_to() {
    let (at, told) = saying(OK);
    let script = Script::of(&[&["127.0.0.9", "::ffff:127.0.0.8", "127.0.0.1"]]);
    let poster = poster(script, &["127.0.0.0/8"], PATIENT);
    let answer = post(&poster, &format!("http://three.example:{}/", at.port())).await.unwrap();
    assert_eq!(answer.status, 200);
    told.recv().unwrap();
    let none = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = post(&at_home(PATIENT), &format!("http://{none}/")).await.unwrap_err();
    assert!(matches!(failure, Failure::NotConnected(_)), "{failure:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told_from_one_that_takes_too_long() {
    let url = "http://nowhere.example/";
    for script in [Script::of(&[]), Script::of(&[&[]])] {
        let failure = post(&poster(script, &[], PATIENT), url).await.unwrap_err();
        assert!(matches!(failure, Failure::NoAddress(_)), "{failure:?}");
    }
    for clocks in [Clocks { connect: SHORT, whole: LONG }, Clocks { connect: LONG, whole: SHORT }] {
        let poster = poster(Arc::new(Silent), &[], clocks);
        let failed = tokio::time::timeout(LONG / 2, post(&poster, url)).await.unwrap();
        assert!(matches!(failed, Err(Failure::ConnectTimeout)), "{failed:?}");
    }
}

#[tokio::test]
async fn a_dropped_post_closes_its_connection() {
    let (tell, told_end) = channel();
    let (at, told) = receiver(move |stream| {
        stream.set_read_timeout(Some(LONG)).unwrap();
        tell.send(stream.read(&mut [0]).is_ok_and(|read| read == 0)).unwrap();
    });
    let (poster, url) = (at_home(PATIENT), format!("http://{at}/"));
    tokio::select! {
        answer = post(&poster, &url) => panic!("there is no answer: {answer:?}"),
        request = tokio::task::spawn_blocking(move || told.recv()) => {
            request.unwrap().unwrap();
        }
    }
    assert!(told_end.recv_timeout(LONG).unwrap(), "the receiver heard nothing of it");
}

/// A receiver with a certificate for this name, and TLS that trusts it.
fn over_tls(name: &str) -> (SocketAddr, Receiver<Option<String>>, ClientConfig) {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let server = Arc::new(server);
    let (tell, told) = channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            if head_and_body(&mut stream).is_empty() {
                continue;
            }
            stream.write_all(OK).unwrap();
            tell.send(stream.conn.server_name().map(str::to_owned)).unwrap();
        }
    });
    (at, told, client)
}

#[tokio::test]
async fn tls_is_with_the_name_of_the_url_at_the_address_that_was_judged() {
    let (at, told, tls) = over_tls("receiver.example");
    let names = Script::of(&[&["127.0.0.1"], &["127.0.0.1"], &["127.0.0.1"]]);
    let allowed = Allowed { http: false, ..allowing(&["127.0.0.0/8"]) };
    let trusting = Poster::with(names.clone(), tls, allowed.clone(), PATIENT);
    let url = |name: &str| format!("https://{name}:{}/", at.port());
    assert_eq!(post(&trusting, &url("receiver.example")).await.unwrap().status, 200);
    assert_eq!(told.recv().unwrap().as_deref(), Some("receiver.example"));
    let public = Poster::with(names, public_tls().unwrap(), allowed, PATIENT);
    for (poster, name) in
        [(&trusting, "another.example"), (&trusting, "127.0.0.1"), (&public, "receiver.example")]
    {
        let failure = post(poster, &url(name)).await.unwrap_err();
        assert!(matches!(failure, Failure::Tls(_)), "{name}: {failure:?}");
    }
    assert!(told.try_recv().is_err(), "a receiver of another name was sent the message");
}

#[tokio::test]
async fn no_tls_is_never_made_up_for_by_plain_text() {
    let (at, told) = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let url = format!("https://{at}/");
    let clocks = Clocks { connect: Duration::from_millis(500), whole: LONG };
    let failure = post(&at_home(clocks), &url).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls(_) | Failure::ConnectTimeout), "{failure:?}");
    let said = told.recv_timeout(LONG).unwrap();
    assert!(!said.contains("POST"), "{said}");
}

#[tokio::test]
async fn a_handshake_that_stalls_runs_into_the_connect_clock() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let clocks = Clocks { connect: SHORT, whole: LONG };
    let failure = post(&at_home(clocks), &url).await.unwrap_err();
    assert!(matches!(failure, Failure::ConnectTimeout), "{failure:?}");
}

#[tokio::test]
async fn clocks_without_end_do_no_harm() {
    let (at, _told) = saying(OK);
    let clocks = Clocks { connect: Duration::MAX, whole: Duration::MAX };
    assert!(post(&at_home(clocks), &format!("http://{at}/")).await.is_ok());
}

#[test]
fn what_is_shown_of_a_failure_names_no_address() {
    let failure = Failure::Forbidden(Refused::Resolved(Class::Private));
    assert_eq!(
        failure.to_string(),
        "the address has a name that gives an address which is not public: it is in a private \
         network"
    );
    let failure = Failure::NotConnected(io::Error::other("10.0.0.1 refused"));
    assert!(!failure.to_string().contains("10.0.0.1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_forbidden_address_at_any_place_is_found(
        public in proptest::collection::vec(any::<IpAddr>(), 0..6), bad: IpAddr, place: usize,
    ) {
        prop_assume!(class(bad) != Class::Public);
        let mut addresses = public;
        addresses.retain(|ip| class(*ip) == Class::Public);
        addresses.insert(place % (addresses.len() + 1), bad);
        let script = Script::default();
        script.answers.lock().unwrap().push_back(addresses);
        let poster = poster(Arc::new(script), &[], PATIENT);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failure = runtime.block_on(post(&poster, "https://any.example/")).unwrap_err();
        let expected = Refused::Resolved(class(bad));
        prop_assert!(matches!(failure, Failure::Forbidden(rule) if rule == expected));
    }
}
