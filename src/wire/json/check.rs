//! Whether bytes are JSON that the gateway reads: within its bounds, well formed, and with only
//! one meaning. `decode` calls it before anything else sees the body.
//!
//! Invariant: the bounds are checked without recursion or allocation, before any parser runs.

use crate::error::{Error, Kind, Result};
use crate::wire::json::unique;

/// Bounds of a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Arrays and objects within each other. At most 100: the parser itself gives up at 128.
    pub depth: usize,
    /// Members and elements in all.
    pub values: usize,
}

impl Default for Bounds {
    /// Enough for any tool schema or webhook seen, and far from what a parser minds.
    fn default() -> Self {
        Self { depth: 64, values: 100_000 }
    }
}

/// A number that is longer says nothing more, and costs time that grows with its square.
const NUMBER_BYTES: usize = 1_000;

/// Checks a whole text: one JSON value, no key twice in one object, nothing after it. A byte
/// order mark before it is skipped, as RFC 8259 section 8.1 allows.
pub fn check(bytes: &[u8], bounds: Bounds) -> Result<()> {
    let text = without_mark(bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(Kind::InvalidRequest, "the body is empty; it must be JSON"));
    }
    within(text, bounds)?;
    unique::check(text)
}

/// The text without a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Counts brackets, commas and digits. What is not JSON at all is left to the parser.
fn within(text: &[u8], bounds: Bounds) -> Result<()> {
    let (mut rest, mut depth, mut values) = (text, 0usize, 0usize);
    while let [byte, after @ ..] = rest {
        let here = rest;
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b'[' | b'{' => (depth, values) = (depth + 1, values + 1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            b'-' | b'0'..=b'9' => {
                let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = here.iter().take_while(|b| is_digit(b)).count();
                if length > NUMBER_BYTES {
                    return Err(beyond(text, here, "a number is longer than", NUMBER_BYTES));
                }
                rest = here.get(length..).unwrap_or_default();
            }
            _ => {}
        }
        if depth > bounds.depth {
            return Err(beyond(text, here, "it is nested deeper than", bounds.depth));
        }
        if values > bounds.values {
            return Err(beyond(text, here, "it has more values than", bounds.values));
        }
    }
    Ok(())
}

/// What follows the string whose opening quote has been read.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        match rest.get(at..) {
            Some([b'"', after @ ..]) => return after,
            Some([_, _, after @ ..]) => rest = after,
            _ => break,
        }
    }
    &[]
}

fn beyond(text: &[u8], here: &[u8], what: &str, bound: usize) -> Error {
    let before = text.get(..text.len() - here.len()).unwrap_or_default();
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
    let message = format!("the JSON is refused: {what} {bound} at line {line} column {column}");
    Error::new(Kind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: impl AsRef<[u8]>) -> String {
        check(text.as_ref(), Bounds::default()).unwrap_err().to_string()
    }

    #[test]
    fn broken_json_is_refused_with_its_place() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (b" \n\t ", "is empty"),
            (b"{\"a\": 1,\n \"b\" 2}", "line 2 column 6"),
            (b"{\"a\": 1", "EOF while parsing an object at line 1 column 7"),
            (b"{} x", "trailing characters at line 1 column 4"),
            (b"{}{}", "trailing characters"),
            (b"NaN", "line 1 column 1"),
            (b"[Infinity]", "line 1 column 2"),
            (b"[1e999]", "number out of range"),
            (b"[01]", "line 1 column 3"),
            (b"\"\\ud800\"", "line 1 column"),
            (b"\"\\udc00x\"", "line 1 column"),
            (b"\"\xff\"", "line 1 column"),
            (b"\"a\nb\"", "line 2 column 0"),
            (b"{'a':1}", "line 1 column 2"),
            (b"[1,]", "line 1 column 4"),
            (b"\xff\xfe{\0}\0", "line 1 column 1"),
        ];
        for (text, expected) in cases {
            let message = refusal(text);
            assert!(message.contains(expected), "{}: {message}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn well_formed_json_passes() {
        let cases: &[&[u8]] = &[
            b"{}",
            b" [1, -2.5e10, true, null, \"\\ud83d\\ude00 \\\" [[[\"]\r\n",
            b"\xef\xbb\xbf{\"a\": {\"a\": 1}, \"b\": [{\"a\": 1}, {\"a\": 1}]}",
            b"\"text\"",
            b"123456789012345678901234567890",
        ];
        for text in cases {
            check(text, Bounds::default()).unwrap();
        }
    }

    #[test]
    fn the_depth_bound_is_exact_and_brackets_in_strings_do_not_count() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(nested(64).as_bytes(), Bounds::default()).unwrap();
        assert!(refusal(nested(65)).contains("deeper than 64 at line 1 column 65"));
        let quoted = format!("[\"{}\\\"{}\"]", "[".repeat(500), "[".repeat(500));
        check(quoted.as_bytes(), Bounds::default()).unwrap();
    }

    #[test]
    fn bombs_are_refused_before_a_parser_sees_them() {
        assert!(refusal("[".repeat(100_000)).contains("nested deeper than 64"));
        assert!(refusal("{\"a\":".repeat(100_000)).contains("nested deeper than 64"));
        assert!(refusal("9".repeat(10_000_000)).contains("a number is longer than 1000"));
        let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"{key}\":1")).collect();
        let message = refusal(format!("{{{}}}", keys.join(",")));
        assert!(message.contains("more values than 100000 at line 1"), "{message}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let parser = serde_json::from_slice::<serde_json::Value>(without_mark(&bytes)).is_ok();
            // It refuses all that the parser refuses, and only little more.
            prop_assert!(parser || check(&bytes, Bounds::default()).is_err());
        }

        #[test]
        fn near_json_does_not_make_it_panic(
            text in "([\\[\\]{},:\"\\\\]|\"[a-c]\"|[0-9eE.-]|true|null|\\\\u[dD]8[0-9a-f]{2}){0,40}",
        ) {
            let parser = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert!(parser || check(text.as_bytes(), Bounds::default()).is_err());
        }
    }
}
