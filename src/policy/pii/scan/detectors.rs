//! All that one scanner looks for, compiled once and shared: the kinds with their thresholds, and
//! the tables by which a place in the text is tried for each family of shapes.
//!
//! Invariant: compiled, it never changes; what is not wanted by a rule is not in it and costs
//! nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::class::{DIGIT, is_word};
use super::context::{self, Contexts, Heard};
use super::date::{self, Date};
use super::email::{self, At, Stretch};
use super::joined::{self, Joined, JoinedKinds, MAX_BYTES};
use super::kind::{Certainty, CompileError, Kind};
use super::pattern::Patterns;
use super::phone::{self, Phone};
use super::plain::{Limits, Plain};
use super::runs::{Run, RunKinds};
use super::secret::SecretKinds;
use super::set::ByteSet;
use super::shadow::Shadow;
use super::shield::{self, Labels, Shield};
use super::url::{self, Url};
use super::view::{Answer, View};
use super::words::WordLists;
use crate::policy::pii::secrets::SecretFormat;
use crate::policy::pii::validators::entity::{EntityType, Shape};

/// What one scanner looks for.
#[derive(Default)]
pub(crate) struct Detectors {
    pub(crate) kinds: Vec<Kind>,
    pub(super) at: Vec<At>,
    pub(super) url: Vec<Url>,
    pub(super) url_bytes: ByteSet,
    pub(super) phone: Vec<Phone>,
    pub(super) date: Vec<Date>,
    joined: JoinedKinds,
    runs: RunKinds,
    pub(super) secrets: SecretKinds,
    patterns: Patterns,
    words: WordLists,
    contexts: Contexts,
    pub(super) plain: Plain,
    context_words: BTreeMap<Vec<u8>, Vec<u16>>,
    /// The names of kinds as they stand in tokens.
    labels: Labels,
}

