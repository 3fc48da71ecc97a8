//! The kinds without fixed forms, by what a candidate shows: how many letters and digits, which
//! separators, whether letters, how it begins. Each of these is a set of kinds, and those that a
//! candidate may be are the sets' intersection.
//!
//! Invariant: at most [`MOST`] kinds; a candidate costs four look-ups, however many there are.

use super::joined::MAX_BYTES;

/// Kinds without fixed forms; there are a dozen.
const MOST: usize = 128;

/// What the kinds are told apart by. The places are those of the rows in the joined kinds.
pub(super) struct LooseKinds {
    rows: Vec<u16>,
    /// By the count of letters and digits.
    by_length: [u128; MAX_BYTES + 1],
    /// Those that have a longer candidate than this many letters and digits.
    longer: [u128; MAX_BYTES + 1],
    /// By the separators that are used, a bit each.
    by_separators: [u128; 128],
    /// Those that letters rule out.
    digits_only: u128,
    /// By the classes of the first two bytes.
    by_beginning: [u128; 4],
}

/// What a candidate shows.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Letters and digits.
    pub(super) length: usize,
    /// Its separators, a bit each.
    pub(super) used: u8,
    /// Whether it has letters.
    pub(super) has_letters: bool,
    /// One bit of four: whether the first two bytes are letters.
    pub(super) begins: u8,
}

impl Default for LooseKinds {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            by_length: [0; MAX_BYTES + 1],
            longer: [0; MAX_BYTES + 1],
            by_separators: [0; 128],
            digits_only: 0,
            by_beginning: [0; 4],
        }
    }
}

impl LooseKinds {
    /// Adds a row; false where there is no room.
    pub(super) fn add(
        &mut self,
        row: u16,
        lengths: std::ops::RangeInclusive<usize>,
        separators: u8,
        digits_only: bool,
        begins: u8,
    ) -> bool {
        if self.rows.len() >= MOST {
            return false;
        }
        let bit = 1 << self.rows.len();
        self.rows.push(row);
        for (length, kinds) in self.by_length.iter_mut().enumerate() {
            *kinds |= if lengths.contains(&length) { bit } else { 0 };
        }
        for (length, kinds) in self.longer.iter_mut().enumerate() {
            *kinds |= if length < *lengths.end() { bit } else { 0 };
        }
        for (used, kinds) in (0u8..).zip(&mut self.by_separators) {
            *kinds |= if used & !separators == 0 { bit } else { 0 };
        }
        for (place, kinds) in self.by_beginning.iter_mut().enumerate() {
            *kinds |= if begins >> place & 1 == 1 { bit } else { 0 };
        }
        self.digits_only |= if digits_only { bit } else { 0 };
        true
    }

    /// The rows that may be found in what goes on after a candidate.
    #[inline]
    pub(super) fn going_on(&self, look: Look) -> impl Iterator<Item = u16> + '_ {
        self.rows_of(self.kinds(&self.longer, look))
    }

    /// Those of a set by length that have the separators, the letters and the beginning.
    #[inline(always)]
    fn kinds(&self, by_length: &[u128], look: Look) -> u128 {
        let get = |set: &[u128], place: usize| set.get(place).copied().unwrap_or(0);
        let kinds = get(by_length, look.length)
            & get(&self.by_separators, usize::from(look.used))
            & get(&self.by_beginning, look.begins.trailing_zeros() as usize);
        if look.has_letters { kinds & !self.digits_only } else { kinds }
    }

    /// The rows that a candidate may be.
    #[inline]
    pub(super) fn fitting(&self, look: Look) -> impl Iterator<Item = u16> + '_ {
        self.rows_of(self.kinds(&self.by_length, look))
    }

    #[inline(always)]
    fn rows_of(&self, mut kinds: u128) -> impl Iterator<Item = u16> + '_ {
        std::iter::from_fn(move || {
            let place = kinds.trailing_zeros() as usize;
            kinds &= kinds.wrapping_sub(1);
            self.rows.get(place).copied()
        })
    }
}
