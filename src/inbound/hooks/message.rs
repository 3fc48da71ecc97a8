//! Where the message of a webhook stands, as its configuration says. Called by `request.rs`.
//!
//! Invariant: a message is never empty; where there is none, the error says where it was sought.

use serde_json::{Map, Value};

use crate::config::HookInput;
use crate::error::{Error, Result};
use crate::inbound::text;
use crate::wire::json::{self, Bounds};

/// The message in a payload: text, or in `input` also an array of messages.
/// With it, the places of a template that had no value.
pub fn find(payload: &Map<String, Value>, input: &HookInput) -> Result<(Value, Vec<String>)> {
    let mut empty = Vec::new();
    let (found, sought) = match input {
        HookInput::Input => (message(payload.get("input")), "input"),
        HookInput::Pointer(pointer) => {
            let found = at(payload, pointer).map(text::of).unwrap_or_default();
            (Value::String(found), pointer.as_str())
        }
        HookInput::Template(template) => {
            (Value::String(fill(template, payload, &mut empty)), "the hook's template")
        }
    };
    if found.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Err(Error::invalid(sought, "the payload has no message here"));
    }
    Ok((found, empty))
}

/// An array of messages stays one; it may also come as JSON in a text.
fn message(input: Option<&Value>) -> Value {
    let is_messages = |value: &Value| {
        value.as_array().is_some_and(|all| all.first().is_some_and(|one| one.get("role").is_some()))
    };
    match input {
        Some(value) if is_messages(value) => value.clone(),
        Some(Value::String(text)) if text.trim_start().starts_with('[') => {
            let parsed = json::decode(text.as_bytes(), Bounds::default()).ok().filter(is_messages);
            parsed.unwrap_or_else(|| Value::String(text.clone()))
        }
        Some(value) => Value::String(text::of(value)),
        None => Value::String(String::new()),
    }
}

/// The value at a JSON pointer (RFC 6901).
fn at<'a>(payload: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
        Some((first, _)) => (first, pointer.get(first.len() + 1..)?),
        None => (pointer.strip_prefix('/')?, ""),
    };
    payload.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
}

/// Fills the `{{/json/pointer}}` places of a template. A place without a value stays empty: tools
/// leave out the fields that have none. It is noted in `empty`.
fn fill(template: &str, payload: &Map<String, Value>, empty: &mut Vec<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((pointer, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        match at(payload, pointer.trim()) {
            Some(value) => filled.push_str(&text::of(value)),
            None => empty.push(pointer.trim().to_owned()),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(payload: &Value, input: &HookInput) -> Result<Value> {
        find(payload.as_object().unwrap(), input).map(|(message, _)| message)
    }

    #[test]
    fn places_of_a_template_without_a_value_are_told() {
        let template = HookInput::Template("{{/a}} {{ /b/c }} {{/d}}".to_owned());
        let payload = json!({"a": 1, "b": {}});
        let (message, empty) = find(payload.as_object().unwrap(), &template).unwrap();
        assert_eq!(message, "1  ");
        assert_eq!(empty, ["/b/c", "/d"]);
    }

    #[test]
    fn a_message_is_found_where_the_configuration_says() {
        let pointer = |text: &str| HookInput::Pointer(text.to_owned());
        let template = |text: &str| HookInput::Template(text.to_owned());
        for (payload, input, text) in [
            (json!({"input": "hi"}), HookInput::Input, "hi"),
            (json!({"input": 42}), HookInput::Input, "42"),
            (json!({"input": "[draft] hi"}), HookInput::Input, "[draft] hi"),
            (json!({"text": "hi"}), pointer("/text"), "hi"),
            (json!({"a": [{"b/c": "hi"}]}), pointer("/a/0/b~1c"), "hi"),
            (json!({"body": {"x": 1}}), pointer("/body"), r#"{"x":1}"#),
            (json!({"who": "Ann", "n": 2}), template("{{/who}} has {{ /n }}{{/x}}."), "Ann has 2."),
            (json!({}), template("open {{ end"), "open {{ end"),
        ] {
            assert_eq!(found(&payload, &input).unwrap(), text);
        }
        let messages = json!([{"role": "user", "content": "hi"}]);
        assert_eq!(found(&json!({"input": messages}), &HookInput::Input).unwrap(), messages);
        let as_text = json!({"input": messages.to_string()});
        assert_eq!(found(&as_text, &HookInput::Input).unwrap(), messages);
    }

    #[test]
    fn a_payload_without_a_message_is_told_where_it_was_sought() {
        for (payload, input, path) in [
            (json!({}), HookInput::Input, "input"),
            (json!({"input": " "}), HookInput::Input, "input"),
            (json!({"input": null}), HookInput::Input, "input"),
            (json!({"text": ""}), HookInput::Pointer("/text".to_owned()), "/text"),
            (json!({}), HookInput::Pointer("/a/b".to_owned()), "/a/b"),
            (json!({}), HookInput::Template("{{/a}}".to_owned()), "the hook's template"),
        ] {
            assert_eq!(found(&payload, &input).unwrap_err().fields()[0].path, path);
        }
    }
}
