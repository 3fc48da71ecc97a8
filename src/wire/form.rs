//! Form posts and flat JSON, as automation tools send them, into nested JSON: a double underscore
//! in a key stands for a step down, `context__region=EMEA` for `{"context":{"region":"EMEA"}}`.
//! The faces call it before they read a body into its type.
//!
//! Invariant: the result does not depend on the order of the keys, and nothing is overwritten.

use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::wire::json::shorten;

/// The media type of form posts.
pub const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// Pairs of one form; the forms of automation tools have a few dozen.
const PAIRS: usize = 1_000;
/// Steps down in one key.
const NESTING: usize = 8;
/// What stands for a step down.
const STEP: &str = "__";

/// Reads a form. Every value is a string; a key that comes more than once has an array of them.
/// Bytes that are not UTF-8 become U+FFFD, as forms are read everywhere.
pub fn decode(bytes: &[u8]) -> Result<Map<String, Value>> {
    let mut flat = Map::new();
    for (count, (key, value)) in form_urlencoded::parse(bytes).enumerate() {
        if count >= PAIRS {
            let message = format!("the form has more than {PAIRS} pairs");
            return Err(Error::new(Kind::InvalidRequest, message));
        }
        let value = Value::from(value.into_owned());
        match flat.entry(key.into_owned()) {
            Entry::Vacant(place) => {
                place.insert(value);
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(values) => values.push(value),
                // A form's only other value is a string.
                first @ (Value::String(_)
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Object(_)) => *first = Value::from(vec![first.take(), value]),
            },
        }
    }
    unflatten(flat)
}

/// Nests the flattened keys of an object. Objects that are there already are added to; a key
/// with nothing before, after or between its double underscores (`__typename`) stays as it is.
pub fn unflatten(flat: Map<String, Value>) -> Result<Map<String, Value>> {
    if !flat.keys().any(|key| key.contains(STEP)) {
        return Ok(flat);
    }
    let mut entries = Vec::with_capacity(flat.len());
    for (key, value) in flat {
        let steps = steps(&key);
        if steps.len() > NESTING {
            let message = format!("the key steps down more than {NESTING} times");
            return Err(Error::invalid(shorten(&key), message));
        }
        entries.push((steps, value));
    }
    // What is written nested goes first, and the shallow before the deep, whatever the order in
    // which they came.
    entries.sort_by_key(|(steps, _)| steps.len());
    let mut nested = Map::new();
    for (steps, value) in entries {
        place(&mut nested, &steps, value)?;
    }
    Ok(nested)
}

fn steps(key: &str) -> Vec<String> {
    let steps: Vec<_> = key.split(STEP).map(str::to_owned).collect();
    if steps.iter().any(String::is_empty) { vec![key.to_owned()] } else { steps }
}

fn place(object: &mut Map<String, Value>, steps: &[String], value: Value) -> Result<()> {
    let Some((last, above)) = steps.split_last() else { return Ok(()) };
    let conflict = || {
        let message = "the key comes twice, or as a value and as an object";
        Error::invalid(shorten(&steps.join(STEP)), message)
    };
    let mut object = object;
    for step in above {
        let below = object.entry(step).or_insert_with(|| Value::Object(Map::new()));
        object = below.as_object_mut().ok_or_else(conflict)?;
    }
    match object.entry(last) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(_) => Err(conflict()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(text: &str) -> Value {
        Value::Object(decode(text.as_bytes()).unwrap())
    }

    fn refusal(text: &str) -> Error {
        decode(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn pairs_become_strings_and_repeated_keys_arrays() {
        assert_eq!(form("input=Hi+there%21&x="), json!({"input": "Hi there!", "x": ""}));
        assert_eq!(form("t=a&t=b&t=c&u=d"), json!({"t": ["a", "b", "c"], "u": "d"}));
        assert_eq!(form("caf%C3%A9=%ff&&only"), json!({"café": "\u{fffd}", "only": ""}));
        assert_eq!(form(""), json!({}));
    }

    #[test]
    fn double_underscores_step_down() {
        assert_eq!(
            form("context__region=EMEA&context__a__b=1&input=x&thread_id=t"),
            json!({"context": {"region": "EMEA", "a": {"b": "1"}}, "input": "x", "thread_id": "t"})
        );
        assert_eq!(form("a___b=1"), json!({"a": {"_b": "1"}}));
    }

    #[test]
    fn a_key_with_an_empty_step_stays_as_it_is() {
        assert_eq!(
            form("__typename=T&a__=1&a____b=2&__=3"),
            json!({"__typename": "T", "a__": "1", "a____b": "2", "__": "3"})
        );
    }

    #[test]
    fn a_flat_object_is_added_to_what_is_nested() {
        let flat = json!({"context__a": 1, "context": {"b": [2]}, "plain": {"x__y": 3}});
        let Value::Object(flat) = flat else { panic!() };
        assert_eq!(
            Value::Object(unflatten(flat).unwrap()),
            json!({"context": {"b": [2], "a": 1}, "plain": {"x__y": 3}})
        );
    }

    #[test]
    fn a_value_and_an_object_at_one_place_are_refused_in_any_order() {
        for text in ["a=1&a__b=2", "a__b=2&a=1", "a__b__c=1&a__b=2", "a__b=1&a__b__c=2"] {
            let error = refusal(text);
            assert_eq!(error.kind(), Kind::InvalidRequest);
            assert!(error.fields()[0].message.contains("as a value and as an object"), "{text}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        let pairs = |count: usize| vec!["a=1"; count].join("&");
        assert_eq!(form(&pairs(1_000))["a"].as_array().unwrap().len(), 1_000);
        assert!(refusal(&pairs(1_001)).message().contains("more than 1000 pairs"));
        form("a__a__a__a__a__a__a__a=1");
        let error = refusal("a__a__a__a__a__a__a__a__a=1");
        assert!(error.fields()[0].message.contains("more than 8 times"));
    }

    fn leaves(value: &Value) -> usize {
        match value {
            Value::Object(map) => map.values().map(leaves).sum(),
            Value::Array(values) => values.len(),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        }
    }

    proptest! {
        #[test]
        fn no_form_loses_a_pair(text in "([ab_]{0,7}=[xy%]{0,2}&?){0,8}") {
            let pairs = form_urlencoded::parse(text.as_bytes()).count();
            if let Ok(map) = decode(text.as_bytes()) {
                prop_assert_eq!(leaves(&Value::Object(map)), pairs);
            }
        }
    }
}
