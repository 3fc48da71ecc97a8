//! Tokens that stand in a text already, from an earlier turn of the conversation, are left alone.
//!
//! Invariant: only what has a token's exact form and a right check is one.

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
