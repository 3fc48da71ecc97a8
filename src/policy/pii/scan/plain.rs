//! Words of prose, which are most of a text: letters alone, shorter than any secret, with nothing
//! beside them that a value begins or goes on with. They are passed without asking the detectors.
//!
//! Invariant: a word is passed only where its end and what follows have come, and only where every
//! detector would answer that nothing begins there; so what is found is the same without this.

use super::class::{self, ANCHOR, DIGIT, WORD};
use super::set::ByteSet;

/// A word that begins with this byte may be passed.
const FIRST: u8 = 1;
/// Nothing goes on over this byte.
const QUIET: u8 = 2;
/// Something may go on over this byte, but not over a quiet one after it.
const STOP: u8 = 4;
/// It may stand between a name and the value that is assigned to it.
const NEAR: u8 = 8;
/// A word that announces a value may end in it.
const LAST: u8 = 16;

/// What the detectors tell of themselves, to know by which words they are not interested in.
#[derive(Debug)]
pub(super) struct Limits {
    /// Bytes over which a value goes on that begins with a letter, words apart.
    pub(super) joints: ByteSet,
    /// First bytes of what may be a single short word.
    pub(super) first: ByteSet,
    /// Last bytes of words that announce a value.
    pub(super) last: ByteSet,
    /// The fewest bytes of a value that begins with a letter.
    pub(super) shortest: usize,
    /// The same after a word that announces it.
    pub(super) shortest_after: usize,
    /// Whether a word of capitals may be a value.
    pub(super) has_capitals: bool,
}

/// The same as one table.
#[derive(Debug)]
pub(super) struct Plain {
    marks: [u8; 256],
    shortest: usize,
    shortest_after: usize,
    has_capitals: bool,
}

impl Default for Plain {
    /// Passes nothing.
    fn default() -> Self {
        Self { marks: [0; 256], shortest: 0, shortest_after: 0, has_capitals: true }
    }
}

impl Plain {
    /// The table of what the detectors told.
    pub(super) fn new(limits: &Limits) -> Self {
        let mut marks = [0; 256];
        for (byte, mark) in (0..=u8::MAX).zip(&mut marks) {
            *mark = match byte {
                _ if class::is_word(byte) => 0,
                b':' | b'@' => 0,
                _ if class::of(byte) & class::LOCAL != 0 || limits.joints.has(byte) => STOP,
                _ => QUIET,
            };
            if byte.is_ascii_alphabetic() && !limits.first.has(byte) {
                *mark |= FIRST;
            }
            if b" \"'`\\\t:=>".contains(&byte) {
                *mark |= NEAR;
            }
            if limits.last.has(byte) {
                *mark |= LAST;
            }
        }
        let Limits { shortest, shortest_after, has_capitals, .. } = *limits;
        Self { marks, shortest, shortest_after, has_capitals }
    }

    /// The first place from this one on at which the detectors must be asked, or the end.
    #[inline]
    pub(super) fn pass(&self, bytes: &[u8], mut place: usize) -> usize {
        loop {
            let rest = bytes.get(place..).unwrap_or_default();
            place += rest.iter().take_while(|byte| class::of(**byte) & ANCHOR == 0).count();
            match self.end(bytes, place) {
                Some(end) => place = end,
                None => return place,
            }
        }
    }

