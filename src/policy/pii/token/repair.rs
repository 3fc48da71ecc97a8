//! Gives tokens their form again, in text that comes in pieces. Every treatment begins with it.
//!
//! A model may have changed a token: case, blanks and line breaks inside, other brackets or none,
//! mark-up around. The kind's name, the colon and the code are what is recognised.
//!
//! Invariant: what comes out is the same for every cutting; only a beginning that may still be a
//! token is held back, at most [`MAX_BYTES`] of it; a token comes out in one piece; what is not a
//! token of this vault passes unchanged.

use std::sync::Arc;

use super::code;
use crate::policy::pii::vault::Vault;

/// Longer than any token with all that is tolerated in it.
const MAX_BYTES: usize = 192;
/// Signs in a row that may stand inside of a token.
const MAX_GAP: usize = 4;

/// Repairs one text.
pub(in crate::policy::pii) struct Repairer {
    vault: Arc<Vault>,
    held: String,
    /// The kinds of the vault, letters and digits only, upper case.
    labels: Arc<Vec<Vec<u8>>>,
    /// The byte before what is held.
    before: u8,
}

enum Outcome {
    /// A token ends here, with this code.
    Token(usize, u64),
    /// None begins here.
    No,
    /// More must come to tell.
    More,
}

impl Repairer {
    /// A repairer at the beginning of a text.
    pub(in crate::policy::pii) fn new(vault: Arc<Vault>) -> Self {
        Self { vault, held: String::new(), labels: Arc::default(), before: b' ' }
    }

    /// Takes the next piece, and adds to `out` what is decided.
    pub(in crate::policy::pii) fn feed(&mut self, chunk: &str, out: &mut String) {
        self.labels = self.vault.labels();
        if self.labels.is_empty() && self.held.is_empty() {
            out.push_str(chunk);
            self.before = chunk.as_bytes().last().copied().unwrap_or(self.before);
            return;
        }
        self.held.push_str(chunk);
        self.repair(false, out);
    }

    /// The text is over: adds what was held back.
    pub(in crate::policy::pii) fn finish(&mut self, out: &mut String) {
        self.repair(true, out);
        self.before = b' ';
    }

    /// Bytes that wait for more text.
    pub(in crate::policy::pii) fn held(&self) -> usize {
        self.held.len()
    }

    fn repair(&mut self, is_last: bool, out: &mut String) {
        let bytes = self.held.as_bytes();
        let (mut handed, mut place) = (0, 0);
        while let Some(byte) = bytes.get(place) {
            let before = place.checked_sub(1).and_then(|at| bytes.get(at)).unwrap_or(&self.before);
            let may_begin = matches!(byte, b'[' | b'(' | b'{' | b'<' | b'\\')
                || (byte.is_ascii_alphanumeric() && !before.is_ascii_alphanumeric());
            let outcome = if may_begin {
                Look { bytes, place, is_last, labels: &self.labels }.token()
            } else {
                Outcome::No
            };
            match outcome {
                Outcome::No => place += 1,
                Outcome::More => break,
                Outcome::Token(end, id) => {
                    let clean = self.held.get(handed..place).unwrap_or_default();
                    out.push_str(clean);
                    if !self.vault.write(id, out) {
                        out.push_str(self.held.get(place..end).unwrap_or_default());
                    }
                    (handed, place) = (end, end);
                }
            }
        }
        out.push_str(self.held.get(handed..place).unwrap_or_default());
        if let Some(last) = place.checked_sub(1).and_then(|at| bytes.get(at)) {
            self.before = *last;
        }
        self.held.drain(..place);
    }
}

/// A look at one place.
struct Look<'a> {
    bytes: &'a [u8],
    place: usize,
    is_last: bool,
    labels: &'a [Vec<u8>],
}

