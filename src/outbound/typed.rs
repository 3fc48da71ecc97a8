//! Maps that people wrote (settings of an upstream, native options of a request) read into a
//! vendor's own types, with every error at once. Called by vendors' `mod.rs` and `options.rs`.
//!
//! Invariant: an error names the place and what belongs there, never the value that stood there.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::FieldError;

/// Errors that are told at once.
const MOST_ERRORS: usize = 32;

/// Reads `map` as a `T`. Errors have their paths below the map.
///
/// Serde stops at the first error, so the key at fault is taken out and the rest is read again:
/// a missing key that was taken out is not reported twice.
pub fn read<T: DeserializeOwned>(map: &Map<String, Value>) -> Result<T, Vec<FieldError>> {
    let mut rest = map.clone();
    let mut errors: Vec<FieldError> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&rest) {
            Ok(value) if errors.is_empty() => return Ok(value),
            Ok(_) => return Err(errors),
            Err(error) => error,
        };
        let said = error.inner().to_string();
        let path = error.path().to_string();
        let key = match quoted(&said, "unknown field `").filter(|key| rest.contains_key(*key)) {
            Some(key) => key.to_owned(),
            None => path.split(['.', '[']).next().unwrap_or_default().to_owned(),
        };
        if rest.shift_remove(&key).is_some() {
            errors.push(FieldError { path: place(&path, &said), message: what_belongs(&said) });
            // Each error costs a reading of all the rest: a map of thousands is not read so often.
            if errors.len() == MOST_ERRORS {
                return Err(errors);
            }
            continue;
        }
        // What is missing altogether ends the search: nothing can be taken out to go on.
        let missing = quoted(&said, "missing field `").unwrap_or(&path);
        if !map.contains_key(missing) {
            errors.push(FieldError { path: missing.to_owned(), message: "is missing".to_owned() });
        }
        return Err(errors);
    }
}

/// Joins a place to the place of what holds it.
pub fn below(parent: &str, path: &str) -> String {
    match path {
        "" => parent.to_owned(),
        path if parent.is_empty() || path.starts_with('[') => format!("{parent}{path}"),
        path => format!("{parent}.{path}"),
    }
}

/// The path, with the key that is unknown or missing at its end.
fn place(path: &str, said: &str) -> String {
    let key = quoted(said, "unknown field `").or_else(|| quoted(said, "missing field `"));
    match key {
        None => path.to_owned(),
        Some(key) if path == "." || path == key => key.to_owned(),
        Some(key) if path.ends_with(&format!(".{key}")) => path.to_owned(),
        Some(key) => format!("{path}.{key}"),
    }
}

/// Serde's sentence without the value that it quotes.
fn what_belongs(said: &str) -> String {
    if said.starts_with("missing field") {
        return "is missing".to_owned();
    }
    let expected = said.rsplit_once("expected ").map(|(_, expected)| expected);
    match (said.starts_with("unknown field"), expected) {
        (true, Some(expected)) => format!("is not known here; expected {expected}"),
        (true, None) => "is not known here".to_owned(),
        (false, Some(expected)) => format!("expected {expected}"),
        (false, None) => "is not valid".to_owned(),
    }
}

fn quoted<'a>(said: &'a str, before: &str) -> Option<&'a str> {
    said.strip_prefix(before)?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        team: u64,
        #[serde(default)]
        deep: Option<Deep>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Deep {
        list: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        id: u64,
    }

    fn errors(value: &Value) -> Vec<(String, String)> {
        let errors = read::<Sample>(value.as_object().unwrap()).unwrap_err();
        errors.into_iter().map(|error| (error.path, error.message)).collect()
    }

    fn paths(value: &Value) -> Vec<String> {
        errors(value).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn what_is_valid_is_read() {
        let map = json!({"team": 3, "deep": {"list": [{"id": 1}]}});
        let sample: Sample = read(map.as_object().unwrap()).unwrap();
        assert_eq!((sample.team, sample.deep.unwrap().list[0].id), (3, 1));
    }

    #[test]
    fn every_error_is_named_at_once_with_its_place() {
        assert_eq!(
            paths(&json!({"team": "x", "tean": 1, "deep": {"list": [{"id": 1}, {"id": -1}]}})),
            ["team", "tean", "deep.list[1].id"]
        );
        assert_eq!(paths(&json!({})), ["team"]);
        assert_eq!(
            paths(&json!({"team": 1, "deep": {"list": [{"id": 1, "x": 2}]}})),
            ["deep.list[0].x"]
        );
        assert_eq!(paths(&json!({"team": 1, "deep": {"list": [{}]}})), ["deep.list[0].id"]);
    }

    #[test]
    fn a_value_is_never_quoted() {
        let said = errors(&json!({"team": "hunter2", "deep": "hunter2"}));
        assert_eq!(said.len(), 2);
        assert!(said.iter().all(|(_, message)| !message.contains("hunter2")), "{said:?}");
        assert_eq!(said[0].1, "expected u64");
    }

    #[test]
    fn places_are_joined_as_callers_write_them() {
        assert_eq!(below("a", "b[0].c"), "a.b[0].c");
        assert_eq!(below("a", "[0]"), "a[0]");
        assert_eq!(below("a", ""), "a");
        assert_eq!(below("", "b"), "b");
    }
}
