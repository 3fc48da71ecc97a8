//! JSON that travels as text inside JSON; the decoder and its tool calls read it.
//!
//! Invariant: nothing is lost: what does not parse stays the text that came.

use serde_json::Value;

use crate::model::content::Text;

/// The object or array that a text holds; else what came. Other JSON in a text stays text, so
/// that an answer of `"42"` does not turn into a number.
pub(super) fn nested(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.filter(|inner| inner.is_object() || inner.is_array()).unwrap_or(value)
}

/// Text as it is, other JSON as its text; none where there is nothing.
pub(super) fn text(value: Value) -> Option<Text> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text).filter(|text| !text.is_empty()).map(Text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string().into())
        }
    }
}