impl Look<'_> {
    fn token(mut self) -> Outcome {
        let from = self.place;
        let opens = self.bracket(b"[({<");
        let has_label = match self.label() {
            Outcome::No => return Outcome::No,
            Outcome::More => return Outcome::More,
            Outcome::Token(..) => self.colon(),
        };
        match has_label {
            Some(true) => {}
            Some(false) => return Outcome::No,
            None => return Outcome::More,
        }
        let mut values = [0; code::LENGTH];
        for value in &mut values {
            self.skip_gap();
            match self.bytes.get(self.place).map(|byte| code::value(*byte)) {
                Some(Some(bits)) => *value = bits,
                Some(None) => return Outcome::No,
                None => return self.unknown(),
            }
            self.place += 1;
        }
        if self.place - from > MAX_BYTES {
            return Outcome::No;
        }
        match self.bytes.get(self.place) {
            Some(next) if next.is_ascii_alphanumeric() => return Outcome::No,
            None if !self.is_last => return Outcome::More,
            Some(_) | None => {}
        }
        let Some(id) = code::read(&values) else { return Outcome::No };
        if opens {
            let end = self.place;
            if self.bytes.get(end) == Some(&b'\\')
                && self.bytes.get(end + 1).is_none()
                && !self.is_last
            {
                return Outcome::More;
            }
            self.bracket(b"])}>");
        }
        Outcome::Token(self.place, id)
    }

    /// Passes a bracket, with or without a backslash before it.
    fn bracket(&mut self, brackets: &[u8]) -> bool {
        let escaped = usize::from(self.bytes.get(self.place) == Some(&b'\\'));
        let at = self.bytes.get(self.place + escaped);
        let is_bracket = at.is_some_and(|byte| brackets.contains(byte));
        if is_bracket {
            self.place += escaped + 1;
        }
        is_bracket
    }

    /// Passes the name of a kind in any case; its underscores may be gone or be escaped.
    fn label(&mut self) -> Outcome {
        let mut read = [0u8; 48];
        let mut length = 0;
        if self.bytes.get(self.place) == Some(&b'\\') && self.bytes.get(self.place + 1).is_none() {
            return self.unknown();
        }
        loop {
            let Some(byte) = self.bytes.get(self.place) else { return self.unknown() };
            if byte.is_ascii_alphanumeric() {
                let Some(to) = read.get_mut(length) else { return Outcome::No };
                *to = byte.to_ascii_uppercase();
                length += 1;
                self.place += 1;
                let read = read.get(..length).unwrap_or_default();
                if !self.labels.iter().any(|label| label.starts_with(read)) {
                    return Outcome::No;
                }
                continue;
            }
            let read = read.get(..length).unwrap_or_default();
            if length == 0 {
                return Outcome::No;
            }
            if self.labels.iter().any(|label| label == read) && !is_joint(*byte) {
                return Outcome::Token(self.place, 0);
            }
            let before = self.place;
            while self.place - before < MAX_GAP
                && self.bytes.get(self.place).is_some_and(|byte| is_joint(*byte))
            {
                self.place += 1;
            }
            let goes_on = self.bytes.get(self.place).is_some_and(u8::is_ascii_alphanumeric);
            if self.bytes.get(self.place).is_none() && !self.is_last {
                return Outcome::More;
            }
            if !goes_on {
                let is_known = self.labels.iter().any(|label| label == read);
                return if is_known { Outcome::Token(self.place, 0) } else { Outcome::No };
            }
        }
    }

    /// Passes the colon; nothing where it may still come.
    fn colon(&mut self) -> Option<bool> {
        self.skip_gap();
        match self.bytes.get(self.place) {
            Some(b':') => {
                self.place += 1;
                Some(true)
            }
            Some(_) => Some(false),
            None => (self.is_last).then_some(false),
        }
    }

    fn skip_gap(&mut self) {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        self.place += rest.iter().take(MAX_GAP).take_while(|byte| is_gap(**byte)).count();
    }

    fn unknown(&self) -> Outcome {
        if self.is_last { Outcome::No } else { Outcome::More }
    }
}

/// What may stand inside of a code or beside the colon.
fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b'-' | b'_' | b'*' | b'`' | b'\\')
}

/// What may stand for the underscore of a name.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b'_' | b' ' | b'-' | b'\\' | b'*' | b'`')
}

