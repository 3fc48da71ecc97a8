//! The shadow view: text as the detectors see it, one byte a character. Accented letters,
//! full-width forms, look-alikes of other scripts, exotic blanks and dashes fold to ASCII; what is invisible is left
//! out. A JSON escape is the character that it stands for. The scanner keeps it beside the text
//! that is not decided yet.
//!
//! Invariant: folding looks at one character at a time, and an escape waits until it is whole, so
//! the view does not depend on how the text was cut; each byte of the view knows where its
//! character begins.

use super::escape;

/// Stands for a letter of an alphabet that folds to nothing in ASCII.
pub(super) const OTHER_LETTER: u8 = 0x80;
/// Stands for anything else outside ASCII; it ends whatever stands before it.
pub(super) const OTHER_SIGN: u8 = 0x81;

/// What a character is in the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// This byte.
    As(u8),
    /// Nothing: it cannot be seen.
    Skipped,
}

/// The Latin letters from U+00C0 to U+017F without their accents; `×` and `÷` are signs.
const LATIN: &[u8; 192] = b"\
    AAAAAAACEEEEIIIIDNOOOOO*OUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty\
    AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL\
    lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/// Folds one character.
pub(super) fn fold(character: char) -> Folded {
    let code = u32::from(character);
    if code < 0x80 {
        return Folded::As(code as u8);
    }
    match code {
        // Soft hyphen, combining marks, zero-width and direction marks, variation selectors, tags.
        0xAD
        | 0x300..=0x36F
        | 0x483..=0x489
        | 0x61C
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0x20D0..=0x20F0
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F
        | 0xFEFF
        | 0xFFF9..=0xFFFB
        | 0xE0000..=0xE01EF => Folded::Skipped,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Folded::As(b' '),
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x2E3A | 0x2E3B | 0xFE58 | 0xFE63 => Folded::As(b'-'),
        0x2024 | 0x3002 | 0xFE52 | 0xFF61 => Folded::As(b'.'),
        0x2044 | 0x2215 => Folded::As(b'/'),
        0x2236 | 0xFE55 | 0xA789 => Folded::As(b':'),
        0xFE6B => Folded::As(b'@'),
        0xFE62 => Folded::As(b'+'),
        0xFF01..=0xFF5E => Folded::As((code - 0xFF01) as u8 + b'!'),
        // Mathematical letters and digits, by their regular layout.
        0x1D400..=0x1D6A3 => {
            let place = ((code - 0x1D400) % 52) as u8;
            Folded::As(if place < 26 { b'A' + place } else { b'a' + place - 26 })
        }
        0x1D7CE..=0x1D7FF => digit(code, 0x1D7CE),
        0x1FBF0..=0x1FBF9 => digit(code, 0x1FBF0),
        0x660..=0x669 => digit(code, 0x660),
        0x6F0..=0x6F9 => digit(code, 0x6F0),
        0x966..=0x96F => digit(code, 0x966),
        0x9E6..=0x9EF => digit(code, 0x9E6),
        0xE50..=0xE59 => digit(code, 0xE50),
        0xC0..=0x17F => {
            Folded::As(LATIN.get(code as usize - 0xC0).copied().unwrap_or(OTHER_LETTER))
        }
        0x180..=0x24F | 0x370..=0x52F | 0x1E00..=0x1FFF if character.is_alphabetic() => {
            Folded::As(look_alike(character).unwrap_or(OTHER_LETTER))
        }
        _ => Folded::As(OTHER_SIGN),
    }
}

fn digit(code: u32, zero: u32) -> Folded {
    Folded::As(((code - zero) % 10) as u8 + b'0')
}

/// Letters of Cyrillic and Greek that look like ASCII ones (Unicode TR 39, the single-letter rows
/// that people are deceived by).
fn look_alike(character: char) -> Option<u8> {
    let ascii = match character {
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'һ' => 'h',
        'і' | 'ι' => 'i',
        'ј' | 'ϳ' => 'j',
        'ӏ' => 'l',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ѡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Ԍ' => 'G',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ԛ' => 'Q',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Ѵ' => 'V',
        'Ԝ' => 'W',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    };
    Some(ascii as u8)
}

