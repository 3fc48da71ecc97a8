//! One kind that is looked for, as a scanner knows it: its name, and how sure a candidate of it is.

use std::sync::Arc;

use super::pattern;

/// One kind that is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// Its name in rules and findings.
    pub(crate) name: Arc<str>,
    /// How many of its last letters and digits a mask leaves.
    pub(crate) mask: u8,
    pub(super) certainty: Certainty,
    pub(super) threshold: u8,
    /// Whether it is a pattern or list of a tenant's own.
    pub(super) is_own: bool,
}

/// How sure a valid candidate is, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certainty {
    /// Alone.
    pub(crate) bare: u8,
    /// With separators.
    pub(crate) separated: u8,
    /// Beside a word that speaks for it.
    pub(crate) with_context: u8,
    /// Whether it is nothing without such a word.
    pub(crate) needs_context: bool,
}

impl Certainty {
    /// The same in all cases.
    pub(crate) const fn always(percent: u8) -> Self {
        Self { bare: percent, separated: percent, with_context: percent, needs_context: false }
    }
}

/// Why kinds cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// More kinds than an index holds.
    #[error("there are too many kinds")]
    TooMany,
    /// A pattern is refused.
    #[error(transparent)]
    Pattern(#[from] pattern::PatternError),
}
