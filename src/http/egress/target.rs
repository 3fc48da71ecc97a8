//! A URL that a caller names, read. Whoever takes a callback reads it to refuse it at once, and
//! whoever delivers one reads it again, by the settings of that hour.
//!
//! Invariant: there is one way to read a host. What different readers of URLs take for different
//! hosts is refused, and so is every number that the system's resolver, but nobody else, would
//! take for an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::PathAndQuery;

use super::allowed::Allowed;
use super::port::is_of_another_protocol;
use super::refused::Refused;

/// Bytes of a URL at most: what the oldest browsers took, and more than any receiver makes.
pub const MAX_BYTES: usize = 2_048;
/// Bytes of a name and of its labels at most (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Whom to call.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    is_tls: bool,
    host: Host,
    port: u16,
    path: PathAndQuery,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name of DNS, in lower case.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

impl Target {
    /// Reads a URL. Addresses that stand in it, `localhost` among them, are judged; other names
    /// are not looked up.
    ///
    /// # Errors
    ///
    /// The rule that refuses it, as a sentence that follows the name of the field.
    pub fn read(url: &str, allowed: &Allowed) -> Result<Self, Refused> {
        if url.len() > MAX_BYTES {
            return Err(Refused::TooLong);
        }
        // A backslash is a slash to browsers, and a part of the user's name to others.
        if !url.bytes().all(|c| c.is_ascii_graphic() && c != b'\\') {
            return Err(Refused::Characters);
        }
        let (scheme, rest) = url.split_once("://").ok_or(Refused::Scheme)?;
        let is_tls = is_tls(scheme, allowed)?;
        if rest.contains('#') {
            return Err(Refused::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Refused::UserInfo);
        }
        let (host, port) = split(authority)?;
        let host = Host::read(host, allowed)?;
        let port = match port {
            Some(digits) => port_of(digits)?,
            None if is_tls => 443,
            None => 80,
        };
        Ok(Self { is_tls, host, port, path: path_of(path)? })
    }

    /// Whether it is called over TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Scheme, host and port, without the path, which may hold a secret: for logs.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.authority())
    }

    /// Host and, unless it is the scheme's own, port: the `Host` header.
    pub(super) fn authority(&self) -> String {
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => self.host.to_string(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// What stands in the first line of a request.
    pub(super) fn path(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} and {} bytes]", self.origin(), self.path.as_str().len())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Host::Address(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl Host {
    fn read(text: &str, allowed: &Allowed) -> Result<Self, Refused> {
        let address = match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(v6) if v6.contains('%') => return Err(Refused::Zone),
            Some(v6) => Some(IpAddr::V6(v6.parse().map_err(|_| Refused::Host)?)),
            None => ipv4(text)?.map(IpAddr::V4),
        };
        if let Some(ip) = address {
            allowed.check(ip).map_err(Refused::Address)?;
            return Ok(Host::Address(ip));
        }
        let name = name(text)?;
        // The machine itself, whatever a resolver would say (RFC 6761, 6.3).
        if name.rsplit('.').next() == Some("localhost") {
            let v4 = allowed.check(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let v6 = allowed.check(IpAddr::V6(Ipv6Addr::LOCALHOST));
            v4.or(v6).map_err(Refused::Address)?;
        }
        Ok(Host::Name(name))
    }
}

fn is_tls(scheme: &str, allowed: &Allowed) -> Result<bool, Refused> {
    if scheme.eq_ignore_ascii_case("https") {
        return Ok(true);
    }
    match (scheme.eq_ignore_ascii_case("http"), allowed.http) {
        (true, true) => Ok(false),
        (true, false) => Err(Refused::Plain),
        (false, _) => Err(Refused::Scheme),
    }
}

/// Host and port of an authority, as they stand there.
fn split(authority: &str) -> Result<(&str, Option<&str>), Refused> {
    let end_of_host = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end_of_host);
    match port.strip_prefix(':') {
        _ if host.is_empty() => Err(Refused::NoHost),
        None if port.is_empty() => Ok((host, None)),
        None => Err(Refused::Host),
        Some(digits) => Ok((host, Some(digits))),
    }
}

/// The address that the host is, if it is one. A host whose last label begins with a digit is
/// meant as one: the resolvers of systems read `127.1`, `2130706433`, `0x7f.1` and `017700000001`
/// as addresses (POSIX, `inet_addr`), and no top-level domain begins with a digit.
fn ipv4(host: &str) -> Result<Option<Ipv4Addr>, Refused> {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or(host);
    if !last.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(None);
    }
    host.parse().map(Some).map_err(|_| Refused::Number)
}

