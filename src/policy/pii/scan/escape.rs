//! The escapes of a JSON string that stand in a text as characters, because the text is a JSON
//! document itself: `\u0040`, `\n`, `\"`.
//!
//! Invariant: how a text is divided into escapes depends on what stands from each one's beginning
//! on and on nothing before it, and at most 40 bytes decide it. An escape of JSON never
//! lies on both sides of the end of one of these.

/// Backslashes that are read as one. A string in a string in a document has three before a
/// letter. It is even, so that a longer run is cut between two escaped backslashes.
const MAX_RUN: usize = 16;
/// Two surrogates with their backslashes.
#[cfg(test)]
const LONGEST: usize = 2 * (MAX_RUN + 4);

/// The escape at the beginning of a text: its character, and how many bytes it takes. A backslash
/// that begins no escape is itself; nothing where more must come to tell.
///
/// A run of backslashes counts as one, since nothing tells a path in a document (`C:\\new`) from a
/// document in a document (`\\n`).
pub(crate) fn read(text: &str, is_last: bool) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let run = bytes.iter().take(MAX_RUN).take_while(|byte| **byte == b'\\').count();
    let itself = Some(('\\', run));
    if run == MAX_RUN {
        return itself;
    }
    let character = match bytes.get(run) {
        None if is_last => return itself,
        None => return None,
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'"') => '"',
        Some(b'/') => '/',
        Some(b'u') => return unicode(bytes, run + 1, is_last),
        Some(_) => return itself,
    };
    Some((character, run + 1))
}

/// The same of an escape of four hexadecimal digits, or of two as one surrogate pair; `from` is
/// where its digits begin.
fn unicode(bytes: &[u8], from: usize, is_last: bool) -> Option<(char, usize)> {
    let first = match digits(bytes, from) {
        Digits::Are(code) => code,
        Digits::Unknown if !is_last => return None,
        Digits::Unknown | Digits::Other => return Some(('\\', from - 1)),
    };
    let end = from + 4;
    // Half of a pair stands for no character.
    let alone = Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), end));
    if !(0xD800..0xDC00).contains(&first) {
        return alone;
    }
    // The other half is written as the first one is.
    let begins = bytes.iter().take(from);
    let come = bytes.get(end..).unwrap_or_default();
    if !begins.zip(come).all(|(wanted, byte)| wanted == byte) {
        return alone;
    }
    let second = match digits(bytes, end + from) {
        Digits::Are(code) if (0xDC00..0xE000).contains(&code) => code,
        Digits::Unknown if !is_last => return None,
        Digits::Are(_) | Digits::Unknown | Digits::Other => return alone,
    };
    let pair = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    Some((pair.unwrap_or(char::REPLACEMENT_CHARACTER), end + from + 4))
}

enum Digits {
    /// Four digits of this value.
    Are(u32),
    /// More must come to tell.
    Unknown,
    /// Something else.
    Other,
}

fn digits(bytes: &[u8], from: usize) -> Digits {
    let come = bytes.get(from..).unwrap_or_default().iter().take(4);
    let mut code = 0;
    let mut count = 0;
    for byte in come {
        let Some(digit) = char::from(*byte).to_digit(16) else { return Digits::Other };
        code = code << 4 | digit;
        count += 1;
    }
    if count == 4 { Digits::Are(code) } else { Digits::Unknown }
}

/// A text character by character, each with the text that it is written as: an escape is one.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = (char, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (character, width) = match first {
            '\\' => read(rest, true)?,
            _ => (first, first.len_utf8()),
        };
        let (written, more) = rest.split_at_checked(width)?;
        rest = more;
        Some((character, written))
    })
}

/// A text without its escapes.
pub(crate) fn plain(text: &str) -> String {
    characters(text).map(|(character, _)| character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_the_characters_that_they_stand_for() {
        for (text, wanted) in [
            (r"\u0040x", ('@', 6)),
            (r"\u00E9", ('é', 6)),
            (r"\u00e9", ('é', 6)),
            (r"\uD83D\uDE00x", ('😀', 12)),
            (r"\\ud83d\\ude00", ('😀', 14)),
            (r"\n", ('\n', 2)),
            (r"\r", ('\r', 2)),
            (r"\t", ('\t', 2)),
            (r"\b", ('\u{8}', 2)),
            (r"\f", ('\u{c}', 2)),
            (r#"\"x"#, ('"', 2)),
            (r#"\\\"x"#, ('"', 4)),
            (r"\/", ('/', 2)),
            (r"\\u0040", ('@', 7)),
            (r"\\x", ('\\', 2)),
            (r"\[", ('\\', 1)),
            (r"\url", ('\\', 1)),
            (r"\u004g", ('\\', 1)),
            (r"\uDE00", (char::REPLACEMENT_CHARACTER, 6)),
            (r"\uD83Dx", (char::REPLACEMENT_CHARACTER, 6)),
            (r"\uD83D\u0040", (char::REPLACEMENT_CHARACTER, 6)),
            (r"\uD83D\\uDE00", (char::REPLACEMENT_CHARACTER, 6)),
        ] {
            assert_eq!(read(text, true), Some(wanted), "{text}");
        }
        let run = "\\".repeat(MAX_RUN);
        assert_eq!(read(&format!("{run}n"), false), Some(('\\', MAX_RUN)));
    }

    #[test]
    fn what_may_go_on_waits_and_at_the_end_is_what_it_is() {
        for (text, last) in [
            (r"\", ('\\', 1)),
            (r"\\\", ('\\', 3)),
            (r"\u", ('\\', 1)),
            (r"\u004", ('\\', 1)),
            (r"\uD83D", (char::REPLACEMENT_CHARACTER, 6)),
            (r"\uD83D\", (char::REPLACEMENT_CHARACTER, 6)),
            (r"\uD83D\uDE0", (char::REPLACEMENT_CHARACTER, 6)),
        ] {
            assert_eq!((read(text, false), read(text, true)), (None, Some(last)), "{text}");
        }
        let longest = format!("{0}uD83D{0}uDE00", "\\".repeat(MAX_RUN - 1));
        assert_eq!(longest.len(), LONGEST);
        assert_eq!(read(&longest[..LONGEST - 1], false), None);
    }

    #[test]
    fn a_text_is_its_characters_as_they_are_written() {
        let text = r"aé\u0040\n\[中\";
        let all: Vec<_> = characters(text).collect();
        assert_eq!(plain(text), "aé@\n\\[中\\");
        assert_eq!(all.iter().map(|(_, written)| *written).collect::<String>(), text);
    }
}
