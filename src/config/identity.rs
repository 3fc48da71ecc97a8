//! The section `identity`: how callers are known. [`super::load`] calls it; the section
//! `identity.issuers` has a file of its own.
//!
//! Invariant: what is not listed here, and not in the store, is nobody.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::issuers::{self, Issuer};
use super::reader::Section;
use super::secret::Secret;
use crate::clock::Timestamp;
use crate::model::scope::{Scope, Scopes};

/// How callers are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// With what the hashes of keys are keyed.
    pub pepper: Option<Secret>,
    /// How long keys of the store are good after it was last read.
    pub stale: Duration,
    /// The keys that stand in the file.
    pub keys: Vec<ConfiguredKey>,
    /// Who issues tokens.
    pub issuers: Vec<Issuer>,
}

/// A key that stands in the file, by its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfiguredKey {
    /// What people call it.
    pub name: String,
    /// The workspace that it is for.
    pub workspace: String,
    /// The hash of its secret, `sha256:<hex>` or `hmac-sha256:<hex>`.
    pub hash: String,
    /// What it may be used for at all.
    pub scopes: Scopes,
    /// The groups that its holder is in.
    pub groups: Vec<String>,
    /// The agents that it is for; none for all.
    pub agents: Option<Vec<String>>,
    /// Its rate class.
    pub class: Option<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
}

/// The names of the scopes, in the order of [`Scope::ALL`].
pub(super) const SCOPES: &[&str] = &[
    Scope::RunsRead.name(),
    Scope::RunsWrite.name(),
    Scope::AgentsRead.name(),
    Scope::AgentsWrite.name(),
    Scope::Proxy.name(),
    Scope::Admin.name(),
    Scope::AuditRead.name(),
];

/// Long enough to mend a store, short enough that a revoked key is not good for a day.
const STALE: Setting<Duration> = Setting::new(
    "stale",
    "How long keys of the store are good after it was last read, while it cannot be read.",
    Duration::from_secs(5 * 60),
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600),
    "less refuses callers at every hiccup, and more keeps revoked keys alive",
);

pub(super) fn read(root: &mut Section<'_>) -> Identity {
    let mut section = root.section("identity", "How callers are known.");
    let about = "A secret with which the hashes of keys are keyed, so that the store alone \
                 does not tell whether a guess is right.";
    let pepper = section.optional_secret("pepper", about);
    let stale = section.duration(&STALE);
    let about = "Keys, by their hash; more are in the store, by `switchyard keys`.";
    let mut keys: Vec<ConfiguredKey> = Vec::new();
    for item in section.items("keys", about) {
        let key = read_key(item, &keys);
        keys.extend(key);
    }
    let issuers = issuers::read(&mut section);
    section.finish();
    Identity { pepper, stale, keys, issuers }
}

fn read_key(mut section: Section<'_>, others: &[ConfiguredKey]) -> Option<ConfiguredKey> {
    let about = "What people call it; with the workspace it is what owns runs and threads.";
    let name = section.text(Key::new("name", Shape::Text, about).required());
    let workspace = read_workspace(&mut section, "workspace", "The workspace that it is for.");
    let about = "The hash of its secret, `sha256:<hex>`; with a pepper also `hmac-sha256:<hex>`.";
    let hash = section.text(Key::new("hash", Shape::Text, about).required());
    let about = "What it may be used for at all.";
    let scopes = read_scopes(&mut section, "scopes", about);
    let about = "The groups that its holder is in, for access policies.";
    let groups = section.texts(Key::new("groups", Shape::Texts, about));
    let about = "The agents that it is for: aliases, `<upstream>:<id>` or `<upstream>:*`; left \
                 out, it is for all.";
    let agents = section.texts(Key::new("agents", Shape::Texts, about));
    let about = "Its rate class, which limits and policies may name.";
    let class = section.text(Key::new("class", Shape::Text, about));
    let expires_at = section.time("expires_at", "When it stops to be valid.");
    if hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
        section.refuse("hash", "is no hash (`sha256:` and 64 hexadecimal digits)");
    }
    if name.as_deref().is_some_and(|name| !is_word(name)) {
        section.refuse("name", "is no name (letters, digits, `.`, `_` and `-`, at most 80)");
    }
    let is_taken = |key: &ConfiguredKey| {
        Some(&key.name) == name.as_ref() && Some(&key.workspace) == workspace.as_ref()
    };
    if others.iter().any(is_taken) {
        section.refuse("name", "is the name of an earlier key of this workspace");
    }
    section.finish();
    Some(ConfiguredKey {
        name: name?,
        workspace: workspace?,
        hash: hash?,
        scopes,
        groups,
        agents: Some(agents).filter(|agents| !agents.is_empty()),
        class,
        expires_at,
    })
}

/// Reads the name of a workspace.
pub(super) fn read_workspace(
    section: &mut Section<'_>,
    name: &'static str,
    about: &'static str,
) -> Option<String> {
    let workspace = section.text(Key::new(name, Shape::Text, about).required());
    if workspace.as_deref().is_some_and(|workspace| !is_word(workspace)) {
        section.refuse(
            name,
            "is no name for a workspace (letters, digits, `.`, `_` and `-`, at most 80)",
        );
        return None;
    }
    workspace
}

/// Reads a set of scopes.
pub(super) fn read_scopes(
    section: &mut Section<'_>,
    name: &'static str,
    about: &'static str,
) -> Scopes {
    let scopes = section.choices(Key::new(name, Shape::Texts, about), SCOPES);
    scopes.iter().filter_map(|scope| Scope::parse(scope)).collect()
}

/// Whether a text is a word that can stand in paths, log lines and names of owners.
pub(super) fn is_word(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=80).contains(&text.len()) && text.chars().all(is_letter)
}

fn is_hash(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("hmac-sha256:"));
    hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_scopes_are_those_of_the_model() {
        let names: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
        assert_eq!(names, SCOPES);
    }
}