impl std::fmt::Debug for Repairer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repairer(holds {} bytes)", self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn vault() -> (Arc<Vault>, String) {
        let vault = Arc::new(Vault::new(b"secret", "jane", "one"));
        let mut token = String::new();
        vault.mint("US_SSN", "308-63-0237", false, &mut token).unwrap();
        token.push(' ');
        vault.mint("EMAIL", "jane@example.com", false, &mut token).unwrap();
        (vault, token)
    }

    /// Repairs a whole text.
    fn whole(vault: &Arc<Vault>, text: &str) -> String {
        let mut out = String::new();
        let mut repairer = Repairer::new(Arc::clone(vault));
        repairer.feed(text, &mut out);
        repairer.finish(&mut out);
        out
    }

    /// Ways in which a model may write a token.
    fn damaged(token: &str) -> Vec<String> {
        let inner = token.trim_matches(['[', ']']);
        let (label, code) = inner.split_once(':').unwrap();
        vec![
            token.to_owned(),
            token.to_lowercase(),
            format!("**{token}**"),
            format!("`{token}`"),
            format!("({inner})"),
            format!("{{{inner}}}"),
            format!("\\[{inner}\\]"),
            format!("[{}]", inner.replace('_', "\\_")),
            format!("[{}]", inner.replace('_', " ")),
            inner.to_owned(),
            format!("[{label}: {code}]"),
            format!("[{label}:{} {}]", &code[..4], &code[4..]),
            format!("[{label} :\n{}-{}-{}]", &code[..4], &code[4..8], &code[8..]),
            format!("[{label}:{}]", code.replace('0', "O").replace('1', "l")),
        ]
    }

    #[test]
    fn a_token_that_a_model_changed_is_repaired_in_every_cutting() {
        let (vault, tokens) = vault();
        for token in tokens.split(' ') {
            for text in damaged(token) {
                let text = format!("To {text}. OK [");
                let whole = whole(&vault, &text);
                assert!(whole.contains(token), "{text}: {whole}");
                for left in 0..=text.len() {
                    for right in left..=text.len() {
                        let mut repairer = Repairer::new(Arc::clone(&vault));
                        let mut out = String::new();
                        repairer.feed(&text[..left], &mut out);
                        repairer.feed(&text[left..right], &mut out);
                        repairer.feed(&text[right..], &mut out);
                        repairer.finish(&mut out);
                        assert_eq!(out, whole);
                    }
                }
            }
        }
    }

    #[test]
    fn a_token_of_another_conversation_stays_a_token() {
        let (_, tokens) = vault();
        let other = Arc::new(Vault::new(b"secret", "john", "one"));
        let mut own = String::new();
        other.mint("EMAIL", "john@example.com", false, &mut own).unwrap();
        let lower = tokens.to_lowercase();
        assert_eq!(whole(&other, &lower), lower);
        assert_eq!(whole(&other, &own.to_lowercase()), own);
    }

    #[test]
    fn a_token_with_something_attached_is_another_word() {
        let (vault, tokens) = vault();
        let token = tokens.split(' ').next().unwrap();
        let longer = token.replace(']', "0]");
        assert_eq!(whole(&vault, &longer), longer);
    }

    proptest! {
        #[test]
        fn any_text_with_tokens_in_any_cutting_is_repaired_alike(
            texts: Vec<String>, mut places in proptest::collection::vec(0usize..500, 0..9),
            which in any::<proptest::sample::Index>(),
        ) {
            let (vault, tokens) = vault();
            let forms = damaged(tokens.split(' ').next().unwrap());
            let text = texts.join(&forms[which.index(forms.len())]);
            let whole = whole(&vault, &text);
            places.iter_mut().for_each(|place| *place %= text.len() + 1);
            places.sort_unstable();
            let (mut from, mut out) = (0, String::new());
            let mut repairer = Repairer::new(vault);
            for place in places.into_iter().chain([text.len()]) {
                let place = text.floor_char_boundary(place.max(from));
                repairer.feed(&text[from..place], &mut out);
                from = place;
            }
            repairer.finish(&mut out);
            assert_eq!(out, whole);
        }
    }
}
