//! The form of a secret: its beginnings, then parts of known alphabets and lengths. The tables are
//! made of it, and a row's validator asks it.
//!
//! Invariant: at most one part of a form has no fixed length before a fixed text, so that a
//! candidate is read in time proportional to its length.

use super::alphabet::{Alphabet, NONE};

/// A length without end: the platform publishes none, or the value is a document.
pub const ENDLESS: u16 = u16::MAX;

/// One part of a secret.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// So many bytes of an alphabet.
    Run {
        /// Which bytes.
        alphabet: Alphabet,
        /// The fewest.
        min: u16,
        /// The most, or [`ENDLESS`].
        max: u16,
    },
    /// These bytes.
    Text(&'static str),
}

/// Exactly so many bytes.
pub(super) const fn n(alphabet: Alphabet, count: u16) -> Part {
    Part::Run { alphabet, min: count, max: count }
}

/// Between so many and so many bytes.
pub(super) const fn r(alphabet: Alphabet, min: u16, max: u16) -> Part {
    Part::Run { alphabet, min, max }
}

/// A fixed text.
pub(super) const fn t(text: &'static str) -> Part {
    Part::Text(text)
}

/// How a secret is written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// With which texts it can begin; none for one that a name announces.
    pub prefixes: &'static [&'static str],
    /// What follows.
    pub parts: &'static [Part],
    /// The least bits a character, times a hundred, of what follows: a placeholder has fewer.
    pub entropy: u16,
}

impl Form {
    /// Whether the candidate has this form, from its first byte to its last.
    pub fn fits(&self, candidate: &[u8]) -> bool {
        let bodies = self.prefixes.iter().filter_map(|p| candidate.strip_prefix(p.as_bytes()));
        let whole = self.prefixes.is_empty().then_some(candidate);
        bodies.chain(whole).any(|body| fits(self.parts, body) && entropy(body) >= self.entropy)
    }

    /// The bytes that it can have after its beginning.
    pub const fn alphabet(&self) -> Alphabet {
        let mut all = NONE;
        let mut rest = self.parts;
        while let Some((part, others)) = rest.split_first() {
            all = match part {
                Part::Run { alphabet, .. } => all.and(*alphabet),
                Part::Text(text) => all.and(plain(text)),
            };
            rest = others;
        }
        all
    }

    /// The fewest bytes after its beginning.
    pub const fn min(&self) -> usize {
        let mut sum = 0;
        let mut rest = self.parts;
        while let Some((part, others)) = rest.split_first() {
            sum += match part {
                Part::Run { min, .. } => *min as usize,
                Part::Text(text) => text.len(),
            };
            rest = others;
        }
        sum
    }

    /// The most bytes after its beginning; nothing where it is endless.
    pub const fn max(&self) -> Option<usize> {
        let mut sum = 0;
        let mut rest = self.parts;
        while let Some((part, others)) = rest.split_first() {
            sum += match part {
                Part::Run { max: ENDLESS, .. } => return None,
                Part::Run { max, .. } => *max as usize,
                Part::Text(text) => text.len(),
            };
            rest = others;
        }
        Some(sum)
    }
}

/// The bytes of a text, without ranges.
const fn plain(text: &str) -> Alphabet {
    let mut all = NONE;
    let mut rest = text;
    while !rest.is_empty() {
        let (first, others) = rest.split_at(1);
        all = all.and(Alphabet::of(first));
        rest = others;
    }
    all
}

fn fits(parts: &[Part], body: &[u8]) -> bool {
    let Some((part, others)) = parts.split_first() else { return body.is_empty() };
    match part {
        Part::Text(text) => {
            body.strip_prefix(text.as_bytes()).is_some_and(|rest| fits(others, rest))
        }
        Part::Run { alphabet, min, max } => {
            let least = usize::from(*min);
            let most = if *max == ENDLESS { body.len() } else { usize::from(*max) };
            let length = body.iter().take(most).take_while(|byte| alphabet.has(**byte)).count();
            if others.is_empty() {
                return length >= least && length == body.len();
            }
            (least..=length).rev().any(|at| body.get(at..).is_some_and(|rest| fits(others, rest)))
        }
    }
}

/// Shannon's entropy of the bytes, in hundredths of a bit a byte, of the first 256 of them.
pub(super) fn entropy(text: &[u8]) -> u16 {
    let text = text.get(..256).unwrap_or(text);
    let mut counts = [0_u16; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let total = text.len().max(1) as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum();
    (bits * 100.0) as u16
}

#[cfg(test)]
mod tests {
    use super::super::alphabet::{ALNUM, DIGITS, HEX, URL_64};
    use super::*;

    #[test]
    fn a_form_is_read_to_the_last_byte() {
        const PARTS: &[Part] =
            &[n(HEX, 2), t("-"), r(URL_64, 2, 4), t("END"), r(DIGITS, 1, ENDLESS)];
        let form = Form { prefixes: &["a_", "b_"], parts: PARTS, entropy: 0 };
        for good in ["a_0f-xxEND1", "b_0f-ENDxEND123456", "a_0f-_-__END0"] {
            assert!(form.fits(good.as_bytes()), "{good}");
        }
        for bad in
            ["c_0f-xxEND1", "a_0g-xxEND1", "a_0f-xEND1", "a_0f-xxxxxEND1", "a_0f-xxEND", "a_"]
        {
            assert!(!form.fits(bad.as_bytes()), "{bad}");
        }
        assert_eq!((form.min(), form.max()), (9, None));
        assert!(
            form.alphabet().has(b'-') && form.alphabet().has(b'E') && !form.alphabet().has(b'.')
        );
    }

    #[test]
    fn entropy_tells_chance_from_placeholders() {
        assert_eq!(entropy(b""), 0);
        assert_eq!(entropy(b"xxxxxxxxxxxxxxxx"), 0);
        assert_eq!(entropy(b"abababab"), 100);
        assert_eq!(entropy(b"0123456789abcdef"), 400);
        const WORD: &[Part] = &[n(ALNUM, 8)];
        let form = Form { prefixes: &[], parts: WORD, entropy: 250 };
        assert!(form.fits(b"aB3dE6gH") && !form.fits(b"aaaaaaab"));
    }
}
