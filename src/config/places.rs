//! Where each value of a configuration file stands. The source writes it, reports read it.
//!
//! Invariant: every path has a place; one that is not in the file has its nearest parent's.

use std::collections::HashMap;
use std::fmt;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The places of a file's keys and values, by path (`upstreams.make-eu.team_id`, `rules[0]`).
#[derive(Clone, Debug, Default)]
pub struct Places(HashMap<String, Spot>);

#[derive(Clone, Copy, Debug)]
struct Spot {
    key: Place,
    value: Place,
}

impl Places {
    pub(super) fn set(&mut self, path: String, key: Place, value: Place) {
        self.0.insert(path, Spot { key, value });
    }

    /// Where the value at this path stands, or what is nearest to it.
    pub fn value(&self, path: &str) -> Place {
        match self.0.get(path) {
            Some(spot) => spot.value,
            None => self.nearest_parent(path),
        }
    }

    /// Where the key at this path stands, or what is nearest to it.
    pub fn key(&self, path: &str) -> Place {
        match self.0.get(path) {
            Some(spot) => spot.key,
            None => self.nearest_parent(path),
        }
    }

    fn nearest_parent(&self, mut path: &str) -> Place {
        while let Some(cut) = path.rfind(['.', '[']) {
            path = path.get(..cut).unwrap_or_default();
            if let Some(spot) = self.0.get(path) {
                return spot.key;
            }
        }
        Place::START
    }
}

/// The path of a key below another path.
pub(super) fn below(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_in_the_file_has_the_place_of_its_nearest_parent() {
        let mut places = Places::default();
        let key = Place { line: 3, column: 2 };
        places.set("a.b".to_owned(), key, Place { line: 3, column: 9 });
        assert_eq!(places.value("a.b").column, 9);
        assert_eq!(places.value("a.b.c[0].d"), key);
        assert_eq!(places.value("z"), Place::START);
    }
}