/// The name of a host, in lower case. Underscores are not for hosts by the books, but names within
/// clusters have them.
fn name(text: &str) -> Result<Box<str>, Refused> {
    if text.ends_with('.') {
        return Err(Refused::TrailingDot);
    }
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > MAX_NAME || !text.split('.').all(is_label) {
        return Err(Refused::Host);
    }
    Ok(text.to_ascii_lowercase().into())
}

fn port_of(digits: &str) -> Result<u16, Refused> {
    // `parse` alone would take a sign.
    if !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Refused::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(Refused::Port),
        Ok(port) if is_of_another_protocol(port) => Err(Refused::OtherProtocol),
        Ok(port) => Ok(port),
    }
}

/// Path and query; a path that is not there is `/`.
fn path_of(text: &str) -> Result<PathAndQuery, Refused> {
    let path = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
    PathAndQuery::try_from(path).map_err(|_| Refused::Path)
}

#[cfg(test)]
mod tests {
    use super::super::address::{Class, class};
    use super::*;
    use proptest::prelude::*;

    fn read(url: &str) -> Result<Target, Refused> {
        Target::read(url, &Allowed { networks: Vec::new(), http: true })
    }

    #[test]
    fn a_url_is_read() {
        for (url, origin, path) in [
            ("https://example.com", "https://example.com", "/"),
            ("HTTPS://Example.COM:443/A?b=C", "https://example.com", "/A?b=C"),
            ("https://example.com?x=1", "https://example.com", "/?x=1"),
            ("https://example.com:8443//a//b", "https://example.com:8443", "//a//b"),
            ("http://example.com:80/", "http://example.com", "/"),
            ("http://example.com:443/", "http://example.com:443", "/"),
            ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example", "/"),
            ("https://n8n/webhook/1", "https://n8n", "/webhook/1"),
            ("https://my_host.svc/", "https://my_host.svc", "/"),
            ("https://8.8.8.8:00443/", "https://8.8.8.8", "/"),
            ("https://[2606:4700:4700::1111]:444/a", "https://[2606:4700:4700::1111]:444", "/a"),
            ("https://[::ffff:8.8.8.8]/", "https://[::ffff:8.8.8.8]", "/"),
            ("https://1.example/", "https://1.example", "/"),
            (
                "https://example.com/a@b:c?d=http://e@f/",
                "https://example.com",
                "/a@b:c?d=http://e@f/",
            ),
        ] {
            let target = read(url).unwrap_or_else(|rule| panic!("{url}: {rule}"));
            assert_eq!(target.origin(), origin, "{url}");
            assert_eq!(target.path().to_string(), path, "{url}");
        }
        assert_eq!(read("https://a.example").unwrap().port(), 443);
        assert!(!read("http://a.example").unwrap().is_tls());
    }

