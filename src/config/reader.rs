//! A cursor over one section of the configuration: each method reads a key, reports what is
//! wrong with it, and gives the default in its place, so that reading goes on to the next fault.
//! The section files call it, and nothing else looks at the raw value.
//!
//! Invariant: every key that can be read is described by reading it (see [`super::describe`]),
//! and [`Section::finish`] reports every other.

mod values;

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::describe::{Key, Shape};
use super::places::below;
use super::report::Report;
use super::secret::{Resolved, Surroundings, resolve};
use super::suggest::{did_you_mean, nearest};

/// What all sections of one reading share.
pub(super) struct Reader<'a> {
    report: RefCell<Report>,
    surroundings: &'a dyn Surroundings,
    /// The keys that have been asked for, when that is what is wanted of the reading.
    described: Option<RefCell<Vec<Key>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(report: Report, surroundings: &'a dyn Surroundings) -> Self {
        Self { report: RefCell::new(report), surroundings, described: None }
    }

    /// A reader that enters every section, to learn which keys there are.
    pub(super) fn describing(surroundings: &'a dyn Surroundings) -> Self {
        let described = Some(RefCell::default());
        Self { described, ..Self::new(Report::new(""), surroundings) }
    }

    /// The whole file.
    pub(super) fn root<'r>(&'r self, value: &'r Value) -> Section<'r> {
        self.section(Some(value), String::new(), String::new())
    }

    pub(super) fn into_report(self) -> Report {
        self.report.into_inner()
    }

    pub(super) fn into_described(self) -> Vec<Key> {
        self.described.map(RefCell::into_inner).unwrap_or_default()
    }

    fn section<'r>(
        &'r self,
        value: Option<&'r Value>,
        path: String,
        pattern: String,
    ) -> Section<'r> {
        let mut section = Section {
            reader: self,
            path,
            pattern,
            fields: None,
            asked: Vec::new(),
            is_silent: false,
            is_clean: true,
        };
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(fields)) => section.fields = Some(fields),
            Some(other) => {
                let message = format!("must be a mapping, is {}", kind_of(other));
                self.report.borrow_mut().add(&section.path, message);
                // That its keys are missing is no news.
                section.is_silent = true;
                section.is_clean = false;
            }
        }
        section
    }
}

/// A section. An absent one reads as an empty one, and so does one that holds nothing; a key of
/// a single value that holds nothing is a mistake.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    path: String,
    pattern: String,
    fields: Option<&'r Map<String, Value>>,
    asked: Vec<&'static str>,
    is_silent: bool,
    is_clean: bool,
}

