//! What the reader can be asked for: a description of each key, from which the JSON Schema is
//! made and against which the reference file is tested. The reader makes them while it reads, so
//! that a key cannot be read without being described.
//!
//! Invariant: a description holds nothing of any file.

use std::ops::RangeInclusive;

use serde_json::Value;

/// A key with a default and bounds.
pub(super) struct Setting<T> {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) default: T,
    pub(super) least: T,
    pub(super) most: T,
    pub(super) why: &'static str,
}

impl<T: Copy> Setting<T> {
    /// `why` says why values beyond the range are absurd; it ends a sentence after a colon.
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        default: T,
        range: RangeInclusive<T>,
        why: &'static str,
    ) -> Self {
        let (least, most) = (*range.start(), *range.end());
        Self { name, about, default, least, most, why }
    }
}

/// What may stand at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Duration,
    Bytes,
    Count,
    Flag,
    Text,
    Address,
    Secret,
    Choice(&'static [&'static str]),
    /// A text, or a list of texts.
    Texts,
    /// One of some words, or a list of them.
    Choices(&'static [&'static str]),
    /// A point in time, RFC 3339.
    Time,
    /// A decimal number that is not negative, with at most six places; in quotes, as a text.
    Decimal,
    /// A mapping with fixed keys.
    Section,
    /// A mapping from names that the operator chooses to sections; those stand below `*`.
    Entries,
    /// A list of sections; those stand below `[]`.
    Items,
    /// A mapping that somebody else checks.
    Object,
    /// All keys of the section that the reader does not know; somebody else checks them.
    Rest,
}

/// A key that can be read.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its path, with `*` for a name that the operator chooses. Empty until it is asked for.
    pub(super) pattern: String,
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// A sentence.
    pub(super) about: &'static str,
    pub(super) is_required: bool,
    /// As it would be written in the file.
    pub(super) default: Option<Value>,
    /// The least and the most, as they would be written, and why.
    pub(super) bounds: Option<(Value, Value, &'static str)>,
}

impl Key {
    pub(super) fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        let pattern = String::new();
        Self { pattern, name, shape, about, is_required: false, default: None, bounds: None }
    }

    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(super) fn default(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// The key of a setting, whose values are written by `show`.
    pub(super) fn of<T: Copy>(setting: &Setting<T>, shape: Shape, show: fn(T) -> Value) -> Self {
        let bounds = Some((show(setting.least), show(setting.most), setting.why));
        let key = Self::new(setting.name, shape, setting.about).default(show(setting.default));
        Self { bounds, ..key }
    }
}
