//! JSON that callers send: the one way from request bodies to typed values. First the body is
//! checked as JSON (bounds, syntax, one meaning), then it is read into its type.
//!
//! Invariant: an error names places and keys, never a value that the caller sent.

mod check;
mod decode;
mod unique;

pub use check::{Bounds, check};
pub use decode::{decode, from_value};

/// A key or path for an error: a caller may send keys of any length.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