/// The view of the text that is not decided yet, after a stretch of history.
#[derive(Default)]
pub(super) struct Shadow {
    /// History, then one byte a character.
    pub(super) bytes: Vec<u8>,
    /// How many of `bytes` are history.
    pub(super) history: usize,
    /// Where the character of each byte after the history begins in the text, while the text is
    /// not all ASCII; empty while it is, and then the offsets are the same.
    starts: Vec<u32>,
    /// Bytes of text that the view stands for.
    pub(super) text: usize,
}

impl Shadow {
    /// Adds what follows in the text after what the view stands for. An escape at its end that may
    /// go on stays out, unless the text is over.
    pub(super) fn extend(&mut self, mut rest: &str, is_last: bool) {
        loop {
            let at = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            let (plain, escaped) = rest.split_at(at);
            self.extend_plain(plain);
            if escaped.is_empty() {
                return;
            }
            let Some((character, width)) = escape::read(escaped, is_last) else { return };
            self.make_starts();
            self.push(character, self.text);
            self.text += width;
            rest = escaped.get(width..).unwrap_or_default();
        }
    }

    fn extend_plain(&mut self, piece: &str) {
        if piece.is_ascii() {
            // What is invisible may be all that came before.
            let is_shifted = self.text != self.bytes.len() - self.history;
            if is_shifted || !self.starts.is_empty() {
                let from = self.text as u32;
                self.starts.extend(from..from + piece.len() as u32);
            }
            self.bytes.extend_from_slice(piece.as_bytes());
        } else {
            self.extend_folded(piece);
        }
        self.text += piece.len();
    }

    fn extend_folded(&mut self, piece: &str) {
        self.make_starts();
        let from = self.text;
        for (offset, character) in piece.char_indices() {
            self.push(character, from + offset);
        }
    }

    fn make_starts(&mut self) {
        if self.starts.is_empty() {
            self.starts.extend(0..(self.bytes.len() - self.history) as u32);
        }
    }

    fn push(&mut self, character: char, start: usize) {
        match fold(character) {
            Folded::As(byte) => {
                self.bytes.push(byte);
                self.starts.push(start as u32);
            }
            Folded::Skipped => {}
        }
    }

    /// Where in the text the character at this place of the view begins; the end of the text
    /// where the view ends.
    pub(super) fn start(&self, at: usize) -> usize {
        let place = at.saturating_sub(self.history);
        if at >= self.bytes.len() {
            self.text
        } else if self.starts.is_empty() {
            place
        } else {
            self.starts.get(place).map_or(self.text, |start| *start as usize)
        }
    }

    /// Where in the text the character at this place of the view ends: an escape is wider than
    /// what it stands for.
    pub(super) fn end(&self, at: usize, text: &str) -> usize {
        let start = self.start(at);
        let rest = text.get(start..).unwrap_or_default();
        start + escape::characters(rest).next().map_or(0, |(_, written)| written.len())
    }

