//! A script: what one answer does to the socket, step by step. Platforms and tests build scripts,
//! the player plays them.
//!
//! Invariant: a script is bytes and time only; nothing in it is changed on the way to the socket
//! except where a builder says so (`split`, `cut_at`, `delay_each`).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::random::Random;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Writes these bytes, in one write where the socket takes them.
    Send(Bytes),
    /// Writes the same bytes again and again, without holding them more than once.
    Repeat {
        /// What is written each time.
        bytes: Bytes,
        /// How often; [`Act::FOREVER`] until the peer leaves.
        times: u64,
        /// The pause after each time.
        every: Duration,
    },
    /// Waits. No time at all only lets other tasks run, so that the peer can read what is there.
    Wait(Duration),
    /// Waits until this name is signalled ([`super::server::Running::signal`]), or that long.
    WaitForSignal(Cow<'static, str>, Duration),
    /// Ends the connection with a reset.
    Reset,
    /// Ends the connection in order.
    Close,
    /// Says nothing more and keeps the connection until the peer leaves.
    Stall,
}

impl Act {
    /// For [`Act::Repeat`]: until the peer leaves.
    pub const FOREVER: u64 = u64::MAX;
}

/// The steps of one answer, its head included. After the last step the connection waits for the
/// next request, unless a step ended it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// In the order in which they are played.
    pub acts: Vec<Act>,
}

impl Script {
    /// Sends these bytes as they are.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::default().then(Act::Send(bytes.into()))
    }

    /// A whole JSON answer.
    pub fn json(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::text(status, "application/json", body)
    }

    /// A whole answer of any type.
    pub fn text(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::whole(status, &[("Content-Type", content_type)], body.as_ref())
    }

    /// A whole answer with these header fields and its length.
    pub fn whole(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Self {
        let length = body.len().to_string();
        let mut bytes = head(status, fields, ("Content-Length", &length));
        bytes.extend_from_slice(body);
        Self::raw(bytes)
    }

    /// The head of a stream of server-sent events. [`Script::event`]s and [`Script::end`] follow.
    pub fn sse() -> Self {
        Self::chunked(200, &[("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")])
    }

    /// The head of a chunked answer.
    pub fn chunked(status: u16, fields: &[(&str, &str)]) -> Self {
        Self::raw(head(status, fields, ("Transfer-Encoding", "chunked")))
    }

    /// Sends these bytes as one chunk of a chunked answer.
    pub fn event(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Act::Send(chunk(bytes.as_ref())))
    }

    /// Sends these bytes as chunks of one byte, with a pause after each.
    pub fn drip(mut self, bytes: impl AsRef<[u8]>, every: Duration) -> Self {
        for byte in bytes.as_ref() {
            self = self.event([*byte]).then(Act::Wait(every));
        }
        self
    }

    /// Sends one chunk again and again.
    pub fn repeat(self, bytes: impl AsRef<[u8]>, times: u64, every: Duration) -> Self {
        self.then(Act::Repeat { bytes: chunk(bytes.as_ref()), times, every })
    }

    /// Ends a chunked answer in order.
    pub fn end(self) -> Self {
        self.then(Act::Send(Bytes::from_static(b"0\r\n\r\n")))
    }

    /// Adds a step.
    pub fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// Adds the steps of another script.
    pub fn append(mut self, other: Self) -> Self {
        self.acts.extend(other.acts);
        self
    }

    /// Sends the first `length` bytes of the answer, head included, then ends the connection in
    /// order. Chain another step on [`Script::first`] for another end.
    pub fn cut_at(self, length: usize) -> Self {
        self.first(length).then(Act::Close)
    }

    /// Keeps the steps up to the first `length` bytes.
    pub fn first(self, length: usize) -> Self {
        let mut left = length as u64;
        let mut kept = Self::default();
        for act in self.acts {
            if left == 0 {
                break;
            }
            match act {
                Act::Send(bytes) => {
                    let taken = left.min(bytes.len() as u64);
                    left -= taken;
                    kept = kept.then(Act::Send(bytes.slice(..taken as usize)));
                }
                Act::Repeat { bytes, times, every } => {
                    let size = bytes.len().max(1) as u64;
                    let whole = times.min(left / size);
                    left -= whole * size;
                    kept = kept.then(Act::Repeat { bytes: bytes.clone(), times: whole, every });
                    if whole < times {
                        kept = kept.then(Act::Send(bytes.slice(..left as usize)));
                        left = 0;
                    }
                }
                other @ (Act::Wait(_)
                | Act::WaitForSignal(..)
                | Act::Reset
                | Act::Close
                | Act::Stall) => kept = kept.then(other),
            }
        }
        kept
    }

    /// Cuts what is sent at borders that the seed decides, with a chance to read after each.
    /// Repeated bytes stay whole: they are there for their mass.
    pub fn split(self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut cut = Self::default();
        for act in self.acts {
            let Act::Send(mut bytes) = act else {
                cut = cut.then(act);
                continue;
            };
            while !bytes.is_empty() {
                let length = random.piece_length().min(bytes.len());
                cut = cut.then(Act::Send(bytes.split_to(length))).then(Act::Wait(Duration::ZERO));
            }
        }
        cut
    }

    /// Waits between what is sent.
    pub fn delay_each(self, delay: Duration) -> Self {
        let mut delayed = Self::default();
        for act in self.acts {
            if matches!(act, Act::Send(_)) && !delayed.acts.is_empty() {
                delayed = delayed.then(Act::Wait(delay));
            }
            delayed = delayed.then(act);
        }
        delayed
    }

    /// What is sent once, joined: the answer without its time.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for act in &self.acts {
            if let Act::Send(sent) = act {
                bytes.extend_from_slice(sent);
            }
        }
        bytes
    }
}

