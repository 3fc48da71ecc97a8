//! E-mail addresses: a local part, an `@`, labels with dots between them (RFC 5321).
//!
//! Invariant: a local part of more than 64 bytes and a domain of more than 190 are not looked at
//! further; one stretch of local bytes is walked once, however many words it has.

use super::class::{self, LOCAL};
use super::detectors::Detectors;
use super::view::{Answer, Found, View};

/// RFC 5321, 4.5.3.1.1.
const MAX_LOCAL: usize = 64;
/// What a path of 254 leaves after a local part of 64, less the `@`.
const MAX_DOMAIN: usize = 189;

/// How many labels may be too many at the end of a domain, and one more.
const MAX_TRIES: usize = 3;

/// A kind that stands around an `@`.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) kind: u16,
    pub(super) max: usize,
    pub(super) validate: fn(&[u8]) -> bool,
}

/// What was learnt about the stretch of local bytes that is being walked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    /// Where it ends.
    end: usize,
    /// The end of the domain after it.
    domain: usize,
}

/// Looks for an address from the word on that ends at `word_end`.
#[inline]
pub(super) fn look(
    all: &Detectors,
    view: &View<'_>,
    start: usize,
    word_end: usize,
    stretch: &mut Stretch,
    answer: &mut Answer,
) {
    let next = view.at(word_end);
    if stretch.end <= start {
        if !next.is_some_and(|byte| byte == b'@' || class::of(byte) & LOCAL != 0) {
            answer.wants_more |= view.is_unknown(word_end) && word_end - start <= MAX_LOCAL;
            return;
        }
        let rest = view.bytes.get(word_end..).unwrap_or_default();
        let more = rest.iter().take_while(|byte| class::of(**byte) & LOCAL != 0).count();
        answer.work += more as u64;
        *stretch = Stretch { end: word_end + more, domain: 0 };
    }
    let at = stretch.end;
    if at - start > MAX_LOCAL {
        return;
    }
    if view.is_unknown(at) {
        answer.wants_more = true;
        return;
    }
    if view.at(at) != Some(b'@') {
        return;
    }
    if stretch.domain == 0 {
        match domain_end(view, at + 1) {
            Some(end) => stretch.domain = end,
            None => {
                answer.wants_more = true;
                return;
            }
        }
        answer.work += (stretch.domain - at) as u64;
    }
    for row in &all.at {
        let mut end = stretch.domain;
        for _ in 0..MAX_TRIES {
            answer.work += (end - start) as u64;
            if end - start <= row.max && (row.validate)(view.slice(start, end)) {
                let kind = row.kind;
                if let Some(confidence) = all.certainty(kind, view, start, true, &mut answer.heard)
                {
                    answer.offer(Found { start, end, kind, confidence, tail: None });
                }
                break;
            }
            // `jane@example.com.Then`: a sentence may follow its stop without a blank.
            let domain = view.slice(at + 1, end);
            let Some(stop) = domain.iter().rposition(|byte| *byte == b'.') else { break };
            end = at + 1 + stop;
        }
    }
}

/// Where the domain that begins at a place ends; a stop or hyphen after it is the sentence's.
/// `None` where more must come first.
fn domain_end(view: &View<'_>, from: usize) -> Option<usize> {
    let is_part = |byte: &u8| class::is_word(*byte) || matches!(byte, b'.' | b'-');
    let rest = view.bytes.get(from..).unwrap_or_default();
    let length = rest.iter().take(MAX_DOMAIN + 1).take_while(|byte| is_part(byte)).count();
    if length <= MAX_DOMAIN && view.is_unknown(from + length) {
        return None;
    }
    let mut end = from + length;
    while end > from && matches!(view.before(end), Some(b'.' | b'-')) {
        end -= 1;
    }
    Some(end)
}
