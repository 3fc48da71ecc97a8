//! A tenant's own patterns, each a finite automaton that is walked from the beginning of a word.
//!
//! Invariant: a pattern has a longest match of at most [`MAX_LENGTH`] bytes, else it is refused;
//! while its automaton lives more text is awaited, and once it is dead the longest match stands.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use super::class::is_word;
use super::detectors::Detectors;
use super::plain::Limits;
use super::set::ByteSet;
use super::view::{Answer, Found, View};

/// The longest match of a pattern, in characters.
pub(crate) const MAX_LENGTH: usize = 128;
/// What one compiled pattern may take, in bytes: enough for some hundred states.
const MAX_COMPILED: usize = 256 * 1024;

/// Why a pattern is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    /// It cannot be read.
    #[error("the pattern cannot be read: {0}")]
    Unreadable(String),
    /// It has no longest match, or one beyond the bound.
    #[error("the pattern must have a longest match of at most {MAX_LENGTH} characters")]
    Unbounded,
    /// It can match nothing at all.
    #[error("the pattern must not match the empty text")]
    Empty,
    /// It begins with something else.
    #[error("the pattern must begin with an ASCII letter or digit")]
    Beginning,
    /// Its automaton is too large.
    #[error("the pattern is too large")]
    TooLarge,
}

struct Pattern {
    kind: u16,
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
    first: ByteSet,
}

/// The patterns of a plan.
#[derive(Default)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Compiles and adds a pattern. It sees the shadow view, so only its ASCII part can match.
    pub(super) fn add(&mut self, kind: u16, text: &str) -> Result<(), PatternError> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(text)
            .map_err(|error| PatternError::Unreadable(error.to_string()))?;
        match hir.properties().maximum_len() {
            Some(longest) if longest <= MAX_LENGTH => {}
            _ => return Err(PatternError::Unbounded),
        }
        if hir.properties().minimum_len().unwrap_or(0) == 0 {
            return Err(PatternError::Empty);
        }
        // A look-around would look at text that a chunk may not have.
        if !hir.properties().look_set().is_empty() {
            return Err(PatternError::Unreadable(
                "anchors and word boundaries are not supported; matches are whole words".into(),
            ));
        }
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(MAX_COMPILED))
            .determinize_size_limit(Some(4 * MAX_COMPILED));
        let automaton = dense::Builder::new()
            .configure(config)
            .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
            .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
            .build(text)
            .map_err(|_| PatternError::TooLarge)?;
        let start = automaton
            .start_state(&start::Config::new().anchored(Anchored::Yes))
            .map_err(|_| PatternError::TooLarge)?;
        let first = ByteSet::of(|byte| !automaton.is_dead_state(automaton.next_state(start, byte)));
        if (0..=u8::MAX).any(|byte| first.has(byte) && !byte.is_ascii_alphanumeric()) {
            return Err(PatternError::Beginning);
        }
        self.0.push(Pattern { kind, automaton, start, first });
        Ok(())
    }

    /// Says which words none of them begins with.
    pub(super) fn limit(&self, limits: &mut Limits) {
        self.0.iter().for_each(|pattern| limits.first.add(&pattern.first));
    }

    /// Looks for the patterns from a word on.
    #[inline]
    pub(super) fn look(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        for pattern in &self.0 {
            if pattern.first.has(view.at(start).unwrap_or(0)) {
                pattern.look(all, view, start, answer);
            }
        }
    }
}

impl Pattern {
    fn look(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        if all.certainty(self.kind, view, start, false, &mut answer.heard).is_none() {
            return;
        }
        let (mut state, mut place, mut end) = (self.start, start, None);
        loop {
            let Some(byte) = view.at(place) else {
                if !view.is_last {
                    answer.wants_more = true;
                    return;
                }
                // A match is seen one step after its last byte.
                if self.automaton.is_match_state(self.automaton.next_eoi_state(state)) {
                    end = Some(place);
                }
                break;
            };
            state = self.automaton.next_state(state, byte);
            answer.work += 1;
            if self.automaton.is_match_state(state) && !is_word(byte) {
                end = Some(place);
            }
            if self.automaton.is_dead_state(state) || self.automaton.is_quit_state(state) {
                break;
            }
            place += 1;
        }
        if let Some(end) = end {
            answer.offer(Found { start, end, kind: self.kind, confidence: 100, tail: None });
        }
    }
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Patterns({})", self.0.len())
    }
}