impl Detectors {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { url_bytes: url::bytes(), ..Self::default() }
    }

    fn add_kind(&mut self, kind: Kind) -> Result<u16, CompileError> {
        let place = u16::try_from(self.kinds.len()).map_err(|_| CompileError::TooMany)?;
        self.add_label(&kind.name);
        self.kinds.push(kind);
        Ok(place)
    }

    /// Adds a kind of the built-in tables; findings below the threshold are none.
    pub(crate) fn add_entity(
        &mut self,
        of: &EntityType,
        threshold: u8,
    ) -> Result<(), CompileError> {
        let certainty = Certainty {
            bare: of.confidence,
            separated: of.separated,
            with_context: of.with_context,
            needs_context: of.needs_context,
        };
        let kind = self.add_kind(Kind {
            name: of.name.into(),
            mask: of.mask,
            certainty,
            threshold,
            is_own: false,
        })?;
        for word in of.context {
            self.context_words.entry(folded(word)).or_default().push(kind);
        }
        let (validate, max) = (of.validate, of.max_len);
        match of.shape {
            Shape::Digits { min, max: most, separators } => {
                self.add_joined((kind, threshold), of, (min, most), separators, true)?;
            }
            // Longer than any number: a name of a host, one run of words.
            Shape::Alphanumeric { min, max: most, separators } if usize::from(most) > MAX_BYTES => {
                self.runs.add_plain(run(kind, (min, most), separators, of), separators);
            }
            Shape::Alphanumeric { min, max: most, separators } => {
                self.add_joined((kind, threshold), of, (min, most), separators, false)?;
            }
            Shape::Prefixed { prefixes, min, max, extra } => {
                self.runs.add_prefixed(prefixes, run(kind, (min, max), extra, of));
            }
            Shape::Run { min, max, extra } => {
                self.runs.add_plain(run(kind, (min, max), extra, of), extra);
            }
            Shape::At => self.at.push(At { kind, max, validate }),
            Shape::Url => self.url.push(Url { kind, validate }),
            Shape::Phone => self.phone.push(Phone { kind, max }),
            Shape::Date => self.date.push(Date { kind, max, validate }),
        }
        Ok(())
    }

    fn add_joined(
        &mut self,
        (kind, threshold): (u16, u8),
        of: &EntityType,
        (min, max): (u8, u8),
        separators: &str,
        digits_only: bool,
    ) -> Result<(), CompileError> {
        let row = Joined {
            kind,
            separators: JoinedKinds::separator_bits(separators),
            digits_only,
            max_bytes: of.max_len.min(MAX_BYTES),
            validate: of.validate,
            begins: beginnings(of),
            alone: [of.confidence, of.separated]
                .map(|alone| !of.needs_context && alone >= threshold),
        };
        let has_room = self.joined.add(row, of.forms, min, max);
        if has_room { Ok(()) } else { Err(CompileError::TooMany) }
    }

    /// Adds a format of secrets.
    pub(crate) fn add_secret(
        &mut self,
        format: &'static SecretFormat,
        threshold: u8,
    ) -> Result<(), CompileError> {
        let certainty = Certainty::always(format.confidence);
        let kind = self.add_kind(Kind {
            name: format.name.into(),
            mask: 0,
            certainty,
            threshold,
            is_own: false,
        })?;
        self.secrets.add(kind, format);
        Ok(())
    }

    /// Adds a pattern of a tenant's own.
    pub(crate) fn add_pattern(&mut self, name: &Arc<str>, text: &str) -> Result<(), CompileError> {
        let certainty = Certainty::always(100);
        let kind = self.add_kind(Kind {
            name: Arc::clone(name),
            mask: 4,
            certainty,
            threshold: 0,
            is_own: true,
        })?;
        Ok(self.patterns.add(kind, text)?)
    }

    /// Adds a list of words and phrases of a tenant's own.
    pub(crate) fn add_words(
        &mut self,
        name: &Arc<str>,
        words: &[String],
    ) -> Result<(), CompileError> {
        let certainty = Certainty::always(100);
        let kind = self.add_kind(Kind {
            name: Arc::clone(name),
            mask: 0,
            certainty,
            threshold: 0,
            is_own: true,
        })?;
        words.iter().for_each(|word| self.words.add(kind, folded(word)));
        Ok(())
    }

    /// Adds words that speak for the kind that was added last. A tenant's own kind, for which none
    /// does by itself, is from then on nothing without one.
    pub(crate) fn add_context(&mut self, words: &[String]) {
        let (Some(last), false) = (self.kinds.len().checked_sub(1), words.is_empty()) else {
            return;
        };
        let Ok(place) = u16::try_from(last) else { return };
        if let Some(kind) = self.kinds.get_mut(last) {
            kind.certainty.needs_context |= kind.is_own;
        }
        for word in words {
            self.context_words.entry(folded(word)).or_default().push(place);
        }
    }

    /// Ends adding.
    pub(crate) fn build(mut self) -> Result<Self, CompileError> {
        let words = std::mem::take(&mut self.context_words).into_iter().collect();
        self.contexts = Contexts::build(words);
        self.plain = Plain::new(&self.limits());
        Ok(self)
    }

    /// Which words nothing can begin with.
    fn limits(&self) -> Limits {
        let mut limits = Limits {
            joints: ByteSet::default(),
            first: ByteSet::default(),
            last: ByteSet::default(),
            shortest: usize::MAX,
            shortest_after: usize::MAX,
            has_capitals: self.joined.has_capitals(),
        };
        self.runs.limit(&mut limits);
        self.secrets.limit(&mut limits);
        self.patterns.limit(&mut limits);
        self.words.limit(&mut limits);
        limits
    }

    /// How sure it is that a valid candidate is one; nothing where that is too little.
    pub(super) fn certainty(
        &self,
        kind: u16,
        view: &View<'_>,
        start: usize,
        separated: bool,
        heard: &mut Heard,
    ) -> Option<u8> {
        let Kind { certainty, .. } = self.kinds.get(usize::from(kind))?;
        let alone = if separated { certainty.separated } else { certainty.bare };
        self.certainty_from(kind, view, start, alone, heard)
    }

    /// The same for a kind that says itself how sure a candidate is alone.
    pub(super) fn certainty_from(
        &self,
        kind: u16,
        view: &View<'_>,
        start: usize,
        alone: u8,
        heard: &mut Heard,
    ) -> Option<u8> {
        let Kind { certainty, threshold, .. } = self.kinds.get(usize::from(kind))?;
        let asks = certainty.needs_context || certainty.with_context > alone;
        let percent = if asks && self.contexts.speaks_for(kind, view, start, heard) {
            certainty.with_context.max(alone)
        } else if certainty.needs_context {
            return None;
        } else {
            alone
        };
        (percent >= *threshold).then_some(percent)
    }

    /// Whether a word speaks for any kind.
    #[inline]
    pub(super) fn speaks(&self, view: &View<'_>, start: usize, heard: &mut Heard) -> bool {
        self.contexts.speaks(view, start, heard)
    }

    /// Tries all that can begin with a word.
    #[inline]
    pub(super) fn at_word(
        &self,
        view: &View<'_>,
        start: usize,
        word: (usize, u8),
        stretch: &mut Stretch,
        answer: &mut Answer,
    ) {
        let (end, classes) = word;
        let has_digit = classes & DIGIT != 0;
        if !self.at.is_empty() {
            email::look(self, view, start, end, stretch, answer);
        }
        let next = view.at(end);
        if next == Some(b':') && self.labels.stands_at(view, start, end) {
            match shield::look(view, end) {
                Shield::None => {}
                Shield::Unknown => answer.wants_more = true,
                Shield::To(end) => {
                    answer.shielded = Some(end);
                    return;
                }
            }
        }
        if next == Some(b':') || view.is_unknown(end) {
            url::look(self, view, start, end, answer);
        }
        self.secrets.at_word(self, view, start, answer);
        // While more is awaited, only what goes on without an end is taken, and none of the rest
        // does; so small pieces do not cost a look at all of what is held. Runs wait longest.
        if !answer.wants_more && (has_digit || self.runs.may_begin(view, start, end)) {
            self.runs.look(self, view, (start, end), has_digit, answer);
        }
        if !answer.wants_more && self.joined.may_begin(view, start, end, classes) {
            self.joined.look(self, view, start, word, answer);
        }
        if answer.wants_more {
            return;
        }
        if has_digit && view.at(start).is_some_and(|byte| byte.is_ascii_digit()) {
            if !self.phone.is_empty() {
                phone::look(self, view, start, answer);
            }
            date::look(self, view, start, word, answer);
        } else if !has_digit && next == Some(b' ') {
            date::look(self, view, start, word, answer);
        }
        self.patterns.look(self, view, start, answer);
        self.words.look(self, view, start, answer);
    }

    /// Tells the name of a kind that tokens may have, whether it is looked for or not.
    pub(crate) fn add_label(&mut self, name: &str) {
        self.labels.add(name);
    }

    /// Tries all that can begin with a sign.
    pub(super) fn at_sign(&self, view: &View<'_>, place: usize, sign: u8, answer: &mut Answer) {
        let is_inside = view.before(place).is_some_and(is_word);
        if matches!(sign, b'+' | b'(') && !is_inside && !self.phone.is_empty() {
            phone::look(self, view, place, answer);
        }
        // `::1`, `-23.55052`: a sign that a word or another colon follows.
        let next = view.at(place + 1);
        answer.wants_more |= view.is_unknown(place + 1);
        let goes_on = next.is_some_and(|next| is_word(next) || (sign == b':' && next == b':'));
        if !is_inside && goes_on && self.runs.may_begin_at(sign) {
            self.runs.look(self, view, (place, place), false, answer);
        }
        self.secrets.at_sign(self, view, place, sign, answer);
    }

    /// What a scanner needs of history.
    pub(super) const HISTORY: usize = context::REACH + 32;
}

