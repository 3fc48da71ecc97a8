//! What the tests of this folder begin with.

use std::sync::Arc;

use serde_json::{Value, json};

use super::json::JsonTreatment;
use super::plan::{Direction, HashKey, Plan};
use super::rules::{Rules, Scope};
use super::vault::Vault;

/// Rules from settings that are good.
pub(super) fn rules(settings: Value) -> Rules {
    Rules::compile(serde_json::from_value(settings).unwrap(), HashKey::new(b"key")).unwrap()
}

/// The scope of a plain run.
pub(super) fn scope(direction: Direction) -> Scope<'static> {
    Scope { direction, face: "unified", upstream: "u", agent: "u:a", groups: &[], workspace: "w" }
}

/// A plan that does this to everything.
pub(super) fn plan(action: &str, direction: Direction) -> Arc<Plan> {
    let rules = rules(json!({ "rules": [{ "entities": ["*"], "action": action }] }));
    rules.plan(&scope(direction)).unwrap()
}

/// A vault of its own.
pub(super) fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(b"secret", "jane", "one"))
}

/// A treatment of JSON with a vault of its own.
pub(super) fn json(action: &str) -> JsonTreatment {
    JsonTreatment::new(plan(action, Direction::ToUpstream), Some(vault()))
}
