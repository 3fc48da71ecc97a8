//! Secrets: values with a known beginning, values that a keyword announces (`password = …`,
//! `Bearer …`), and blocks with a structure of their own (JWT, PEM).
//!
//! Invariant: a secret without a longest length is found by its beginning, at a place that the
//! text alone decides, and its rest is swallowed; a beginning is looked up by three bytes.

mod announced;
mod structure;
mod tail;

use super::class::is_word;
use super::detectors::Detectors;
use super::plain::Limits;
use super::set::ByteSet;
use super::view::{Answer, Found, Tail, View};
use crate::policy::pii::secrets::{Place, SecretFormat};
pub(super) use tail::{tail_end, tail_safe};

/// A format, compiled.
#[derive(Clone)]
struct Row {
    kind: u16,
    format: &'static SecretFormat,
    /// The bytes of it, after the beginning.
    bytes: ByteSet,
    /// The fewest bytes after the beginning.
    min: usize,
    /// The most; without, it is swallowed to its end.
    max: Option<usize>,
}

/// The secrets of a plan.
#[derive(Default)]
pub(crate) struct SecretKinds {
    /// Each beginning with its row.
    prefixed: Vec<(&'static [u8], Row)>,
    /// Which three first bytes occur, by their hash: a bit each.
    heads: Vec<u64>,
    /// For each first byte, the rows of `prefixed` that begin with it.
    by_first: Vec<Vec<u16>>,
    announced: announced::Announced,
    jwt: Option<Row>,
    pem: Option<Row>,
}

impl SecretKinds {
    /// Adds a format.
    pub(super) fn add(&mut self, kind: u16, format: &'static SecretFormat) {
        let form = &format.form;
        let mut bytes = ByteSet::default();
        form.alphabet().bytes().for_each(|byte| bytes.insert(byte));
        let row = Row { kind, format, bytes, min: form.min(), max: form.max() };
        match format.place {
            Place::Prefix => {
                form.prefixes.iter().for_each(|prefix| self.add_prefix(prefix.as_bytes(), &row));
            }
            Place::Assigned(names) => self.announced.add_assigned(names, row),
            Place::After(words) => self.announced.add_after(words, row),
            Place::Jwt => self.jwt = Some(row),
            Place::Pem => self.pem = Some(row),
        }
    }

    fn add_prefix(&mut self, prefix: &'static [u8], row: &Row) {
        let [first, second, rest @ ..] = prefix else { return };
        self.heads.resize(HEADS / 64, 0);
        self.by_first.resize(256, Vec::new());
        let thirds = rest.first().map_or(0..=u8::MAX, |third| *third..=*third);
        for head in thirds.map(|third| head(*first, *second, third)) {
            if let Some(word) = self.heads.get_mut(head >> 6) {
                *word |= 1 << (head & 63);
            }
        }
        if let Some(rows) = self.by_first.get_mut(usize::from(*first)) {
            rows.push(self.prefixed.len() as u16);
        }
        self.prefixed.push((prefix, row.clone()));
    }

    /// Says which words none of them begins with, unless a name that it is assigned to stands
    /// directly before.
    pub(super) fn limit(&self, limits: &mut Limits) {
        for (prefix, row) in &self.prefixed {
            limits.joints.add(&row.bytes);
            if prefix.contains(&b' ') {
                // Or every blank of a text were a joint.
                prefix.first().into_iter().for_each(|byte| limits.first.insert(*byte));
            } else {
                prefix.iter().for_each(|byte| limits.joints.insert(*byte));
            }
            limits.shortest = limits.shortest.min(prefix.len() + row.min);
        }
        self.announced.limit(limits);
        // The payload of a token follows its header's stop.
        if let Some(row) = &self.jwt {
            limits.shortest = limits.shortest.min(row.min);
        }
    }

    #[inline]
    fn may_begin(&self, view: &View<'_>, start: usize) -> bool {
        let [first, second, third] = view.slice(start, start + 3) else {
            return view.is_unknown(start + 2);
        };
        let head = head(*first, *second, *third);
        self.heads.get(head >> 6).is_some_and(|word| word >> (head & 63) & 1 == 1)
    }

