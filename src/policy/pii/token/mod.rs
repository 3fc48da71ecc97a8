//! Reversible tokens: what stands in the place of a value on its way to a platform, and how it is
//! found again in what comes back.
//!
//! A token is `[EMAIL:4F7K9Q2M3XTB]`: the kind, so that a model can reason about it, and a code
//! that is all there is to look up. Brackets, a colon and capitals are plain ASCII that every
//! model copies; the code ends by its length, so `…XTB` and `…XTB0` are not confused; its check
//! tells a token from text that looks like one, and its alphabet has no letters that are taken for
//! digits.
//!
//! Invariant: a code is looked up only if its check is right.

pub(super) mod code;
pub(super) mod repair;
pub(super) mod restore;
