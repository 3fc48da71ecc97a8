//! JSON Schema's keywords, by what a platform that knows only structure can do with them. Called
//! by vendors' `schema.rs`, which translate `output_schema`.
//!
//! Invariant: a keyword that is not known here counts as a constraint, so that it is reported.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, FieldError, Kind};
use crate::model::run::Warning;

/// What a keyword is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Says what there is: types, members, elements.
    Structure,
    /// Says nothing that an answer could break.
    Annotation,
    /// Puts schemas together in a way that a list of fields cannot.
    Composition,
    /// Bounds values; can be checked when the answer is there.
    Constraint,
}

/// What `keyword` with this value is.
pub fn word(keyword: &str, value: &Value) -> Word {
    match keyword {
        "type" | "properties" | "required" => Word::Structure,
        "items" if value.is_object() => Word::Structure,
        "title" | "description" | "default" | "examples" | "$schema" | "$id" | "$comment"
        | "$anchor" | "$defs" | "definitions" | "deprecated" | "readOnly" | "writeOnly" => {
            Word::Annotation
        }
        "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems"
            if value == &Value::Bool(true) =>
        {
            Word::Annotation
        }
        "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems"
            if value == &Value::Bool(false) =>
        {
            Word::Constraint
        }
        "$ref"
        | "$dynamicRef"
        | "$recursiveRef"
        | "anyOf"
        | "oneOf"
        | "allOf"
        | "if"
        | "then"
        | "else"
        | "patternProperties"
        | "prefixItems"
        | "additionalItems"
        | "dependentSchemas"
        | "items"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "unevaluatedItems" => Word::Composition,
        _ => Word::Constraint,
    }
}

/// What a translation could not say.
#[derive(Debug, Default)]
pub struct Losses {
    /// Places that the platform cannot express at all.
    pub refused: Vec<FieldError>,
    /// Keywords that only the gateway will check.
    pub lost: BTreeSet<String>,
}

impl Losses {
    /// The platform cannot express this place.
    pub fn refuse(&mut self, path: impl Into<String>, message: &str) {
        self.refused.push(FieldError { path: path.into(), message: message.to_owned() });
    }

    /// Sorts one schema's keywords: compositions are refused, constraints noted, unless the
    /// vendor takes them (`is_taken`).
    pub fn sort(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        is_taken: &dyn Fn(&str) -> bool,
    ) {
        for (keyword, value) in schema {
            match word(keyword, value) {
                Word::Structure | Word::Annotation => {}
                _ if is_taken(keyword) => {}
                Word::Composition => {
                    self.refuse(format!("{path}.{keyword}"), "this platform cannot express it");
                }
                Word::Constraint => drop(self.lost.insert(keyword.clone())),
            }
        }
    }

    /// The refusal, if there is one.
    pub fn refusal(&self, upstream: &str) -> Option<Error> {
        let (first, rest) = self.refused.split_first()?;
        let said = format!("upstream `{upstream}` cannot express this output_schema");
        let error = Error::new(Kind::UnsupportedByUpstream, said);
        let error = error.at(first.path.clone(), first.message.clone());
        Some(rest.iter().fold(error, |e, at| e.at(at.path.clone(), at.message.clone())))
    }

    /// The warning for what only the gateway will check, if there is any.
    pub fn warning(&self) -> Option<Warning> {
        if self.lost.is_empty() {
            return None;
        }
        let words: Vec<_> = self.lost.iter().map(String::as_str).collect();
        let how =
            format!("not told to the platform, but checked on its answer: {}", words.join(", "));
        Some(Warning::emulated("output_schema", &how))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_keyword_is_sorted_by_its_value_too() {
        assert_eq!(word("items", &json!({})), Word::Structure);
        assert_eq!(word("items", &json!([{}])), Word::Composition);
        assert_eq!(word("additionalProperties", &json!(false)), Word::Constraint);
        assert_eq!(word("additionalProperties", &json!({"type": "string"})), Word::Composition);
        assert_eq!(word("x-unheard-of", &json!(1)), Word::Constraint);
    }

    #[test]
    fn what_a_vendor_takes_is_neither_refused_nor_lost() {
        let schema = json!({"anyOf": [], "enum": [1], "pattern": "a"});
        let mut losses = Losses::default();
        losses.sort(schema.as_object().unwrap(), "p", &|word| word == "anyOf");
        assert!(losses.refusal("x").is_none());
        assert_eq!(
            losses.warning().unwrap().detail,
            "not told to the platform, but checked on its answer: enum, pattern"
        );
    }
}
