//! What a detector is given: the shadow view with what came before it, and whether the text may
//! go on; and how it answers.
//!
//! Invariant: a detector that looks at a place beyond what has come says "more" instead of
//! guessing, so its answer is the same for every cutting of the text.

use super::class;
use super::context::Heard;
use super::set::ByteSet;

/// The shadow view as far as it has come.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// History, then the text that is not decided yet.
    pub(super) bytes: &'a [u8],
    /// Whether nothing follows.
    pub(super) is_last: bool,
}

impl<'a> View<'a> {
    /// The byte at a place, if it has come.
    #[inline(always)]
    pub(super) fn at(&self, place: usize) -> Option<u8> {
        self.bytes.get(place).copied()
    }

    /// Whether a place has not come yet and still may.
    #[inline(always)]
    pub(super) fn is_unknown(&self, place: usize) -> bool {
        place >= self.bytes.len() && !self.is_last
    }

    /// The byte before a place.
    pub(super) fn before(&self, place: usize) -> Option<u8> {
        self.at(place.checked_sub(1)?)
    }

    /// The bytes between two places; empty where there are none.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// The end of the word that begins at a place, with the classes of its bytes. It is looked
    /// for in `limit` bytes at most.
    #[inline]
    pub(super) fn word(&self, from: usize, limit: usize) -> (usize, u8) {
        let mut classes = 0;
        let mut length = 0;
        for byte in self.bytes.iter().skip(from).take(limit) {
            let class = class::of(*byte) & class::WORD;
            if class == 0 {
                break;
            }
            classes |= class;
            length += 1;
        }
        (from + length, classes)
    }

    /// The end of the run of a set's bytes that begins at a place, looked for in `limit` bytes.
    pub(super) fn run(&self, from: usize, limit: usize, set: &ByteSet) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take(limit).take_while(|byte| set.has(**byte)).count()
    }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View({} bytes)", self.bytes.len())
    }
}

/// What follows a finding whose end has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// It goes on while these bytes come.
    Run(ByteSet),
    /// It goes on to the end line of a PEM block.
    Pem,
}

/// A candidate that was found to be something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it begins in the view.
    pub(super) start: usize,
    /// Where it ends; for one with a tail, as far as it was looked at.
    pub(super) end: usize,
    /// Which kind, by its place in the detectors.
    pub(super) kind: u16,
    /// Percent of certainty.
    pub(super) confidence: u8,
    /// How it goes on, if its end was not looked for.
    pub(super) tail: Option<Tail>,
}

/// The answer of all detectors at one place: a finding that goes on without an end, as soon as one
/// is sure; else the longest, then the most certain, then the kind that was named first.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The best finding.
    pub(super) best: Option<Found>,
    /// A token stands here and ends there: nothing is looked for in it.
    pub(super) shielded: Option<usize>,
    /// Some detector cannot tell before more has come.
    pub(super) wants_more: bool,
    /// Bytes that were looked at, for the proof that work grows with the text and no faster.
    pub(super) work: u64,
    /// Where the run ends that was walked last, for each kind that is a run.
    pub(super) run_ends: Vec<usize>,
    /// Where the stretch of URL bytes ends that was walked last.
    pub(super) url_end: usize,
    /// Words of context, listened to as candidates ask.
    pub(super) heard: Heard,
}

impl Answer {
    /// Forgets all before another pass; its buffers stay, so that a pass allocates nothing.
    pub(super) fn restart(&mut self) {
        self.clear();
        (self.work, self.url_end) = (0, 0);
        self.run_ends.clear();
        self.heard.restart();
    }

    /// Forgets the answer at one place before the next is tried.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.best, self.shielded, self.wants_more) = (None, None, false);
    }

    /// Takes a finding if it is better.
    pub(super) fn offer(&mut self, found: Found) {
        // Of those that go on, the one that is sure first: a stream does not wait for the others.
        let reach = |of: &Found| if of.tail.is_some() { usize::MAX - of.end } else { of.end };
        let rank = |of: &Found| (of.tail.is_some(), reach(of), of.confidence, u16::MAX - of.kind);
        if self.best.as_ref().is_none_or(|best| rank(&found) > rank(best)) {
            self.best = Some(found);
        }
    }
}
