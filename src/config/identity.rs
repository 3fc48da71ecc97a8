//! The section `identity`: how callers are known. [`super::load`] calls it.
//!
//! Invariant: what is not said is not `none`.

use super::describe::{Key, Shape};
use super::reader::Section;

/// How callers are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nothing is said: only loopback may be listened on.
    #[default]
    Unset,
    /// The operator says that nobody is asked who they are.
    None,
}

pub(super) fn read(root: &mut Section<'_>) -> Identity {
    let about = "How callers are known. `none` says that nobody is asked who they are; only then \
                 may the gateway listen beyond this machine.";
    match root.choice(Key::new("identity", Shape::Text, about), &["none"]) {
        Some(_) => Identity::None,
        None => Identity::Unset,
    }
}
