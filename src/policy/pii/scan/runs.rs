//! Values that are one run of bytes: those with a known beginning, such as `0x…` or `bc1…`, and
//! those without, such as addresses of networks.
//!
//! Invariant: a run is looked at up to its kind's longest and one byte further, and a run that
//! goes on is no candidate.

use super::class;
use super::detectors::Detectors;
use super::joined::is_glued;
use super::plain::Limits;
use super::set::ByteSet;
use super::view::{Answer, Found, View};

/// A kind that is one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) kind: u16,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) bytes: ByteSet,
    pub(super) extra: ByteSet,
    pub(super) validate: fn(&[u8]) -> bool,
    /// Whether it may be one word, without a byte of `extra`.
    pub(super) may_be_word: bool,
}

/// Kinds that are runs of the same bytes.
#[derive(Debug)]
struct Family {
    bytes: ByteSet,
    /// The fewest and the most bytes of any of them.
    min: usize,
    max: usize,
    /// Whether any of them may be one word.
    may_be_word: bool,
    kinds: Vec<Run>,
}

/// The kinds that are one run.
#[derive(Debug, Default)]
pub(super) struct RunKinds {
    /// With a beginning, in lower case, by its first byte.
    prefixed: Vec<Vec<(Vec<u8>, Run)>>,
    /// Without, those of the same bytes together.
    plain: Vec<Family>,
    /// The families of `plain` that may be one word: the fewest bytes of each, and its place.
    words: Vec<(usize, usize)>,
    /// The fewest bytes of one that begins with a letter, and their bytes besides letters and
    /// digits.
    shortest: usize,
    lettered: ByteSet,
    /// The bytes besides letters and digits of any plain run.
    extra: ByteSet,
}

fn both_cases(letter: u8) -> impl Iterator<Item = u8> {
    let upper = Some(letter.to_ascii_uppercase()).filter(|upper| *upper != letter);
    std::iter::once(letter).chain(upper)
}

impl RunKinds {
    /// Adds a kind with beginnings.
    pub(super) fn add_prefixed(&mut self, prefixes: &[&str], run: Run) {
        self.prefixed.resize(256, Vec::new());
        let is_letter = |prefix: &str| prefix.starts_with(|first: char| first.is_alphabetic());
        if prefixes.iter().any(|prefix| is_letter(prefix)) {
            self.shortest = if self.shortest == 0 { run.min } else { self.shortest.min(run.min) };
            (0..=u8::MAX)
                .filter(|byte| run.extra.has(*byte))
                .for_each(|byte| self.lettered.insert(byte));
        }
        for prefix in prefixes {
            let prefix = prefix.to_ascii_lowercase().into_bytes();
            for first in prefix.first().into_iter().flat_map(|first| both_cases(*first)) {
                if let Some(rows) = self.prefixed.get_mut(usize::from(first)) {
                    rows.push((prefix.clone(), run));
                }
            }
        }
    }

    /// Adds a kind without a beginning.
    pub(super) fn add_plain(&mut self, run: Run, extra: &str) {
        extra.bytes().for_each(|byte| self.extra.insert(byte));
        match self.plain.iter_mut().find(|family| family.bytes == run.bytes) {
            Some(family) => {
                family.min = family.min.min(run.min);
                family.max = family.max.max(run.max);
                family.may_be_word |= run.may_be_word;
                family.kinds.push(run);
            }
            None => self.plain.push(Family {
                bytes: run.bytes,
                min: run.min,
                max: run.max,
                may_be_word: run.may_be_word,
                kinds: vec![run],
            }),
        }
        // The one that waits longest is asked first.
        self.plain.sort_by_key(|family| std::cmp::Reverse(family.max));
        self.words = (self.plain.iter().zip(0..))
            .filter(|(family, _)| family.may_be_word)
            .map(|(family, place)| (family.min, place))
            .collect();
    }

    /// Says which words none of them begins with.
    pub(super) fn limit(&self, limits: &mut Limits) {
        limits.joints.add(&self.extra);
        limits.joints.add(&self.lettered);
        if self.shortest > 0 {
            limits.shortest = limits.shortest.min(self.shortest);
        }
    }

    /// Whether a plain run may begin at a sign, as `::1` does.
    pub(super) fn may_begin_at(&self, sign: u8) -> bool {
        self.extra.has(sign)
    }

    /// Whether a word of letters alone is worth a look; one with a digit always is.
    #[inline]
    pub(super) fn may_begin(&self, view: &View<'_>, start: usize, end: usize) -> bool {
        let next = view.at(end).unwrap_or(0);
        let is_long = end - start >= self.shortest || self.lettered.has(next);
        let has_beginning = || !self.beginning_with(view.at(start)).is_empty();
        self.extra.has(next) || ((is_long || view.is_unknown(end)) && has_beginning())
    }

