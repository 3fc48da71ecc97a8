//! Where keys may be fetched from: over TLS, or in the clear on this machine, or where the
//! settings allow it. [`super::settings`] and [`super::discovery`] ask.
//!
//! Invariant: an address that a provider's document names is never easier to reach than the one
//! that was configured.

use http::Uri;

/// Which addresses may be asked in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// None.
    Never,
    /// Those of this machine.
    Loopback,
    /// All.
    Anywhere,
}

/// Reads an address, if it may be asked.
pub(super) fn permitted(text: &str, plain: Plain) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    // A name and password in an address would end in a log.
    if authority.as_str().contains('@') || text.contains('#') {
        return None;
    }
    let fine = match uri.scheme_str()? {
        "https" => true,
        "http" => match plain {
            Plain::Never => false,
            Plain::Loopback => is_loopback(authority.host()),
            Plain::Anywhere => true,
        },
        _ => false,
    };
    fine.then_some(uri)
}

/// Whether a configured address is one of this machine.
pub(super) fn is_local(text: &str) -> bool {
    let uri: Option<Uri> = text.parse().ok();
    uri.and_then(|uri| uri.host().map(is_loopback)).unwrap_or(false)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine_or_as_allowed() {
        for (text, never, loopback, anywhere) in [
            ("https://id.example.com/keys?a=b", true, true, true),
            ("http://id.example.com/keys", false, false, true),
            ("http://127.0.0.1:8080/keys", false, true, true),
            ("http://[::1]:8080/keys", false, true, true),
            ("http://localhost/keys", false, true, true),
            ("http://localhost.example.com/", false, false, true),
            ("http://127.0.0.1.example.com/", false, false, true),
            ("http://169.254.169.254/", false, false, true),
            ("https://user:pass@id.example.com/", false, false, false),
            ("http://127.0.0.1@example.com/", false, false, false),
            ("https://id.example.com/#keys", false, false, false),
            ("file:///etc/passwd", false, false, false),
            ("ftp://id.example.com/", false, false, false),
            ("/keys", false, false, false),
            ("id.example.com", false, false, false),
            ("", false, false, false),
        ] {
            let may = |plain| permitted(text, plain).is_some();
            let all = [Plain::Never, Plain::Loopback, Plain::Anywhere].map(may);
            assert_eq!(all, [never, loopback, anywhere], "{text}");
        }
        assert!(is_local("http://127.0.0.1:1/") && is_local("http://[::1]/"));
        assert!(!is_local("https://id.example.com") && !is_local("nonsense nonsense"));
    }
}