/// A run of fewer bytes than this is one word only where a sample of its kind is.
const LONG_WORD: u8 = 20;

fn run(kind: u16, (min, max): (u8, u8), extra: &str, of: &EntityType) -> Run {
    let is_word = |sample: &&str| !sample.bytes().any(|byte| extra.as_bytes().contains(&byte));
    let samples = of.samples.positive;
    Run {
        may_be_word: min >= LONG_WORD || samples.is_empty() || samples.iter().any(is_word),
        kind,
        min: usize::from(min),
        max: usize::from(max),
        bytes: ByteSet::alphanumeric_and(extra.as_bytes()),
        extra: ByteSet::of(|byte| extra.as_bytes().contains(&byte)),
        validate: of.validate,
    }
}

/// How a kind can begin. What is free of forms and of context would be asked for at every joint
/// of a text, so its samples must show each way it can begin.
fn beginnings(of: &EntityType) -> u8 {
    let samples = of.samples.positive.iter().map(|sample| joined::beginning(sample.as_bytes()));
    let is_free = of.forms.is_empty() && !of.needs_context;
    if is_free { samples.reduce(|all, more| all | more).unwrap_or(u8::MAX) } else { u8::MAX }
}

/// A word as the view shows it.
pub(super) fn folded(word: &str) -> Vec<u8> {
    let mut shadow = Shadow::default();
    shadow.extend(word, true);
    shadow.bytes.make_ascii_lowercase();
    shadow.bytes
}

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detectors({} kinds)", self.kinds.len())
    }
}
