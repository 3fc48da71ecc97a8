//! JSON bytes to a face's own types. Called by every face that takes JSON.
//!
//! Invariant: an error names line and column, or the path of the field, and quotes no value.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Kind, Result};

/// Decodes a body.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(Kind::InvalidRequest, "the body is empty"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let decoded = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() { wrong_field(&path, &inner) } else { wrong_syntax(&inner) }
    })?;
    reader.end().map_err(|error| wrong_syntax(&error))?;
    Ok(decoded)
}

/// Decodes a value that has been read before.
pub fn value<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| wrong_field(&error.path().to_string(), error.inner()))
}

fn wrong_syntax(error: &serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    let said = format!("the body is not valid JSON at line {line} column {column}");
    Error::new(Kind::InvalidRequest, said)
}

fn wrong_field(path: &str, error: &serde_json::Error) -> Error {
    let path = if path == "." { "" } else { path };
    let message = without_values(&error.to_string());
    // What is missing is named by the place where it should stand.
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match missing {
        Some(field) if path.is_empty() => Error::invalid(field, "is required"),
        Some(field) => Error::invalid(format!("{path}.{field}"), "is required"),
        None => Error::invalid(path, message),
    }
}

/// serde quotes the value that it did not expect; a caller's value has no place in an error.
fn without_values(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    for wrong in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some(rest) = message.strip_prefix(wrong) {
            let expected = rest.rsplit_once(", expected ").map_or("something else", |(_, e)| e);
            return format!("expected {expected}");
        }
    }
    message.to_owned()
}
