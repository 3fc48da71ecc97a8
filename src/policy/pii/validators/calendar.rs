//! Dates: those inside of numbers, and those that people write. The validators call it.
//!
//! Invariant: nothing here knows today; a date is one of the calendar, past or future.

/// Whether the Gregorian calendar has the day.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether some century since 1900 has the day; 2000 was a leap year, 1900 was not.
pub(super) fn is_date_of_some_century(year: u32, month: u32, day: u32) -> bool {
    is_date(1900 + year, month, day) || is_date(2000 + year, month, day)
}

/// Two digit values as a number.
pub(super) fn two(tens: u8, ones: u8) -> u32 {
    u32::from(tens) * 10 + u32::from(ones)
}

/// The months as they are written in English, Portuguese, Spanish, German, French, Italian and
/// Dutch: enough leading letters to be told apart, lower case, without accents.
const MONTHS: [&[&[u8]]; 12] = [
    &[b"jan", b"ene", b"gen", "jän".as_bytes()],
    &[b"feb", b"fev", "fév".as_bytes()],
    &[b"mar", "mär".as_bytes(), b"maa", b"mrt"],
    &[b"apr", b"abr", b"avr"],
    &[b"may", b"mai", b"mag", b"mei"],
    &[b"jun", b"juin", b"giu"],
    &[b"jul", b"juil", b"lug"],
    &[b"aug", b"ago", b"aou", "aoû".as_bytes()],
    &[b"sep", b"set"],
    &[b"oct", b"out", b"okt", b"ott"],
    &[b"nov"],
    &[b"dec", b"dez", b"dic", "déc".as_bytes()],
];

/// The longest name of a month in these languages, in bytes of UTF-8.
const MONTH_MAX: usize = 12;

fn month_by_name(word: &[u8]) -> Option<u32> {
    if word.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    let starts =
        |name: &&[u8]| word.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let is_word = word.len() <= MONTH_MAX
        && word.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let at = MONTHS.iter().position(|names| names.iter().any(starts));
    at.filter(|_| is_word).and_then(|at| u32::try_from(at + 1).ok())
}

/// Whether it is a date with day, month and year as people write it: in figures with one kind of
/// sign between (day or month first, or the year), or with the month's name. The year has four
/// figures from 1900 to 2099, or two in figures.
pub(super) fn is_written_date(text: &[u8]) -> bool {
    let is_sign = |byte: &u8| b" ./-,".contains(byte);
    // Figures alone have two signs between them, which is cheaper to know than what they are.
    if text.iter().all(|byte| byte.is_ascii_digit() || is_sign(byte)) && !has_one_sign(text) {
        return false;
    }
    let words = text.split(is_sign).filter(|word| !word.is_empty());
    // `de` in Portuguese and Spanish, `of` in English.
    let words = words.filter(|word| !matches!(*word, b"de" | b"of" | b"del"));
    let mut parts: [&[u8]; 3] = [b""; 3];
    let mut places = parts.iter_mut();
    for word in words {
        let Some(place) = places.next() else { return false };
        *place = word;
    }
    if places.next().is_some()
        || text.first().is_none_or(is_sign)
        || text.last().is_none_or(is_sign)
    {
        return false;
    }
    let figure = |word: &[u8]| -> Option<u32> {
        let is_figure = (1..=4).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
        is_figure.then(|| word.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')))
    };
    let [a, b, c] = parts;
    match (month_by_name(a), month_by_name(b)) {
        (Some(month), None) => is_birthday(year(c, 4), Some(month), day(b)),
        (None, Some(month)) if a.len() == 4 => is_birthday(year(a, 4), Some(month), day(c)),
        (None, Some(month)) => is_birthday(year(c, 4), Some(month), day(a)),
        (Some(_), Some(_)) => false,
        (None, None) if !has_one_sign(text) => false,
        (None, None) if a.len() == 4 => is_birthday(year(a, 4), figure(b), figure(c)),
        (None, None) => {
            is_birthday(year(c, 2), figure(b), figure(a))
                || is_birthday(year(c, 2), figure(a), figure(b))
        }
    }
}

/// Whether one and the same sign stands between the figures, twice.
fn has_one_sign(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|byte| !byte.is_ascii_alphanumeric());
    let (first, second) = (signs.next(), signs.next());
    first.is_some() && first == second && signs.next().is_none()
}

fn is_birthday(year: Option<u32>, month: Option<u32>, day: Option<u32>) -> bool {
    matches!((year, month, day), (Some(year), Some(month), Some(day)) if is_date(year, month, day))
}

/// A year of two or four figures, at least `least`; two figures stand for a leap year of 2000.
fn year(word: &[u8], least: usize) -> Option<u32> {
    match word {
        [b'1', b'9', c, d] | [b'2', b'0', c, d] if c.is_ascii_digit() && d.is_ascii_digit() => {
            let century = if word.first() == Some(&b'1') { 1900 } else { 2000 };
            Some(century + two(c - b'0', d - b'0'))
        }
        [c, d] if least == 2 && c.is_ascii_digit() && d.is_ascii_digit() => {
            Some(2000 + two(c - b'0', d - b'0'))
        }
        _ => None,
    }
}

/// A day, perhaps with an ordinal's ending: `3rd`, `1º`.
fn day(word: &[u8]) -> Option<u32> {
    let count = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (figures, ending) = word.split_at_checked(count)?;
    let is_ending =
        matches!(ending, b"" | b"st" | b"nd" | b"rd" | b"th" | b"er") || ending == "º".as_bytes();
    match figures {
        [a] if is_ending => Some(u32::from(a - b'0')),
        [a, b] if is_ending => Some(two(a - b'0', b - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        for good in [
            "1990-03-12",
            "12/03/1990",
            "03/25/1990",
            "1.2.85",
            "12 March 1990",
            "Mar 3rd, 1990",
            "1 de março de 1990",
            "3. Okt. 1990",
            "12-Dec-1990",
            "1990 May 3",
            "29/02/2000",
        ] {
            assert!(is_written_date(good.as_bytes()), "{good}");
        }
        for bad in [
            "1990-02-30",
            "29/02/1900",
            "1990",
            "12/03",
            "12/03/1990/4",
            "12 03-1990",
            "a b c",
            "12 March",
            "/12/1990",
            "1990-03-",
            "12/03/19900",
            "12 Marching1990",
            "",
        ] {
            assert!(!is_written_date(bad.as_bytes()), "{bad}");
        }
    }
}
