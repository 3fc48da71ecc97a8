//! How large a JSON Schema is when every local `$ref` stands for what it names. Checking an answer
//! may visit all of that, so a small schema whose definitions name each other twice, level over
//! level, would keep a thread for years. Called when a schema is compiled.
//!
//! Invariant: takes time in proportion to the schema as written; a definition is counted once.

use std::collections::HashMap;

use serde_json::Value;

/// The number of values that the expanded schema has; a reference back to what is being expanded
/// counts as one.
pub(super) fn size(schema: &Value) -> u64 {
    Expansion { root: schema, known: HashMap::new() }.of(schema)
}

struct Expansion<'a> {
    root: &'a Value,
    /// Sizes of what was named; one while it is being counted.
    known: HashMap<&'a str, u64>,
}

impl<'a> Expansion<'a> {
    fn of(&mut self, value: &'a Value) -> u64 {
        match value {
            Value::Object(members) => {
                let named = members.get("$ref").and_then(Value::as_str);
                let named = named.map_or(0, |target| self.named(target));
                members.values().fold(1 + named, |sum, member| sum.saturating_add(self.of(member)))
            }
            Value::Array(items) => {
                items.iter().fold(1, |sum: u64, item| sum.saturating_add(self.of(item)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        }
    }

    fn named(&mut self, target: &'a str) -> u64 {
        if let Some(size) = self.known.get(target) {
            return *size;
        }
        let Some(value) = target.strip_prefix('#').and_then(|path| self.root.pointer(path)) else {
            return 1;
        };
        self.known.insert(target, 1);
        let size = self.of(value);
        self.known.insert(target, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_twice_on_each_level_doubles_each_time() {
        let level = |next: usize| {
            let next = json!({ "$ref": format!("#/$defs/{next}") });
            json!({ "anyOf": [next, next] })
        };
        let mut defs = serde_json::Map::new();
        for at in 0..60 {
            defs.insert(at.to_string(), level(at + 1));
        }
        defs.insert("60".to_owned(), json!({ "type": "string" }));
        let schema = json!({ "$ref": "#/$defs/0", "$defs": defs });
        assert!(size(&schema) > 1 << 60);
    }

    #[test]
    fn an_ordinary_schema_is_about_as_large_as_it_is_written() {
        let tree = json!({
            "type": "object",
            "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" }, "n": { "type": "integer" } },
        });
        assert!(size(&tree) < 50, "{}", size(&tree));
    }
}