    #[test]
    fn each_rule_refuses_its_forms() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_BYTES));
        let long_label = format!("https://{}.example/", "a".repeat(64));
        let long_name = format!("https://{}example/", "a.".repeat(124));
        for (rule, urls) in [
            (Refused::TooLong, vec![long.as_str()]),
            (
                Refused::Characters,
                vec![
                    "https://example.com/ ",
                    " https://example.com/",
                    "https://exa mple.com/",
                    "https://example.com/\r\nHost: x",
                    "https://example.com\t/",
                    "https://a\0.com/",
                    "https://example.com\\@127.0.0.1/",
                    "https:\\\\example.com/",
                    "https://bücher.example/",
                    "https://ⓔxample.com/",
                    "https://127。0。0。1/",
                    "https://１２７.0.0.1/",
                    "https://example.com/é",
                    "https://exam\u{200b}ple.com/",
                    "https://example.com/\u{202e}",
                ],
            ),
            (
                Refused::Scheme,
                vec![
                    "",
                    "example.com",
                    "//example.com/",
                    "https:/example.com",
                    "https:example.com",
                    "ftp://example.com/",
                    "file:///etc/passwd",
                    "gopher://example.com/",
                    "javascript://example.com/",
                    "httpss://example.com/",
                    "data:text/plain,x",
                    "://example.com/",
                    "ws://example.com/",
                    "unix:/run/docker.sock",
                ],
            ),
            (Refused::Fragment, vec!["https://example.com/#a", "https://a.example#@127.0.0.1/"]),
            (
                Refused::UserInfo,
                vec![
                    "https://user@example.com/",
                    "https://user:pass@example.com/",
                    "https://example.com@127.0.0.1/",
                    "https://@example.com/",
                    "https://example.com:443@127.0.0.1/",
                    "https://a@b@example.com/",
                ],
            ),
            (
                Refused::NoHost,
                vec![
                    "https://",
                    "https:///",
                    "https:///etc",
                    "https://?a",
                    "https://:443/",
                    "https://::1/",
                ],
            ),
            (
                Refused::Host,
                vec![
                    "https://exa%6dple.com/",
                    "https://127.0.0.1%2f.example/",
                    "https://%31.example/",
                    "https://%00/",
                    "https://a..example/",
                    "https://.example/",
                    "https://-a.example/",
                    "https://a-.example/",
                    "https://a,b/",
                    "https://a;b/",
                    "https://a&b/",
                    "https://a!b/",
                    "https://*.example/",
                    "https://[::1/",
                    "https://::1]/",
                    "https://[v1.a]/",
                    "https://[]/",
                    "https://[1.2.3.4]/",
                    "https://[::1]x/",
                    "https://[::1][::2]/",
                    "https://[::g]/",
                    "https://x[::1]/",
                    "https://[0:0:0:0:0:0:0:0:1]/",
                    "https://$(id)/",
                    "https://'a'/",
                    long_label.as_str(),
                    long_name.as_str(),
                ],
            ),
            (
                Refused::TrailingDot,
                vec!["https://example.com./", "https://localhost./", "https://a./"],
            ),
            (
                Refused::Number,
                vec![
                    "https://2130706433/",
                    "https://0x7f000001/",
                    "https://0x7f.1/",
                    "https://0X7F.1/",
                    "https://017700000001/",
                    "https://127.1/",
                    "https://127.0.1/",
                    "https://0177.0.0.1/",
                    "https://0x7f.0x0.0x0.0x1/",
                    "https://127.0.0.01/",
                    "https://127.0.0.1./",
                    "https://127.0.0.0x1/",
                    "https://00000177.1/",
                    "https://1/",
                    "https://0/",
                    "https://0x/",
                    "https://256.256.256.256/",
                    "https://1.2.3.4.5/",
                    "https://1.2.3/",
                    "https://127.000.000.001/",
                    "https://4294967296/",
                    "https://a.1/",
                    "https://a.0x1/",
                    "https://example.com.1a/",
                    "https://010.8.8.8/",
                    "https://1./",
                    "https://127.0.0.1.2./",
                ],
            ),
            (
                Refused::Zone,
                vec!["https://[fe80::1%eth0]/", "https://[fe80::1%25eth0]/", "https://[::1%]/"],
            ),
            (
                Refused::Port,
                vec![
                    "https://example.com:/",
                    "https://example.com:0/",
                    "https://example.com:65536/",
                    "https://example.com:-1/",
                    "https://example.com:+443/",
                    "https://example.com:44a/",
                    "https://example.com:443:443/",
                    "https://[2606::1]:/",
                    "https://a:b:c/",
                    "https://example.com:99999999999999999999/",
                    "https://fe80::1/",
                ],
            ),
            (
                Refused::OtherProtocol,
                vec!["https://example.com:22/", "https://example.com:25/", "https://8.8.8.8:6667/"],
            ),
            (Refused::Address(Class::Metadata), vec!["https://169.254.169.254/latest/"]),
            (
                Refused::Address(Class::Loopback),
                vec![
                    "https://127.0.0.1/",
                    "https://127.1.2.3:8080/",
                    "https://[::1]/",
                    "https://[0:0:0:0:0:0:0:1]/",
                    "https://[::ffff:127.0.0.1]/",
                    "https://[::FFFF:7F00:1]/",
                    "https://[64:ff9b::7f00:1]/",
                    "https://[2002:7f00:1::]/",
                    "https://[::127.0.0.1]/",
                    "https://localhost/",
                    "https://LocalHost:8443/",
                    "https://a.localhost/",
                    "https://example.com.localhost/",
                ],
            ),
            (Refused::Address(Class::Unspecified), vec!["https://0.0.0.0/", "https://[::]/"]),
            (Refused::Address(Class::Private), vec!["https://10.0.0.1/", "https://192.168.0.1/"]),
            (
                Refused::Address(Class::LinkLocal),
                vec!["https://[fe80::1]/", "https://169.254.1.1/"],
            ),
        ] {
            for url in urls {
                assert_eq!(read(url).err(), Some(rule), "{url}");
            }
        }
    }

    #[test]
    fn plain_http_and_networks_are_allowed_by_the_operator_only() {
        let default = Allowed::default();
        assert_eq!(Target::read("http://example.com/", &default).err(), Some(Refused::Plain));
        let loopback = Allowed { networks: vec!["127.0.0.0/8".parse().unwrap()], http: false };
        for url in ["https://127.0.0.1:9/", "https://localhost:8443/"] {
            let url = url.replace(":9/", ":9443/");
            assert!(Target::read(&url, &loopback).is_ok(), "{url}");
        }
        let refused = Target::read("https://[::1]/", &loopback).err();
        assert_eq!(refused, Some(Refused::Address(Class::Loopback)));
    }

    #[test]
    fn what_is_logged_has_no_path() {
        let target = read("https://example.com/hooks/s3cret?token=s3cret").unwrap();
        assert_eq!(format!("{target:?}"), "[https://example.com and 26 bytes]");
    }

    /// What the C library's `inet_aton` makes of a text, written anew from its manual.
    fn inet_aton(text: &str) -> Option<Ipv4Addr> {
        let number = |part: &str| -> Option<u64> {
            let lower = part.to_ascii_lowercase();
            match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
                (Some(""), _) | (_, Some("")) => Some(0),
                (Some(hex), _) => u64::from_str_radix(hex, 16).ok(),
                (None, Some(octal)) => u64::from_str_radix(octal, 8).ok(),
                (None, None) => lower.parse().ok(),
            }
        };
        let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
        let (last, first) = parts.split_last()?;
        let room = 32u32.checked_sub(8 * u32::try_from(first.len()).ok()?)?;
        if first.iter().any(|part| *part > 255) || room == 0 || last >> room != 0 {
            return None;
        }
        let high = first.iter().fold(0u64, |sum, part| sum << 8 | part);
        u32::try_from(high << room | last).ok().map(Ipv4Addr::from_bits)
    }

    #[test]
    fn the_test_reads_numbers_as_the_c_library_does() {
        let loopback = Some(Ipv4Addr::LOCALHOST);
        for text in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0177.0.0.01"] {
            assert_eq!(inet_aton(text), loopback, "{text}");
        }
        for text in ["a", "1.2.3.4.5", "256.1.1.1", "4294967296", "08"] {
            assert_eq!(inet_aton(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_does_harm(text: String, http: bool) {
            let _read = Target::read(&text, &Allowed { networks: Vec::new(), http });
        }

        #[test]
        fn nothing_that_looks_like_a_url_does_harm(
            text in "[hH]ttps?://[a-z0-9.:@\\[\\]%x/?#\\\\-]{0,40}",
        ) {
            if let Ok(target) = read(&text)
                && let Host::Address(ip) = target.host()
            {
                prop_assert_eq!(class(*ip), Class::Public);
            }
        }

        #[test]
        fn an_accepted_host_is_the_address_that_the_c_library_makes_of_it(
            host in "(0x[0-9a-f]{0,8}|0[0-7]{0,11}|[0-9]{1,10})(\\.(0x[0-9a-f]{0,2}|[0-9]{1,3})){0,3}",
        ) {
            let read = read(&format!("http://{host}/")).map(|target| target.host().clone());
            match (read, inet_aton(&host)) {
                (Ok(Host::Address(ip)), meant) => {
                    prop_assert_eq!(Some(ip), meant.map(IpAddr::V4));
                    prop_assert_eq!(class(ip), Class::Public);
                }
                (Ok(Host::Name(name)), _) => prop_assert!(false, "a name: {}", name),
                (Err(_), _) => {}
            }
        }

        #[test]
        fn an_accepted_name_is_no_number_to_the_c_library(host in "[0-9a-fxX.]{1,20}") {
            if let Ok(target) = read(&format!("http://{host}/"))
                && let Host::Name(name) = target.host()
            {
                prop_assert_eq!(inet_aton(name), None);
            }
        }

        #[test]
        fn an_accepted_address_is_a_public_one(ip: std::net::IpAddr) {
            let host = Host::Address(ip);
            prop_assert_eq!(read(&format!("https://{host}/")).is_ok(), class(ip) == Class::Public);
        }

        #[test]
        fn what_was_read_reads_the_same_again(
            text in "https?://([a-z]{1,9}\\.)?[a-zA-Z]{1,9}(:[1-9][0-9]{0,4})?/[a-z]{0,5}",
        ) {
            if let Ok(target) = read(&text) {
                let again = format!("{}{}", target.origin(), target.path());
                prop_assert_eq!(read(&again), Ok(target));
            }
        }

        /// Against the parser of the `http` crate, which makes the TLS name of the origin.
        #[test]
        fn another_reader_sees_the_same_host_and_port(
            url in "https?://[a-zA-Z0-9._\\-]{1,30}(:[0-9]{1,5})?[/?]?[!-~]{0,20}",
        ) {
            if let Ok(target) = read(&url) {
                for text in [&url, &target.origin()] {
                    let uri: Uri = text.parse().unwrap();
                    let host = uri.host().unwrap().to_ascii_lowercase();
                    prop_assert_eq!(host, target.host().to_string());
                    let port = uri.port_u16().unwrap_or(if target.is_tls() { 443 } else { 80 });
                    prop_assert_eq!(port, target.port());
                }
            }
        }
    }
}
