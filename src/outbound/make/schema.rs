//! JSON Schema to Make's schema: a list of fields, each with a type and, one level deep, a `spec`
//! of what it holds. Called by `request.rs`.
//!
//! Invariant: structure is said in full or refused by its place; only constraints, which the
//! gateway checks on the answer, may be lost, and they are named.

use serde_json::{Map, Value};

use super::wire::{OutputParser, SchemaField, Spec};
use crate::outbound::schema_words::{Losses, types_of_choices};

/// The most members that a `spec` holds.
const MOST_MEMBERS: usize = 10;

const ROOT: &str = "output_schema";

/// Translates a schema. What it could not say is in the losses; with a refusal among them the
/// parser is of no use.
pub(super) fn translate(schema: &Value) -> (OutputParser, Losses) {
    let mut losses = Losses::default();
    let schema = match schema.as_object() {
        Some(object) if is_object(object) => members(object, ROOT, 0, &mut losses),
        Some(object) => {
            losses.sort(object, ROOT, &|_| false);
            losses.refuse(format!("{ROOT}.type"), "this platform's answers are objects");
            Vec::new()
        }
        None => {
            losses.refuse(ROOT, "this platform's answers are objects");
            Vec::new()
        }
    };
    (OutputParser { r#type: "make-schema", schema }, losses)
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(word)) => word == "object",
        None => schema.contains_key("properties"),
        Some(_) => false,
    }
}

/// An object's members as fields.
fn members(
    object: &Map<String, Value>,
    path: &str,
    depth: usize,
    losses: &mut Losses,
) -> Vec<SchemaField> {
    losses.sort(object, path, &|_| false);
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        losses.refuse(path, "this platform needs to know the object's members");
        return Vec::new();
    };
    if properties.is_empty() {
        losses.refuse(format!("{path}.properties"), "this platform cannot express an empty object");
    }
    if depth > 0 && properties.len() > MOST_MEMBERS {
        let most = format!("this platform takes at most {MOST_MEMBERS} nested members");
        losses.refuse(format!("{path}.properties"), &most);
    }
    let required: Vec<&str> = match object.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    if required.iter().any(|name| !properties.contains_key(*name)) {
        losses.lost.insert("required".to_owned());
    }
    properties
        .iter()
        .map(|(name, schema)| {
            let path = format!("{path}.properties.{name}");
            let mut field = field(schema, &path, depth, losses);
            field.required = required.contains(&name.as_str());
            field.name = Some(name.clone());
            field
        })
        .collect()
}

