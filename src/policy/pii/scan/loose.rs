//! The kinds without fixed forms, by what a candidate shows: how many letters and digits, which
//! separators, whether letters, how it begins. Each of these is a set of kinds, and those that a
//! candidate may be are the sets' intersection.
//!
//! Invariant: at most [`MOST`] kinds; a candidate costs four look-ups, however many there are.

use super::joined::{Joined, MAX_BYTES};

/// Kinds without fixed forms; there are a dozen.
const MOST: usize = 128;

/// What the kinds are told apart by. The places are those of the rows in the joined kinds.
pub(super) struct LooseKinds {
    rows: Vec<u16>,
    /// By the count of letters and digits.
    by_length: [u128; MAX_BYTES + 1],
    /// Those that have more letters and digits than so many.
    by_longest: [u128; MAX_BYTES + 1],
    /// By the separators that are used, a bit each.
    by_separators: [u128; 128],
    /// Those that letters rule out.
    digits_only: u128,
    /// Those that can be findings where no word speaks for them: bare, and with separators.
    alone: [u128; 2],
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
            by_longest: [0; MAX_BYTES + 1],
            by_separators: [0; 128],
            digits_only: 0,
            alone: [0; 2],
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
        of: &Joined,
    ) -> bool {
        if self.rows.len() >= MOST {
            return false;
        }
        let Joined { separators, digits_only, begins, alone, .. } = *of;
        let bit = 1 << self.rows.len();
        self.rows.push(row);
        for (length, kinds) in self.by_length.iter_mut().enumerate() {
            *kinds |= if lengths.contains(&length) { bit } else { 0 };
        }
        for (length, kinds) in self.by_longest.iter_mut().enumerate() {
            *kinds |= if length < *lengths.end() { bit } else { 0 };
        }
        for (used, kinds) in (0u8..).zip(&mut self.by_separators) {
            *kinds |= if used & !separators == 0 { bit } else { 0 };
        }
        for (place, kinds) in self.by_beginning.iter_mut().enumerate() {
            *kinds |= if begins >> place & 1 == 1 { bit } else { 0 };
        }
        self.digits_only |= if digits_only { bit } else { 0 };
        for (kinds, is_alone) in self.alone.iter_mut().zip(alone) {
            *kinds |= if is_alone { bit } else { 0 };
        }
        true
    }

    /// The kinds that a candidate may be.
    #[inline]
    pub(super) fn fitting(&self, look: Look) -> Fitting {
        let get = |set: &[u128], place: usize| set.get(place).copied().unwrap_or(0);
        let mut all = get(&self.by_length, look.length)
            & get(&self.by_separators, usize::from(look.used))
            & get(&self.by_beginning, look.begins.trailing_zeros() as usize);
        if look.has_letters {
            all &= !self.digits_only;
        }
        Fitting { all, alone: all & get(&self.alone, usize::from(look.used != 0)) }
    }

    /// Those that a candidate with more words after this one may be.
    #[inline]
    pub(super) fn longer(&self, look: Look) -> Fitting {
        let get = |set: &[u128], place: usize| set.get(place).copied().unwrap_or(0);
        let mut all = get(&self.by_longest, look.length)
            & get(&self.by_separators, usize::from(look.used))
            & get(&self.by_beginning, look.begins.trailing_zeros() as usize);
        if look.has_letters {
            all &= !self.digits_only;
        }
        Fitting { all, alone: all & get(&self.alone, 1) }
    }

    /// Their rows.
    #[inline]
    pub(super) fn rows(
        &self,
        Fitting { all: mut kinds, .. }: Fitting,
    ) -> impl Iterator<Item = u16> {
        std::iter::from_fn(move || {
            let place = kinds.trailing_zeros() as usize;
            kinds &= kinds.wrapping_sub(1);
            self.rows.get(place).copied()
        })
    }
}

/// Kinds that a candidate may be.
#[derive(Clone, Copy)]
pub(super) struct Fitting {
    all: u128,
    /// Those of them that need no word to speak for them.
    alone: u128,
}

impl Fitting {
    /// Whether there are any that need no word to speak for them.
    #[inline]
    pub(super) fn is_any(self) -> bool {
        self.alone != 0
    }

    /// Whether it matters that a word speaks for some.
    #[inline]
    pub(super) fn asks(self) -> bool {
        self.all != self.alone
    }

    /// Those that remain where none does.
    pub(super) fn alone(self) -> Self {
        Self { all: self.alone, ..self }
    }
}
