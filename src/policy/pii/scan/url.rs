//! URLs: from the scheme to the end of the run.
//!
//! Invariant: [`HOLD`] bytes are looked at. A longer URL is found by its beginning, and its tail
//! is swallowed as it comes.

use super::class;
use super::detectors::Detectors;
use super::set::ByteSet;
use super::view::{Answer, Found, Tail, View};

/// The longest URL that is looked at whole; the longest registered scheme in use has 11 letters.
const HOLD: usize = 256;
const MAX_SCHEME: usize = 12;

/// A kind that is a URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Url {
    pub(super) kind: u16,
    pub(super) validate: fn(&[u8]) -> bool,
}

/// The bytes that a URL goes on with (RFC 3986), letters of other alphabets included.
pub(super) fn bytes() -> ByteSet {
    ByteSet::of(|byte| {
        class::is_word(byte) || (byte.is_ascii_graphic() && !b"<>\"'`{}|\\^".contains(&byte))
    })
}

/// Looks for a URL whose scheme is the word that ends at `word_end`.
#[inline]
pub(super) fn look(
    all: &Detectors,
    view: &View<'_>,
    start: usize,
    word_end: usize,
    answer: &mut Answer,
) {
    if all.url.is_empty() || word_end - start > MAX_SCHEME {
        return;
    }
    for (offset, wanted) in b"://".iter().enumerate() {
        match view.at(word_end + offset) {
            Some(byte) if byte == *wanted => {}
            Some(_) => return,
            None => {
                answer.wants_more |= !view.is_last;
                return;
            }
        }
    }
    if answer.url_end <= start {
        answer.url_end = view.run(start, usize::MAX, &all.url_bytes);
        answer.work += (answer.url_end - start) as u64;
    }
    let mut end = answer.url_end.min(start + HOLD);
    if end - start < HOLD && view.is_unknown(end) {
        answer.wants_more = true;
        return;
    }
    let is_whole = end - start < HOLD;
    if is_whole {
        end = without_punctuation(view, start, end);
    }
    for row in &all.url {
        let kind = row.kind;
        if (row.validate)(view.slice(start, end))
            && let Some(confidence) = all.certainty(kind, view, start, true, &mut answer.heard)
        {
            let tail = (!is_whole).then_some(Tail::Run(all.url_bytes));
            answer.offer(Found { start, end, kind, confidence, tail });
        }
    }
}

/// Leaves the sentence its signs, and a bracket that nothing in the URL opened.
fn without_punctuation(view: &View<'_>, start: usize, mut end: usize) -> usize {
    while let Some(byte) = view.before(end).filter(|_| end > start) {
        let count = |sign: u8| view.slice(start, end).iter().filter(|byte| **byte == sign).count();
        match byte {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'*' => end -= 1,
            b')' if count(b'(') < count(b')') => end -= 1,
            b']' if count(b'[') < count(b']') => end -= 1,
            _ => break,
        }
    }
    end
}
