//! Treats and restores whole JSON values in place: every string, every key, numbers that may be
//! identifiers, and JSON documents inside of strings.
//!
//! Invariant: after an error the value must not be used; depth and size are bounded, and beyond
//! the bound is an error.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::plan::Plan;
use super::scan::Failure;
use super::token::restore::restored;
use super::treat::{Count, Treatment};
use super::vault::Vault;
use crate::model::content::Text;
use crate::wire;
use crate::wire::json::Bounds;

/// Arrays and objects in one another, documents inside of strings included: what the JSON reader
/// takes.
const MAX_DEPTH: usize = 128;
/// Bytes of all strings of a value: more than a request may have.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Documents inside of strings inside of documents.
const MAX_LEVELS: usize = 2;
/// Digits from which on a number may identify somebody.
const LONG_NUMBER: usize = 6;

/// Treats JSON values, counting over all of them.
pub struct JsonTreatment {
    treatment: Treatment,
    bytes: usize,
    is_idle: bool,
    out: String,
}

impl JsonTreatment {
    /// As [`Treatment::new`].
    pub fn new(plan: Arc<Plan>, vault: Option<Arc<Vault>>) -> Self {
        let is_idle = plan.is_empty() && vault.is_none();
        Self { treatment: Treatment::new(plan, vault), bytes: 0, is_idle, out: String::new() }
    }

    /// Treats a value; `name` is that of the field it stands in, or empty.
    ///
    /// # Errors
    /// [`Failure`]; the value may be half treated then.
    pub fn treat(&mut self, name: &str, value: &mut Value) -> Result<(), Failure> {
        self.bytes = 0;
        if self.is_idle { Ok(()) } else { self.value(name, value, 0, 0) }
    }

    /// Treats a text that is no JSON by itself, but may hold a document.
    ///
    /// # Errors
    /// As for [`JsonTreatment::treat`].
    pub fn text(&mut self, name: &str, text: &mut String) -> Result<(), Failure> {
        self.bytes = 0;
        if self.is_idle { Ok(()) } else { self.string(name, text, 0, 0) }
    }

    /// The same for what a caller has said.
    ///
    /// # Errors
    /// As for [`JsonTreatment::treat`].
    pub(super) fn said(&mut self, text: &mut Text) -> Result<(), Failure> {
        if self.is_idle {
            return Ok(());
        }
        let mut treated = text.as_str().to_owned();
        self.text("", &mut treated)?;
        if treated != text.as_str() {
            *text = treated.into();
        }
        Ok(())
    }

    /// Treats a text as it stands, whatever it holds: as a stream of it is treated.
    ///
    /// # Errors
    /// As for [`JsonTreatment::treat`].
    pub fn plain_text(&mut self, text: &mut String) -> Result<(), Failure> {
        self.bytes = 0;
        if !self.is_idle && self.plain("", text)? {
            std::mem::swap(text, &mut self.out);
        }
        Ok(())
    }

    /// The same for a message, which is shared where it stays as it is.
    ///
    /// # Errors
    /// As for [`JsonTreatment::treat`].
    pub(super) fn message(&mut self, text: &Text) -> Result<Text, Failure> {
        self.bytes = 0;
        let is_changed = !self.is_idle && self.plain("", text)?;
        Ok(if is_changed { Text::from(&*self.out) } else { text.clone() })
    }

    /// Whether it changes and counts nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// What was found so far.
    pub fn counts(&self) -> Vec<Count> {
        self.treatment.counts()
    }

    fn value(
        &mut self,
        name: &str,
        value: &mut Value,
        depth: usize,
        level: usize,
    ) -> Result<(), Failure> {
        if depth > MAX_DEPTH {
            return Err(Failure::Exhausted { what: "depth" });
        }
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Number(number) => {
                let text = integer(number).unwrap_or_else(|| number.to_string());
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if digits >= LONG_NUMBER && self.plain(name, &text)? {
                    *value = Value::String(std::mem::take(&mut self.out));
                }
                Ok(())
            }
            Value::String(text) => self.string(name, text, depth, level),
            Value::Array(items) => {
                items.iter_mut().try_for_each(|item| self.value(name, item, depth + 1, level))
            }
            Value::Object(fields) => self.object(fields, depth, level),
        }
    }

    fn object(
        &mut self,
        fields: &mut Map<String, Value>,
        depth: usize,
        level: usize,
    ) -> Result<(), Failure> {
        let mut names = Vec::with_capacity(fields.len());
        for (key, value) in fields.iter_mut() {
            self.value(key, value, depth + 1, level)?;
            let is_changed = self.plain("", key)?;
            names.push(is_changed.then(|| std::mem::take(&mut self.out)));
        }
        if names.iter().any(Option::is_some) {
            let mut unique = Unique::default();
            for ((key, value), name) in std::mem::take(fields).into_iter().zip(names) {
                let name = unique.name(name.unwrap_or(key), |name| fields.contains_key(name));
                fields.insert(name, value);
            }
        }
        Ok(())
    }

    fn string(
        &mut self,
        name: &str,
        text: &mut String,
        depth: usize,
        level: usize,
    ) -> Result<(), Failure> {
        if let Some(mut inner) = inner_document(text, level) {
            let before = inner.clone();
            self.value(name, &mut inner, depth + 1, level + 1)?;
            if inner != before {
                *text = inner.to_string();
            }
            return Ok(());
        }
        if self.plain(name, text)? {
            std::mem::swap(text, &mut self.out);
        }
        Ok(())
    }

    /// Treats a text into `out`, and says whether it changed.
    fn plain(&mut self, name: &str, text: &str) -> Result<bool, Failure> {
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            return Err(Failure::Exhausted { what: "size" });
        }
        self.out.clear();
        self.treatment.whole(name, text, &mut self.out)?;
        Ok(self.out != text)
    }
}

