//! Invents values of a wanted shape, as a model would that obeys; the platforms use it where a
//! request asks for structured output.
//!
//! Invariant: an empty request for a shape gives an empty object, never a failure.

use serde_json::{Map, Value, json};

/// The most places of a text at which a schema is looked for.
const PLACES: usize = 256;

/// A value for a JSON Schema of the plain kind: type, properties, items, enum, const, anyOf.
/// Free strings are `text`.
pub fn of_json_schema(schema: &Value, text: &str) -> Value {
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    for choice in ["enum", "anyOf", "oneOf"] {
        if let Some(first) = schema.get(choice).and_then(|all| all.get(0)) {
            return if choice == "enum" { first.clone() } else { of_json_schema(first, text) };
        }
    }
    match type_of(schema) {
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let members = properties.into_iter().flatten();
            let member =
                |(name, schema): (&String, &Value)| (name.clone(), of_json_schema(schema, text));
            Value::Object(members.map(member).collect())
        }
        "array" => {
            schema.get("items").map_or(json!([]), |item| json!([of_json_schema(item, text)]))
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!(text),
    }
}

fn type_of(schema: &Value) -> &str {
    let kind = schema.get("type");
    let first = kind.and_then(|kinds| kinds.get(0)).or(kind).and_then(Value::as_str);
    first.unwrap_or(if schema.get("properties").is_some() { "object" } else { "string" })
}

/// An object for the fields of a Make schema.
pub fn of_make_schema(fields: &Value, text: &str) -> Value {
    let fields = fields.as_array().into_iter().flatten();
    let members = fields.filter_map(|field| {
        let name = field.get("name").and_then(Value::as_str)?;
        Some((name.to_owned(), of_make_field(field, text)))
    });
    Value::Object(members.collect::<Map<String, Value>>())
}

fn of_make_field(field: &Value, text: &str) -> Value {
    let spec = field.get("spec");
    match field.get("type").and_then(Value::as_str).unwrap_or("any") {
        "number" | "integer" | "uinteger" => json!(1),
        "boolean" => json!(true),
        "date" => json!("2026-01-01T00:00:00.000Z"),
        "uuid" => json!("00000000-0000-4000-8000-000000000001"),
        "email" => json!("someone@example.com"),
        "url" => json!("https://example.com/"),
        "color" => json!("#336699"),
        "dynamicCollection" => json!({}),
        "collection" => of_make_schema(spec.unwrap_or(&Value::Null), text),
        "array" => match spec {
            Some(Value::Array(_)) => json!([of_make_schema(spec.unwrap_or(&Value::Null), text)]),
            Some(item) => json!([of_make_field(item, text)]),
            None => json!([]),
        },
        _ => json!(text),
    }
}

/// The first JSON Schema of an object that stands in a text, as it does where somebody asks a
/// model for it in words.
pub fn schema_in(text: &str) -> Option<Value> {
    text.match_indices('{').take(PLACES).find_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<Value>();
        values.next()?.ok().filter(|value| value.get("properties").is_some_and(Value::is_object))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_shape_of_its_json_schema() {
        let schema = json!({"type": "object", "properties": {
            "name": {"type": "string"}, "level": {"enum": ["low", "high"]},
            "tags": {"type": "array", "items": {"type": ["integer", "null"], "minimum": 3}},
            "more": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}});
        let expected = json!({"name": "hi", "level": "low", "tags": [3], "more": true});
        assert_eq!(of_json_schema(&schema, "hi"), expected);
        assert!(jsonschema::is_valid(&schema, &expected));
    }

    #[test]
    fn a_value_has_the_shape_of_its_make_schema() {
        let fields = json!([
            {"name": "title", "type": "text"},
            {"name": "items", "type": "array", "spec": {"type": "integer"}},
            {"name": "who", "type": "collection", "spec": [{"name": "ok", "type": "boolean"}]}]);
        let expected = json!({"title": "hi", "items": [1], "who": {"ok": true}});
        assert_eq!(of_make_schema(&fields, "hi"), expected);
    }

    #[test]
    fn a_schema_is_found_in_words() {
        let text = r#"Earlier: {"role":"user"} Answer by {"type":"object","properties":{}} only"#;
        assert_eq!(schema_in(text), Some(json!({"type": "object", "properties": {}})));
        assert_eq!(schema_in("{ no { schema"), None);
    }
}
