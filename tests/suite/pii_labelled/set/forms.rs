//! Random characters, numbers and dates in a given form. Called by the makers of values.
//!
//! Invariant: what comes out depends on the random source alone.

use super::super::random::Random;

/// The form with `9` replaced by a digit, `8` by one that is not 0, `x` by a digit of base 16 and
/// `A` by a capital. All else stands for itself.
pub(super) fn fill(random: &mut Random, form: &str) -> String {
    let figures = figures(random, form);
    let letter =
        |c| if c == 'A' { any(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1) } else { String::from(c) };
    figures.chars().map(letter).collect()
}

/// The same with the capitals of words left alone.
pub(super) fn figures(random: &mut Random, form: &str) -> String {
    form.chars()
        .map(|character| match character {
            '9' => digit(random, 0),
            '8' => digit(random, 1),
            'x' => char::from(random.of(b"0123456789abcdef")),
            other => other,
        })
        .collect()
}

fn digit(random: &mut Random, least: usize) -> char {
    char::from(b'0' + (least + random.below(10 - least)) as u8)
}

/// So many of these characters.
pub(super) fn any(random: &mut Random, alphabet: &str, count: usize) -> String {
    (0..count).map(|_| char::from(random.of(alphabet.as_bytes()))).collect()
}

/// Letters and digits.
pub(super) fn alphanumeric(random: &mut Random, count: usize) -> String {
    any(random, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", count)
}

/// A text in one of some forms: each `#` is its next character.
pub(super) fn written(random: &mut Random, text: &str, forms: &[&str]) -> String {
    let mut rest = text.chars();
    random
        .of(forms)
        .chars()
        .map(|place| if place == '#' { rest.next().unwrap_or('#') } else { place })
        .collect()
}

/// A number in so many digits.
pub(super) fn padded(value: u32, width: usize) -> String {
    format!("{value:0width$}")
}

/// A day that exists in every month and year.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) year: u32,
    pub(super) month: u32,
    pub(super) day: u32,
}

impl Day {
    /// A day on which a living adult was born, before the turn of the century.
    pub(super) fn of_birth(random: &mut Random) -> Self {
        Self::between(random, 1940, 1999)
    }

    /// A day in these years.
    pub(super) fn between(random: &mut Random, from: u32, to: u32) -> Self {
        let within = |random: &mut Random, from: u32, to: u32| {
            from + random.below((to - from + 1) as usize) as u32
        };
        Self {
            year: within(random, from, to),
            month: within(random, 1, 12),
            day: within(random, 1, 28),
        }
    }

    /// In figures: `Y` four of the year, `y` two, `m` the month, `d` the day.
    pub(super) fn figures(self, form: &str) -> String {
        form.chars()
            .map(|place| match place {
                'Y' => padded(self.year, 4),
                'y' => padded(self.year % 100, 2),
                'm' => padded(self.month, 2),
                'd' => padded(self.day, 2),
                other => other.into(),
            })
            .collect()
    }
}