/// Restores tokens in every string and key of a value, documents inside of strings included. What
/// is deeper than a treatment goes has no tokens.
pub(super) fn restore(vault: &Vault, value: &mut Value, all: bool) {
    restore_at(vault, value, all, (0, 0));
}

fn restore_at(vault: &Vault, value: &mut Value, all: bool, (depth, level): (usize, usize)) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            // Into the decoded strings of an inner document, so that a quote in a value cannot
            // break it.
            if let Some(mut inner) = inner_document(text, level) {
                let before = inner.clone();
                restore_at(vault, &mut inner, all, (depth + 1, level + 1));
                if inner != before {
                    *text = inner.to_string();
                }
            } else if let Some(restored) = restored(vault, text, all) {
                *text = restored;
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| restore_at(vault, item, all, (depth + 1, level)));
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(|item| restore_at(vault, item, all, (depth + 1, level)));
            if fields.keys().any(|key| restored(vault, key, all).is_some()) {
                let mut unique = Unique::default();
                for (key, value) in std::mem::take(fields) {
                    let name = restored(vault, &key, all).unwrap_or(key);
                    let name = unique.name(name, |name| fields.contains_key(name));
                    fields.insert(name, value);
                }
            }
        }
    }
}

/// Names of fields that stay apart: two may become one, and neither value is to be lost. Each name
/// counts on from its last number, so that many equal ones take no longer than many others.
#[derive(Default)]
pub(super) struct Unique(HashMap<String, u32>);

impl Unique {
    /// The name, with a number behind it where it is taken.
    pub(super) fn name(&mut self, name: String, is_taken: impl Fn(&str) -> bool) -> String {
        if !is_taken(&name) {
            return name;
        }
        let number = self.0.entry(name.clone()).or_default();
        loop {
            *number += 1;
            let numbered = format!("{name}_{number}");
            if !is_taken(&numbered) {
                return numbered;
            }
        }
    }
}

/// The digits of a whole number that is written with a point or an exponent.
fn integer(number: &Number) -> Option<String> {
    /// All whole numbers below it are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0 * 1_000.0;
    let value = number.as_f64().filter(|_| number.is_f64())?;
    (value.fract() == 0.0 && value.abs() < EXACT).then(|| format!("{value:.0}"))
}

/// The document in a string, if it holds one and is not too deep inside of others. One that gives
/// a field twice is none: reading it would lose the first.
fn inner_document(text: &str, level: usize) -> Option<Value> {
    let begins = text.trim_start().bytes().next();
    if level >= MAX_LEVELS || !matches!(begins, Some(b'{' | b'[')) {
        return None;
    }
    let value = serde_json::from_str(text).ok()?;
    wire::json::check(text.as_bytes(), Bounds::default()).is_ok().then_some(value)
}

