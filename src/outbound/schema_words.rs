//! JSON Schema's keywords, by what a platform that knows only structure can do with them. Called
//! by vendors' `schema.rs`, which translate `output_schema`.
//!
//! Invariant: a keyword that is not known here counts as a constraint, so that it is reported.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, FieldError, Kind, Result};
use crate::model::request::Unsupported;
use crate::model::run::Warning;
use crate::outbound::prompt;

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

/// The types of the values of `enum` or `const`, each once; none where one of them is no
/// scalar.
pub fn types_of_choices(object: &Map<String, Value>) -> Vec<&'static str> {
    let constant = object.get("const").map(std::slice::from_ref);
    let choices = object.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(constant);
    let mut words = Vec::new();
    for choice in choices.unwrap_or_default() {
        let word = match choice {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) | Value::Object(_) => return Vec::new(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
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

    /// Decides over a translation: whether it is sent, and what is said in words beside it or in its
    /// place. Where it says all, nothing is; where it cannot be sent and the request does not
    /// allow words, the run is refused.
    pub fn settle(
        &self,
        upstream: &str,
        wanted: &Value,
        unsupported: Unsupported,
        words: &mut Vec<String>,
        warnings: &mut Vec<Warning>,
    ) -> Result<bool> {
        let refusal = self.refusal(upstream);
        let is_sent = refusal.is_none();
        match (refusal, self.warning()) {
            (Some(refusal), _) if unsupported == Unsupported::Reject => return Err(refusal),
            (Some(_), _) => {
                let how = "given as an instruction, because the platform cannot express it; \
                           checked on its answer";
                warnings.push(Warning::emulated("output_schema", how));
            }
            (None, Some(warning)) => warnings.push(warning),
            (None, None) => return Ok(true),
        }
        words.push(prompt::schema_instruction(wanted));
        Ok(is_sent)
    }

    /// The warning for what only the gateway will check, if there is any.
    pub fn warning(&self) -> Option<Warning> {
        if self.lost.is_empty() {
            return None;
        }
        let words: Vec<_> = self.lost.iter().map(String::as_str).collect();
        let how = format!("given in words only, and checked on the answer: {}", words.join(", "));
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
            "given in words only, and checked on the answer: enum, pattern"
        );
    }
}
