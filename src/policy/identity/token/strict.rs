//! JSON objects read strictly: a member that stands there twice is an error, at every depth.
//! Readers of tokens disagree on which of two they take, and an attacker would choose.
//!
//! Invariant: what is returned has no member that another reader could see otherwise.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON object and nothing after it. Nesting is bounded by the parser, at 128.
pub(super) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(text) {
        Ok(Strict(Value::Object(members))) => Some(members),
        Ok(Strict(_)) | Err(_) => None,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_there_twice_is_refused_at_every_depth() {
        assert!(object(br#"{"a":1,"b":{"a":[{"a":null}]}}"#).is_some());
        for twice in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"a":1,"\u0061":2}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"{"a":[{"b":1,"b":2}]}"#,
        ] {
            assert!(object(twice).is_none(), "{}", String::from_utf8_lossy(twice));
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for other in [&b""[..], b"[]", b"null", b"1", b"\"a\"", b"{} {}", b"{", b"{\"a\":NaN}"] {
            assert!(object(other).is_none(), "{}", String::from_utf8_lossy(other));
        }
        let deep = format!("{}{}{}", "{\"a\":".repeat(10_000), "1", "}".repeat(10_000));
        assert!(object(deep.as_bytes()).is_none());
        assert!(object(br#"{"a":1e999}"#).is_none());
        assert!(object(b"{\"a\":\"\xff\"}").is_none());
    }

    proptest::proptest! {
        #[test]
        fn it_reads_what_serde_json_reads_where_no_member_stands_there_twice(
            names in proptest::collection::vec("[a-c]{1,2}", 0..4),
        ) {
            let members: Vec<String> =
                names.iter().enumerate().map(|(at, name)| format!("\"{name}\":{at}.5")).collect();
            let text = format!("{{{}}}", members.join(","));
            let distinct: std::collections::HashSet<_> = names.iter().collect();
            let expected: Option<Map<String, Value>> = (distinct.len() == names.len())
                .then(|| serde_json::from_str(&text).unwrap());
            proptest::prop_assert_eq!(object(text.as_bytes()), expected);
        }
    }
}
