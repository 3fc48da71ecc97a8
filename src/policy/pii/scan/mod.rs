//! The scanner: finds values in text that comes in pieces, and hands everything on in order. The
//! treatment drives one for each channel of text.
//!
//! What comes is folded into a shadow view; the loop runs over it from word to word, and at each
//! word that may begin something the detectors answer: nothing, a finding, or "more must come".
//! Only then is text held back, from that word on.
//!
//! Invariant: what is handed on is the same for every cutting of the text, byte by byte, and at
//! most [`MAX_HELD`] characters are held back.

mod class;
pub(crate) mod context;
mod date;
pub(crate) mod detectors;
mod email;
pub(crate) mod escape;
mod joined;
pub(crate) mod kind;
mod loose;
mod pattern;
mod phone;
mod plain;
mod runs;
mod secret;
mod set;
mod shadow;
mod shield;
#[cfg(test)]
mod tests;
mod url;
mod utf8;
mod view;
pub(crate) mod words;

use std::sync::Arc;

use class::WORD;
use detectors::Detectors;
use email::Stretch;
use joined::MAX_BYTES;
use shadow::Shadow;
pub use utf8::Utf8Pieces;
use view::{Answer, Found, Tail, View};

/// Text is looked at in pieces of this size, which stay in the nearest cache.
const PIECE: usize = 4096;
/// More than the longest look of any detector. To hold back more is a fault of ours.
const MAX_HELD: usize = 2048;

/// Takes what the scanner hands on: all of the text, in order and in pieces.
pub(crate) trait Sink {
    /// Text in which nothing was found.
    fn clean(&mut self, text: &str) -> Result<(), Failure>;
    /// A finding: its kind by its place in the detectors, and its text. One that is open goes on
    /// with [`Sink::more`], until anything else is handed on.
    fn found(
        &mut self,
        kind: u16,
        confidence: u8,
        text: &str,
        is_open: bool,
    ) -> Result<(), Failure>;
    /// The rest of an open finding.
    fn more(&mut self, text: &str) -> Result<(), Failure>;
}

/// Why text cannot be treated. The caller must refuse it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A rule forbids what was found.
    #[error("the text holds a value of kind {entity}, which a rule blocks")]
    Blocked {
        /// The kind.
        entity: Arc<str>,
        /// The rule, by its name or its place.
        rule: Arc<str>,
    },
    /// It is in no form that can be looked into; `what` says why.
    #[error("{what}")]
    Unreadable {
        /// A sentence.
        what: &'static str,
    },
    /// A bound was reached; `what` names it.
    #[error("the bound on {what} is reached")]
    Exhausted {
        /// What is bounded.
        what: &'static str,
    },
    /// The engine contradicts itself.
    #[error("the text could not be examined")]
    Internal,
    /// An earlier failure ended this text.
    #[error("the text was refused before")]
    Ended,
}

/// What the loop is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Between words.
    Text,
    /// In a word that is longer than any value.
    LongWord,
    /// In the rest of an open finding.
    Open(Tail),
    /// After the last character of an open finding: what is invisible there goes with it.
    Closing,
}

/// Finds values in one text.
pub(crate) struct Scanner {
    detectors: Arc<Detectors>,
    /// Text that is not decided yet.
    held: String,
    shadow: Shadow,
    mode: Mode,
    answer: Answer,
    has_failed: bool,
    work: u64,
}

impl Scanner {
    /// A scanner at the beginning of a text.
    pub(crate) fn new(detectors: Arc<Detectors>) -> Self {
        Self {
            detectors,
            held: String::new(),
            shadow: Shadow::default(),
            mode: Mode::Text,
            answer: Answer::default(),
            has_failed: false,
            work: 0,
        }
    }

    /// Makes this the text that stood before, for the words that speak for a kind: the name of a
    /// field, before its value. Called at the beginning of a text.
    pub(crate) fn after(&mut self, context: &str) {
        // `dateOfBirth` and `date-of-birth` are read as words.
        let mut before = ' ';
        for character in context.chars() {
            if before.is_lowercase() && character.is_uppercase() {
                self.shadow.extend(" ", true);
            }
            let read = if character == '-' { ' ' } else { character };
            self.shadow.extend(read.encode_utf8(&mut [0; 4]), true);
            before = character;
        }
        self.shadow.extend(": ", true);
        let end = self.shadow.bytes.len();
        self.shadow.forget(end, Detectors::HISTORY);
    }

    /// Takes the next piece of the text and hands on what is decided.
    ///
    /// # Errors
    /// A failure of the sink or a bound; after it the scanner hands on nothing more.
    pub(crate) fn feed(&mut self, mut chunk: &str, sink: &mut impl Sink) -> Result<(), Failure> {
        while !chunk.is_empty() {
            let (piece, rest) = chunk.split_at(chunk.floor_char_boundary(PIECE));
            chunk = rest;
            self.take(piece, false, sink)?;
        }
        Ok(())
    }

    /// The text is over: decides what is held back.
    ///
    /// # Errors
    /// As for [`Scanner::feed`].
    pub(crate) fn finish(&mut self, sink: &mut impl Sink) -> Result<(), Failure> {
        self.take("", true, sink)?;
        self.mode = Mode::Text;
        self.shadow = Shadow::default();
        Ok(())
    }

