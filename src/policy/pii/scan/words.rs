//! A tenant's own words and phrases: found as whole words, in either case.
//!
//! Invariant: a place costs one look-up by the word that stands there, however long the lists are.

use std::collections::HashMap;

use super::class::{self, is_word};
use super::detectors::Detectors;
use super::plain::Limits;
use super::view::{Answer, Found, View};

/// The longest phrase, in characters; the rules refuse longer ones.
pub(crate) const MAX_PHRASE: usize = 128;

/// The phrases of all lists by their first word, in lower case.
#[derive(Default)]
pub(super) struct WordLists {
    by_word: HashMap<Vec<u8>, Vec<(Vec<u8>, u16)>>,
    /// The longest first word.
    longest: usize,
}

impl WordLists {
    /// Adds a phrase, folded and in lower case.
    pub(super) fn add(&mut self, kind: u16, phrase: Vec<u8>) {
        let first: Vec<u8> = phrase.iter().copied().take_while(|byte| is_word(*byte)).collect();
        if !first.is_empty() {
            self.longest = self.longest.max(first.len());
            self.by_word.entry(first).or_default().push((phrase, kind));
        }
    }

    /// Says which words none of them begins with.
    pub(super) fn limit(&self, limits: &mut Limits) {
        for first in self.by_word.keys().filter_map(|word| word.first()) {
            limits.first.insert(*first);
            limits.first.insert(first.to_ascii_uppercase());
        }
    }

    /// Looks for a phrase from a word on.
    #[inline]
    pub(super) fn look(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        if !self.by_word.is_empty() {
            self.look_up(all, view, start, answer);
        }
    }

    fn look_up(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        let (end, _) = view.word(start, self.longest + 1);
        if end - start > self.longest || view.is_unknown(end) {
            answer.wants_more |= end - start <= self.longest;
            return;
        }
        let mut key = [0; MAX_PHRASE];
        let word = view.slice(start, end);
        let Some(key) = key.get_mut(..word.len()) else { return };
        key.copy_from_slice(word);
        key.make_ascii_lowercase();
        for (phrase, kind) in self.by_word.get(&*key).into_iter().flatten() {
            let end = start + phrase.len();
            let come = view.slice(start, end.min(view.bytes.len()));
            answer.work += come.len() as u64;
            if !phrase.iter().zip(come).all(|(wanted, byte)| *wanted == byte.to_ascii_lowercase()) {
                continue;
            }
            if come.len() < phrase.len() || view.is_unknown(end) {
                answer.wants_more |= !view.is_last;
                continue;
            }
            if view.at(end).is_none_or(|byte| class::of(byte) & class::WORD == 0)
                && all.certainty(*kind, view, start, false, &mut answer.heard).is_some()
            {
                answer.offer(Found { start, end, kind: *kind, confidence: 100, tail: None });
            }
        }
    }
}

impl std::fmt::Debug for WordLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WordLists({} first words)", self.by_word.len())
    }
}
