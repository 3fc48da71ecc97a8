//! What a kind of personal or financial value is to the engine: one row of a table. The families
//! export such rows; the engine proposes candidates by their shape and asks `validate`.
//!
//! Invariant: a row is plain data and can be built at compile time.

/// One kind of value that can be found.
#[derive(Clone, Copy)]
pub struct EntityType {
    /// Its name in rules and findings, in snake case: `br_cpf`.
    pub name: &'static str,
    /// The group that rules can name instead: one of [`GROUPS`].
    pub group: &'static str,
    /// Which pieces of a text are worth a question.
    pub shape: Shape,
    /// The ways of writing it: `9` for a digit, `A` for a letter, `X` for either, all else for
    /// itself. Empty where it has no fixed ones.
    pub forms: &'static [&'static str],
    /// Whether a candidate is such a value: structure, checksum, registry.
    pub validate: fn(&[u8]) -> bool,
    /// Percent of certainty of a valid candidate that stands alone.
    pub confidence: u8,
    /// The same where it is written with a separator that its kind is customarily written with.
    pub separated: u8,
    /// The same where a word of `context` stands shortly before.
    pub with_context: u8,
    /// Words and phrases in lower case, with and without accents, that speak for this kind.
    pub context: &'static [&'static str],
    /// Whether a candidate without context is no finding at all.
    pub needs_context: bool,
    /// The longest candidate, in bytes, separators included. Anything longer is refused.
    pub max_len: usize,
    /// How many of the last letters and digits a mask that keeps the shape leaves readable.
    pub mask: u8,
    /// What is one and what only looks like one.
    pub samples: Samples,
}

/// The groups, for the documentation and for the check of rules.
pub const GROUPS: &[&str] = &[
    "finance",
    "crypto",
    "contact",
    "network",
    "postal",
    "national_id",
    "tax_id",
    "health",
    "document",
    "brazil",
    "vehicle",
    "secret",
];

/// Examples that are tested. All of them are invented or are published test values.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// Each is valid.
    pub positive: &'static [&'static str],
    /// Each has the look, and is not valid.
    pub near_miss: &'static [&'static str],
}

/// How candidates of a kind stand in a text. A word is a maximal run of ASCII letters and digits;
/// a candidate begins and ends at the edge of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Words of digits alone, with one of `separators` between two of them. `min` and `max` count
    /// the digits.
    Digits {
        /// Fewest digits.
        min: u8,
        /// Most digits.
        max: u8,
        /// The bytes that may stand between two words.
        separators: &'static str,
    },
    /// Words of letters and digits, with one of `separators` between two of them. `min` and `max`
    /// count letters and digits.
    Alphanumeric {
        /// Fewest letters and digits.
        min: u8,
        /// Most letters and digits.
        max: u8,
        /// The bytes that may stand between two words.
        separators: &'static str,
    },
    /// One run of letters, digits and bytes of `extra` that begins with one of `prefixes`, which
    /// are in lower case and match in both cases. `min` and `max` count bytes, prefix included.
    Prefixed {
        /// The beginnings.
        prefixes: &'static [&'static str],
        /// Fewest bytes.
        min: u8,
        /// Most bytes.
        max: u8,
        /// Bytes besides letters and digits.
        extra: &'static str,
    },
    /// One run of letters, digits and bytes of `extra`, without a prefix. A full stop, colon or
    /// comma at its end belongs to the sentence and is cut off. `min` and `max` count bytes.
    Run {
        /// Fewest bytes.
        min: u8,
        /// Most bytes.
        max: u8,
        /// Bytes besides letters and digits.
        extra: &'static str,
    },
    /// Around an `@`: an e-mail address.
    At,
    /// From a scheme's first letter before `://` to the end of the URL.
    Url,
    /// A phone number: a `+`, `(` or digit, then digits with the signs of [`super::phone`].
    Phone,
    /// A date in figures or with the month in letters, with day, month and year.
    Date,
}

impl EntityType {
    /// A kind that is written in digits alone, in one of `forms`.
    pub const fn digits(
        name: &'static str,
        group: &'static str,
        separators: &'static str,
        forms: &'static [&'static str],
        validate: fn(&[u8]) -> bool,
    ) -> Self {
        let (min, max, longest) = measure(forms);
        let shape = Shape::Digits { min, max, separators };
        Self { forms, ..Self::new(name, group, shape, validate, longest) }
    }

    /// A kind that is written in letters and digits, in one of `forms`.
    pub const fn mixed(
        name: &'static str,
        group: &'static str,
        separators: &'static str,
        forms: &'static [&'static str],
        validate: fn(&[u8]) -> bool,
    ) -> Self {
        let (min, max, longest) = measure(forms);
        let shape = Shape::Alphanumeric { min, max, separators };
        Self { forms, ..Self::new(name, group, shape, validate, longest) }
    }

    /// A kind without fixed forms. It is as certain as its validator until told otherwise.
    pub const fn new(
        name: &'static str,
        group: &'static str,
        shape: Shape,
        validate: fn(&[u8]) -> bool,
        max_len: usize,
    ) -> Self {
        Self {
            name,
            group,
            shape,
            forms: &[],
            validate,
            confidence: 95,
            separated: 95,
            with_context: 99,
            context: &[],
            needs_context: false,
            max_len,
            mask: 4,
            samples: Samples { positive: &[], near_miss: &[] },
        }
    }

    /// Sets the certainty: of a bare candidate, of one with separators, and of one in context.
    pub const fn certainty(self, bare: u8, separated: u8, with_context: u8) -> Self {
        Self { confidence: bare, separated, with_context, ..self }
    }

    /// Sets the words that speak for it.
    pub const fn context(self, context: &'static [&'static str]) -> Self {
        Self { context, ..self }
    }

    /// Makes it a finding only beside one of these words, with that certainty.
    pub const fn only_in_context(self, certainty: u8, context: &'static [&'static str]) -> Self {
        // Far below every threshold: the look alone says next to nothing.
        let alone = 5;
        Self {
            confidence: alone,
            separated: alone,
            with_context: certainty,
            context,
            needs_context: true,
            ..self
        }
    }

    /// Sets how many of the last characters a mask leaves.
    pub const fn mask(self, mask: u8) -> Self {
        Self { mask, ..self }
    }

    /// Sets the tested examples.
    pub const fn samples(
        self,
        positive: &'static [&'static str],
        near_miss: &'static [&'static str],
    ) -> Self {
        Self { samples: Samples { positive, near_miss }, ..self }
    }
}

impl std::fmt::Debug for EntityType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntityType").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The fewest and the most letters and digits, and the most bytes, of some forms.
const fn measure(forms: &[&str]) -> (u8, u8, usize) {
    let (mut min, mut max, mut longest) = (u8::MAX, 0, 0);
    let mut rest = forms;
    while let Some((form, others)) = rest.split_first() {
        let mut significant = 0;
        let mut bytes = form.as_bytes();
        while let Some((byte, tail)) = bytes.split_first() {
            if byte.is_ascii_alphanumeric() {
                significant += 1;
            }
            bytes = tail;
        }
        if significant < min {
            min = significant;
        }
        if significant > max {
            max = significant;
        }
        if form.len() > longest {
            longest = form.len();
        }
        rest = others;
    }
    (min, max, longest)
}
