//! The single values of a section: durations, sizes, numbers, texts, secrets. The section files
//! call it.
//!
//! Invariant: what is reported says what belongs at a key, and never what stands there.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::{Section, kind_of};
use crate::clock::Timestamp;
use crate::config::describe::{Key, Setting, Shape};
use crate::config::secret::{Resolved, Secret};
use crate::config::units;
use crate::model::micro::Micro;

const REFERENCES_ONLY: &str = "secrets only as ${env:NAME} or ${file:/path}";

impl<'r> Section<'r> {
    /// The value at a key with its references put in.
    fn value(&mut self, name: &str) -> Option<Cow<'r, Value>> {
        match self.raw(name)? {
            Value::String(text) => {
                let resolved = self.resolved(name, text)?;
                Some(Cow::Owned(Value::String(resolved.text)))
            }
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => Some(Cow::Borrowed(value)),
        }
    }

    /// Asks for a key and reads its value; `None` where it is absent or has been reported.
    fn read<T>(&mut self, key: Key, form: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let name = key.name;
        self.ask(key);
        let value = self.value(name)?;
        let read = read(&value);
        if read.is_none() {
            self.refuse(name, format!("must be {form}, is {}", kind_of(&value)));
        }
        read
    }

    fn bounded<T: Copy + PartialOrd>(
        &mut self,
        setting: &Setting<T>,
        key: Key,
        form: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let bounds = key.bounds.clone();
        let Some(value) = self.read(key, form, read) else { return setting.default };
        if (setting.least..=setting.most).contains(&value) {
            return value;
        }
        if let Some((least, most, why)) = bounds {
            let message = format!("must be from {} to {}: {why}", plain(&least), plain(&most));
            self.refuse(setting.name, message);
        }
        setting.default
    }

    /// A duration.
    pub(in crate::config) fn duration(&mut self, setting: &Setting<Duration>) -> Duration {
        let key = Key::of(setting, Shape::Duration, |time| units::show_duration(time).into());
        let read = |value: &Value| units::duration(value.as_str()?);
        self.bounded(setting, key, units::DURATION_FORM, read)
    }

    /// A size.
    pub(in crate::config) fn bytes(&mut self, setting: &Setting<usize>) -> usize {
        let key = Key::of(setting, Shape::Bytes, |size| units::show_bytes(size).into());
        self.bounded(setting, key, units::BYTES_FORM, |value| match value.as_str() {
            Some(text) => units::bytes(text),
            None => usize::try_from(value.as_u64()?).ok(),
        })
    }

    /// A number of things.
    pub(in crate::config) fn count(&mut self, setting: &Setting<u32>) -> u32 {
        let key = Key::of(setting, Shape::Count, Value::from);
        let read = |value: &Value| u32::try_from(value.as_u64()?).ok();
        self.bounded(setting, key, "a whole number", read)
    }

    /// Yes or no.
    pub(in crate::config) fn flag(
        &mut self,
        name: &'static str,
        about: &'static str,
        default: bool,
    ) -> bool {
        let key = Key::new(name, Shape::Flag, about).default(default);
        self.read(key, "`true` or `false`", Value::as_bool).unwrap_or(default)
    }

    /// One of some words.
    pub(in crate::config) fn choice(
        &mut self,
        key: Key,
        words: &'static [&'static str],
    ) -> Option<String> {
        let name = key.name;
        let form = format!("`{}`", words.join("` or `"));
        let key = Key { shape: Shape::Choice(words), ..key };
        let word = self.read(key, &form, |value| value.as_str().map(str::to_owned))?;
        if !words.contains(&word.as_str()) {
            self.refuse(name, format!("must be {form}"));
            return None;
        }
        Some(word)
    }

    /// An address to listen on.
    pub(in crate::config) fn address(
        &mut self,
        name: &'static str,
        about: &'static str,
        default: SocketAddr,
    ) -> SocketAddr {
        let key = Key::new(name, Shape::Address, about).default(default.to_string());
        let form = "an IP address and a port, like `127.0.0.1:8080`";
        self.read(key, form, |value| value.as_str()?.parse().ok()).unwrap_or(default)
    }

    /// A text. An empty one is as good as none, and reported.
    pub(in crate::config) fn text(&mut self, key: Key) -> Option<String> {
        let name = key.name;
        let text = self.read(key, "a text", |value| value.as_str().map(str::to_owned))?;
        if text.is_empty() {
            self.refuse(name, "must not be empty");
            return None;
        }
        Some(text)
    }

    /// Texts: a list of them, or one. Empty where the key is absent.
    pub(in crate::config) fn texts(&mut self, key: Key) -> Vec<String> {
        let name = key.name;
        self.ask(key);
        self.each(name, "a text").unwrap_or_default()
    }

    /// Some of some words: a list of them, or one. Empty where the key is absent.
    pub(in crate::config) fn choices(
        &mut self,
        key: Key,
        words: &'static [&'static str],
    ) -> Vec<String> {
        let name = key.name;
        self.ask(Key { shape: Shape::Choices(words), ..key });
        let form = format!("`{}`", words.join("` or `"));
        let found = self.each(name, &form).unwrap_or_default();
        if found.iter().any(|word| !words.contains(&word.as_str())) {
            self.refuse(name, format!("each must be {form}"));
            return Vec::new();
        }
        found
    }

    /// The texts at a key; none where it is absent or has been reported.
    fn each(&mut self, name: &str, form: &str) -> Option<Vec<String>> {
        let items = match self.raw(name)? {
            Value::Array(items) => items.iter().collect(),
            one @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => vec![one],
        };
        if items.is_empty() {
            self.refuse(name, "is an empty list (leave the key out instead)");
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let Value::String(text) = item else {
                let message = format!("must be {form}, or a list of such, is {}", kind_of(item));
                self.refuse(name, message);
                return None;
            };
            let resolved = self.resolved(name, text)?;
            if resolved.text.is_empty() {
                self.refuse(name, "holds an empty text");
                return None;
            }
            texts.push(resolved.text);
        }
        Some(texts)
    }

    /// A point in time.
    pub(in crate::config) fn time(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Timestamp> {
        let form = "an RFC 3339 time, like `2027-01-01T00:00:00Z`";
        let key = Key::new(name, Shape::Time, about);
        self.read(key, form, |value| Timestamp::parse(value.as_str()?))
    }

    /// A decimal number, not negative.
    pub(in crate::config) fn decimal(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Micro> {
        let form = "a decimal number in quotes, like `\"2.50\"`";
        let key = Key::new(name, Shape::Decimal, about);
        let read = |value: &Value| match value {
            Value::String(text) => Micro::parse(text),
            Value::Number(number) => Micro::parse(&number.as_u64()?.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        self.read(key, form, |value| read(value).filter(|number| number.0 >= 0))
    }

    /// A number of things that may be left out.
    pub(in crate::config) fn optional_count(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<u32> {
        let form = "a whole number, at least 1";
        let read = |value: &Value| u32::try_from(value.as_u64()?).ok().filter(|n| *n > 0);
        self.read(Key::new(name, Shape::Count, about), form, read)
    }

    /// A duration that may be left out.
    pub(in crate::config) fn optional_duration(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Duration> {
        let read = |value: &Value| units::duration(value.as_str()?).filter(|time| !time.is_zero());
        self.read(Key::new(name, Shape::Duration, about), units::DURATION_FORM, read)
    }

    /// A secret, which must be a reference.
    pub(in crate::config) fn secret(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Secret> {
        self.secret_at(Key::new(name, Shape::Secret, about).required())
    }

    /// A secret that may be left out.
    pub(in crate::config) fn optional_secret(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Secret> {
        self.secret_at(Key::new(name, Shape::Secret, about))
    }

    fn secret_at(&mut self, key: Key) -> Option<Secret> {
        let name = key.name;
        self.ask(key);
        let Value::String(text) = self.raw(name)? else {
            self.refuse(name, format!("must be a reference ({REFERENCES_ONLY})"));
            return None;
        };
        let Resolved { text, is_reference } = self.resolved(name, text)?;
        if !is_reference {
            self.refuse(name, format!("stands in the file itself ({REFERENCES_ONLY})"));
            return None;
        }
        if text.is_empty() {
            self.refuse(name, "what it refers to is empty");
            return None;
        }
        Some(Secret::new(text))
    }
}

/// A bound as it would be written in the file.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
