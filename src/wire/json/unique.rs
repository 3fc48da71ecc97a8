//! Reads a JSON text without keeping any of it, to find what is wrong with it: bad syntax, and
//! keys that come twice in one object, which two readers could understand in two ways.
//!
//! Invariant: nothing is allocated for a text whose strings have no escapes and whose objects
//! are small.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use crate::error::{Error, Kind, Result};
use crate::wire::json::shorten;

/// Keys that the JSON library takes for its own signs when it reads a map.
const RESERVED: &str = "$serde_json::private::";

/// Checks a text whose depth is bounded already.
pub(super) fn check(text: &[u8]) -> Result<()> {
    let trail = RefCell::new(Vec::new());
    let mut parser = serde_json::Deserializer::from_slice(text);
    let read = parser.deserialize_any(Walk(&trail)).and_then(|()| parser.end());
    read.map_err(|error| {
        if error.is_data() {
            let message = sentence(&error);
            return Error::invalid(path(&trail.into_inner()), message);
        }
        Error::new(Kind::InvalidRequest, format!("the body is not valid JSON: {error}"))
    })
}

/// The sentence of an error of this file, without the place that the parser adds.
fn sentence(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// A step from the place of an error up to the text's outermost value.
enum Step {
    Key(String),
    Element(usize),
}

/// The path of an error. The trail was laid from the inside out.
fn path(trail: &[Step]) -> String {
    let mut path = String::new();
    for step in trail.iter().rev() {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Element(index) => path.push_str(&format!("[{index}]")),
        }
    }
    shorten(&path)
}

/// Visits a value and all below it; on the way out of an error, notes where it has been.
#[derive(Clone, Copy)]
struct Walk<'t>(&'t RefCell<Vec<Step>>);

impl Walk<'_> {
    fn note(self, step: Step) {
        self.0.borrow_mut().push(step);
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            match elements.next_element_seed(self) {
                Ok(Some(())) => index += 1,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.note(Step::Element(index));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = members.next_key_seed(Key)? {
            let result = if keys.contains(&key) {
                Err(A::Error::custom("the key comes twice in this object"))
            } else if key.starts_with(RESERVED) {
                Err(A::Error::custom("the key is reserved"))
            } else {
                members.next_value_seed(self)
            };
            if let Err(error) = result {
                self.note(Step::Key(shorten(&key)));
                return Err(error);
            }
            keys.insert(key);
        }
        Ok(())
    }
}

/// Reads a key, borrowed from the text where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The keys of one object so far: a list while they are few, a set when they are many.
#[derive(Default)]
struct Keys<'de> {
    few: SmallVec<[Cow<'de, str>; 16]>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    fn contains(&self, key: &str) -> bool {
        if self.many.is_empty() {
            self.few.iter().any(|known| known == key)
        } else {
            self.many.contains(key)
        }
    }

    fn insert(&mut self, key: Cow<'de, str>) {
        if self.many.is_empty() && self.few.len() < 16 {
            self.few.push(key);
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> (String, String) {
        let error = check(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest);
        let field = error.fields().first().cloned().unwrap();
        (field.path, field.message)
    }

    #[test]
    fn a_key_that_comes_twice_is_named_with_its_path() {
        let twice = "the key comes twice in this object";
        assert_eq!(field(r#"{"a":1,"a":2}"#), ("a".to_owned(), twice.to_owned()));
        assert_eq!(field(r#"{"a":1,"\u0061":2}"#).0, "a");
        assert_eq!(field(r#"{"c":[1,{"x":{"y":1,"z":2,"y":3}}]}"#).0, "c[1].x.y");
        assert_eq!(field(r#"[{"b":1,"b":2}]"#).0, "[0].b");
    }

    #[test]
    fn a_key_that_comes_twice_among_many_is_found() {
        let many: Vec<String> = (0..100).map(|key| format!("\"k{key}\":1")).collect();
        for twice in ["k0", "k15", "k16", "k99"] {
            let text = format!("{{{},\"{twice}\":1}}", many.join(","));
            assert_eq!(field(&text).0, twice);
        }
        check(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
    }

    #[test]
    fn a_key_that_the_parser_takes_for_its_own_sign_is_refused() {
        let text = r#"{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":2}"}}"#;
        assert_eq!(field(text).1, "the key is reserved");
    }

    #[test]
    fn a_long_key_is_cut_in_the_error() {
        let key = "é".repeat(100_000);
        let (path, _) = field(&format!("{{\"{key}\":1,\"{key}\":2}}"));
        assert_eq!(path.chars().count(), 201);
    }
}
