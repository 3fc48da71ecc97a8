//! Words that speak for a kind when they stand shortly before a candidate: "card" before sixteen
//! digits.
//!
//! Invariant: only text before the candidate counts, and as much of it for every cutting; each
//! byte is listened to once a pass, however many candidates ask.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::class;
use super::view::View;

/// How far before a candidate a word may begin, in characters.
pub(crate) const REACH: usize = 64;

/// The words of all kinds as one automaton.
#[derive(Default)]
pub(super) struct Contexts {
    automaton: Option<NFA>,
    /// The kinds of each word, a bit a kind, in the automaton's order.
    kinds: Vec<Vec<u64>>,
}

/// What was heard in one pass over the view.
#[derive(Default)]
pub(super) struct Heard {
    /// The candidate that `kinds` is for.
    place: usize,
    /// The kinds that a word before it speaks for, a bit a kind.
    kinds: Vec<u64>,
    /// Up to where the automaton has read, and its state.
    read: usize,
    state: Option<StateID>,
    /// Words within reach: where each begins, and which it is.
    hits: Vec<(usize, usize)>,
}

impl Heard {
    /// Forgets all before another pass; its buffers stay.
    pub(super) fn restart(&mut self) {
        (self.place, self.read, self.state) = (0, 0, None);
        self.kinds.clear();
        self.hits.clear();
    }
}

impl Contexts {
    /// Builds the automaton from words with their kinds. Words are read as the view shows them.
    pub(super) fn build(words: Vec<(Vec<u8>, Vec<u16>)>) -> Result<Self, aho_corasick::BuildError> {
        if words.is_empty() {
            return Ok(Self::default());
        }
        let bits = |kinds: Vec<u16>| {
            let mut bits = Vec::new();
            for kind in kinds {
                set(&mut bits, kind);
            }
            bits
        };
        let (patterns, kinds): (Vec<_>, Vec<_>) =
            words.into_iter().map(|(word, kinds)| (word, bits(kinds))).unzip();
        let automaton = NFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&patterns)?;
        Ok(Self { automaton: Some(automaton), kinds })
    }

    /// Whether a word for this kind begins within reach before a place. Places are asked for in
    /// order.
    pub(super) fn speaks_for(
        &self,
        kind: u16,
        view: &View<'_>,
        place: usize,
        heard: &mut Heard,
    ) -> bool {
        if heard.place != place || heard.state.is_none() {
            self.listen(view, place, heard);
        }
        heard.kinds.get(usize::from(kind >> 6)).is_some_and(|word| word >> (kind & 63) & 1 == 1)
    }

    fn listen(&self, view: &View<'_>, place: usize, heard: &mut Heard) {
        let Some(automaton) = &self.automaton else { return };
        let from = place.saturating_sub(REACH);
        let Ok(start) = automaton.start_state(Anchored::No) else { return };
        if heard.read < from || heard.read > place || heard.state.is_none() {
            (heard.read, heard.state) = (from, Some(start));
            heard.hits.clear();
        }
        let mut state = heard.state.unwrap_or(start);
        for (byte, end) in view.slice(heard.read, place).iter().zip(heard.read + 1..) {
            // `date_of_birth` speaks as `date of birth` does.
            let byte = if *byte == b'_' { b' ' } else { *byte };
            state = automaton.next_state(Anchored::No, state, byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                for index in 0..automaton.match_len(state) {
                    let word = automaton.match_pattern(state, index);
                    let begins = end - automaton.pattern_len(word);
                    if stands_alone(view, begins, end) {
                        heard.hits.push((begins, word.as_usize()));
                    }
                }
            }
        }
        (heard.read, heard.state, heard.place) = (place, Some(state), place);
        heard.hits.retain(|(begins, _)| *begins >= from);
        heard.kinds.clear();
        for (_, word) in &heard.hits {
            let bits = self.kinds.get(*word).map_or(&[][..], Vec::as_slice);
            heard.kinds.resize(heard.kinds.len().max(bits.len()), 0);
            heard.kinds.iter_mut().zip(bits).for_each(|(all, more)| *all |= more);
        }
    }
}

fn set(bits: &mut Vec<u64>, kind: u16) {
    let word = usize::from(kind >> 6);
    bits.resize(bits.len().max(word + 1), 0);
    if let Some(word) = bits.get_mut(word) {
        *word |= 1 << (kind & 63);
    }
}

/// Whether it is a whole word, or the plural of one.
fn stands_alone(view: &View<'_>, start: usize, end: usize) -> bool {
    let is_word = |byte: Option<u8>| byte.is_some_and(class::is_word);
    let ends = match view.at(end) {
        Some(b's' | b'S') => !is_word(view.at(end + 1)),
        other => !is_word(other),
    };
    ends && !is_word(view.before(start))
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contexts({} words)", self.kinds.len())
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heard({} words)", self.hits.len())
    }
}
