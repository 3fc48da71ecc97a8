//! Reads HTTP/1.1 answers with as little work as possible: the load generator shares the
//! machine's cores with what it measures, so what it does not spend, they have.
//!
//! Invariant: never reads past the end of its answer; bytes after it are an error, since a closed
//! loop has no second answer on the way.

use crate::Outcome;

/// One answer, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    state: State,
    head: Vec<u8>,
    after_newline: bool,
    refused_with: Vec<u8>,
    /// Its status; 0 until the head is there.
    pub(crate) status: u16,
    /// Bytes of its body.
    pub(crate) bytes: u64,
    /// Blank lines in its body: the events of an event stream.
    pub(crate) events: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(u64),
    ChunkSize(u64),
    ChunkExtension(u64),
    Chunk(u64),
    ChunkEnd,
    Trailer {
        line: u64,
    },
    Done,
}

impl Answer {
    /// Forgets everything, for the next answer on the connection.
    pub(crate) fn reset(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self { head, ..Self::default() };
    }

    /// Takes what has come; whether the answer is whole.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) -> Outcome<bool> {
        while !piece.is_empty() {
            piece = match self.state {
                State::Head => self.take_head(piece)?,
                State::Length(left) | State::Chunk(left) => self.take_body(piece, left),
                State::Done => return Err("bytes after the end of the answer".into()),
                State::ChunkSize(_)
                | State::ChunkExtension(_)
                | State::ChunkEnd
                | State::Trailer { .. } => {
                    self.take_framing(piece[0])?;
                    &piece[1..]
                }
            };
        }
        Ok(self.state == State::Done)
    }

    /// That it is a success with at least this much in it, or what it says instead.
    pub(crate) fn check(&self, least_bytes: u64, least_events: u64) -> Outcome<()> {
        if self.status != 200 {
            let said = String::from_utf8_lossy(&self.refused_with);
            return Err(format!("answered {}: {said}", self.status).into());
        }
        if self.bytes < least_bytes || self.events < least_events {
            let (bytes, events) = (self.bytes, self.events);
            return Err(format!("an answer of only {bytes} bytes and {events} events").into());
        }
        Ok(())
    }

    fn take_head<'a>(&mut self, piece: &'a [u8]) -> Outcome<&'a [u8]> {
        let before = self.head.len();
        self.head.extend_from_slice(piece);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(&self.head)? else {
            return Ok(&[]);
        };
        self.status = response.code.unwrap_or_default();
        let value = |name: &str| {
            let header = response.headers.iter().find(|one| one.name.eq_ignore_ascii_case(name));
            header.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        self.state = match (value("content-length"), value("transfer-encoding")) {
            (Some("0"), None) => State::Done,
            (Some(length), None) => State::Length(length.trim().parse()?),
            (None, Some("chunked")) => State::ChunkSize(0),
            _ => return Err("an answer that ends with its connection".into()),
        };
        Ok(&piece[length - before..])
    }

    fn take_body<'a>(&mut self, piece: &'a [u8], left: u64) -> &'a [u8] {
        let here = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (body, rest) = piece.split_at(here);
        let left = left - here as u64;
        self.bytes += here as u64;
        self.count_events(body);
        if self.status != 200 && self.refused_with.len() < 500 {
            self.refused_with.extend_from_slice(body);
        }
        self.state = match (self.state, left) {
            (State::Length(_), 0) => State::Done,
            (State::Length(_), left) => State::Length(left),
            (_, 0) => State::ChunkEnd,
            (_, left) => State::Chunk(left),
        };
        rest
    }

    fn count_events(&mut self, body: &[u8]) {
        let mut after = if self.after_newline { Some(0) } else { None };
        for at in memchr::memchr_iter(b'\n', body) {
            if after == Some(at) {
                self.events += 1;
            }
            after = Some(at + 1);
        }
        self.after_newline = after == Some(body.len());
    }

    fn take_framing(&mut self, byte: u8) -> Outcome<()> {
        self.state = match (self.state, byte) {
            (State::ChunkSize(0) | State::ChunkExtension(0), b'\n') => State::Trailer { line: 0 },
            (State::ChunkSize(size) | State::ChunkExtension(size), b'\n') => State::Chunk(size),
            (State::ChunkSize(size), b'\r' | b';') => State::ChunkExtension(size),
            (State::ChunkSize(size), digit) => {
                let digit = (digit as char).to_digit(16).ok_or("a chunk size that is none")?;
                State::ChunkSize(size * 16 + u64::from(digit))
            }
            (State::ChunkEnd, b'\n') => State::ChunkSize(0),
            (State::Trailer { line: 0 }, b'\n') => State::Done,
            (State::Trailer { .. }, b'\n') => State::Trailer { line: 0 },
            (State::Trailer { line }, byte) if byte != b'\r' => State::Trailer { line: line + 1 },
            (state, _) => state,
        };
        Ok(())
    }
}