    /// Tries what can begin with a word.
    #[inline]
    pub(super) fn at_word(
        &self,
        all: &Detectors,
        view: &View<'_>,
        start: usize,
        answer: &mut Answer,
    ) {
        if self.may_begin(view, start) {
            self.by_prefix(all, view, start, answer);
        }
        if let Some(row) = self.jwt.as_ref().filter(|_| view.at(start) == Some(b'e')) {
            structure::jwt(all, view, start, row, answer);
        }
        self.announced.look(all, view, start, answer);
    }

    /// Tries what can begin with a sign.
    pub(super) fn at_sign(
        &self,
        all: &Detectors,
        view: &View<'_>,
        place: usize,
        sign: u8,
        answer: &mut Answer,
    ) {
        if let Some(row) = self.pem.as_ref().filter(|_| sign == b'-') {
            structure::pem(all, view, place, row, answer);
        }
    }

    fn by_prefix(&self, all: &Detectors, view: &View<'_>, start: usize, answer: &mut Answer) {
        let first = usize::from(view.at(start).unwrap_or(0));
        for place in self.by_first.get(first).into_iter().flatten() {
            let Some((prefix, row)) = self.prefixed.get(usize::from(*place)) else {
                continue;
            };
            let come = view.slice(start, (start + prefix.len()).min(view.bytes.len()));
            if come.get(1).is_some_and(|second| prefix.get(1) != Some(second)) {
                continue;
            }
            if !prefix.starts_with(come) {
                continue;
            }
            if come.len() < prefix.len() {
                answer.wants_more |= !view.is_last;
                continue;
            }
            row.look(all, view, (start, start + prefix.len()), answer);
        }
    }
}

/// Bits of the table of heads.
const HEADS: usize = 1 << 15;

fn head(first: u8, second: u8, third: u8) -> usize {
    let bytes = u32::from(first) << 16 | u32::from(second) << 8 | u32::from(third);
    (bytes.wrapping_mul(0x9E37_79B1) >> 17) as usize
}

/// How much of a secret without a longest length is looked at, beyond its shortest: enough to
/// judge how random it is.
const SURE_AFTER: usize = 64;

impl Row {
    /// Looks at the run after a beginning.
    fn look(
        &self,
        all: &Detectors,
        view: &View<'_>,
        (start, body): (usize, usize),
        answer: &mut Answer,
    ) {
        let limit = self.max.map_or(self.min + SURE_AFTER, |max| max + 1);
        let mut end = view.run(body, limit, &self.bytes);
        answer.work += (end - body) as u64;
        if end - body < limit && view.is_unknown(end) {
            answer.wants_more = true;
            return;
        }
        if end - body == limit {
            if self.max.is_none() {
                self.offer(all, view, start, end, Some(Tail::Run(self.bytes)), answer);
            }
            return;
        }
        if view.at(end).is_some_and(is_word) {
            return;
        }
        // A sign at the end may be the sentence's, or the value's last byte.
        while end - body >= self.min && !self.offer(all, view, start, end, None, answer) {
            if !view.before(end).is_some_and(|byte| b".,:;-?!".contains(&byte)) {
                return;
            }
            end -= 1;
        }
    }

    fn offer(
        &self,
        all: &Detectors,
        view: &View<'_>,
        start: usize,
        end: usize,
        tail: Option<Tail>,
        answer: &mut Answer,
    ) -> bool {
        answer.work += (end - start) as u64;
        let Some(alone) = self.format.judge(view.slice(start, end)) else { return false };
        let sure = all.certainty_from(self.kind, view, start, alone, &mut answer.heard);
        if let Some(confidence) = sure {
            answer.offer(Found { start, end, kind: self.kind, confidence, tail });
        }
        true
    }
}

impl std::fmt::Debug for SecretKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKinds({} with a beginning)", self.prefixed.len())
    }
}
