//! A webhook's values to the types of the run request: tools send numbers and booleans as text,
//! lists with commas, objects as JSON in a text. Called by `request.rs`.
//!
//! Invariant: what cannot be read is left as it came, so that the request's own check refuses it
//! by its path.

use serde_json::{Map, Number, Value};

use crate::inbound::text;
use crate::wire::json::{self, Bounds};

/// The value of a known field, in the type that the field has.
pub fn field(name: &str, value: Value) -> Value {
    match name {
        "stream" | "background" => boolean(value),
        "thread_id" | "instructions" | "instructions_mode" | "model" | "unsupported" => {
            scalar_text(value)
        }
        "metadata" => texts(parsed(value)),
        "limits" => limits(parsed(value)),
        "tools" => list(parsed(value)),
        "callback" => address(parsed(value)),
        _ => parsed(value),
    }
}

/// Whether a value stands for nothing: tools send an empty text for a field that was left empty.
pub fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn boolean(value: Value) -> Value {
    let word = value.as_str().map(|text| text.trim().to_ascii_lowercase());
    match word.as_deref() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => value,
    }
}

/// JSON in a text, where it is an object or an array.
fn parsed(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let nested = text.trim_start().starts_with(['{', '[']);
    nested.then(|| json::decode(text.as_bytes(), Bounds::default()).ok()).flatten().unwrap_or(value)
}

fn texts(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    map.into_iter().map(|(key, value)| (key, scalar_text(value))).collect()
}

fn scalar_text(value: Value) -> Value {
    if value.is_number() || value.is_boolean() { text::of(&value).into() } else { value }
}

fn limits(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let given = map.into_iter().filter(|(_, value)| !is_absent(value));
    given
        .map(|(key, value)| {
            let value = if key == "max_cost_usd" { scalar_text(value) } else { number(value) };
            (key, value)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn number(value: Value) -> Value {
    let read = value.as_str().and_then(|text| text.trim().parse::<u64>().ok());
    read.map_or(value, |number| Value::Number(Number::from(number)))
}

fn list(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(Value::from).collect()
}

/// Tools that know one address to call back give it alone.
fn address(value: Value) -> Value {
    if value.is_string() { serde_json::json!({ "url": value }) } else { value }
}