impl std::fmt::Debug for JsonTreatment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonTreatment({} bytes so far)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pii::Direction;
    use crate::policy::pii::scan::escape;
    use crate::policy::pii::testing;
    use serde_json::json;

    fn plan(action: &str) -> Arc<Plan> {
        testing::plan(action, Direction::ToUpstream)
    }

    fn treatment(action: &str, vault: &Arc<Vault>) -> JsonTreatment {
        JsonTreatment::new(plan(action), Some(Arc::clone(vault)))
    }

    #[test]
    fn strings_keys_numbers_and_inner_documents_are_treated_and_restored() {
        let vault = testing::vault();
        let inner = json!({ "to": "jane@example.com", "deep": "{\"x\":[\"jane@example.com\"]}" });
        let before = json!({
            "jane@example.com": 1, "card": 4111111111111111u64, "n": [1, true, null, 20260101],
            "arguments": inner.to_string(), "broken": "{\"to\": \"jane@example.com\"",
            "twice": "{\"a\":\"jane@example.com\",\"a\":\"b\"}",
        });
        let mut value = before.clone();
        let mut treatment = treatment("tokenize", &vault);
        treatment.treat("", &mut value).unwrap();
        let text = value.to_string();
        assert!(!text.contains("jane@") && !text.contains("4111111"), "{text}");
        assert_eq!(value["n"], before["n"]);
        assert_eq!(treatment.counts().iter().map(|count| count.count).sum::<u64>(), 6);
        restore(&vault, &mut value, true);
        assert_eq!(value["arguments"], before["arguments"]);
        assert_eq!(value["broken"], before["broken"]);
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for text in [
            "4111111111111111",
            "4111111111111111.0",
            "4.111111111111111e15",
            "-4111111111111111e0",
        ] {
            let mut value: Value = serde_json::from_str(&format!("{{\"card\":{text}}}")).unwrap();
            treatment("redact", &testing::vault()).treat("", &mut value).unwrap();
            assert!(value["card"].is_string(), "{text}: {value}");
        }
        let mut value = json!({ "price": 1234567.25, "n": 1.5e300, "id": 12345678 });
        let before = value.clone();
        treatment("redact", &testing::vault()).treat("", &mut value).unwrap();
        assert_eq!(value, before);
    }

    #[test]
    fn many_names_that_become_one_are_told_apart_in_time() {
        let fields: Map<String, Value> =
            (0..20_000).map(|n| (format!("a{n}@example.com"), Value::from(n))).collect();
        let mut value = Value::Object(fields);
        treatment("redact", &testing::vault()).treat("", &mut value).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 20_000);
        assert!(value.to_string().len() < 600_000);
    }

    #[test]
    fn names_of_fields_are_restored_as_values_are() {
        let vault = testing::vault();
        let mut value = json!({ "jane@example.com": { "john@example.com": "jane@example.com" } });
        let before = value.clone();
        treatment("tokenize", &vault).treat("", &mut value).unwrap();
        assert!(!value.to_string().contains('@'), "{value}");
        restore(&vault, &mut value, true);
        assert_eq!(value, before);
    }

    #[test]
    fn a_document_in_a_string_is_counted_once_and_none_of_its_fields_is_lost() {
        let document = r#"{"to":"jane@example.com","n":1.10}"#;
        let mut text = document.to_owned();
        let mut dry = treatment("report", &testing::vault());
        dry.text("", &mut text).unwrap();
        assert_eq!(text, document);
        assert_eq!(dry.counts().iter().map(|count| count.count).sum::<u64>(), 1);
        let mut twice = r#"{"to":"first", "to":"jane@example.com"}"#.to_owned();
        treatment("redact", &testing::vault()).text("", &mut twice).unwrap();
        assert_eq!(twice, r#"{"to":"first", "to":"[EMAIL]"}"#);
    }

    #[test]
    fn what_is_too_deep_is_an_error() {
        let vault = testing::vault();
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let failure = treatment("redact", &vault).treat("", &mut deep.clone());
        assert_eq!(failure, Err(Failure::Exhausted { what: "depth" }));
    }

    /// Every sample between two line ends, in a document as a program writes it and with each
    /// character as an escape.
    fn documents() -> impl Iterator<Item = (String, [String; 3])> {
        let entities = crate::policy::pii::validators::entities();
        let entities = entities.chain(crate::policy::pii::secrets::ENTITIES);
        let named = entities.flat_map(|entity| {
            let word = entity.context.first().copied().unwrap_or_default();
            entity.samples.positive.iter().map(move |sample| format!("{word}: \n{sample}\n"))
        });
        named.map(|text| {
            let escaped: String =
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let written = Value::from(text.as_str()).to_string();
            let twice = Value::from(written.as_str()).to_string();
            let field = format!("{{\"a\": \"{escaped}\"}}");
            let documents = [format!("{{\"a\": {written}}}"), field, format!("[{twice}]")];
            (text, documents)
        })
    }

    #[test]
    fn a_value_in_a_document_is_found_as_it_is_found_alone() {
        let plan = plan("report");
        let found = |text: &str| -> Vec<(Arc<str>, String)> {
            let spans = Treatment::new(Arc::clone(&plan), None).spans(text).unwrap();
            spans
                .into_iter()
                .map(|(kind, from, to)| (kind, escape::plain(&text[from..to])))
                .collect()
        };
        let mut count = 0;
        for (text, documents) in documents() {
            let alone = found(&text);
            count += alone.len();
            for document in documents {
                assert_eq!(found(&document), alone, "{document}");
            }
        }
        assert!(count > 300, "{count}");
    }

    #[test]
    fn a_document_that_is_treated_as_a_text_stays_one() {
        let vault = testing::vault();
        for action in ["redact", "mask", "hash", "tokenize"] {
            let plan = plan(action);
            for (_, documents) in documents() {
                for document in documents {
                    let mut treatment = Treatment::new(Arc::clone(&plan), Some(Arc::clone(&vault)));
                    let mut out = String::new();
                    treatment.whole("", &document, &mut out).unwrap();
                    let is_read = serde_json::from_str::<Value>(&out);
                    assert!(is_read.is_ok(), "{action}: {document} became {out}");
                }
            }
        }
    }
}
