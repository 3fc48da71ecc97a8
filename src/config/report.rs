//! All that is wrong with a configuration file, in one report. The reader fills it, the vendors'
//! findings are added to it, `check` and `serve` print it.
//!
//! Invariant: nothing that came out of a reference stands in it; messages name places and rules,
//! never values.

use std::fmt;

use super::places::{Place, Places};

/// What is wrong, each with its place.
#[derive(Clone)]
pub struct Report {
    file: String,
    places: Places,
    faults: Vec<Fault>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    place: Place,
    path: String,
    message: String,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), places: Places::default(), faults: Vec::new() }
    }

    /// A file that cannot be read at all.
    pub fn unreadable(file: &str, message: impl Into<String>) -> Self {
        let mut report = Self::new(file);
        report.add_at(Place::START, "", message);
        report
    }

    pub(super) fn places_are(&mut self, places: Places) {
        self.places = places;
    }

    /// Adds what is wrong with the value at a path. The message must not hold the value.
    pub fn add(&mut self, path: &str, message: impl Into<String>) {
        self.add_at(self.places.value(path), path, message);
    }

    /// Adds what is wrong with the key at a path.
    pub(super) fn add_at_key(&mut self, path: &str, message: impl Into<String>) {
        self.add_at(self.places.key(path), path, message);
    }

    pub(super) fn add_at(&mut self, place: Place, path: &str, message: impl Into<String>) {
        self.faults.push(Fault { place, path: path.to_owned(), message: message.into() });
    }

    /// What is wrong, by path, in the order of the file; each message begins with its place.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults: Vec<&Fault> = self.faults.iter().collect();
        faults.sort();
        faults.dedup();
        let told = |fault: &Fault| {
            (fault.path.clone(), format!("{}:{}: {}", self.file, fault.place, fault.message))
        };
        faults.into_iter().map(told).collect()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// Where the keys and values of the file stand.
    pub fn places(&self) -> &Places {
        &self.places
    }
}

impl fmt::Display for Report {
    /// A line for each fault, `file:line:column: path: message`, in the order of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut faults: Vec<&Fault> = self.faults.iter().collect();
        faults.sort();
        faults.dedup();
        for fault in faults {
            write!(f, "{}:{}: ", self.file, fault.place)?;
            if !fault.path.is_empty() {
                write!(f, "{}: ", OneLine(&fault.path))?;
            }
            writeln!(f, "{}", OneLine(&fault.message))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}

/// Keys are the file's: one with a line break or an escape code must not forge a line.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_printed_in_the_order_of_the_file_and_once_each() {
        let mut report = Report::new("g.yaml");
        report.add_at(Place { line: 9, column: 1 }, "b", "later");
        report.add_at(Place { line: 2, column: 4 }, "a", "earlier");
        report.add_at(Place { line: 9, column: 1 }, "b", "later");
        assert_eq!(report.to_string(), "g.yaml:2:4: a: earlier\ng.yaml:9:1: b: later\n");
    }

    #[test]
    fn a_key_with_a_line_break_cannot_forge_a_line() {
        let mut report = Report::new("g.yaml");
        report.add("x\ng.yaml:1:1: all is well", "unknown key");
        assert_eq!(report.to_string().lines().count(), 1);
    }
}