fn head(status: u16, fields: &[(&str, &str)], framing: (&str, &str)) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Unknown"));
    for (name, value) in fields.iter().chain([&framing]) {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Nothing stays nothing: a chunk of no bytes would end the answer.
fn chunk(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() {
        return Bytes::new();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two_events() -> Script {
        Script::sse().event("data: ä\n\n").event("data: ö\n\n").end()
    }

    proptest! {
        #[test]
        fn a_split_script_sends_the_same_bytes(seed: u64, times in 0..40_usize) {
            let script = Script::sse().event("data: grün\r\n\r\n".repeat(times)).end();
            prop_assert_eq!(script.clone().split(seed).bytes(), script.bytes());
        }

        #[test]
        fn a_cut_script_sends_the_first_bytes(length in 0..200_usize) {
            let (whole, cut) = (two_events().bytes(), two_events().cut_at(length));
            prop_assert_eq!(cut.acts.last(), Some(&Act::Close));
            prop_assert_eq!(cut.bytes(), &whole[..length.min(whole.len())]);
        }
    }

    #[test]
    fn a_split_script_is_split() {
        assert!(two_events().split(1).acts.len() > 2 * two_events().acts.len());
        assert_ne!(two_events().split(1), two_events().split(2));
    }

    #[test]
    fn a_whole_answer_says_its_length() {
        let bytes = Script::json(404, r#"{"a":1}"#).bytes();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
        );
    }

    #[test]
    fn repeated_bytes_are_cut_inside() {
        let script = Script::default().repeat("abc", Act::FOREVER, Duration::ZERO).first(20);
        let chunk = Bytes::from_static(b"3\r\nabc\r\n");
        let expected = Script::default()
            .then(Act::Repeat { bytes: chunk.clone(), times: 2, every: Duration::ZERO })
            .then(Act::Send(chunk.slice(..4)));
        assert_eq!(script, expected);
    }

    #[test]
    fn a_delay_stands_between_what_is_sent() {
        let delay = Duration::from_millis(5);
        let delayed = Script::raw("a").then(Act::Send("b".into())).delay_each(delay);
        let expected = [Act::Send("a".into()), Act::Wait(delay), Act::Send("b".into())];
        assert_eq!(delayed.acts, expected);
    }
}