/// One schema as a field without a name.
fn field(schema: &Value, path: &str, depth: usize, losses: &mut Losses) -> SchemaField {
    let mut field =
        SchemaField { name: None, r#type: "any", label: None, required: false, spec: None };
    let Value::Object(object) = schema else {
        if schema != &Value::Bool(true) {
            losses.refuse(path, "this platform cannot express it");
        }
        return field;
    };
    let label = object.get("description").or_else(|| object.get("title"));
    field.label = label.and_then(Value::as_str).map(str::to_owned);
    let word = type_word(object, path, losses);
    let format = text_type(object).filter(|_| word == Some("string"));
    // `members` sorts an object's keywords itself, unless it is too deep to get there.
    if word != Some("object") || depth > 0 {
        losses.sort(object, path, &|keyword| match keyword {
            "format" => format.is_some(),
            "minimum" => word == Some("integer") && is_unsigned(object),
            _ => false,
        });
    }
    match word {
        Some("object") => {
            field.r#type = "collection";
            // A `spec` has no `spec` of its own: this is as deep as Make's schema goes.
            if depth > 0 {
                losses.refuse(path, "this platform cannot express objects nested so deeply");
            } else {
                field.spec = Some(Spec::Members(members(object, path, depth + 1, losses)));
            }
        }
        Some("array") => {
            field.r#type = "array";
            if let Some(items @ Value::Object(element)) = object.get("items") {
                if depth == 0 && is_object(element) {
                    // A list of fields is what Make has for an array of objects.
                    let path = format!("{path}.items");
                    field.spec = Some(Spec::Members(members(element, &path, depth + 1, losses)));
                } else if depth > 0 {
                    losses.refuse(
                        format!("{path}.items"),
                        "this platform cannot express elements nested so deeply",
                    );
                } else {
                    let element = self::field(items, &format!("{path}.items"), depth + 1, losses);
                    field.spec = Some(Spec::Element(Box::new(element)));
                }
            }
        }
        Some("string") => field.r#type = format.unwrap_or("text"),
        Some("integer") if is_unsigned(object) => field.r#type = "uinteger",
        Some("integer") => field.r#type = "integer",
        Some("number") => field.r#type = "number",
        Some("boolean") => field.r#type = "boolean",
        Some(_) | None => {}
    }
    field
}

/// The one type that a schema asks for. None for what only Make's `any` can hold; that is a
/// constraint lost.
fn type_word<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    losses: &mut Losses,
) -> Option<&'a str> {
    let one = match object.get("type") {
        None if object.contains_key("properties") => return Some("object"),
        None if object.contains_key("items") => return Some("array"),
        None => {
            return match types_of_choices(object).as_slice() {
                [one] if *one != "null" => Some(*one),
                _ => None,
            };
        }
        Some(Value::String(word)) => Some(word.as_str()),
        Some(Value::Array(words)) => {
            losses.lost.insert("type".to_owned());
            let mut words = words.iter().filter_map(Value::as_str).filter(|word| *word != "null");
            match (words.next(), words.next()) {
                (one, None) => one,
                // Several: `any` holds them all, unless their structure would be lost with it.
                _ if ["properties", "items"].iter().any(|word| object.contains_key(*word)) => {
                    losses.refuse(format!("{path}.type"), "this platform cannot express it");
                    None
                }
                _ => None,
            }
        }
        Some(_) => None,
    };
    if one == Some("null") {
        losses.lost.insert("type".to_owned());
        return None;
    }
    one
}

/// Whether an integer begins at 0, for which Make has a type.
fn is_unsigned(object: &Map<String, Value>) -> bool {
    object.get("minimum").and_then(Value::as_f64) == Some(0.0)
}

