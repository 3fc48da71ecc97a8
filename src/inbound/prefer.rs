//! The `Prefer` header (RFC 7240): how long a caller wants to wait for a run. Called by the
//! unified face and by hooks.
//!
//! Invariant: what is not understood is left alone, as the RFC wants; only what is done is said
//! to be applied.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

/// How long a caller waits for the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: it is answered at once.
    None,
    /// At most so long.
    Within(Duration),
    /// As long as it takes.
    Unbounded,
}

/// What the caller prefers, and what it is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    respond_async: bool,
    wait: Option<Duration>,
}

impl Preference {
    /// Reads every `Prefer` header; a wait beyond `longest` is cut to it.
    pub fn read(headers: &HeaderMap, longest: Duration) -> Self {
        let mut read = Self::default();
        for line in headers.get_all(http::header::HeaderName::from_static("prefer")) {
            let Ok(line) = line.to_str() else { continue };
            for preference in split_outside_quotes(line, ',') {
                // Parameters of a preference (after `;`) say nothing to us.
                let word = split_outside_quotes(preference, ';').next().unwrap_or("");
                read.take(word, longest);
            }
        }
        read
    }

    fn take(&mut self, word: &str, longest: Duration) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => self.respond_async = true,
            // The first of several is the one that counts.
            "wait" if self.wait.is_none() => {
                let wait = value.parse().ok().map(Duration::from_secs);
                self.wait = wait.map(|wait| wait.min(longest));
            }
            _ => {}
        }
    }

    /// How long it waits. With both, it waits for `wait` and only then is answered 202.
    pub fn patience(&self) -> Patience {
        match (self.wait, self.respond_async) {
            (Some(wait), _) if !wait.is_zero() => Patience::Within(wait),
            (Some(_), _) | (None, true) => Patience::None,
            (None, false) => Patience::Unbounded,
        }
    }

    /// `Preference-Applied` of the answer; none where nothing was preferred.
    pub fn applied(&self) -> Option<HeaderValue> {
        let wait = self.wait.map(|wait| format!("wait={}", wait.as_secs()));
        let text = match (self.respond_async, wait) {
            (true, Some(wait)) => format!("respond-async, {wait}"),
            (true, None) => "respond-async".to_owned(),
            (false, Some(wait)) => wait,
            (false, None) => return None,
        };
        HeaderValue::from_str(&text).ok()
    }
}

/// Splits at `separator`, but not within quoted strings.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Preference {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("prefer", HeaderValue::from_str(line).unwrap());
        }
        Preference::read(&headers, Duration::from_secs(60))
    }

    #[test]
    fn preferences_are_read_as_the_rfc_writes_them() {
        let within = |seconds| Patience::Within(Duration::from_secs(seconds));
        for (lines, patience, applied) in [
            (&[][..], Patience::Unbounded, None),
            (&["respond-async"], Patience::None, Some("respond-async")),
            (&["Respond-Async"], Patience::None, Some("respond-async")),
            (&["wait=10"], within(10), Some("wait=10")),
            (&["WAIT = \"10\""], within(10), Some("wait=10")),
            (&["wait=0"], Patience::None, Some("wait=0")),
            (&["wait=600"], within(60), Some("wait=60")),
            (&["wait=5, wait=7"], within(5), Some("wait=5")),
            (&["respond-async, wait=10"], within(10), Some("respond-async, wait=10")),
            (&["return=minimal", "respond-async"], Patience::None, Some("respond-async")),
            (&["foo; a=\"x,respond-async\""], Patience::Unbounded, None),
            (&["foo=\"a\\\",wait=1\", wait=3;x=y"], within(3), Some("wait=3")),
            (&["wait=soon"], Patience::Unbounded, None),
            (&["wait=-1"], Patience::Unbounded, None),
        ] {
            let read = read(lines);
            assert_eq!(read.patience(), patience, "{lines:?}");
            let said = read.applied();
            assert_eq!(said.as_ref().and_then(|value| value.to_str().ok()), applied, "{lines:?}");
        }
    }
}
