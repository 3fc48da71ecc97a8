//! Secrets with a structure of their own: JSON web tokens and PEM blocks.
//!
//! Invariant: a token counts once its header decodes to a JSON object that names an algorithm; a
//! block counts from its first line on.

use super::Row;
use crate::policy::pii::scan::detectors::Detectors;
use crate::policy::pii::scan::set::ByteSet;
use crate::policy::pii::scan::view::{Answer, Found, Tail, View};

/// The longest header that is decoded, in base64: those with certificates in them are longer, and
/// no bearer token in use has one.
const MAX_HEADER: usize = 768;
/// The bytes of the payload that must follow.
const PAYLOAD: usize = 8;
/// `-----BEGIN ENCRYPTED PRIVATE KEY-----` and its like.
const MAX_LINE: usize = 64;
const BEGIN: &[u8] = b"-----BEGIN ";

/// Looks for a token that begins with `eyJ`, the base64 of `{"`.
pub(super) fn jwt(all: &Detectors, view: &View<'_>, start: usize, row: &Row, answer: &mut Answer) {
    let come = view.slice(start, (start + 3).min(view.bytes.len()));
    if !b"eyJ".starts_with(come) || come.len() < 3 {
        answer.wants_more |= b"eyJ".starts_with(come) && !view.is_last;
        return;
    }
    let part = ByteSet::alphanumeric_and(b"_-");
    let stop = view.run(start, MAX_HEADER + 1, &part);
    answer.work += (stop - start) as u64;
    if stop - start > MAX_HEADER {
        return;
    }
    if view.is_unknown(stop) {
        answer.wants_more = true;
        return;
    }
    if view.at(stop) != Some(b'.') {
        return;
    }
    let Some(alone) = row.format.judge(view.slice(start, stop)) else { return };
    let end = view.run(stop + 1, PAYLOAD, &part);
    if end - stop - 1 < PAYLOAD {
        answer.wants_more |= view.is_unknown(end);
        return;
    }
    let kind = row.kind;
    if let Some(confidence) = all.certainty_from(kind, view, start, alone, &mut answer.heard) {
        let tail = Some(Tail::Run(ByteSet::alphanumeric_and(b"_-.")));
        answer.offer(Found { start, end, kind, confidence, tail });
    }
}

/// Looks for the first line of a private key's block.
pub(super) fn pem(all: &Detectors, view: &View<'_>, start: usize, row: &Row, answer: &mut Answer) {
    let come = view.slice(start, (start + BEGIN.len()).min(view.bytes.len()));
    if !BEGIN.starts_with(come) || come.len() < BEGIN.len() {
        answer.wants_more |= BEGIN.starts_with(come) && !view.is_last;
        return;
    }
    let label =
        ByteSet::of(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let stop = view.run(start + BEGIN.len(), MAX_LINE, &label);
    answer.work += (stop - start) as u64;
    let end = stop + 5;
    let dashes = view.slice(stop, end.min(view.bytes.len()));
    if !dashes.iter().all(|byte| *byte == b'-') {
        return;
    }
    if dashes.len() < 5 {
        answer.wants_more |= !view.is_last;
        return;
    }
    let Some(alone) = row.format.judge(view.slice(start, end)) else { return };
    let kind = row.kind;
    if let Some(confidence) = all.certainty_from(kind, view, start, alone, &mut answer.heard) {
        answer.offer(Found { start, end, kind, confidence, tail: Some(Tail::Pem) });
    }
}
