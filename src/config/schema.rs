//! The JSON Schema of a configuration file, for editors and `switchyard schema`. Made from the
//! keys that the reader asks for, so that the two cannot drift.
//!
//! Invariant: what `check` takes, the schema takes; it may take more, where only the gateway can
//! compare two values.

use serde_json::{Map, Value, json};

use super::describe::{Key, Shape};
use super::load::keys;
use super::places::below;

/// A reference may stand for any text.
const REFERENCE: &str = r"\$\{(env|file):[^}]+\}";

/// What the vendors add, whose `$defs` and `$ref`s are taken along.
#[derive(Default)]
pub struct Vendors<'a> {
    /// By kind, the schema of the object of its own settings.
    pub settings: Vec<(&'a str, Value)>,
    /// By kind, the schema of its agents' presets, for the kinds that have some.
    pub presets: Vec<(&'a str, Value)>,
}

/// The schema.
pub fn schema(vendors: &Vendors<'_>) -> Value {
    let keys = keys();
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("Switchyard's configuration"));
    schema.extend(object(&keys, "", vendors));
    let defs = definitions(vendors);
    if !defs.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(defs));
    }
    Value::Object(schema)
}

/// The keys of one section.
fn object(keys: &[Key], parent: &str, vendors: &Vendors<'_>) -> Map<String, Value> {
    let children = || keys.iter().filter(move |key| below(parent, key.name) == key.pattern);
    let mut properties = Map::new();
    let mut is_open = false;
    for key in children() {
        if key.shape == Shape::Rest {
            is_open = true;
        } else {
            properties.insert(key.name.to_owned(), Value::Object(property(keys, key, vendors)));
        }
    }
    let required: Vec<_> = children().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!(["object", "null"]));
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        // An empty section lacks what is required just as an absent key does.
        object.insert("type".to_owned(), json!("object"));
        object.insert("required".to_owned(), json!(required));
    }
    if !is_open {
        object.insert("additionalProperties".to_owned(), json!(false));
    } else if !vendors.settings.is_empty() {
        let kinds = vendors.settings.iter().map(|(kind, _)| {
            json!({
                "if": {"properties": {"kind": {"const": kind}}},
                "then": {"$ref": format!("#/$defs/{kind}")}
            })
        });
        object.insert("allOf".to_owned(), kinds.collect());
        object.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    object
}

fn property(keys: &[Key], key: &Key, vendors: &Vendors<'_>) -> Map<String, Value> {
    let mut property = match key.shape {
        Shape::Section => object(keys, &key.pattern, vendors),
        Shape::Entries => {
            let entry = object(keys, &below(&key.pattern, "*"), vendors);
            let kind = if key.is_required { json!("object") } else { json!(["object", "null"]) };
            map(json!({"type": kind, "additionalProperties": entry}))
        }
        Shape::Items => {
            let item = object(keys, &format!("{}[]", key.pattern), vendors);
            map(json!({"type": ["array", "null"], "items": item}))
        }
        Shape::Object => {
            // Which kind an agent lives on stands elsewhere in the file, so any kind's will do.
            let presets = vendors.presets.iter();
            let refs = presets.map(|(kind, _)| json!({"$ref": format!("#/$defs/{kind}.preset")}));
            let none = json!({"type": ["object", "null"], "maxProperties": 0});
            map(json!({"anyOf": refs.chain([none]).collect::<Value>()}))
        }
        Shape::Duration => text(r"[0-9]+(ms|s|m|h)"),
        Shape::Bytes => map(json!({
            "oneOf": [text(r"[0-9]+(KiB|MiB|GiB)?"), {"type": "integer", "minimum": 0}]
        })),
        Shape::Count => count(key),
        Shape::Flag => map(json!({"type": "boolean"})),
        Shape::Text | Shape::Address => map(json!({"type": "string", "minLength": 1})),
        Shape::Secret => map(json!({"type": "string", "pattern": format!("^{REFERENCE}$")})),
        Shape::Choice(words) => text(&words.join("|")),
        Shape::Texts => one_or_many(&map(json!({"type": "string", "minLength": 1}))),
        Shape::Choices(words) => one_or_many(&text(&words.join("|"))),
        Shape::Time => text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].+"),
        Shape::Decimal => {
            let number = json!({"type": "integer", "minimum": 0});
            map(json!({"oneOf": [text(r"[0-9]+(\.[0-9]{1,6})?"), number]}))
        }
        Shape::Rest => Map::new(),
    };
    property.insert("description".to_owned(), json!(describe(key)));
    if let Some(default) = &key.default {
        property.insert("default".to_owned(), default.clone());
    }
    if key.pattern == "upstreams.*.kind" && !vendors.settings.is_empty() {
        let kinds: Vec<&str> = vendors.settings.iter().map(|(kind, _)| *kind).collect();
        property.insert("enum".to_owned(), json!(kinds));
    }
    property
}

fn text(pattern: &str) -> Map<String, Value> {
    map(json!({"type": "string", "pattern": format!("^({pattern}|.*{REFERENCE}.*)$")}))
}

fn one_or_many(one: &Map<String, Value>) -> Map<String, Value> {
    map(json!({"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]}))
}

fn count(key: &Key) -> Map<String, Value> {
    let mut count = map(json!({"type": "integer"}));
    if let Some((least, most, _)) = &key.bounds {
        count.insert("minimum".to_owned(), least.clone());
        count.insert("maximum".to_owned(), most.clone());
    }
    count
}

fn describe(key: &Key) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match &key.bounds {
        Some((least, most, why)) => {
            format!("{} From {} to {}: {why}.", key.about, plain(least), plain(most))
        }
        None => key.about.to_owned(),
    }
}

/// The vendors' schemas, and theirs, under names that cannot clash.
fn definitions(vendors: &Vendors<'_>) -> Map<String, Value> {
    let mut definitions = Map::new();
    for (kind, schema) in &vendors.settings {
        let mut schema = map(schema.clone());
        // The upstream's own keys stand beside these, so closing is done outside.
        for key in ["additionalProperties", "unevaluatedProperties"] {
            schema.shift_remove(key);
        }
        define(kind, schema, &mut definitions);
    }
    for (kind, schema) in &vendors.presets {
        define(&format!("{kind}.preset"), map(schema.clone()), &mut definitions);
    }
    definitions
}

fn define(name: &str, mut schema: Map<String, Value>, definitions: &mut Map<String, Value>) {
    for key in ["$schema", "title"] {
        schema.shift_remove(key);
    }
    let inner = schema.shift_remove("$defs").map(map).unwrap_or_default();
    let mut schema = Value::Object(schema);
    point_below(&mut schema, name);
    definitions.insert(name.to_owned(), schema);
    for (inner, mut definition) in inner {
        point_below(&mut definition, name);
        definitions.insert(format!("{name}.{inner}"), definition);
    }
}

/// Makes `#/$defs/Name` to `#/$defs/<name>.Name`.
fn point_below(schema: &mut Value, name: &str) {
    if let Some(fields) = schema.as_object_mut() {
        for (key, value) in fields {
            if let (Value::String(target), "$ref") = (&mut *value, key.as_str()) {
                *target = target.replace("#/$defs/", &format!("#/$defs/{name}."));
            }
            point_below(value, name);
        }
    } else if let Some(items) = schema.as_array_mut() {
        items.iter_mut().for_each(|item| point_below(item, name));
    }
}

fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}
