//! Secrets that a keyword announces: `password: …`, `api_key="…"`, `Authorization: Bearer …`.
//! From the value's first word the text before it is looked at, so nothing is held back while a
//! keyword stands alone.
//!
//! Invariant: at most [`REACH`] bytes before a value are looked at, and only where an assignment
//! or a blank stands directly before it.

use super::Row;
use crate::policy::pii::scan::class::is_word;
use crate::policy::pii::scan::detectors::{Detectors, folded};
use crate::policy::pii::scan::plain::Limits;
use crate::policy::pii::scan::set::ByteSet;
use crate::policy::pii::scan::view::{Answer, View};

/// How far back the name of what is assigned may begin.
const REACH: usize = 64;

/// The rows that a keyword announces.
#[derive(Default)]
pub(super) struct Announced {
    assigned: Vec<Row>,
    /// The names by their last byte: letters and digits only, with the row of each.
    names: Vec<Vec<(Vec<u8>, u16)>>,
    after: Vec<(Vec<Vec<u8>>, Row)>,
    /// The last bytes of the words before, in both cases.
    last: ByteSet,
}

impl Announced {
    /// Adds a row by the names that it is assigned to.
    pub(super) fn add_assigned(&mut self, names: &[&str], row: Row) {
        self.names.resize(256, Vec::new());
        for name in names {
            let mut name = folded(name);
            name.retain(u8::is_ascii_alphanumeric);
            let last = name.last().map_or(0, |byte| usize::from(*byte));
            if let Some(names) = self.names.get_mut(last) {
                names.push((name, self.assigned.len() as u16));
            }
        }
        self.assigned.push(row);
    }

    /// Adds a row by the words that it follows.
    pub(super) fn add_after(&mut self, words: &[&str], row: Row) {
        for last in words.iter().filter_map(|word| word.bytes().last()) {
            self.last.insert(last.to_ascii_lowercase());
            self.last.insert(last.to_ascii_uppercase());
        }
        self.after.push((words.iter().map(|word| folded(word)).collect(), row));
    }

    /// Says which words are none of those that follow a word.
    pub(super) fn limit(&self, limits: &mut Limits) {
        limits.last.add(&self.last);
        for (_, row) in &self.after {
            limits.joints.add(&row.bytes);
            limits.shortest_after = limits.shortest_after.min(row.min);
        }
    }

    /// Looks at what stands before a word.
    #[inline]
    pub(super) fn look(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        let Some(before) = view.before(start) else { return };
        if before == b' ' && view.before(start - 1).is_some_and(|byte| self.last.has(byte)) {
            self.after_word(all, view, start, answer);
        }
        // In prose a letter or a stop stands before the blank, and the look ends here.
        let is_near = before != b' '
            || view.before(start - 1).is_some_and(|byte| b":=>\"'` ".contains(&byte));
        if is_near
            && !self.assigned.is_empty()
            && let Some(name) = assigned_name(view, start)
        {
            answer.work += name.len() as u64;
            self.by_name(all, view, start, name, answer);
        }
    }

    fn by_name(
        &self,
        all: &Detectors,
        view: &View<'_>,
        start: usize,
        name: &[u8],
        answer: &mut Answer,
    ) {
        let last = name.iter().rev().find(|byte| byte.is_ascii_alphanumeric());
        let last = last.map_or(0, |byte| usize::from(byte.to_ascii_lowercase()));
        let names = self.names.get(last).map_or(&[][..], Vec::as_slice);
        // A row with several names that fit is looked at once.
        let mut before = None;
        for (_, row) in names.iter().filter(|(wanted, _)| ends_in(name, wanted)) {
            let known = self.assigned.get(usize::from(*row)).filter(|_| before != Some(*row));
            if let Some(row) = known {
                row.look(all, view, (start, start), answer);
            }
            before = Some(*row);
        }
    }

    fn after_word(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        let end = start - 1;
        for (words, row) in &self.after {
            let is_after = words.iter().any(|word| {
                let Some(from) = end.checked_sub(word.len()) else { return false };
                view.before(end).map(|byte| byte.to_ascii_lowercase()) == word.last().copied()
                    && view.slice(from, end).eq_ignore_ascii_case(word)
                    && !view.before(from).is_some_and(is_word)
            });
            if is_after {
                row.look(all, view, (start, start), answer);
            }
        }
    }
}

/// The name that a value is assigned to, by `:`, `=` or `=>` with blanks and quotes around.
fn assigned_name<'a>(view: &View<'a>, start: usize) -> Option<&'a [u8]> {
    let mut place = start;
    let mut back = |test: fn(u8) -> bool, most: usize| {
        let floor = place.saturating_sub(most);
        while place > floor && view.before(place).is_some_and(test) {
            place -= 1;
        }
        place
    };
    let is_blank = |byte: u8| matches!(byte, b' ' | b'"' | b'\'' | b'`' | b'\\' | b'\t');
    let after_sign = back(is_blank, 6);
    // In prose the walk ends here.
    let sign = back(|byte| matches!(byte, b':' | b'=' | b'>'), 3);
    if sign == after_sign {
        return None;
    }
    let end = back(is_blank, 6);
    let is_name = |byte: u8| is_word(byte) || matches!(byte, b'_' | b'-' | b'.' | b' ');
    let from = back(is_name, REACH.saturating_sub(start - end));
    (from < end).then(|| view.slice(from, end))
}

/// Whether a name ends in this one, signs left out.
fn ends_in(name: &[u8], wanted: &[u8]) -> bool {
    let mut name = name.iter().rev().filter(|byte| byte.is_ascii_alphanumeric());
    wanted.iter().rev().all(|byte| name.next().is_some_and(|own| own.eq_ignore_ascii_case(byte)))
}

impl std::fmt::Debug for Announced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Announced({})", self.assigned.len() + self.after.len())
    }
}
