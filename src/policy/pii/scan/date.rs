//! Dates in words and figures: three to five words with at most two signs between.
//!
//! Invariant: at most [`MAX_BYTES`] bytes are looked at; the longest end that the validator takes
//! is the date.

use super::class::{self, DIGIT, OTHER, UPPER};
use super::context::Heard;
use super::detectors::Detectors;
use super::joined::is_glued;
use super::view::{Answer, Found, View};

/// `10 de septiembre de 1990` and its like.
const MAX_BYTES: usize = 32;
/// `10`, `de`, `septiembre`, `de`, `1990`.
const MAX_WORDS: usize = 5;
/// `3/1/90` to `03/01/1990`.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;
/// The longest name of a month.
const MAX_LETTERS: usize = 10;

/// A kind that is a date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    pub(super) kind: u16,
    pub(super) max: usize,
    pub(super) validate: fn(&[u8]) -> bool,
}

/// Looks for a date from a word on.
pub(super) fn look(
    all: &Detectors,
    view: &View<'_>,
    start: usize,
    first: (usize, u8),
    answer: &mut Answer,
) {
    if all.date.is_empty() || !may_begin(view, start, first) {
        return;
    }
    // A kind that would be too uncertain here is not looked for.
    let is_sure =
        |row: &Date, heard: &mut Heard| all.certainty(row.kind, view, start, true, heard).is_some();
    if !all.date.iter().any(|row| is_sure(row, &mut answer.heard)) {
        return;
    }
    let mut ends = [0; MAX_WORDS];
    let (mut end, mut words, mut all_classes) = (first.0, 0, first.1);
    while let Some(place) = ends.get_mut(words) {
        if view.is_unknown(end) {
            answer.wants_more = true;
            return;
        }
        *place = end;
        words += 1;
        // In figures alone there are three of them.
        if words == 3 && all_classes == DIGIT {
            break;
        }
        let Some(from) = after_signs(view, end) else {
            answer.wants_more = true;
            return;
        };
        let (to, classes) = view.word(from, MAX_LETTERS + 1);
        if from == end || to == from || !is_part(to - from, classes) || to - start > MAX_BYTES {
            break;
        }
        (end, all_classes) = (to, all_classes | classes);
    }
    answer.work += (end - start) as u64;
    for end in ends.into_iter().take(words).skip(2).rev() {
        let digits = view.slice(start, end).iter().filter(|byte| byte.is_ascii_digit()).count();
        for row in all.date.iter().filter(|row| DIGITS.contains(&digits) && end - start <= row.max)
        {
            let sure = all.certainty(row.kind, view, start, true, &mut answer.heard);
            let Some(confidence) = sure else { continue };
            if (row.validate)(view.slice(start, end)) {
                match is_glued(view, start, end) {
                    None => answer.wants_more = true,
                    Some(true) => {}
                    Some(false) => {
                        let kind = row.kind;
                        answer.offer(Found { start, end, kind, confidence, tail: None });
                    }
                }
                return;
            }
        }
    }
}

/// A day or year in figures, or a word that a figure follows.
fn may_begin(view: &View<'_>, start: usize, (end, classes): (usize, u8)) -> bool {
    if classes == DIGIT {
        return end - start <= 4;
    }
    let follows = |place: usize| {
        view.is_unknown(place) || view.at(place).is_some_and(|byte| byte.is_ascii_digit())
    };
    is_part(end - start, classes) && classes & UPPER != 0 && follows(end + 1)
}

/// Figures of a day or year, or letters alone.
fn is_part(length: usize, classes: u8) -> bool {
    if classes & DIGIT != 0 {
        classes == DIGIT && length <= 4
    } else {
        classes & OTHER == 0 && length <= MAX_LETTERS
    }
}

/// Where the word after one or two signs begins, or the place itself where none stands there.
/// `None` where that cannot be told yet.
fn after_signs(view: &View<'_>, place: usize) -> Option<usize> {
    let is_sign = |place: usize| view.at(place).is_some_and(|byte| b" ./-,".contains(&byte));
    let is_word = |place: usize| view.at(place).is_some_and(class::is_word);
    for next in [place + 1, place + 2] {
        if view.is_unknown(next - 1) || (is_sign(next - 1) && view.is_unknown(next)) {
            return None;
        }
        if !is_sign(next - 1) {
            break;
        }
        if is_word(next) {
            return Some(next);
        }
    }
    Some(place)
}
