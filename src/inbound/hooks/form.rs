//! Form posts to JSON objects, and flat keys to nested ones. Called by `request.rs`.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Decodes `application/x-www-form-urlencoded`. A key that comes several times becomes an array,
/// as does one that ends in `[]`.
pub fn decode(bytes: &[u8]) -> Result<Map<String, Value>> {
    let mut map: Map<String, Value> = Map::new();
    for (key, value) in form_urlencoded::parse(bytes) {
        let value = Value::String(value.into_owned());
        let listed = key.ends_with("[]");
        let key = key.strip_suffix("[]").unwrap_or(&key);
        match map.get_mut(key) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None if listed => drop(map.insert(key.to_owned(), Value::Array(vec![value]))),
            None => drop(map.insert(key.to_owned(), value)),
        }
    }
    Ok(map)
}

/// Nests keys with double underscores: `context__region` is `region` in `context`. A key that
/// has no name on one side of its underscores stays as it is.
pub fn unflatten(flat: Map<String, Value>) -> Result<Map<String, Value>> {
    let mut nested = Map::new();
    for (key, value) in flat {
        let parts: Vec<&str> = key.split("__").collect();
        if parts.len() == 1 || parts.iter().any(|part| part.is_empty()) {
            put(&mut nested, &[&key], value, &key)?;
        } else {
            put(&mut nested, &parts, value, &key)?;
        }
    }
    Ok(nested)
}

fn put(map: &mut Map<String, Value>, parts: &[&str], value: Value, key: &str) -> Result<()> {
    let conflict = || Error::invalid(key, "is in conflict with another key of the payload");
    let [first, rest @ ..] = parts else { return Err(conflict()) };
    if rest.is_empty() {
        return match (map.get_mut(*first), value) {
            (Some(Value::Object(known)), Value::Object(more)) => {
                known.extend(more);
                Ok(())
            }
            // Zapier sends the parent, empty, beside its parts.
            (Some(Value::Object(_)), Value::String(empty)) if empty.is_empty() => Ok(()),
            (Some(_), _) => Err(conflict()),
            (None, value) => {
                map.insert((*first).to_owned(), value);
                Ok(())
            }
        };
    }
    let inner = map.entry(*first).or_insert_with(|| Value::Object(Map::new()));
    if inner.as_str() == Some("") {
        *inner = Value::Object(Map::new());
    }
    put(inner.as_object_mut().ok_or_else(conflict)?, rest, value, key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nested(form: &str) -> Result<Value> {
        unflatten(decode(form.as_bytes())?).map(Value::Object)
    }

    #[test]
    fn flat_keys_are_nested_and_repeated_ones_listed() {
        for (form, expected) in [
            ("a=1&b=x+y%26", json!({"a": "1", "b": "x y&"})),
            ("a__b__c=1&a__b__d=2&a__e=3", json!({"a": {"b": {"c": "1", "d": "2"}, "e": "3"}})),
            ("a=1&a=2&b[]=3", json!({"a": ["1", "2"], "b": ["3"]})),
            ("__a=1&b__=2&c____d=3", json!({"__a": "1", "b__": "2", "c____d": "3"})),
            ("a=&a__b=1", json!({"a": {"b": "1"}})),
            ("a__b=1&a=", json!({"a": {"b": "1"}})),
            ("", json!({})),
        ] {
            assert_eq!(nested(form).unwrap(), expected, "{form}");
        }
    }

    #[test]
    fn keys_in_conflict_are_refused_by_name() {
        for (form, path) in
            [("a=1&a__b=2", "a__b"), ("a__b=2&a=1", "a"), ("a__b=1&a__b__c=2", "a__b__c")]
        {
            assert_eq!(nested(form).unwrap_err().fields()[0].path, path);
        }
    }
}
