//! What is other in one configuration than in another: what operators are shown, and what no reload
//! can change.

use serde_json::Value;

use crate::config::{self, Config};
use crate::inbound::admin::reload::Change;

/// What stands for a secret that has changed behind its reference.
const CUT: &str = "[cut]";

/// The settings that differ, in the order of the newer file. Secrets are cut; where only what a
/// reference stands for has changed, its section is named.
pub(super) fn changed(before: &Config, after: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let shown = [before, after].map(config::redacted);
    differ("", &shown[0], &shown[1], &mut changes);
    for (section, is_same) in sections(before, after) {
        let is_shown = |change: &Change| {
            let rest = change.path.strip_prefix(section);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if !is_same && !changes.iter().any(is_shown) {
            let path = section.to_owned();
            changes.push(Change { path, before: CUT.into(), after: CUT.into() });
        }
    }
    changes
}

/// The sections, and whether they are the same, secrets included.
fn sections(a: &Config, b: &Config) -> [(&'static str, bool); 12] {
    [
        ("listen", a.listen == b.listen),
        ("identity", a.identity == b.identity),
        ("limits", a.limits == b.limits),
        ("counters", a.counters == b.counters),
        ("budgets", a.budgets == b.budgets),
        ("pii", a.pii == b.pii),
        ("store", a.store == b.store),
        ("audit", a.audit == b.audit),
        ("callbacks", a.callbacks == b.callbacks),
        ("upstreams", a.upstreams == b.upstreams),
        ("agents", a.agents == b.agents),
        ("hooks", a.hooks == b.hooks),
    ]
}

fn differ(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let below =
                |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            for (key, value) in new {
                differ(&below(key), old.get(key).unwrap_or(&Value::Null), value, changes);
            }
            for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                differ(&below(key), value, &Value::Null, changes);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differ(&format!("{path}[{at}]"), old, new, changes);
            }
        }
        _ => changes.push(Change {
            path: path.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

/// The settings that differ although only a start can change them.
pub(super) fn fixed(a: &Config, b: &Config) -> Vec<&'static str> {
    let (x, y) = (&a.listen, &b.listen);
    let all = [
        ("listen.api", x.api == y.api),
        ("listen.admin", x.admin == y.admin),
        ("listen.tls", x.tls.is_some() == y.tls.is_some()),
        ("listen.threads", x.threads == y.threads),
        ("listen.header_bytes", x.header_bytes == y.header_bytes),
        ("listen.header_timeout", x.header_timeout == y.header_timeout),
        ("listen.idle_timeout", x.idle_timeout == y.idle_timeout),
        ("listen.write_timeout", x.write_timeout == y.write_timeout),
        ("listen.drain", x.drain == y.drain),
        ("store.url", a.store.url == b.store.url),
        ("store.key", a.store.key == b.store.key),
        ("store.previous", a.store.previous == b.store.previous),
        ("identity.pepper", a.identity.pepper == b.identity.pepper),
        ("identity.stale", a.identity.stale == b.identity.stale),
        ("runs.kept", a.runs.kept == b.runs.kept),
        ("runs.kept_bytes", a.runs.kept_bytes == b.runs.kept_bytes),
        ("runs.history_bytes", a.runs.history_bytes == b.runs.history_bytes),
        ("audit.checkpoint.origin", a.audit.origin == b.audit.origin),
        ("audit.checkpoint.key", a.audit.key == b.audit.key),
        ("audit.checkpoint.to", a.audit.to == b.audit.to),
        ("log", a.log == b.log),
        ("telemetry.traces", a.traces == b.traces),
    ];
    all.into_iter().filter(|(_, is_same)| !is_same).map(|(path, _)| path).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(before: &Value, after: &Value) -> Vec<(String, Value, Value)> {
        let mut changes = Vec::new();
        differ("", before, after, &mut changes);
        changes.into_iter().map(|it| (it.path, it.before, it.after)).collect()
    }

    #[test]
    fn each_setting_that_differs_is_named_with_both_values() {
        let before = json!({"a": {"b": 1, "gone": true}, "list": [{"x": 1}, {"x": 2}], "same": 1});
        let after = json!({"a": {"b": 2, "new": "n"}, "list": [{"x": 1}, {"x": 3}], "same": 1});
        let expected = [
            ("a.b", json!(1), json!(2)),
            ("a.new", Value::Null, json!("n")),
            ("a.gone", json!(true), Value::Null),
            ("list[1].x", json!(2), json!(3)),
        ];
        let expected = expected.map(|(path, old, new)| (path.to_owned(), old, new));
        assert_eq!(found(&before, &after), expected);
        let grown = found(&json!({"list": [1]}), &json!({"list": [1, 2]}));
        assert_eq!(grown, [("list".to_owned(), json!([1]), json!([1, 2]))]);
    }
}
