//! Numbers and codes: words with single separators between them. From each word that may begin
//! one, the words that follow are joined one by one, and each joint asks the kinds whose way of
//! writing fits: by the exact form where a kind has forms, by the count of characters otherwise.
//!
//! Invariant: at most [`MAX_WORDS`] words and [`MAX_BYTES`] bytes are looked at from one place, so
//! the work is linear; validators are asked only for candidates of a fitting form.

use std::collections::HashMap;

use super::class;
use super::detectors::Detectors;
use super::loose::{Look, LooseKinds};
use super::view::{Answer, Found, View};

/// Most words in one number: an IBAN of 34 in groups of four has nine.
pub(super) const MAX_WORDS: usize = 10;
/// Most bytes of one number, separators included; the longest bare one is a Bitcoin address of 90.
pub(super) const MAX_BYTES: usize = 96;
/// The longest word of letters alone that a number goes on with: a bank's code in an IBAN.
const MAX_LETTERS: usize = 4;

/// A kind that is written in joined words.
#[derive(Clone, Copy)]
pub(super) struct Joined {
    pub(super) kind: u16,
    pub(super) separators: u8,
    pub(super) digits_only: bool,
    pub(super) max_bytes: usize,
    pub(super) validate: fn(&[u8]) -> bool,
    /// How it can begin, by [`beginning`], a bit each.
    pub(super) begins: u8,
    /// Whether it can be a finding where no word speaks for it: bare, and with separators.
    pub(super) alone: [bool; 2],
}

/// Whether the first two bytes are letters: one bit of four.
pub(super) fn beginning(candidate: &[u8]) -> u8 {
    let mut letters = candidate.iter().take(2).map(u8::is_ascii_alphabetic);
    let (first, second) = (letters.next() == Some(true), letters.next() == Some(true));
    1 << (u8::from(first) << 1 | u8::from(second))
}

/// The kinds by the way they are written.
#[derive(Default)]
pub(super) struct JoinedKinds {
    rows: Vec<Joined>,
    /// Rows by the key of a form; the table is a power of two with short chains.
    forms: HashMap<u64, Vec<u16>, Keyed>,
    /// Which keys are in `forms`, so that most joints cost one bit.
    filter: Vec<u64>,
    /// The same for the beginnings of forms, from their first word on.
    beginnings: Vec<u64>,
    /// Rows without forms.
    loose: LooseKinds,
    /// The separators of any kind.
    separators: u8,
    /// Some kind is written in capital letters alone.
    has_capitals: bool,
}

/// The form's key is well mixed already.
#[derive(Clone, Copy, Default)]
pub(super) struct Keyed;

impl std::hash::BuildHasher for Keyed {
    type Hasher = Itself;
    fn build_hasher(&self) -> Itself {
        Itself(0)
    }
}

/// A hasher that hands on the number it is given.
pub(super) struct Itself(u64);

