//! Phone numbers: digits with the signs that people put between them, an extension at the end.
//!
//! Invariant: [`MAX_BYTES`] bytes are looked at from a sign or word that may begin one; from the
//! longest end to the shortest, the first that the validator takes is the number.

use super::class;
use super::detectors::Detectors;
use super::joined::is_glued;
use super::view::{Answer, Found, View};
use crate::policy::pii::validators::phone;

/// An international number of 15 digits with its signs and an extension.
const MAX_BYTES: usize = 40;
/// Runs of digits in one number.
const MAX_RUNS: usize = 8;
/// The fewest digits.
const MIN_DIGITS: usize = 6;
/// ITU-T E.164 has 15; an extension comes on top.
const MAX_DIGITS: usize = 15;

/// A kind that is a phone number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phone {
    pub(super) kind: u16,
    pub(super) max: usize,
}

/// The end of a run of digits, and how many digits there are up to it.
#[derive(Clone, Copy, Default)]
struct End {
    place: usize,
    digits: usize,
}

/// Looks for a number from a `+`, a `(` or a digit on.
pub(super) fn look(all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
    let mut ends = [End::default(); MAX_RUNS];
    let mut runs = 0;
    let (mut place, mut digits, mut signs) = (start, 0, 0);
    let (mut has_mark, mut has_bracket) = (false, false);
    loop {
        let Some(byte) = view.at(place) else {
            if !view.is_last {
                answer.wants_more = true;
                return;
            }
            break;
        };
        if place - start > MAX_BYTES || signs > 5 {
            break;
        }
        if byte.is_ascii_digit() {
            let run = view.slice(place, (place + MAX_BYTES).min(view.bytes.len()));
            let length = run.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (place, digits, signs) = (place + length, digits + length, 0);
            if view.is_unknown(place) {
                answer.wants_more = true;
                return;
            }
            // A letter after digits ends the number unless an extension begins with it.
            let letter = view.at(place).filter(|byte| class::is_word(*byte));
            let ends_here = letter.is_none_or(|letter| letter.eq_ignore_ascii_case(&b'x'));
            if let Some(end) = ends.get_mut(runs).filter(|_| ends_here) {
                *end = End { place, digits };
                runs += 1;
                // Single digits in a row are a list.
                if runs >= 4 && digits + 2 < 2 * runs {
                    break;
                }
            } else if runs == MAX_RUNS || !ends_here {
                break;
            }
        } else if byte.eq_ignore_ascii_case(&b'e') && view.is_unknown(place + 2) {
            answer.wants_more = true;
            return;
        } else if let Some(length) = sign(view, place, digits) {
            // An extension begins with a letter or `#`.
            has_mark |= byte == b'#' || byte.is_ascii_alphabetic();
            has_bracket |= byte == b'(';
            (place, signs) = (place + length, signs + length.min(2));
        } else {
            break;
        }
    }
    answer.work += (place - start) as u64;
    let ends = ends.get(..runs).unwrap_or_default();
    let is_signed = has_mark || has_bracket || matches!(view.at(start), Some(b'+' | b'('));
    if !is_signed && !may_be_sure(all, view, start, ends, answer) {
        return;
    }
    let ends = ends.iter().enumerate().rev();
    for (before, end) in ends.filter(|(_, end)| end.digits >= MIN_DIGITS) {
        // People write numbers in pairs at least; single digits are a list.
        let is_long = end.digits > MAX_DIGITS && !has_mark;
        if is_long || end.digits < 2 * before + 1 || is_glued(view, start, end.place) == Some(true)
        {
            continue;
        }
        for row in all.phone.iter().filter(|row| end.place - start <= row.max) {
            answer.work += (end.place - start) as u64;
            if let Some(number) = phone::read(view.slice(start, end.place)) {
                let found = (start, end.place, number.confidence());
                offer(all, view, row, found, answer);
                return;
            }
        }
    }
}

/// The most percent of certainty of figures that show neither a sign of a phone number nor a trunk
/// zero nor North America's form.
const PLAIN: u8 = 45;

/// Whether figures without such signs can be certain enough with one of these ends. Of rows of
/// numbers few can, and they are not read.
fn may_be_sure(
    all: &Detectors,
    view: &View<'_>,
    start: usize,
    ends: &[End],
    answer: &mut Answer,
) -> bool {
    let first = view.at(start);
    let has_form = |end: &End| {
        let is_national = end.digits == 10 || (end.digits == 11 && first == Some(b'1'));
        // A label begins with a letter.
        is_national || view.at(end.place + 1).is_none_or(|byte| byte.is_ascii_alphabetic())
    };
    first == Some(b'0')
        || ends.iter().filter(|end| end.digits >= MIN_DIGITS).any(has_form)
        || all.phone.iter().any(|row| {
            all.certainty_from(row.kind, view, start, PLAIN, &mut answer.heard).is_some()
        })
}

/// Percent of certainty beside a label.
const LABELLED: u8 = 90;
/// Words that stand after numbers in signatures and address books.
const LABELS: &[&[u8]] = &[
    b"office", b"fax", b"mobile", b"cell", b"home", b"work", b"phone", b"tel", b"direct", b"desk",
    b"main", b"celular", b"fixo", b"oficina",
];
/// The longest of them, with the sign before and the one after.
const MAX_LABEL: usize = 9;

/// Whether a label stands directly after a number; nothing where more must come to tell.
fn labelled(view: &View<'_>, end: usize) -> Option<bool> {
    if view.is_unknown(end) {
        return None;
    }
    if !matches!(view.at(end), Some(b' ' | b'-' | b'(')) {
        // The digit after a colon tells a time.
        let is_open = view.at(end) == Some(b':') && view.is_unknown(end + 1);
        return (!is_open).then_some(false);
    }
    let (to, _) = view.word(end + 1, MAX_LABEL);
    if to - end - 1 < MAX_LABEL && view.is_unknown(to) {
        return None;
    }
    let word = view.slice(end + 1, to);
    Some(LABELS.iter().any(|label| label.eq_ignore_ascii_case(word)))
}

/// The length of what may stand between digits at a place.
fn sign(view: &View<'_>, place: usize, digits: usize) -> Option<usize> {
    match view.at(place)? {
        b' ' | b'-' | b'.' | b'/' | b'(' | b')' => Some(1),
        b'+' if digits == 0 => Some(1),
        b'x' | b'X' | b'#' if digits >= 6 => Some(1),
        b'e' | b'E' if digits >= 6 => {
            let word = view.slice(place, (place + 3).min(view.bytes.len()));
            word.eq_ignore_ascii_case(b"ext").then_some(3)
        }
        _ => None,
    }
}

fn offer(
    all: &Detectors,
    view: &View<'_>,
    row: &Phone,
    (start, end, alone): (usize, usize, u8),
    answer: &mut Answer,
) {
    // A time of day goes on with a colon.
    let is_time =
        view.at(end) == Some(b':') && view.at(end + 1).is_some_and(|byte| byte.is_ascii_digit());
    let Some(alone) = labelled(view, end).map(|is| if is { alone.max(LABELLED) } else { alone })
    else {
        answer.wants_more = true;
        return;
    };
    match is_glued(view, start, end) {
        None => answer.wants_more = true,
        Some(true) => {}
        Some(false) if is_time => {}
        Some(false) => {
            if let Some(confidence) =
                all.certainty_from(row.kind, view, start, alone, &mut answer.heard)
            {
                answer.offer(Found { start, end, kind: row.kind, confidence, tail: None });
            }
        }
    }
}
