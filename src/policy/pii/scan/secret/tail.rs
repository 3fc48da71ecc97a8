//! How far the rest of an open finding goes.
//!
//! Invariant: where a tail ends is decided by the text alone; at most one line of a PEM block's
//! end is held back to tell it from the block's middle.

use crate::policy::pii::scan::set::ByteSet;
use crate::policy::pii::scan::view::{Tail, View};

const END: &[u8] = b"-----END ";
/// The label of an end line, with its dashes.
const MAX_LINE: usize = 64;

/// Where the tail ends, or nothing while it may go on.
pub(in crate::policy::pii::scan) fn tail_end(
    view: &View<'_>,
    place: usize,
    tail: Tail,
) -> Option<usize> {
    let (end, is_over) = walk(view, place, tail);
    is_over.then_some(end)
}

/// Up to where a tail that may go on belongs to it for sure.
pub(in crate::policy::pii::scan) fn tail_safe(view: &View<'_>, place: usize, tail: Tail) -> usize {
    walk(view, place, tail).0
}

fn walk(view: &View<'_>, place: usize, tail: Tail) -> (usize, bool) {
    match tail {
        Tail::Run(bytes) => walk_run(view, place, &bytes),
        Tail::Pem => walk_pem(view, place),
    }
}

/// A sign of punctuation belongs to the run if the run goes on directly after it.
fn walk_run(view: &View<'_>, mut place: usize, bytes: &ByteSet) -> (usize, bool) {
    let is_sign = |byte: u8| b".,;:!?)]*".contains(&byte);
    while let Some(byte) = view.at(place) {
        if !bytes.has(byte) {
            return (place, true);
        }
        if is_sign(byte) {
            if view.is_unknown(place + 1) {
                return (place, false);
            }
            if !view.at(place + 1).is_some_and(|next| bytes.has(next) && !is_sign(next)) {
                return (place, true);
            }
        }
        place += 1;
    }
    (place, view.is_last)
}

/// To the end line; a byte that no block has ends it too, so that a first line alone does not
/// swallow a document.
fn walk_pem(view: &View<'_>, mut place: usize) -> (usize, bool) {
    while let Some(byte) = view.at(place) {
        let is_body = byte.is_ascii_alphanumeric() || b"+/=\r\n\t \\:,-".contains(&byte);
        if !is_body {
            return (place, true);
        }
        if byte == b'-' {
            match end_line(view, place) {
                Line::End(end) => return (end, true),
                Line::Unknown => return (place, false),
                Line::Other => {}
            }
        }
        place += 1;
    }
    (place, view.is_last)
}

enum Line {
    /// An end line, and where it ends.
    End(usize),
    /// More must come to tell.
    Unknown,
    /// Something else.
    Other,
}

fn end_line(view: &View<'_>, place: usize) -> Line {
    let come = view.slice(place, (place + END.len()).min(view.bytes.len()));
    if !END.starts_with(come) {
        return Line::Other;
    }
    if come.len() < END.len() {
        return if view.is_last { Line::Other } else { Line::Unknown };
    }
    let from = place + END.len();
    let line = view.slice(from, (from + MAX_LINE).min(view.bytes.len()));
    match line.windows(5).position(|five| five == b"-----") {
        Some(at) => Line::End(from + at + 5),
        None if line.len() < MAX_LINE && !view.is_last => Line::Unknown,
        None => Line::Other,
    }
}
