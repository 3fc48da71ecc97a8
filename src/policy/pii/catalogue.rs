//! All that can be looked for: the built-in kinds, the secrets, and a tenant's own patterns and
//! words. The rules choose from it by name and group.
//!
//! Invariant: the order is fixed, and of two equal findings the one of the kind named first wins.

use std::sync::Arc;

use super::rules::{PatternSettings, Settings, WordSettings};
use super::scan::detectors::Detectors;
use super::scan::kind::CompileError;
use super::secrets::{self, SecretFormat};
use super::validators;
use super::validators::entity::EntityType;

/// Something that can be looked for.
pub(super) enum Known<'a> {
    /// A kind of the tables.
    Entity(&'static EntityType),
    /// A format of secrets.
    Secret(&'static SecretFormat),
    /// A pattern of a tenant's own.
    Pattern(&'a PatternSettings),
    /// Words of a tenant's own.
    Words(&'a WordSettings),
}

/// Everything, in order.
pub(super) fn all(settings: &Settings) -> impl Iterator<Item = Known<'_>> {
    let patterns = settings.patterns.iter().map(Known::Pattern);
    let words = settings.words.iter().map(Known::Words);
    patterns.chain(words).chain(built_in())
}

fn built_in<'a>() -> impl Iterator<Item = Known<'a>> {
    let entities = validators::entities().chain(secrets::ENTITIES).map(Known::Entity);
    entities.chain(secrets::formats().map(Known::Secret))
}

/// What a name stands for: some kinds have a second, shorter one.
pub(super) fn meant(name: &str) -> &str {
    match name {
        "card" => "credit_card",
        "ssn" => "us_ssn",
        other => other,
    }
}

/// The names that a tenant's own may not have.
pub(super) fn built_in_names() -> impl Iterator<Item = &'static str> {
    let entities = validators::entities().chain(secrets::ENTITIES);
    let names = entities.flat_map(|entity| [entity.name, entity.group]);
    names.chain(secrets::formats().map(|format| format.name))
}

impl Known<'_> {
    /// Its name in rules and findings.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Known::Entity(entity) => entity.name.into(),
            Known::Secret(format) => format.name.into(),
            Known::Pattern(pattern) => pattern.name.as_str().into(),
            Known::Words(words) => words.name.as_str().into(),
        }
    }

    /// Its group.
    pub(super) fn group(&self) -> Option<&'static str> {
        match self {
            Known::Entity(entity) => Some(entity.group),
            Known::Secret(..) => Some("secret"),
            Known::Pattern(_) | Known::Words(_) => None,
        }
    }

    /// Adds it to detectors, with the rule's threshold.
    pub(super) fn add_to(&self, all: &mut Detectors, threshold: u8) -> Result<(), CompileError> {
        match self {
            Known::Entity(entity) => all.add_entity(entity, threshold),
            Known::Secret(format) => all.add_secret(format, threshold),
            Known::Pattern(pattern) => all.add_pattern(&self.name(), &pattern.pattern),
            Known::Words(words) => all.add_words(&self.name(), &words.words),
        }
    }
}
