//! Tokens that stand in a text already, from an earlier turn of the conversation, are left alone.
//!
//! Invariant: only what has a token's exact form and a right check is one.

use std::collections::HashSet;

use super::class::is_word;
use super::view::View;
use crate::policy::pii::token::code;

/// What stands at a word.
pub(super) enum Shield {
    /// No token.
    None,
    /// A token to this place.
    To(usize),
    /// More must come to tell.
    Unknown,
}

/// The names of kinds as they stand in tokens, whether the kinds are looked for or not. Nothing else
/// is the name of a token: whoever could write one around a value of his own would hide it.
#[derive(Debug, Default)]
pub(super) struct Labels(HashSet<Vec<u8>>);

/// The longest name of a kind.
const MAX_LABEL: usize = 48;

impl Labels {
    /// Adds a kind.
    pub(super) fn add(&mut self, name: &str) {
        self.0.insert(name.to_ascii_uppercase().into_bytes());
    }

    /// Whether a word is the end of a name behind a bracket.
    pub(super) fn stands_at(&self, view: &View<'_>, start: usize, end: usize) -> bool {
        // A name may have underscores, which end a word.
        let mut from = start;
        while end - from <= MAX_LABEL
            && view.before(from).is_some_and(|byte| is_word(byte) || byte == b'_')
        {
            from -= 1;
        }
        view.before(from) == Some(b'[') && self.0.contains(view.slice(from, end))
    }
}

/// Looks at a word that a colon follows: `EMAIL` in `[EMAIL:4F7K9Q2M3XTB]`.
pub(super) fn look(view: &View<'_>, word_end: usize) -> Shield {
    let mut values = [0; code::LENGTH];
    for (offset, value) in values.iter_mut().enumerate() {
        match view.at(word_end + 1 + offset) {
            None if !view.is_last => return Shield::Unknown,
            byte => match byte.filter(u8::is_ascii_alphanumeric).and_then(code::value) {
                Some(bits) => *value = bits,
                None => return Shield::None,
            },
        }
    }
    let end = word_end + 1 + code::LENGTH;
    match view.at(end) {
        Some(b']') if code::read(&values).is_some() => Shield::To(end + 1),
        None if !view.is_last => Shield::Unknown,
        Some(_) | None => Shield::None,
    }
}
