//! What each byte of the shadow view can be part of, as one table. The scanner's loops ask it.
//!
//! Invariant: one lookup a byte; bytes above ASCII are the two stand-ins of [`super::shadow`].

use super::shadow::OTHER_LETTER;

/// `0` to `9`.
pub(super) const DIGIT: u8 = 1;
/// `A` to `Z`.
pub(super) const UPPER: u8 = 2;
/// `a` to `z`.
pub(super) const LOWER: u8 = 4;
/// A letter that folds to nothing in ASCII.
pub(super) const OTHER: u8 = 8;
/// Part of a word.
pub(super) const WORD: u8 = DIGIT | UPPER | LOWER | OTHER;
/// A sign at which something can begin or be assigned: `+ ( - : =`.
pub(super) const SIGN: u8 = 16;
/// Part of the local part of an e-mail address, words included.
pub(super) const LOCAL: u8 = 32;
/// Where the loop over prose stops.
pub(super) const ANCHOR: u8 = WORD | SIGN;

const CLASSES: [u8; 256] = classes();

/// The classes of a byte.
#[inline(always)]
pub(super) fn of(byte: u8) -> u8 {
    // A byte is always within a table of 256.
    CLASSES[byte as usize]
}

/// Whether it is a letter or digit of any kind.
#[inline(always)]
pub(super) fn is_word(byte: u8) -> bool {
    of(byte) & WORD != 0
}

#[expect(clippy::indexing_slicing, reason = "a byte is always within a table of 256")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        table[byte] = if is.is_ascii_digit() {
            DIGIT | LOCAL
        } else if is.is_ascii_uppercase() {
            UPPER | LOCAL
        } else if is.is_ascii_lowercase() {
            LOWER | LOCAL
        } else if is == OTHER_LETTER {
            OTHER | LOCAL
        } else {
            sign(is)
        };
        byte += 1;
    }
    table
}

const fn sign(byte: u8) -> u8 {
    match byte {
        b'-' => SIGN | LOCAL,
        b'.' => LOCAL,
        b'_' => LOCAL,
        b'+' => SIGN | LOCAL,
        b'(' | b'=' | b':' => SIGN,
        // RFC 5322 takes more signs; beside an address they are mark-up, paths and templates far
        // more often than part of it.
        b'%' | b'\'' => LOCAL,
        _ => 0,
    }
}
