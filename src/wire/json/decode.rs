//! JSON into a type. The faces call it with the types of their requests; those say
//! `deny_unknown_fields`, and carry no `flatten` and no tag within an object, since both lose the
//! path of what is wrong below them.
//!
//! Invariant: no value that the caller sent stands in an error; a sentence of a type's own
//! `Deserialize` is passed on as it is, and must keep to that too.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::error::{Error, Result};
use crate::wire::json::check::{Bounds, check, without_mark};
use crate::wire::json::shorten;

/// Reads a whole body into its type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], bounds: Bounds) -> Result<T> {
    check(bytes, bounds)?;
    let text = without_mark(bytes);
    // Paths cost an allocation a key: they are tracked only when there is something to tell.
    serde_json::from_slice(text).or_else(|_| {
        let mut parser = serde_json::Deserializer::from_slice(text);
        serde_path_to_error::deserialize(&mut parser).map_err(|error| explain(&error))
    })
}

/// Reads a value into its type, with the same errors; for bodies that were not sent as JSON.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| explain(&error))
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = error.inner();
    let text = inner.to_string();
    let place = format!(" at line {} column {}", inner.line(), inner.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let path = path(error.path());
    if let Some((key, known)) = unknown_field(text) {
        // The key itself ends the path; where the tracker has lost it, it is put there.
        let is_there = path == key || path.ends_with(&format!(".{key}"));
        let path = if is_there { path } else { below(&path, key) };
        let message = match known {
            "" => "unknown key".to_owned(),
            known => format!("unknown key; known here: {known}"),
        };
        return Error::invalid(shorten(&path), message);
    }
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    if let Some(key) = missing {
        return Error::invalid(shorten(&below(&path, key)), "required");
    }
    Error::invalid(shorten(&path), without_value(text))
}