    /// Bytes of text that wait for more.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Bytes that were looked at so far, repeated looks counted.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    fn take(&mut self, piece: &str, is_last: bool, sink: &mut impl Sink) -> Result<(), Failure> {
        if self.has_failed {
            return Err(Failure::Ended);
        }
        self.held.push_str(piece);
        // Half an escape may wait before the piece.
        let new = self.held.get(self.shadow.text..).unwrap_or_default();
        self.shadow.extend(new, is_last);
        let result = self.scan(is_last, sink);
        self.has_failed = result.is_err();
        let kept = result?;
        let text = self.shadow.start(kept);
        self.held.drain(..text);
        self.shadow.forget(kept, Detectors::HISTORY);
        if self.shadow.bytes.len() - self.shadow.history > MAX_HELD {
            self.has_failed = true;
            return Err(Failure::Exhausted { what: "held text" });
        }
        Ok(())
    }

    /// Hands on all that is decided, and says where in the view the undecided begins.
    fn scan(&mut self, is_last: bool, sink: &mut impl Sink) -> Result<usize, Failure> {
        let detectors = Arc::clone(&self.detectors);
        let mut pass = Pass {
            view: View { bytes: &self.shadow.bytes, is_last },
            shadow: &self.shadow,
            text: &self.held,
            handed: 0,
            stretch: Stretch::default(),
        };
        self.answer.restart();
        let kept = pass.run(&detectors, &mut self.mode, &mut self.answer, sink);
        self.work += self.answer.work + piece_work(&self.shadow);
        kept
    }
}

/// The loop over the view looks at each byte once.
fn piece_work(shadow: &Shadow) -> u64 {
    (shadow.bytes.len() - shadow.history) as u64
}

/// One pass over what is not decided.
struct Pass<'a> {
    view: View<'a>,
    shadow: &'a Shadow,
    text: &'a str,
    /// How many bytes of the text were handed on.
    handed: usize,
    stretch: Stretch,
}

impl<'a> Pass<'a> {
    fn run(
        &mut self,
        detectors: &Detectors,
        mode: &mut Mode,
        answer: &mut Answer,
        sink: &mut impl Sink,
    ) -> Result<usize, Failure> {
        let bytes = self.view.bytes;
        let mut place = self.shadow.history;
        loop {
            match *mode {
                Mode::Text => {}
                Mode::LongWord => {
                    place = self.view.word(place, usize::MAX).0;
                    if place < bytes.len() {
                        *mode = Mode::Text;
                    }
                }
                Mode::Open(tail) => {
                    let Some(end) = secret::tail_end(&self.view, place, tail) else {
                        // All but what may be the beginning of the end.
                        let end = secret::tail_safe(&self.view, place, tail);
                        sink.more(self.next_piece(end)?)?;
                        return Ok(end);
                    };
                    sink.more(self.next_piece(end)?)?;
                    place = end;
                    *mode = Mode::Closing;
                    continue;
                }
                Mode::Closing => {
                    sink.more(self.next_piece(place)?)?;
                    if place >= bytes.len() {
                        return Ok(place);
                    }
                    *mode = Mode::Text;
                }
            }
            place = detectors.plain.pass(bytes, place);
            let Some(byte) = self.view.at(place) else { break };
            answer.clear();
            let mut next = place + 1;
            if class::of(byte) & WORD != 0 {
                let word = self.view.word(place, usize::MAX);
                next = word.0;
                let is_cut = self.view.is_unknown(next);
                answer.wants_more = is_cut && next - place <= MAX_BYTES;
                detectors.at_word(&self.view, place, word, &mut self.stretch, answer);
                if is_cut && !answer.wants_more && answer.best.is_none() {
                    *mode = Mode::LongWord;
                }
            } else {
                detectors.at_sign(&self.view, place, byte, answer);
            }
            if let Some(end) = answer.shielded {
                place = end;
                continue;
            }
            // What goes on without an end is sure already; all else waits for longer ones.
            let is_sure = answer.best.is_some_and(|best| best.tail.is_some());
            if answer.wants_more && !is_sure {
                break;
            }
            match answer.best {
                None => place = next,
                Some(found) => {
                    self.hand_on(found, sink)?;
                    place = found.end;
                    if let Some(tail) = found.tail {
                        *mode = Mode::Open(tail);
                    }
                }
            }
        }
        sink.clean(self.next_piece(place)?)?;
        Ok(place)
    }

    /// The text up to a place of the view, from where it was handed on.
    fn next_piece(&mut self, to: usize) -> Result<&'a str, Failure> {
        let to = self.shadow.start(to).max(self.handed);
        let piece = self.text.get(self.handed..to).ok_or(Failure::Internal);
        self.handed = to;
        piece
    }

    fn hand_on(&mut self, found: Found, sink: &mut impl Sink) -> Result<(), Failure> {
        sink.clean(self.next_piece(found.start)?)?;
        // What is invisible after the last character stays with the text that follows, unless an
        // open finding takes all up to the next visible one.
        let end = match found.tail {
            Some(_) => self.shadow.start(found.end),
            None => self.shadow.end(found.end.saturating_sub(1), self.text),
        };
        let text = self.text.get(self.handed..end).ok_or(Failure::Internal)?;
        self.handed = end;
        sink.found(found.kind, found.confidence, text, found.tail.is_some())
    }
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scanner(holds {} bytes)", self.held.len())
    }
}

impl std::fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pass({} bytes)", self.text.len())
    }
}