    /// Looks for runs from a place on; `word_end` is the end of the word there, the place itself at
    /// a sign.
    pub(super) fn look(
        &self,
        all: &Detectors,
        view: &View<'_>,
        (start, word_end): (usize, usize),
        has_digit: bool,
        answer: &mut Answer,
    ) {
        self.look_prefixed(all, view, (start, word_end), answer);
        let next = view.at(word_end).unwrap_or(0);
        // Letters alone are part of a run only where it goes on after them.
        let goes_on = || {
            self.extra.has(next)
                && view
                    .at(word_end + 1)
                    .is_some_and(|byte| class::is_word(byte) || self.extra.has(byte))
        };
        answer.wants_more |= self.extra.has(next) && view.is_unknown(word_end + 1);
        if has_digit || goes_on() {
            self.look_plain(all, view, (start, word_end), next, answer);
        }
    }

    fn beginning_with(&self, first: Option<u8>) -> &[(Vec<u8>, Run)] {
        let rows = first.and_then(|first| self.prefixed.get(usize::from(first)));
        rows.map_or(&[], Vec::as_slice)
    }

    fn look_prefixed(
        &self,
        all: &Detectors,
        view: &View<'_>,
        (start, word_end): (usize, usize),
        answer: &mut Answer,
    ) {
        let length = word_end - start;
        let next = view.at(word_end).unwrap_or(0);
        for (prefix, run) in self.beginning_with(view.at(start)) {
            // Most words are too short for any.
            if length < run.min && !run.bytes.has(next) && !view.is_unknown(word_end) {
                continue;
            }
            let head = view.slice(start, (start + prefix.len()).min(view.bytes.len()));
            let agrees = prefix.iter().zip(head).all(|(a, b)| *a == b.to_ascii_lowercase());
            if agrees && head.len() < prefix.len() {
                answer.wants_more |= !view.is_last;
            } else if agrees {
                let end = view.run(start, run.max + 2, &run.bytes);
                answer.work += (end - start) as u64;
                self.try_run(all, view, (start, end), run, false, answer);
            }
        }
    }

    fn look_plain(
        &self,
        all: &Detectors,
        view: &View<'_>,
        (start, word_end): (usize, usize),
        next: u8,
        answer: &mut Answer,
    ) {
        // Nothing is tried of most words with a digit, which no run goes on after.
        if !self.extra.has(next) && !view.is_unknown(word_end) {
            let length = word_end - start;
            for (_, place) in self.words.iter().filter(|(min, _)| length >= *min) {
                let family = self.plain.get(*place).filter(|family| length <= family.max + 2);
                for run in family.into_iter().flat_map(|family| &family.kinds) {
                    self.try_run(all, view, (start, word_end), run, true, answer);
                }
            }
            return;
        }
        answer.run_ends.resize(self.plain.len(), 0);
        for (place, family) in self.plain.iter().enumerate() {
            if !family.may_be_word && !family.bytes.has(next) && !view.is_unknown(word_end) {
                continue;
            }
            let mut end = word_end;
            if family.bytes.has(next) {
                // Where several words are one run, it is walked once, and no further than tells
                // that it is too long.
                let known = answer.run_ends.get(place).copied().filter(|end| *end > start);
                let from = known.unwrap_or(word_end);
                let limit = (start + family.max + 3).saturating_sub(from);
                end = view.run(from, limit, &family.bytes);
                answer.work += (end - from) as u64;
                if let Some(known) = answer.run_ends.get_mut(place) {
                    *known = end;
                }
            }
            let length = end - start;
            if (length >= family.min || view.is_unknown(end)) && length <= family.max + 2 {
                for run in &family.kinds {
                    self.try_run(all, view, (start, end), run, true, answer);
                }
                if answer.wants_more {
                    return;
                }
            }
        }
    }

    fn try_run(
        &self,
        all: &Detectors,
        view: &View<'_>,
        (start, mut end): (usize, usize),
        run: &Run,
        is_plain: bool,
        answer: &mut Answer,
    ) {
        let longest = run.max + 2;
        if end - start > longest {
            return;
        }
        if end - start < longest && view.is_unknown(end) {
            answer.wants_more = true;
            return;
        }
        // A stop, colon or comma at the end belongs to the sentence.
        if is_plain && end - start < longest {
            while end > start && matches!(view.before(end), Some(b'.' | b':' | b',')) {
                end -= 1;
            }
        }
        let length = end - start;
        if length < run.min || length > run.max {
            return;
        }
        answer.work += length as u64;
        if !(run.validate)(view.slice(start, end)) {
            return;
        }
        match is_glued(view, start, end) {
            None => answer.wants_more = true,
            Some(true) => {}
            Some(false) => {
                let separated = view.slice(start, end).iter().any(|byte| run.extra.has(*byte));
                if let Some(confidence) =
                    all.certainty(run.kind, view, start, separated, &mut answer.heard)
                {
                    answer.offer(Found { start, end, kind: run.kind, confidence, tail: None });
                }
            }
        }
    }
}
