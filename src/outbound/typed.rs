//! Reads what the operator or a caller wrote for one platform into that platform's own type; the
//! vendors call it for settings, presets and options.
//!
//! Invariant: an error names the place of what is wrong and never quotes a value.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::FieldError;

/// Reads a map into its type, or names the place below the map.
pub fn read<T: DeserializeOwned>(map: &Map<String, Value>) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(map).map_err(|error| {
        let path = error.path().to_string();
        let message = message(&error.into_inner().to_string());
        FieldError { path: if path == "." { String::new() } else { path }, message }
    })
}

/// Joins a place to the place of what holds it.
pub fn below(parent: &str, path: &str) -> String {
    match path {
        "" => parent.to_owned(),
        path if parent.is_empty() || path.starts_with('[') => format!("{parent}{path}"),
        path => format!("{parent}.{path}"),
    }
}

/// serde quotes the wrong value, which may be a prompt or a credential; its type is enough.
fn message(said: &str) -> String {
    if said.starts_with("unknown variant") {
        let (_, expected) = said.rsplit_once("`, expected ").unwrap_or(("", "another one"));
        return format!("unknown value, expected {expected}");
    }
    let Some((kind, rest)) = said.split_once(": ") else { return said.to_owned() };
    let Some((found, expected)) = rest.rsplit_once(", expected ") else { return said.to_owned() };
    if kind != "invalid type" && kind != "invalid value" {
        return said.to_owned();
    }
    let found = found.split([' ', '`']).next().unwrap_or_default();
    format!("{kind}: {found}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Outer {
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Inner {
        name: u64,
    }

    fn error(value: &Value) -> (String, String) {
        let FieldError { path, message } = read::<Outer>(value.as_object().unwrap()).unwrap_err();
        (path, message)
    }

    #[test]
    fn an_error_names_its_place_and_no_value() {
        let (path, message) = error(&json!({"items":[{"name":1},{"name":"s3cret, expected x"}]}));
        assert_eq!(path, "items[1].name");
        assert_eq!(message, "invalid type: string, expected u64");
        let (path, message) = error(&json!({"items":[{"name":1,"nome":2}]}));
        assert_eq!(path, "items[0].nome");
        assert_eq!(message, "unknown field `nome`, expected `name`");
        let (path, message) = error(&json!({}));
        assert_eq!(path, "");
        assert_eq!(message, "missing field `items`");
    }

    #[test]
    fn an_unknown_value_is_not_quoted() {
        let said = "unknown variant `s3cret`, expected `a` or `b`";
        assert_eq!(message(said), "unknown value, expected `a` or `b`");
    }

    #[test]
    fn places_are_joined_as_callers_write_them() {
        assert_eq!(below("a", "b[0].c"), "a.b[0].c");
        assert_eq!(below("a", "[0]"), "a[0]");
        assert_eq!(below("a", ""), "a");
        assert_eq!(below("", "b"), "b");
    }
}