impl<'r> Section<'r> {
    /// Reports a key's value.
    pub(super) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.is_clean = false;
        if !self.is_silent {
            self.reader.report.borrow_mut().add(&below(&self.path, name), message);
        }
    }

    /// Reports this section by its key.
    pub(super) fn refuse_key(&mut self, message: impl Into<String>) {
        self.is_clean = false;
        self.reader.report.borrow_mut().add_at_key(&self.path, message);
    }

    /// Whether nothing was wrong so far: only then is it worth comparing values.
    pub(super) fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// Whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    fn raw(&self, name: &str) -> Option<&'r Value> {
        self.fields?.get(name)
    }

    fn ask(&mut self, mut key: Key) {
        self.asked.push(key.name);
        let is_missing = key.is_required && !self.has(key.name);
        if let Some(described) = &self.reader.described {
            key.pattern = below(&self.pattern, key.name);
            described.borrow_mut().push(key);
        } else if is_missing {
            let keys = self.fields.iter().flat_map(|fields| fields.keys()).map(String::as_str);
            let hint = match nearest(key.name, keys.filter(|name| !self.asked.contains(name))) {
                Some(slip) => format!(" (is `{slip}` a slip of the hand?)"),
                None => String::new(),
            };
            let message = format!("`{}` is missing{hint}", key.name);
            self.is_clean = false;
            if !self.is_silent {
                self.reader.report.borrow_mut().add_at_key(&self.path, message);
            }
        }
    }

    fn resolved(&mut self, name: &str, text: &str) -> Option<Resolved> {
        resolve(text, self.reader.surroundings).map_err(|message| self.refuse(name, message)).ok()
    }

    /// A section within this one; empty where it is absent.
    pub(super) fn section(&mut self, name: &'static str, about: &'static str) -> Section<'r> {
        self.ask(Key::new(name, Shape::Section, about));
        let (path, pattern) = (below(&self.path, name), below(&self.pattern, name));
        self.reader.section(self.raw(name), path, pattern)
    }

    /// A section within this one; none where it is absent.
    pub(super) fn optional_section(
        &mut self,
        name: &'static str,
        about: &'static str,
    ) -> Option<Section<'r>> {
        let section = self.section(name, about);
        (self.has(name) || self.reader.described.is_some()).then_some(section)
    }

    /// Sections under names that the operator chooses.
    pub(super) fn entries(&mut self, key: Key) -> Vec<(String, Section<'r>)> {
        let name = key.name;
        self.ask(key);
        let parent = below(&self.path, name);
        let pattern = below(&below(&self.pattern, name), "*");
        if self.reader.described.is_some() {
            return vec![("*".to_owned(), self.reader.section(None, pattern.clone(), pattern))];
        }
        let Some(fields) =
            self.reader.section(self.raw(name), parent.clone(), String::new()).fields
        else {
            return Vec::new();
        };
        let entry = |(name, value): (&String, &'r Value)| {
            let path = below(&parent, name);
            (name.clone(), self.reader.section(Some(value), path, pattern.clone()))
        };
        fields.iter().map(entry).collect()
    }

    /// A list of sections.
    pub(super) fn items(&mut self, name: &'static str, about: &'static str) -> Vec<Section<'r>> {
        self.ask(Key::new(name, Shape::Items, about));
        let parent = below(&self.path, name);
        let pattern = format!("{}[]", below(&self.pattern, name));
        if self.reader.described.is_some() {
            return vec![self.reader.section(None, pattern.clone(), pattern)];
        }
        let items = match self.raw(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.refuse(name, format!("must be a list, is {}", kind_of(other)));
                return Vec::new();
            }
        };
        let item = |(at, value): (usize, &'r Value)| {
            self.reader.section(Some(value), format!("{parent}[{at}]"), pattern.clone())
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A mapping that somebody else checks.
    pub(super) fn object(&mut self, name: &'static str, about: &'static str) -> Map<String, Value> {
        self.ask(Key::new(name, Shape::Object, about));
        match self.raw(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => self.deep_map(map, name),
            Some(other) => {
                self.refuse(name, format!("must be a mapping, is {}", kind_of(other)));
                Map::new()
            }
        }
    }

    /// Every key that has not been asked for; somebody else checks them.
    pub(super) fn rest(mut self, about: &'static str) -> Map<String, Value> {
        if self.reader.described.is_some() {
            self.ask(Key::new("*", Shape::Rest, about));
        }
        let mut rest = self.fields.cloned().unwrap_or_default();
        rest.retain(|name, _| !self.asked.contains(&name.as_str()));
        self.deep_map(&rest, "")
    }

    fn deep_map(&mut self, map: &Map<String, Value>, path: &str) -> Map<String, Value> {
        map.iter().map(|(key, value)| (key.clone(), self.deep(value, &below(path, key)))).collect()
    }

    /// A value with its references put in, however deep; one that fails is left as it stands.
    fn deep(&mut self, value: &Value, path: &str) -> Value {
        match value {
            Value::Object(map) => Value::Object(self.deep_map(map, path)),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.deep(item, &format!("{path}[{index}]"))).collect()
            }
            Value::String(text) => match self.resolved(path, text) {
                Some(resolved) => Value::String(resolved.text),
                None => value.clone(),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// Reports every key that has not been asked for.
    pub(super) fn finish(self) {
        for name in self.fields.iter().flat_map(|fields| fields.keys()) {
            if !self.asked.contains(&name.as_str()) {
                let hint = did_you_mean(name, self.asked.iter().copied());
                let path = below(&self.path, name);
                self.reader.report.borrow_mut().add_at_key(&path, format!("unknown key{hint}"));
            }
        }
    }
}

/// What a value is, in words that do not hold it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "another text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
