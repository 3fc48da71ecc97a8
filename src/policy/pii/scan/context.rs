//! Words that speak for a kind when they stand shortly before a candidate: "card" before sixteen
//! digits.
//!
//! Invariant: only text before the candidate counts, and as much of it for every cutting; each
//! word is looked up once a pass, however many candidates ask.

use super::class;
use super::shadow::OTHER_SIGN;
use super::view::View;

/// How far before a candidate a word may begin, in characters. A bit each, so no more than 64.
pub(crate) const REACH: usize = 64;
/// Lists of words by their first two bytes.
const LISTS: usize = 1 << 10;

/// A word or phrase.
struct Word {
    /// As it is read.
    text: Vec<u8>,
    /// Its kinds, a bit a kind.
    kinds: Vec<u64>,
}

/// The words of all kinds.
#[derive(Default)]
pub(super) struct Contexts {
    /// In the order of their lists.
    words: Vec<Word>,
    /// Where each list begins in `words`, and where the last one ends.
    lists: Vec<u16>,
}

/// What was heard in one pass over the view.
#[derive(Default)]
pub(super) struct Heard {
    /// The candidate that `kinds` is for, and one more.
    place: usize,
    /// The kinds that a word before it speaks for, a bit a kind.
    kinds: Vec<u64>,
    /// Up to where words were looked up.
    read: usize,
    /// Words within reach: where each begins and ends, and which it is.
    hits: Vec<(usize, usize, usize)>,
}

impl Heard {
    /// Forgets all before another pass; its buffers stay.
    pub(super) fn restart(&mut self) {
        (self.place, self.read) = (0, 0);
        self.kinds.clear();
        self.hits.clear();
    }
}

/// How a byte of the text is read: `date_of_birth` speaks as `date of birth` does.
#[inline(always)]
fn read(byte: u8) -> u8 {
    if byte == b'_' { b' ' } else { byte.to_ascii_lowercase() }
}

/// The list of words with these first two bytes.
#[inline(always)]
fn list(first: u8, second: u8) -> usize {
    usize::from(read(first) & 31) << 5 | usize::from(read(second) & 31)
}

impl Contexts {
    /// Takes words with their kinds, as the view shows them. Each begins with a letter, a digit or
    /// a sign outside ASCII.
    pub(super) fn build(words: Vec<(Vec<u8>, Vec<u16>)>) -> Self {
        let mut by_list = Vec::new();
        for (text, of) in words {
            let mut kinds = Vec::new();
            of.into_iter().for_each(|kind| set(&mut kinds, kind));
            let Some(first) = text.first().copied() else { continue };
            // After one byte alone anything may come.
            let seconds = text.get(1).map_or(0..=31, |second| *second..=*second);
            by_list.extend(seconds.map(|second| {
                (list(first, second), Word { text: text.clone(), kinds: kinds.clone() })
            }));
        }
        by_list.sort_by_key(|(list, _)| *list);
        let lists = (0..=LISTS).map(|list| by_list.partition_point(|(of, _)| *of < list) as u16);
        Self { lists: lists.collect(), words: by_list.into_iter().map(|(_, word)| word).collect() }
    }

    /// Whether a word for this kind begins within reach before a place. Places are asked for in
    /// order.
    #[inline]
    pub(super) fn speaks_for(
        &self,
        kind: u16,
        view: &View<'_>,
        place: usize,
        heard: &mut Heard,
    ) -> bool {
        if heard.place != place + 1 {
            self.listen(view, place, heard);
        }
        heard.kinds.get(usize::from(kind >> 6)).is_some_and(|word| word >> (kind & 63) & 1 == 1)
    }

    /// The same for any kind.
    #[inline]
    pub(super) fn speaks(&self, view: &View<'_>, place: usize, heard: &mut Heard) -> bool {
        if heard.place != place + 1 {
            self.listen(view, place, heard);
        }
        !heard.kinds.is_empty()
    }

    fn listen(&self, view: &View<'_>, place: usize, heard: &mut Heard) {
        let from = place.saturating_sub(REACH);
        if heard.read < from || heard.read > place {
            heard.read = from;
            heard.hits.clear();
        }
        let mut words = beginnings(view, heard.read, place);
        while words != 0 {
            self.look_up(view, heard.read + words.trailing_zeros() as usize, &mut heard.hits);
            words &= words - 1;
        }
        (heard.read, heard.place) = (place, place + 1);
        heard.kinds.clear();
        if heard.hits.is_empty() {
            return;
        }
        heard.hits.retain(|(begins, _, _)| *begins >= from);
        for (_, _, word) in heard.hits.iter().filter(|(_, ends, _)| *ends <= place) {
            let bits = self.words.get(*word).map_or(&[][..], |word| &word.kinds);
            heard.kinds.resize(heard.kinds.len().max(bits.len()), 0);
            heard.kinds.iter_mut().zip(bits).for_each(|(all, more)| *all |= more);
        }
    }

    /// Adds the words that begin at a place.
    #[inline]
    fn look_up(&self, view: &View<'_>, begins: usize, hits: &mut Vec<(usize, usize, usize)>) {
        let come = view.bytes.get(begins..).unwrap_or_default();
        let [first, second, ..] = *come else { return };
        let list = list(first, second);
        let Some([from, to]) = self.lists.get(list..list + 2) else { return };
        let (from, to) = (usize::from(*from), usize::from(*to));
        for (place, word) in (from..to).zip(self.words.get(from..to).into_iter().flatten()) {
            let is_same = come.get(..word.text.len()).is_some_and(|come| {
                come.iter().zip(&word.text).all(|(byte, wanted)| read(*byte) == *wanted)
            });
            let ends = begins + word.text.len();
            if is_same && is_end(view, ends) {
                hits.push((begins, ends, place));
            }
        }
    }
}

/// Where words begin between two places at most [`REACH`] apart, a bit a byte from the first. A
/// sign outside ASCII is a word, too: `〒`.
#[inline]
fn beginnings(view: &View<'_>, from: usize, to: usize) -> u64 {
    let (mut words, mut signs) = (0, 0);
    for (byte, place) in view.slice(from, to).iter().zip(0..REACH as u32) {
        words |= u64::from(class::is_word(*byte)) << place;
        signs |= u64::from(*byte == OTHER_SIGN) << place;
    }
    let before = view.before(from).is_some_and(class::is_word);
    (words | signs) & !(words << 1 | u64::from(before))
}

fn set(bits: &mut Vec<u64>, kind: u16) {
    let word = usize::from(kind >> 6);
    bits.resize(bits.len().max(word + 1), 0);
    if let Some(word) = bits.get_mut(word) {
        *word |= 1 << (kind & 63);
    }
}

/// Whether a word ends at a place, or the plural of one.
fn is_end(view: &View<'_>, end: usize) -> bool {
    let is_word = |byte: Option<u8>| byte.is_some_and(class::is_word);
    match view.at(end) {
        Some(b's' | b'S') => !is_word(view.at(end + 1)),
        other => !is_word(other),
    }
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contexts({} words)", self.words.len())
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heard({} words)", self.hits.len())
    }
}
