//! JSON that travels as text inside JSON, and text that turns out to be JSON; the vendors'
//! decoders read both.
//!
//! Invariant: nothing is lost: what does not parse stays the text that came.

use serde_json::Value;

use crate::model::content::Text;

/// The object or array that a text holds; else what came. Other JSON in a text stays text, so
/// that an answer of `"42"` does not turn into a number.
pub fn json(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.filter(|inner| inner.is_object() || inner.is_array()).unwrap_or(value)
}

/// Text as it is, other JSON as its text, null as none.
pub fn text(value: Value) -> Option<Text> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.into()),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string().into())
        }
    }
}

/// A name or an id: a text that is not empty.
pub fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
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
}
