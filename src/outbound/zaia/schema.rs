//! JSON Schema to the part of it that Zaia's `output` takes: typed scalars with `enum`, arrays
//! with `items`, objects with `properties` and `required`, `anyOf`. Called by `request.rs`.
//!
//! Invariant: structure is said in full or refused by its place; only constraints, which the
//! gateway checks on the answer, may be lost, and they are named.

use serde_json::{Map, Value, json};

use crate::outbound::schema_words::{Losses, types_of_choices};

const ROOT: &str = "output_schema";

/// Translates a schema. What it could not say is in the losses; with a refusal among them the
/// result is of no use.
pub(super) fn translate(schema: &Value) -> (Value, Losses) {
    let mut losses = Losses::default();
    let Value::Object(top) = schema else {
        losses.refuse(ROOT, "this platform's answers are objects");
        return (Value::Null, losses);
    };
    let is_object = match top.get("type") {
        Some(word) => word == "object",
        None => top.contains_key("properties"),
    };
    losses.sort(top, ROOT, &|_| false);
    if !is_object {
        losses.refuse(format!("{ROOT}.type"), "this platform's answers are objects");
        return (Value::Null, losses);
    }
    let mut said = Map::new();
    said.insert("type".to_owned(), json!("object"));
    // At the top, unlike below, Zaia requires them.
    if !top.contains_key("properties") {
        said.insert("properties".to_owned(), json!({}));
    }
    members(top, ROOT, &mut said, &mut losses);
    (Value::Object(said), losses)
}