/// Make's text type for a `format`, where there is one that says as much.
fn text_type(object: &Map<String, Value>) -> Option<&'static str> {
    match object.get("format").and_then(Value::as_str)? {
        "email" => Some("email"),
        "uri" => Some("url"),
        "uuid" => Some("uuid"),
        // Make's dates have a time; a day alone stays text.
        "date-time" => Some("date"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: &Value) -> Value {
        let (parser, losses) = translate(schema);
        assert!(losses.refusal("x").is_none(), "{:?}", losses.refused);
        serde_json::to_value(parser).unwrap()
    }

    fn refused(schema: &Value) -> Vec<String> {
        translate(schema).1.refused.into_iter().map(|at| at.path).collect()
    }

    fn lost(schema: &Value) -> Vec<String> {
        translate(schema).1.lost.into_iter().collect()
    }

    fn with(field: &Value) -> Value {
        json!({"type": "object", "properties": {"a": field}})
    }

    #[test]
    fn members_become_fields_and_one_level_of_nesting_a_spec() {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": {"type": "string", "description": "A short one"},
                "mail": {"type": "string", "format": "email"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
                "what": {},
            },
            "required": ["title", "tags"],
        });
        assert_eq!(
            said(&schema),
            json!({"type": "make-schema", "schema": [
                {"name": "title", "type": "text", "label": "A short one", "required": true},
                {"name": "mail", "type": "email", "required": false},
                {"name": "tags", "type": "array", "required": true,
                 "spec": {"type": "text", "required": false}},
                {"name": "place", "type": "collection", "required": false,
                 "spec": [{"name": "city", "type": "text", "required": true}]},
                {"name": "what", "type": "any", "required": false},
            ]})
        );
        assert!(lost(&schema).is_empty());
    }

    #[test]
    fn structure_that_cannot_be_said_is_refused_by_its_place() {
        let at_a = |rest: &str| vec![format!("output_schema.properties.a{rest}")];
        for (field, rest) in [
            (json!({"$ref": "#/$defs/x"}), ".$ref"),
            (json!({"anyOf": [{"type": "string"}]}), ".anyOf"),
            (json!({"oneOf": []}), ".oneOf"),
            (json!({"allOf": []}), ".allOf"),
            (json!({"type": "array", "prefixItems": []}), ".prefixItems"),
            (json!({"type": "array", "items": [{}]}), ".items"),
            (json!({"type": "object", "properties": {}}), ".properties"),
            (json!({"type": "object"}), ""),
            (
                json!({"type": "object", "properties": {"b": {}}, "additionalProperties": {"type": "string"}}),
                ".additionalProperties",
            ),
            (
                json!({"type": "object", "properties": {"b": {"type": "object", "properties": {"c": {}}}}}),
                ".properties.b",
            ),
            (
                json!({"type": "array", "items": {"type": "object", "properties": {"b": {"type": "object"}}}}),
                ".items.properties.b",
            ),
            (json!({"type": "array", "items": {"type": "array", "items": {}}}), ".items.items"),
            (json!({"type": ["object", "string"], "properties": {"b": {}}}), ".type"),
            (json!(false), ""),
        ] {
            assert_eq!(refused(&with(&field)), at_a(rest), "{field}");
        }
    }

    #[test]
    fn each_type_becomes_the_closest_of_make() {
        for (field, expected) in [
            (json!({"type": "string", "format": "uri"}), json!({"type": "url"})),
            (json!({"type": "string", "format": "uuid"}), json!({"type": "uuid"})),
            (json!({"type": "string", "format": "date-time"}), json!({"type": "date"})),
            (json!({"type": "string", "format": "date"}), json!({"type": "text"})),
            (json!({"type": "integer", "minimum": 0}), json!({"type": "uinteger"})),
            (json!({"type": "integer", "minimum": 1}), json!({"type": "integer"})),
            (json!({"type": "number", "minimum": 0}), json!({"type": "number"})),
            (json!({"type": ["boolean", "null"]}), json!({"type": "boolean"})),
            (json!({"enum": ["a", "b"]}), json!({"type": "text"})),
            (json!({"const": 7}), json!({"type": "integer"})),
            (json!({"enum": ["a", 7]}), json!({"type": "any"})),
            (json!({"type": "null"}), json!({"type": "any"})),
            (json!({"title": "t", "type": "array"}), json!({"type": "array", "label": "t"})),
            (
                json!({"type": "array", "items": {"type": "object",
                    "properties": {"b": {"type": "string"}}, "required": ["b"]}}),
                json!({"type": "array", "spec": [{"name": "b", "type": "text", "required": true}]}),
            ),
        ] {
            let mut expected = expected;
            expected["name"] = json!("a");
            expected["required"] = json!(false);
            assert_eq!(said(&with(&field))["schema"], json!([expected]), "{field}");
        }
    }

    #[test]
    fn the_top_is_an_object() {
        assert_eq!(refused(&json!({"type": "array", "items": {}})), ["output_schema.type"]);
        assert_eq!(refused(&json!(true)), ["output_schema"]);
        assert_eq!(
            refused(&json!({"anyOf": [{"type": "object"}]})),
            ["output_schema.anyOf", "output_schema.type"]
        );
    }

    #[test]
    fn a_collection_holds_ten_members_and_no_more() {
        let nested = |count: usize| {
            let members: Map<_, _> =
                (0..count).map(|n| (format!("m{n}"), json!({"type": "string"}))).collect();
            with(&json!({"type": "object", "properties": members}))
        };
        assert!(refused(&nested(10)).is_empty());
        assert_eq!(refused(&nested(11)), ["output_schema.properties.a.properties"]);
    }

    #[test]
    fn lost_constraints_are_named_once() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "a": {"type": "string", "enum": ["x"], "pattern": "x"},
                "b": {"type": ["integer", "null"], "minimum": 1},
                "c": {"type": "string", "format": "date", "pattern": "y"},
                "d": {"type": "string", "format": "email"},
            },
        });
        assert_eq!(
            lost(&schema),
            ["additionalProperties", "enum", "format", "minimum", "pattern", "type"]
        );
    }
}