    /// Forgets the text before this place of the view, but for `keep` bytes of history.
    pub(super) fn forget(&mut self, before: usize, keep: usize) {
        let text = self.start(before);
        let places = before - self.history;
        if !self.starts.is_empty() {
            let gone = places.min(self.starts.len());
            self.starts.copy_within(gone.., 0);
            self.starts.truncate(self.starts.len() - gone);
            self.starts.iter_mut().for_each(|start| *start -= text as u32);
        }
        let cut = before.saturating_sub(keep);
        self.bytes.copy_within(cut.., 0);
        self.bytes.truncate(self.bytes.len() - cut);
        self.history = before - cut;
        self.text -= text;
        // An empty table says that offsets are equal, which is true of nothing, too; and of what
        // is left once it is ASCII without a gap.
        if self.starts.len() == self.text {
            self.starts.clear();
        }
    }
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shadow({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<u8> {
        let mut shadow = Shadow::default();
        shadow.extend(text, true);
        shadow.bytes
    }

    #[test]
    fn disguised_digits_letters_and_signs_are_plain_in_the_view() {
        assert_eq!(folded("４１１１\u{200b}11\u{ad}11"), b"41111111");
        assert_eq!(folded("а\u{a0}b–c＠ｄ．com"), b"a b-c@d.com");
        assert_eq!(folded("𝟒𝟏 𝐀𝐳 ٤"), b"41 Az 4");
        assert_eq!(folded("ж中"), [OTHER_LETTER, OTHER_SIGN]);
    }

    #[test]
    fn each_byte_of_the_view_knows_its_character_however_the_text_came() {
        let text = "aж\u{200b}中b𝟒c";
        let mut whole = Shadow::default();
        whole.extend(text, true);
        let mut parts = Shadow::default();
        for character in text.chars() {
            parts.extend(character.encode_utf8(&mut [0; 4]), true);
        }
        assert_eq!(whole.bytes, parts.bytes);
        let starts: Vec<usize> = (0..=whole.bytes.len()).map(|at| whole.start(at)).collect();
        assert_eq!(starts, [0, 1, 6, 9, 10, 14, 15]);
        assert!((0..=parts.bytes.len()).all(|at| parts.start(at) == starts[at]));
    }

    #[test]
    fn forgetting_keeps_history_and_moves_the_offsets() {
        let mut shadow = Shadow::default();
        shadow.extend("abж12ж34", true);
        shadow.forget(5, 2);
        assert_eq!((&shadow.bytes[..], shadow.history), (&[b'1', b'2', 0x80, b'3', b'4'][..], 2));
        assert_eq!((2..=5).map(|at| shadow.start(at)).collect::<Vec<_>>(), [0, 2, 3, 4]);
    }

    #[test]
    fn an_escape_is_the_character_that_it_stands_for() {
        assert_eq!(folded(r#"jane\u0040d\u0069\/\n\t\\n\"\uFF11"#), b"jane@di/\n\t\n\"1");
        assert_eq!(folded(r"4\u200b1\\u00AD1\ud835\udfd2"), b"4114");
        assert_eq!(folded(r"C:\data\\x \u004 \uD83D"), b"C:\\data\\x \\u004 \x81");
        assert_eq!(folded("\\u200Ba\\"), b"a\\");
    }

    #[test]
    fn an_escape_is_one_place_of_the_view_however_the_text_came() {
        let text = r"\u200bab\n\u0040中\\u00ad\\c\uD83D\uDE00\";
        let starts = [6, 7, 8, 10, 16, 26, 28, 29, 41];
        let ends = [7, 8, 10, 16, 19, 28, 29, 41, 42];
        for width in 1..=text.len() {
            let (mut shadow, mut come) = (Shadow::default(), 0);
            while come < text.len() {
                come = text.floor_char_boundary(come + width.max(3)).min(text.len());
                shadow.extend(&text[shadow.text..come], come == text.len());
            }
            assert_eq!(shadow.bytes, b"ab\n@\x81\\c\x81\\");
            assert_eq!(starts, std::array::from_fn(|at| shadow.start(at)));
            assert_eq!(ends, std::array::from_fn(|at| shadow.end(at, text)));
        }
    }

    #[test]
    fn half_an_escape_waits_and_is_what_it_is_at_the_end() {
        let mut shadow = Shadow::default();
        shadow.extend(r"ab\u00", false);
        assert_eq!((&shadow.bytes[..], shadow.text, shadow.start(2)), (&b"ab"[..], 2, 2));
        shadow.extend(r"\u004", false);
        assert_eq!((&shadow.bytes[..], shadow.text), (&b"ab"[..], 2));
        shadow.extend(r"\u004", true);
        assert_eq!((&shadow.bytes[..], shadow.text, shadow.start(3)), (&b"ab\\u004"[..], 7, 3));
    }
}