/// Writes a path as callers read it, `input[0].role`.
fn path(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => text = below(&text, key),
            // The variant is not part of what the caller wrote, or stands there as a key already.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The key of an `unknown field` message and the keys that it lists as known.
fn unknown_field(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("unknown field `")?;
    if let Some(key) = rest.strip_suffix("`, there are no fields") {
        return Some((key, ""));
    }
    let (key, known) = rest.rsplit_once("`, expected ")?;
    Some((key, known.strip_prefix("one of ").unwrap_or(known)))
}

/// What serde says, without the value that it quotes and without the names of our types.
fn without_value(text: &str) -> String {
    const QUOTING: [&str; 4] =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    if text.starts_with("data did not match any variant") {
        return "has none of the allowed forms".to_owned();
    }
    if !QUOTING.iter().any(|start| text.starts_with(start)) {
        return text.to_owned();
    }
    // The last one is serde's own: the quoted value stands before it.
    let expected = text.rsplit_once(", expected ").map_or("something else", |(_, after)| after);
    format!("expected {}", in_words(expected))
}

fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        "unit" => "null",
        name if name.starts_with("struct ") => "an object",
        name if name.starts_with("enum ") => "one of the allowed values",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::error::Kind;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Request {
        input: Vec<Message>,
        limits: Option<Limits>,
        stream: bool,
        metadata: indexmap::IndexMap<String, String>,
        options: serde_json::Map<String, Value>,
        nothing: Option<Nothing>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Message {
        role: Role,
        #[serde(rename = "content")]
        _content: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Role {
        User,
        Assistant,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        steps: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn field(text: &str) -> (String, String) {
        let read = |error: Error| {
            assert_eq!(error.kind(), Kind::InvalidRequest);
            (error.fields()[0].path.clone(), error.fields()[0].message.clone())
        };
        let found = read(decode::<Request>(text.as_bytes(), Bounds::default()).unwrap_err());
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(read(from_value::<Request>(&value).unwrap_err()), found);
        found
    }

    #[test]
    fn every_mistake_is_named_with_its_path() {
        let number = "expected a whole number, not negative";
        let role = "expected `user` or `assistant`";
        let cases = [
            (r#"{"input":[{"role":"owner","content":""}]}"#, "input[0].role", role),
            (r#"{"input":[{"role":"user"}]}"#, "input[0].content", "required"),
            (r#"{"input":"hello"}"#, "input", "expected an array"),
            (r#"{"input":[7]}"#, "input[0]", "expected an object"),
            (r#"{"limits":{"steps":"9"}}"#, "limits.steps", number),
            (r#"{"limits":{"steps":-1}}"#, "limits.steps", number),
            (r#"{"limits":{"steps":4294967296}}"#, "limits.steps", number),
            (r#"{"limits":{"stepz":1}}"#, "limits.stepz", "unknown key; known here: `steps`"),
            (r#"{"nothing":{"limits":1}}"#, "nothing.limits", "unknown key"),
            (r#"{"metadata":{"a":1}}"#, "metadata.a", "expected a string"),
            (r#"{"stream":"yes"}"#, "stream", "expected a boolean"),
            (r#""text""#, "", "expected an object"),
        ];
        for (text, path, message) in cases {
            assert_eq!(field(text), (path.to_owned(), message.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_ends_the_path_whatever_it_holds() {
        assert_eq!(field(r#"{"a`, expected `b":1}"#).0, "a`, expected `b");
        assert_eq!(field(r#"{"input":[{"a.b":1}]}"#).0, "input[0].a.b");
        assert!(field(r#"{"x":1}"#).1.starts_with("unknown key; known here: `input`, "));
    }

    #[test]
    fn no_value_stands_in_an_error() {
        for value in [
            r#""hunter2""#,
            r#""x, expected hunter2""#,
            r#""hunter2 at line 1 column 2""#,
            r#"{"hunter2":"hunter2"}"#,
            r#"["hunter2"]"#,
            "48152342",
        ] {
            for text in [
                format!(r#"{{"limits":{value}}}"#),
                format!(r#"{{"limits":{{"steps":[{value}]}}}}"#),
                format!(r#"{{"stream":{value}}}"#),
                format!(r#"{{"input":[{{"role":{value}}}]}}"#),
            ] {
                let error = decode::<Request>(text.as_bytes(), Bounds::default()).unwrap_err();
                let shown = serde_json::to_string(&error.problem("r")).unwrap();
                let value_of_a_key = shown.replace("limits.hunter2", "");
                assert!(!value_of_a_key.contains("hunter2"), "{text}: {shown}");
                assert!(!shown.contains("48152342"), "{text}: {shown}");
            }
        }
    }

    #[test]
    fn a_right_body_is_read() {
        let text = "\u{feff}{\"input\":[{\"role\":\"user\",\"content\":\"\\ud83d\\ude00\"}],\
                    \"stream\":true,\"options\":{\"any\":{\"depth\":[1]}}}";
        let request: Request = decode(text.as_bytes(), Bounds::default()).unwrap();
        assert_eq!(request.input[0].role, Role::User);
        assert!(request.stream && request.limits.is_none_or(|limits| limits.steps.is_none()));
        assert_eq!((request.metadata.len(), request.options.len()), (0, 1));
        assert!(request.nothing.is_none());
    }

    fn json() -> impl Strategy<Value = Value> {
        let keys = "(input|role|content|limits|steps|stream|metadata|[a-z`, ]{0,8})";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(user|[a-z`, ]{0,12})".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused_as_the_callers_fault(value in json()) {
            if let Err(error) = decode::<Request>(value.to_string().as_bytes(), Bounds::default()) {
                prop_assert_eq!(error.kind(), Kind::InvalidRequest);
                prop_assert!(!error.fields().is_empty());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_as_the_callers_fault(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            if let Err(error) = decode::<Request>(&bytes, Bounds::default()) {
                prop_assert_eq!(error.kind(), Kind::InvalidRequest);
            }
        }
    }
}
