//! Any JSON value as text, for protocols whose fields are text. Called by hooks and by the face
//! of ACP.

use serde_json::Value;

/// A string as it is, nothing for null, anything else as its JSON.
pub fn of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