fn node(schema: &Value, path: &str, losses: &mut Losses) -> Value {
    let Value::Object(object) = schema else {
        losses.refuse(path, "this platform needs a type here");
        return Value::Null;
    };
    let mut said = Map::new();
    if let Some(text @ Value::String(_)) = object.get("description") {
        said.insert("description".to_owned(), text.clone());
    }
    if let Some(Value::Array(choices)) = object.get("anyOf") {
        losses.sort(object, path, &|word| word == "anyOf");
        if ["type", "properties", "items"].iter().any(|word| object.contains_key(*word)) {
            losses.refuse(format!("{path}.anyOf"), "this platform takes it only by itself");
        }
        let choices = choices.iter().enumerate();
        let choices =
            choices.map(|(at, choice)| node(choice, &format!("{path}.anyOf[{at}]"), losses));
        let choices = choices.collect::<Vec<_>>();
        said.insert("anyOf".to_owned(), Value::Array(choices));
        return Value::Object(said);
    }
    let before = losses.refused.len();
    let (words, is_nullable) = types(object);
    let is_scalar = !words.iter().any(|word| matches!(*word, "object" | "array"));
    losses.sort(object, path, &|word| is_scalar && matches!(word, "enum" | "const"));
    if is_nullable {
        said.insert("nullable".to_owned(), json!(true));
    }
    match words.as_slice() {
        // A composition has been refused already, by its own place.
        [] if losses.refused.len() > before => {}
        [] => losses.refuse(path, "this platform needs a type here"),
        [word] => typed(object, word, path, &mut said, losses),
        [_, _, ..] => {
            let choice = |word: &&str| {
                let mut choice = Map::new();
                typed(object, word, path, &mut choice, losses);
                Value::Object(choice)
            };
            let choices = words.iter().map(choice).collect();
            said.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
    Value::Object(said)
}

/// What a schema of one type says beside its description.
fn typed(
    object: &Map<String, Value>,
    word: &str,
    path: &str,
    said: &mut Map<String, Value>,
    losses: &mut Losses,
) {
    said.insert("type".to_owned(), json!(word));
    match word {
        "object" => members(object, path, said, losses),
        "array" => {
            if let Some(items @ Value::Object(_)) = object.get("items") {
                let items = node(items, &format!("{path}.items"), losses);
                said.insert("items".to_owned(), items);
            }
        }
        _ => {
            let constant = || object.get("const").map(|value| json!([value]));
            if let Some(choices) = object.get("enum").cloned().or_else(constant) {
                said.insert("enum".to_owned(), choices);
            }
        }
    }
}

fn members(
    object: &Map<String, Value>,
    path: &str,
    said: &mut Map<String, Value>,
    losses: &mut Losses,
) {
    if let Some(Value::Object(properties)) = object.get("properties") {
        let members = properties.iter().map(|(name, schema)| {
            (name.clone(), node(schema, &format!("{path}.properties.{name}"), losses))
        });
        let members = members.collect::<Map<_, _>>();
        said.insert("properties".to_owned(), Value::Object(members));
    }
    if let Some(required @ Value::Array(_)) = object.get("required") {
        said.insert("required".to_owned(), required.clone());
    }
}

/// The types that a schema asks for, by its `type` or else by what only one type has; whether
/// null is one of several.
fn types(object: &Map<String, Value>) -> (Vec<&str>, bool) {
    let mut words: Vec<&str> = match object.get("type") {
        Some(Value::String(word)) => return (vec![word], false),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        Some(_) => Vec::new(),
        None if object.contains_key("properties") => vec!["object"],
        None if object.contains_key("items") => vec!["array"],
        None => types_of_choices(object),
    };
    let is_nullable = words.len() > 1 && words.contains(&"null");
    words.retain(|word| !is_nullable || *word != "null");
    (words, is_nullable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: &Value) -> Value {
        json!({"type": "object", "properties": {"a": field}})
    }

    fn said(field: &Value) -> Value {
        let (schema, losses) = translate(&with(field));
        assert!(losses.refused.is_empty(), "{:?}", losses.refused);
        schema["properties"]["a"].clone()
    }

    fn refused(schema: &Value) -> Vec<String> {
        translate(schema).1.refused.into_iter().map(|at| at.path).collect()
    }

    #[test]
    fn the_described_part_passes_at_any_depth() {
        for same in [
            json!({"description": "d", "type": "string", "enum": ["x"]}),
            json!({"type": "array", "items": {"type": "array", "items": {"type": "null"}}}),
            json!({"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b"]}),
            json!({"anyOf": [{"type": "string"}, {"type": "array"}]}),
        ] {
            assert_eq!(said(&same), same);
        }
        let (schema, _) = translate(&json!({"type": "object"}));
        assert_eq!(schema, json!({"type": "object", "properties": {}}));
    }

    #[test]
    fn what_is_said_otherwise_there_is_translated() {
        for (field, expected) in [
            (json!({"type": ["string", "null"]}), json!({"nullable": true, "type": "string"})),
            (
                json!({"type": ["string", "integer"]}),
                json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            ),
            (json!({"const": "x"}), json!({"type": "string", "enum": ["x"]})),
            (json!({"enum": [1, 2]}), json!({"type": "integer", "enum": [1, 2]})),
            (
                json!({"items": {"type": "string"}}),
                json!({"type": "array", "items": {"type": "string"}}),
            ),
        ] {
            assert_eq!(said(&field), expected, "{field}");
        }
    }

    #[test]
    fn structure_that_cannot_be_said_is_refused_by_its_place() {
        let at_a = |rest: &str| vec![format!("output_schema.properties.a{rest}")];
        for (field, rest) in [
            (json!({"type": "string", "$ref": "#"}), ".$ref"),
            (json!({"type": "string", "oneOf": []}), ".oneOf"),
            (json!({"type": "string", "allOf": []}), ".allOf"),
            (json!({"type": "object", "patternProperties": {}}), ".patternProperties"),
            (json!({"type": "array", "prefixItems": []}), ".prefixItems"),
            (json!({"type": "object", "properties": {}, "anyOf": []}), ".anyOf"),
            (json!({"type": "array", "items": {"$ref": "#", "type": "string"}}), ".items.$ref"),
            (json!({"anyOf": [{"type": "string"}, {}]}), ".anyOf[1]"),
            (json!({}), ""),
            (json!(true), ""),
        ] {
            assert_eq!(refused(&with(&field)), at_a(rest), "{field}");
        }
        assert_eq!(
            refused(&json!({"type": "array", "items": {"type": "string"}})),
            ["output_schema.type"]
        );
        assert_eq!(refused(&json!({"type": "object", "anyOf": []})), ["output_schema.anyOf"]);
        assert_eq!(refused(&json!(true)), ["output_schema"]);
    }

    #[test]
    fn lost_constraints_are_named_once() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "a": {"type": "string", "pattern": "x", "enum": ["x"]},
                "b": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "y"}},
            },
        });
        let lost: Vec<_> = translate(&schema).1.lost.into_iter().collect();
        assert_eq!(lost, ["additionalProperties", "minItems", "pattern"]);
    }
}