impl std::hash::Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// The key of a form grows with each word: the separator before it, and its length.
#[inline(always)]
fn grow(key: u64, separator: u8, length: usize) -> u64 {
    let key =
        (key ^ (u64::from(separator) << 8 | length as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    key ^ key >> 29
}

/// Marks a key in a filter.
fn mark(filter: &mut Vec<u64>, key: u64) {
    filter.resize(64, 0);
    if let Some(word) = filter.get_mut(key as usize >> 6 & 63) {
        *word |= 1 << (key & 63);
    }
}

/// Whether a key may have been marked.
#[inline(always)]
fn is_marked(filter: &[u64], key: u64) -> bool {
    filter.get(key as usize >> 6 & 63).is_some_and(|word| word >> (key & 63) & 1 == 1)
}

/// One bit a separator, so that sets of them are compared at once.
#[inline(always)]
fn bit(separator: u8) -> u8 {
    match separator {
        b' ' => 1,
        b'-' => 2,
        b'.' => 4,
        b'/' => 8,
        b':' => 16,
        b'_' => 32,
        b',' => 64,
        _ => 0,
    }
}

impl JoinedKinds {
    /// Adds a kind. `forms` may be empty; `min` and `max` count letters and digits.
    /// False where there is no room for it.
    pub(super) fn add(&mut self, row: Joined, forms: &[&str], min: u8, max: u8) -> bool {
        let place = self.rows.len() as u16;
        self.rows.push(row);
        self.separators |= row.separators;
        for form in forms {
            self.add_form(place, form.as_bytes());
        }
        self.has_capitals |= !row.digits_only;
        let lengths = usize::from(min)..=usize::from(max).min(MAX_BYTES);
        !forms.is_empty() || self.loose.add(place, lengths, &row)
    }

    fn add_form(&mut self, place: u16, form: &[u8]) {
        let words = form.split(|byte| !byte.is_ascii_alphanumeric()).count();
        let (mut key, mut separator, mut length) = (0, 0, 0);
        for byte in form {
            if byte.is_ascii_alphanumeric() {
                length += 1;
            } else {
                key = grow(key, separator, length);
                (separator, length) = (*byte, 0);
                self.separators |= bit(*byte);
                // A form of more words is never seen whole.
                if words <= MAX_WORDS {
                    mark(&mut self.beginnings, key);
                }
            }
        }
        let key = grow(key, separator, length);
        let rows = self.forms.entry(key).or_default();
        if !rows.contains(&place) {
            rows.push(place);
        }
        mark(&mut self.filter, key);
    }

    fn with_form(&self, key: u64) -> &[u16] {
        if is_marked(&self.filter, key) {
            self.forms.get(&key).map_or(&[], Vec::as_slice)
        } else {
            &[]
        }
    }

    /// The bits of separators that are written out.
    pub(super) fn separator_bits(text: &str) -> u8 {
        text.bytes().fold(0, |bits, byte| bits | bit(byte))
    }

    /// Whether a word of capitals alone can be one.
    pub(super) fn has_capitals(&self) -> bool {
        self.has_capitals
    }

    /// Whether a word can begin a number: it has a digit, or it is short and followed by one, or
    /// it is all capitals.
    #[inline]
    pub(super) fn may_begin(&self, view: &View<'_>, start: usize, end: usize, classes: u8) -> bool {
        if self.rows.is_empty() || classes & class::OTHER != 0 {
            return false;
        }
        if classes & class::DIGIT != 0 {
            return true;
        }
        if self.has_capitals && classes == class::UPPER {
            return true;
        }
        // Letters follow in an address of hardware alone: `fa:fb:0c:…`.
        let goes_on = |byte: u8| {
            byte.is_ascii_digit() || (view.at(end) == Some(b':') && class::is_word(byte))
        };
        end - start <= MAX_LETTERS
            && view.at(end).is_some_and(|byte| bit(byte) & self.separators != 0)
            && (view.is_unknown(end + 1) || view.at(end + 1).is_some_and(goes_on))
    }

    /// Looks for the longest number from a word on.
    pub(super) fn look(
        &self,
        all: &Detectors,
        view: &View<'_>,
        start: usize,
        first: (usize, u8),
        answer: &mut Answer,
    ) {
        let (mut from, mut end, mut classes) = (start, first.0, first.1);
        let (mut key, mut separator, mut used, mut length) = (0, 0u8, 0u8, 0);
        for words in 1..=MAX_WORDS {
            if end - start > MAX_BYTES {
                return;
            }
            if view.is_unknown(end) {
                answer.wants_more = true;
                return;
            }
            length += end - from;
            key = grow(key, separator, end - from);
            answer.work += (end - from) as u64;
            let has_letters = classes != class::DIGIT;
            let begins = beginning(view.slice(start, end));
            let look = Look { length, used, has_letters, begins };
            let candidate = Candidate { start, end, separated: used != 0, has_letters };
            let mut fitting = self.loose.fitting(look);
            if fitting.asks() && !all.speaks(view, start, &mut answer.heard) {
                fitting = fitting.alone();
            }
            let rows = self.with_form(key).iter().copied().chain(self.loose.rows(fitting));
            self.ask(all, view, rows, candidate, answer);
            // Where no kind is longer, the words that follow need not be joined.
            let goes_on = is_marked(&self.beginnings, key) || {
                let longer = self.loose.longer(look);
                longer.is_any() || (longer.asks() && all.speaks(view, start, &mut answer.heard))
            };
            if !goes_on {
                return;
            }
            // Single characters in a row are a list; numbers have longer groups.
            if words >= 4 && length + 2 < 2 * words {
                return;
            }

            let Some(next) = view.at(end).filter(|byte| bit(*byte) & self.separators != 0) else {
                return;
            };
            if view.is_unknown(end + 1) {
                answer.wants_more = true;
                return;
            }
            (separator, used, from) = (next, used | bit(next), end + 1);
            let (to, word) = view.word(from, MAX_BYTES + 1);
            let letters_only = word & class::DIGIT == 0;
            if to == from || word & class::OTHER != 0 || words == MAX_WORDS {
                return;
            }
            if letters_only && to - from > MAX_LETTERS {
                return;
            }
            (end, classes) = (to, classes | word);
        }
    }

    fn ask(
        &self,
        all: &Detectors,
        view: &View<'_>,
        rows: impl Iterator<Item = u16>,
        of: Candidate,
        answer: &mut Answer,
    ) {
        let Candidate { start, end, separated, has_letters } = of;
        let mut glued = None;
        for row in rows.filter_map(|row| self.rows.get(usize::from(row))) {
            if (row.digits_only && has_letters) || end - start > row.max_bytes {
                continue;
            }
            // A kind that is none without a word for it is not asked before one is heard.
            let is_alone = row.alone.get(usize::from(separated)) == Some(&true);
            if !is_alone && !all.speaks(view, start, &mut answer.heard) {
                continue;
            }
            let sure = all.certainty(row.kind, view, start, separated, &mut answer.heard);
            let Some(confidence) = sure else { continue };
            let glued = *glued.get_or_insert_with(|| is_glued(view, start, end));
            if glued == Some(true) {
                return;
            }
            answer.work += (end - start) as u64;
            if !(row.validate)(view.slice(start, end)) {
                continue;
            }
            if glued.is_none() {
                answer.wants_more = true;
                continue;
            }
            answer.offer(Found { start, end, kind: row.kind, confidence, tail: None });
        }
    }
}

/// Words that may be a number together.
#[derive(Clone, Copy)]
struct Candidate {
    start: usize,
    end: usize,
    separated: bool,
    has_letters: bool,
}

/// How far back the word before a number is looked at.
const GLUE: usize = 24;

/// Whether a number is only a piece of a longer one: `-` or `.` ties it to more digits. `None`
/// where that cannot be told yet.
pub(super) fn is_glued(view: &View<'_>, start: usize, end: usize) -> Option<bool> {
    let ties = |byte: Option<u8>| matches!(byte, Some(b'-' | b'.'));
    if view.is_unknown(end) || (ties(view.at(end)) && view.is_unknown(end + 1)) {
        return None;
    }
    let goes_on = ties(view.at(end)) && view.at(end + 1).is_some_and(|byte| byte.is_ascii_digit());
    let before = view.before(start);
    if goes_on || before == Some(b'+') {
        return Some(true);
    }
    if !ties(before) {
        return Some(false);
    }
    let left = view.slice(start.saturating_sub(GLUE), start - 1);
    let word = left.iter().rev().take_while(|byte| class::is_word(**byte));
    Some(word.into_iter().any(u8::is_ascii_digit))
}
