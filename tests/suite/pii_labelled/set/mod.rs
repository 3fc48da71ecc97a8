//! A labelled set of texts that is made anew on each call: sentences in several styles and
//! languages, with values whose check digits are computed, and with what only looks like one. The
//! test beside it and `cargo bench --bench pii -- --write` call [`samples`].
//!
//! Invariant: the same count and seed give the same texts; each label is the name of a kind of the
//! engine, and what has no label is no value.

mod americas;
mod checks;
mod contact;
mod europe;
mod forms;
mod harmless;
mod money;
mod secrets;
mod templates;
mod world;

use super::random::Random;

/// A text and what is in it.
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) spans: Vec<Span>,
}

/// A value in a text, in bytes.
pub(crate) struct Span {
    pub(crate) kind: &'static Kind,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// A kind of values that can be made.
pub(crate) struct Kind {
    /// Its name to the engine.
    pub(crate) name: &'static str,
    /// Whether it has a check digit, or a structure as telling as one.
    pub(crate) is_checked: bool,
    /// Kinds that the same value is as well, where it stands as it does here.
    pub(crate) also: &'static [&'static str],
    make: fn(&mut Random) -> String,
    /// What people write before it, by language.
    says: &'static [(Language, &'static str)],
    place: Place,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
    /// In a sentence that announces it.
    Announced,
    /// There too, or in one that does not.
    Anywhere,
    /// Assigned to a name.
    Assigned,
    /// In a header, directly after its name.
    Header,
}

/// The language of a sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Portuguese,
    German,
    French,
    Spanish,
}

impl Kind {
    const fn checked(
        name: &'static str,
        make: fn(&mut Random) -> String,
        says: &'static [(Language, &'static str)],
    ) -> Self {
        Self { name, is_checked: true, also: &[], make, says, place: Place::Announced }
    }

    const fn formed(
        name: &'static str,
        make: fn(&mut Random) -> String,
        says: &'static [(Language, &'static str)],
    ) -> Self {
        Self { is_checked: false, ..Self::checked(name, make, says) }
    }

    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn or(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn alone(self) -> Self {
        self.at(Place::Anywhere)
    }
}

const FAMILIES: &[&[Kind]] =
    &[americas::KINDS, europe::KINDS, world::KINDS, money::KINDS, contact::KINDS, secrets::KINDS];

/// All kinds.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> + Clone {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// So many texts: each kind in turn, so that rare ones are not left to chance, and of each ten
/// texts one has several and two have none.
pub(crate) fn samples(count: usize, seed: u64) -> Vec<Sample> {
    let mut random = Random(seed);
    let mut turn = kinds().cycle();
    (0..count)
        .map(|place| {
            let kind = if place % 10 < 7 { turn.next() } else { None };
            match kind {
                Some(kind) => about(kind, &mut random),
                None if place % 10 == 7 => written(random.of(templates::MIXED), None, &mut random),
                None => written(random.of(templates::HARMLESS), None, &mut random),
            }
        })
        .collect()
}

/// A text about one kind.
fn about(kind: &'static Kind, random: &mut Random) -> Sample {
    let (language, says) = random.of(kind.says);
    let template = match kind.place {
        Place::Anywhere if random.below(4) == 0 => random.of(templates::BARE),
        Place::Anywhere | Place::Announced => {
            let of = |choices: &&(Language, _)| choices.0 == language;
            random.of(templates::SENTENCES.iter().find(of).map_or(&[][..], |choices| choices.1))
        }
        Place::Assigned => random.of(templates::ASSIGNED),
        Place::Header => random.of(templates::HEADERS),
    };
    written(template, Some((kind, says)), random)
}

/// Fills the slots of a template: `{value}` with a value, `{says}` and `{key}` with what people
/// say before it, any other with a value of that name.
fn written(template: &str, about: Option<(&'static Kind, &str)>, random: &mut Random) -> Sample {
    let mut sample = Sample { text: String::new(), spans: Vec::new() };
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        sample.text.push_str(before);
        let is_slot = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let Some((slot, after)) = after.split_once('}').filter(|(name, _)| is_slot(name)) else {
            // A brace of JSON.
            sample.text.push('{');
            rest = after;
            continue;
        };
        match (slot, about) {
            ("value", Some((kind, _))) => sample.label(kind, random),
            ("says", Some((_, says))) => sample.text.push_str(says),
            ("key", Some((_, says))) => sample.text.push_str(&key(says)),
            _ => match kinds().find(|kind| kind.name == slot) {
                Some(kind) => sample.label(kind, random),
                None => sample.text.push_str(&harmless::value(slot, random)),
            },
        }
        rest = after;
    }
    sample.text.push_str(rest);
    sample
}

impl Sample {
    fn label(&mut self, kind: &'static Kind, random: &mut Random) {
        let from = self.text.len();
        self.text.push_str(&(kind.make)(random));
        self.spans.push(Span { kind, from, to: self.text.len() });
    }
}

/// What people say, as the name of a field.
fn key(says: &str) -> String {
    says.to_lowercase().replace([' ', '-', '/', '\''], "_").replace('.', "")
}
