//! What happens to findings for one direction of one agent: the kinds that are looked for, and an
//! action for each. [`super::rules`] makes plans, a treatment follows one.
//!
//! Invariant: a plan never changes, and one that changes nothing has no detectors and costs
//! nothing.

use std::sync::Arc;

use serde::Deserialize;

use super::scan::detectors::Detectors;

/// What is done to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
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

impl Action {
    /// Every action, in the order in which they are written down.
    pub const ALL: &'static [Self] = &[
        Self::Allow,
        Self::Mask,
        Self::Redact,
        Self::Hash,
        Self::Tokenize,
        Self::Block,
        Self::Report,
    ];

    /// Its name in rules, runs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Mask => "mask",
            Self::Redact => "redact",
            Self::Hash => "hash",
            Self::Tokenize => "tokenize",
            Self::Block => "block",
            Self::Report => "report",
        }
    }
}

/// Which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the platform.
    ToUpstream,
    /// To the caller.
    ToCaller,
    /// To the audit log.
    ToAudit,
}

impl Direction {
    /// Its name in rules, runs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToUpstream => "to_upstream",
            Self::ToCaller => "to_caller",
            Self::ToAudit => "to_audit",
        }
    }
}

/// A secret from which others are derived: the keys of hashes, and of the codes of tokens.
#[derive(Clone)]
pub struct HashKey(ring::hmac::Key);

impl HashKey {
    /// From secret bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret))
    }

    /// The secret of one workspace for one purpose: equal values of two workspaces cannot be told
    /// to be equal.
    pub(super) fn derived(&self, purpose: &str, workspace: &str) -> [u8; 32] {
        let mut context = ring::hmac::Context::with_key(&self.0);
        // No purpose is the beginning of another with a zero byte behind it.
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(workspace.as_bytes());
        let mut secret = [0; 32];
        secret.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        secret
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

/// What is looked for and what is done to it, for the texts of one workspace. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plan {
    compiled: Arc<Compiled>,
    key: HashKey,
}

/// The kinds that are looked for and what is done to them.
#[derive(Debug)]
pub(super) struct Compiled {
    direction: Direction,
    detectors: Arc<Detectors>,
    /// By the kind's place in the detectors.
    kinds: Vec<Treated>,
}

/// What is done to one kind.
#[derive(Clone, Debug)]
pub(super) struct Treated {
    pub(super) name: Arc<str>,
    /// Its name as it stands in text: `[EMAIL]`.
    pub(super) label: Box<str>,
    pub(super) mask: usize,
    pub(super) action: Action,
    /// Whether its tokens are restored in what a tool was given.
    pub(super) in_arguments: bool,
    /// The rule that says so.
    pub(super) rule: Arc<str>,
}

/// What a rule does to a kind.
#[derive(Clone, Debug)]
pub(super) struct Does {
    pub(super) action: Action,
    pub(super) in_arguments: bool,
    pub(super) rule: Arc<str>,
}

impl Compiled {
    /// From detectors and what is done to each of their kinds.
    pub(super) fn new(direction: Direction, detectors: Detectors, does: Vec<Does>) -> Self {
        let treated = detectors.kinds.iter().zip(does).map(|(kind, does)| Treated {
            name: Arc::clone(&kind.name),
            label: kind.name.to_ascii_uppercase().into(),
            mask: usize::from(kind.mask),
            action: does.action,
            in_arguments: does.in_arguments,
            rule: does.rule,
        });
        Self { direction, kinds: treated.collect(), detectors: Arc::new(detectors) }
    }
}

impl Plan {
    pub(super) fn new(compiled: Arc<Compiled>, key: HashKey) -> Self {
        Self { compiled, key }
    }

    /// Whether it has nothing to do, so that text need not pass through it.
    pub fn is_empty(&self) -> bool {
        self.kinds().is_empty()
    }

    /// Whether findings may become tokens, for which a vault is needed.
    pub fn makes_tokens(&self) -> bool {
        self.kinds().iter().any(|kind| kind.action == Action::Tokenize)
    }

    /// Which way its texts go.
    pub fn direction(&self) -> Direction {
        self.compiled.direction
    }

    pub(super) fn kinds(&self) -> &[Treated] {
        &self.compiled.kinds
    }

    pub(super) fn detectors(&self) -> &Arc<Detectors> {
        &self.compiled.detectors
    }

    pub(super) fn key(&self) -> &HashKey {
        &self.key
    }
}