    /// The end of the word at a place, if it is one to pass.
    #[inline(always)]
    fn end(&self, bytes: &[u8], place: usize) -> Option<usize> {
        let mark = |byte: u8| self.marks.get(usize::from(byte)).copied().unwrap_or(0);
        if mark(*bytes.get(place)?) & FIRST == 0 {
            return None;
        }
        let (end, has_small) = letters(bytes, place);
        let [next, further] = *bytes.get(end..end + 2)? else { return None };
        let ends = match mark(next) & (QUIET | STOP) {
            QUIET => class::of(further) & DIGIT == 0,
            STOP => mark(further) & QUIET != 0,
            _ => false,
        };
        // One byte more, for what may end in a sign.
        let length = end - place + 1;
        if !ends || length >= self.shortest || (self.has_capitals && !has_small) {
            return None;
        }
        let (before, further) = match bytes.get(..place)? {
            [.., further, before] => (*before, *further),
            [before] => (*before, b' '),
            [] => return Some(end),
        };
        // The first letter may be within a word that a value ended in.
        if class::of(before) & WORD != 0 {
            return None;
        }
        if mark(before) & NEAR != 0 && (before != b' ' || mark(further) & NEAR != 0) {
            return None;
        }
        let is_announced = before == b' ' && mark(further) & LAST != 0;
        (!is_announced || length < self.shortest_after).then_some(end)
    }
}

/// Each byte the same.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The end of the ASCII letters that begin at a place, and whether there is a small one. Eight
/// bytes are looked at with one comparison, since most words have fewer and a loop over them would
/// guess their ends wrong.
#[inline(always)]
fn letters(bytes: &[u8], place: usize) -> (usize, bool) {
    let (mut end, mut small) = (place, 0);
    while let Some(Ok(eight)) = bytes.get(end..end + 8).map(<[u8; 8]>::try_from) {
        let eight = u64::from_le_bytes(eight);
        let low = (eight | all(0x20)) & all(0x7F);
        let from_a = low + all(0x80 - b'a');
        let after_z = low + all(0x80 - b'z' - 1);
        let others = !(from_a & !after_z & !eight) & all(0x80);
        let count = others.trailing_zeros() as usize / 8;
        if count == 8 {
            (end, small) = (end + 8, small | eight & all(0x20));
            continue;
        }
        return (end + count, (small | eight & all(0x20) & !(u64::MAX << (8 * count))) != 0);
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let rest = rest.iter().take_while(|byte| byte.is_ascii_alphabetic());
    for byte in rest {
        (end, small) = (end + 1, small | u64::from(byte & 0x20));
    }
    (end, small != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Plain {
        Plain::new(&Limits {
            joints: ByteSet::of(|byte| b".!/".contains(&byte)),
            first: ByteSet::of(|byte| byte == b'q'),
            last: ByteSet::of(|byte| byte == b'r'),
            shortest: 14,
            shortest_after: 6,
            has_capitals: true,
        })
    }

    #[test]
    fn prose_is_passed_up_to_what_may_begin_something() {
        for (text, wanted) in [
            ("Plain words, some more. And \u{81} then 7 of", "then 7 of"),
            ("it is a quiz of it", "quiz of it"),
            ("it is IN it to", "IN it to"),
            ("a b/c d", "b/c d"),
            ("a key: value of it", "key: value of it"),
            ("the x=value of it", "=value of it"),
            ("the \"value of it", "value of it"),
            ("to abcdefghijklm of it", "abcdefghijklm of it"),
            ("to abcdefghijkl of it", "it"),
            ("bearer values of it", "values of it"),
            ("bearer of it is", "is"),
            ("a b@c", "b@c"),
            ("a b1 c", "b1 c"),
            ("", ""),
        ] {
            let text: Vec<u8> = text.bytes().filter(|byte| *byte != 0xC2).collect();
            let place = plain().pass(&text, 0);
            assert_eq!(String::from_utf8_lossy(&text[place..]), wanted);
        }
    }

    #[test]
    fn letters_end_where_they_end_however_many_there_are() {
        for length in 0..40 {
            for end in ["", "@", "[", "`", "{", "0", " ", "\u{e9}"] {
                let text = format!("{}{end}12345678", &"ABCDEFGHIJ".repeat(4)[..length]);
                assert_eq!(letters(text.as_bytes(), 0), (length, false), "{text}");
                let text = format!("{}Azx{end}", "A".repeat(length));
                assert_eq!(letters(text.as_bytes(), 0), (length + 3, true), "{text}");
            }
        }
    }
}
