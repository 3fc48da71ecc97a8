//! An incremental decoder of server-sent events, as the WHATWG standard has them. The dispatcher
//! pushes what arrives from a platform, and its vendor reads the frames.
//!
//! Invariant: the frames are the same for every cutting of the same bytes, and what is kept
//! between two pushes is bounded by the caps.

use std::borrow::Cow;

use crate::error::{Error, Kind, Result};

/// Bounds of one stream, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// One line.
    pub line: usize,
    /// One event: its data lines together.
    pub event: usize,
    /// The whole stream.
    pub stream: u64,
}

/// One dispatched event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its `event:` name; empty where it has none.
    pub event: &'a str,
    /// Its data lines, joined with newlines.
    pub data: &'a str,
}

/// Decodes a stream that comes in any cutting. What is not valid UTF-8 becomes U+FFFD, as the
/// standard says. After an error nothing more is decoded.
#[derive(Debug)]
pub struct Decoder {
    caps: Caps,
    /// Bytes of the stream so far.
    seen: u64,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// The name of the event that is being read.
    event: String,
    /// The data lines of the event that is being read, as far as they were copied out of chunks.
    data: String,
    /// Whether `data` holds a line, be it an empty one.
    has_data: bool,
    /// No line was read yet: the next may begin with a byte order mark.
    at_start: bool,
    /// The last chunk ended in `\r`: a `\n` that comes next belongs to it.
    after_return: bool,
    /// A bound was passed, or the sink refused.
    has_failed: bool,
}

/// What a line says.
enum Line<'a> {
    /// The event is over.
    Blank,
    /// A line of data.
    Data(&'a [u8]),
    /// The event's name.
    Name(&'a [u8]),
    /// A comment, an `id`, a `retry`, or a field that the standard does not know.
    Other,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(caps: Caps) -> Self {
        Self {
            caps,
            seen: 0,
            line: Vec::new(),
            event: String::new(),
            data: String::new(),
            has_data: false,
            at_start: true,
            after_return: false,
            has_failed: false,
        }
    }

    /// Takes the next bytes and calls `sink` for each event that they complete, in order. An
    /// error of the sink, or a bound that is passed, ends the stream.
    pub fn push(
        &mut self,
        chunk: &[u8],
        sink: &mut dyn FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.has_failed {
            return Ok(());
        }
        // What lies within the stream's bound is decoded even if the chunk goes beyond it, so
        // that the frames do not depend on the cutting.
        let room = usize::try_from(self.caps.stream - self.seen).unwrap_or(usize::MAX);
        let within = chunk.get(..room).unwrap_or(chunk);
        self.seen += within.len() as u64;
        let mut result = self.read(within, sink);
        if result.is_ok() && within.len() < chunk.len() {
            result = Err(too_long("the stream", self.caps.stream));
        }
        self.has_failed = result.is_err();
        result
    }

    /// The stream is over. An event whose blank line is missing is dispatched all the same: the
    /// platforms' last event is worth more than the letter of the standard.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Frame<'_>) -> Result<()>) -> Result<()> {
        if self.has_failed {
            return Ok(());
        }
        self.end_carried_line(&[], sink)?;
        self.dispatch(None, sink)
    }

    fn read<'c>(
        &mut self,
        mut rest: &'c [u8],
        sink: &mut dyn FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if !self.line.is_empty() {
            let Some((line, after, after_return)) = cut_line(rest) else {
                return self.carry(rest);
            };
            (rest, self.after_return) = (after, after_return);
            self.end_carried_line(line, sink)?;
        }
        // The only data line of an event is handed on from the chunk without a copy; it is held
        // here until the event's end, its next data line, or the chunk's end.
        let mut held: Option<Cow<'c, str>> = None;
        while let Some((line, after, after_return)) = cut_line(rest) {
            (rest, self.after_return) = (after, after_return);
            self.check_line(line.len())?;
            match self.understand(line) {
                Line::Blank => self.dispatch(held.take().as_deref(), sink)?,
                Line::Name(name) => self.rename(name),
                Line::Data(data) => {
                    let data = lossy(data);
                    if !self.has_data && held.is_none() && data.len() <= self.caps.event {
                        held = Some(data);
                        continue;
                    }
                    if let Some(first) = held.take() {
                        self.append(&first)?;
                    }
                    self.append(&data)?;
                }
                Line::Other => {}
            }
        }
        if let Some(first) = held {
            self.append(&first)?;
        }
        self.carry(rest)
    }

    /// Keeps the beginning of a line for the next chunk.
    fn carry(&mut self, part: &[u8]) -> Result<()> {
        self.check_line(self.line.len() + part.len())?;
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Reads the line that began in an earlier chunk and ends with `part`, if there is one.
    fn end_carried_line(
        &mut self,
        part: &[u8],
        sink: &mut dyn FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        self.carry(part)?;
        if self.line.is_empty() {
            return Ok(());
        }
        let mut line = std::mem::take(&mut self.line);
        let result = match self.understand(&line) {
            Line::Blank => self.dispatch(None, sink),
            Line::Name(name) => {
                self.rename(name);
                Ok(())
            }
            Line::Data(data) => self.append(&lossy(data)),
            Line::Other => Ok(()),
        };
        line.clear();
        self.line = line;
        result
    }

    fn understand<'l>(&mut self, mut line: &'l [u8]) -> Line<'l> {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            return Line::Blank;
        }
        let value = |rest: &'l [u8]| match rest {
            [] => Some(rest),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
            _ => None,
        };
        if let Some(data) = line.strip_prefix(b"data").and_then(value) {
            Line::Data(data)
        } else if let Some(name) = line.strip_prefix(b"event").and_then(value) {
            Line::Name(name)
        } else {
            Line::Other
        }
    }

    fn rename(&mut self, name: &[u8]) {
        self.event.clear();
        self.event.push_str(&lossy(name));
    }

    fn append(&mut self, data: &str) -> Result<()> {
        let newline = usize::from(self.has_data);
        if self.data.len() + newline + data.len() > self.caps.event {
            return Err(too_long("an event of the stream", self.caps.event as u64));
        }
        if self.has_data {
            self.data.push('\n');
        }
        self.data.push_str(data);
        self.has_data = true;
        Ok(())
    }

    /// Ends the event. One without a data line is none, and leaves no name behind.
    fn dispatch(
        &mut self,
        held: Option<&str>,
        sink: &mut dyn FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        let result = match held {
            Some(data) => sink(Frame { event: &self.event, data }),
            None if self.has_data => sink(Frame { event: &self.event, data: &self.data }),
            None => Ok(()),
        };
        self.event.clear();
        self.data.clear();
        self.has_data = false;
        result
    }

    fn check_line(&self, length: usize) -> Result<()> {
        if length > self.caps.line {
            return Err(too_long("a line of the stream", self.caps.line as u64));
        }
        Ok(())
    }
}

/// The first line, what follows its end, and whether a `\n` that comes next belongs to that end.
/// None where no line ends.
fn cut_line(chunk: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (line, end) = chunk.split_at_checked(memchr::memchr2(b'\n', b'\r', chunk)?)?;
    match end {
        [b'\r'] => Some((line, &[], true)),
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some((line, rest, false)),
        [] => None,
    }
}

fn too_long(what: &str, bound: u64) -> Error {
    Error::new(Kind::UpstreamProtocol, format!("{what} is longer than {bound} bytes"))
}

/// Text as the standard has it: what is no UTF-8 is replaced. Valid text, nearly all there is, is
/// checked many bytes at a time, which the replacing reader does not do.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests;
