//! JSON that travels as text inside JSON, and text that turns out to be JSON; the vendors'
//! decoders read both.
//!
//! Invariant: nothing is lost: what does not parse stays the text that came.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The object or array that a text holds; else what came. Other JSON in a text stays text, so
/// that an answer of `"42"` does not turn into a number.
pub fn json(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.filter(|inner| inner.is_object() || inner.is_array()).unwrap_or(value)
}

/// A platform's word for a log line: whoever writes a name may write a value into it, so that only
/// what looks like a word is shown.
pub fn word(name: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.');
    if name.len() <= 40 && name.bytes().all(is_plain) { name } else { "(no word)" }
}

/// Text as it is, other JSON as its text, null as none.
pub fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    }
}

/// A name or an id: a text that is not empty.
pub fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A member as its type says, none where it has another form: a detail that a platform changed
/// does not cost the answer.
pub fn loose<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// A list whose elements are read one by one; what has another form is left out of it.
pub fn each<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    let read = |item| {
        let read = serde_json::from_value(item);
        // Only that it was so: the element may hold a prompt.
        read.inspect_err(|_| tracing::debug!("an element of unknown form was left out")).ok()
    };
    Ok(items.into_iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_objects_and_arrays_are_taken_out_of_a_text() {
        assert_eq!(super::json(json!("{\"a\":1}")), json!({"a": 1}));
        assert_eq!(super::json(json!("[1]")), json!([1]));
        for same in [json!("42"), json!("{"), json!(""), json!({"a": "[1]"}), Value::Null] {
            assert_eq!(super::json(same.clone()), same);
        }
    }

    #[test]
    fn what_has_another_form_costs_nothing_but_itself() {
        #[derive(Deserialize)]
        struct Sample {
            #[serde(default, deserialize_with = "loose")]
            count: Option<u64>,
            #[serde(default, deserialize_with = "each")]
            names: Vec<String>,
        }
        for (given, count, names) in [
            (json!({"count": 3, "names": ["a", 1, "b"]}), Some(3), vec!["a", "b"]),
            (json!({"count": "3", "names": {"a": 1}}), None, vec![]),
            (json!({"count": null, "names": null}), None, vec![]),
            (json!({}), None, vec![]),
        ] {
            let sample: Sample = serde_json::from_value(given).unwrap();
            assert_eq!(
                (sample.count, sample.names),
                (count, names.into_iter().map(Into::into).collect())
            );
        }
    }
}
