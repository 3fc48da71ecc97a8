//! A file of policies, cut into the policies: the parser takes each by itself, so that its place
//! and its text are known. What would be too much for the parser is told before it is tried.
//!
//! Invariant: the pieces together are the whole text, but for what is blank or comment.

/// Brackets within brackets. The parser goes as deep as a policy is nested, on a stack that does
/// not grow: at three times as much, an unoptimized build runs out of 2 MiB.
const MAX_DEPTH: usize = 16;
/// Operators in one policy, which nest as deep as there are many. The evaluator gives up where it
/// runs short of stack, an unoptimized build at twice as much; a request has its own on it too.
const MAX_OPERATORS: usize = 32;
/// Dots in one policy; a chain of attributes nests too, but most dots are in none.
const MAX_DOTS: usize = 100;

/// One policy's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The line that it begins on, from 1.
    pub(super) line: usize,
    /// From its first word to its semicolon.
    pub(super) text: &'a str,
}

/// Cuts after each semicolon that stands neither in a string nor in a comment: in Cedar's grammar
/// it only ever ends a policy (<https://docs.cedarpolicy.com/policies/syntax-grammar.html>). What
/// follows the last one is a piece too, so that the parser says what is missing.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut line, mut counted, mut start) = (1, 0, None);
    let newlines = |from: usize, to: usize| {
        text.as_bytes().get(from..to).map_or(0, |part| bytes_in(part, b"\n"))
    };
    let mut push = |from: usize, to: usize| {
        line += newlines(counted, from);
        counted = from;
        pieces.push(Piece { line, text: text.get(from..to).unwrap_or_default() });
    };
    for (at, byte) in code(text) {
        let from = match start {
            None if byte.is_ascii_whitespace() => continue,
            None => *start.insert(at),
            Some(from) => from,
        };
        if byte == b';' {
            push(from, at + 1);
            start = None;
        }
    }
    if let Some(from) = start {
        push(from, text.len());
    }
    pieces
}

impl Piece<'_> {
    /// Why it is not even tried, if so.
    pub(super) fn is_too_much(&self) -> Option<String> {
        let (mut depth, mut deepest) = (0_usize, 0);
        let mut bytes = Vec::with_capacity(self.text.len());
        for (_, byte) in code(self.text) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
            bytes.push(byte);
        }
        let words = bytes.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        let operators = bytes_in(&bytes, b"|&") / 2
            + bytes_in(&bytes, b"+-*")
            + words.filter(|word| *word == b"if").count();
        if deepest > MAX_DEPTH {
            return Some(format!("brackets are nested more than {MAX_DEPTH} deep"));
        }
        if operators > MAX_OPERATORS || bytes_in(&bytes, b".") > MAX_DOTS {
            return Some(format!(
                "a policy has at most {MAX_OPERATORS} operators and {MAX_DOTS} dots: ask for \
                 membership of a set, or write several policies"
            ));
        }
        None
    }
}

fn bytes_in(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.iter().filter(|byte| wanted.contains(byte)).count()
}

/// What the reader stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Text,
    Comment,
}

/// The bytes that stand neither in a string nor in a comment, with their places. The quotes of a
/// string are among them.
fn code(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let (mut within, mut escaped) = (Within::Code, false);
    bytes.iter().copied().enumerate().filter(move |(at, byte)| {
        match within {
            Within::Code => match byte {
                b'/' if bytes.get(at + 1) == Some(&b'/') => within = Within::Comment,
                b'"' => {
                    within = Within::Text;
                    return true;
                }
                _ => {}
            },
            Within::Text => {
                if *byte == b'"' && !escaped {
                    within = Within::Code;
                }
                escaped = *byte == b'\\' && !escaped;
            }
            Within::Comment if *byte == b'\n' => within = Within::Code,
            Within::Comment => {}
        }
        within == Within::Code
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, &str)> {
        split(text).into_iter().map(|piece| (piece.line, piece.text)).collect()
    }

    #[test]
    fn a_policy_ends_with_its_semicolon_and_begins_after_comments() {
        let text = "// one; and\n\npermit(a);forbid (b)\n  when { c };\n// end;\n";
        assert_eq!(cut(text), [(3, "permit(a);"), (3, "forbid (b)\n  when { c };")]);
    }

    #[test]
    fn semicolons_in_strings_and_comments_end_nothing() {
        let text = "@id(\"a;\\\";\\\\\")\npermit // no; end\n(\"//\" ;";
        assert_eq!(cut(text), [(1, text)]);
    }

    #[test]
    fn what_has_no_semicolon_is_a_piece_too() {
        assert_eq!(cut("permit(a);\nperm"), [(1, "permit(a);"), (2, "perm")]);
        assert_eq!(cut(" \n// only a comment"), []);
        assert_eq!(cut("é;"), [(1, "é;")]);
    }

    #[test]
    fn what_nests_too_deep_is_told_before_it_is_tried() {
        let too_much = |text: &str| Piece { line: 1, text }.is_too_much().is_some();
        for (part, most) in
            [("(", 16), ("[", 16), ("a||", 32), ("a&&", 32), ("1+", 32), ("if a ", 32), (".a", 100)]
        {
            assert!(!too_much(&part.repeat(most)), "{part}");
            assert!(too_much(&part.repeat(most + 1)), "{part}");
            let (string, comment) = (format!("\"{}\"", part.repeat(most + 1)), "// ".to_owned());
            assert!(!too_much(&string) && !too_much(&(comment + &part.repeat(most + 1))), "{part}");
        }
        assert!(!too_much(&"[a], (b), elif, gif ".repeat(100)));
    }
}
