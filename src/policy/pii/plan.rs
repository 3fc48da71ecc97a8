//! What happens to findings for one direction of one agent: the kinds that are looked for, and an
//! action for each. [`super::rules`] makes plans, a treatment follows one.
//!
//! Invariant: a plan never changes, and one that changes nothing has no detectors and costs
//! nothing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scan::detectors::Detectors;

/// What is done to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It passes, and is not counted. Narrower than a wide rule after it.
    Allow,
    /// Its letters and digits become `*`, but for the last few of some kinds.
    Mask,
    /// The name of its kind stands in its place: `[EMAIL]`.
    Redact,
    /// A short keyed hash stands in its place: equal values can be told to be equal.
    Hash,
    /// A token stands in its place, which the caller gets restored.
    Tokenize,
    /// The text is refused.
    Block,
    /// It passes and is counted: a dry run.
    Report,
}

/// Which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the platform.
    ToUpstream,
    /// To the caller.
    ToCaller,
    /// To the audit log.
    ToAudit,
}

/// A key under which hashes are made. One a tenant.
#[derive(Clone)]
pub struct HashKey(ring::hmac::Key);

impl HashKey {
    /// From secret bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret))
    }

    pub(super) fn sign(&self, text: &str) -> ring::hmac::Tag {
        ring::hmac::sign(&self.0, text.as_bytes())
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(…)")
    }
}

/// The kinds that are looked for and what is done to them.
#[derive(Debug)]
pub struct Plan {
    pub(super) direction: Direction,
    pub(super) detectors: Arc<Detectors>,
    /// By the kind's place in the detectors.
    pub(super) kinds: Vec<Treated>,
    pub(super) key: HashKey,
}

/// What is done to one kind.
#[derive(Clone, Debug)]
pub(super) struct Treated {
    pub(super) name: Arc<str>,
    /// Its name as it stands in text: `[EMAIL]`.
    pub(super) label: Box<str>,
    pub(super) mask: usize,
    pub(super) action: Action,
}

impl Plan {
    /// A plan from detectors and an action for each of their kinds.
    pub(super) fn new(
        direction: Direction,
        detectors: Detectors,
        actions: Vec<Action>,
        key: HashKey,
    ) -> Self {
        let treated = detectors.kinds.iter().zip(actions).map(|(kind, action)| Treated {
            name: Arc::clone(&kind.name),
            label: kind.name.to_ascii_uppercase().into(),
            mask: usize::from(kind.mask),
            action,
        });
        Self { direction, kinds: treated.collect(), detectors: Arc::new(detectors), key }
    }

    /// Whether it has nothing to do, so that text need not pass through it.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether findings may become tokens, for which a vault is needed.
    pub fn makes_tokens(&self) -> bool {
        self.kinds.iter().any(|kind| kind.action == Action::Tokenize)
    }

    /// Which way its texts go.
    pub fn direction(&self) -> Direction {
        self.direction
    }
}
