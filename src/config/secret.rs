//! Secrets, and references to what stands outside the file: `${env:NAME}` and `${file:/path}`.
//! The reader resolves every string through here.
//!
//! Invariant: this is the one file that reads the environment, and no message of it holds what a
//! reference stands for.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// A credential or key is short; a file that is larger is the wrong one.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A secret. Never printed, never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Shows it, for the one header that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What references may name.
pub trait Surroundings {
    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<String>;
    /// The text of a file.
    fn file(&self, path: &Path) -> io::Result<String>;
}

/// The surroundings of this process.
#[derive(Clone, Copy, Debug)]
pub struct Process;

impl Surroundings for Process {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let mut text = String::new();
        let mut file = std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1);
        if file.read_to_string(&mut text)? as u64 > MAX_FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "is larger than 64KiB"));
        }
        Ok(text)
    }
}

/// A string whose references have been put in.
pub(super) struct Resolved {
    pub(super) text: String,
    /// Whether the string was one reference and nothing else, as a secret must be.
    pub(super) is_reference: bool,
}

/// Puts in what references stand for. `$${env:NAME}` is the text `${env:NAME}`. Errors are
/// sentences about the string.
pub(super) fn resolve(text: &str, surroundings: &dyn Surroundings) -> Result<Resolved, String> {
    let mut resolved = Resolved { text: String::with_capacity(text.len()), is_reference: false };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some(kind) = kind(after) else {
            resolved.text.push_str(before);
            resolved.text.push_str("${");
            rest = after;
            continue;
        };
        if let Some(before) = before.strip_suffix('$') {
            resolved.text.push_str(before);
            resolved.text.push_str("${");
            rest = after;
            continue;
        }
        let inside = after.get(kind.len() + 1..).unwrap_or_default();
        let Some((name, after)) = inside.split_once('}') else {
            return Err(format!("holds a reference `${{{kind}:` without its closing brace"));
        };
        resolved.is_reference = rest.len() == text.len() && before.is_empty() && after.is_empty();
        resolved.text.push_str(before);
        resolved.text.push_str(&look_up(kind, name, surroundings)?);
        rest = after;
    }
    resolved.text.push_str(rest);
    Ok(resolved)
}

/// The word before the colon, where the text after `${` looks like a reference at all.
fn kind(after: &str) -> Option<&str> {
    let (word, _) = after.split_once(':')?;
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    is_word.then_some(word)
}

fn look_up(kind: &str, name: &str, surroundings: &dyn Surroundings) -> Result<String, String> {
    match kind {
        "env" => {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_letter) {
                return Err("names no variable (write ${env:NAME})".to_owned());
            }
            surroundings
                .env(name)
                .ok_or_else(|| format!("the environment variable {name} is not set"))
        }
        "file" => {
            let path = Path::new(name);
            if !path.is_absolute() {
                return Err("names no absolute path (write ${file:/path})".to_owned());
            }
            let text = surroundings
                .file(path)
                .map_err(|error| format!("the file {name} cannot be read: {}", reason(&error)))?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        other => Err(format!(
            "`${{{other}:…}}` is no reference (there are ${{env:NAME}} and ${{file:/path}}; a \
             literal one is written $${{{other}:…}})"
        )),
    }
}

/// Why a file cannot be read, in words that hold nothing of the file.
fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::InvalidData {
        return "it is not text in UTF-8".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Surroundings with one variable, `TOKEN`, and one file, `/run/secrets/key`.
    pub(crate) struct Pretend;

    impl Surroundings for Pretend {
        fn env(&self, name: &str) -> Option<String> {
            (name == "TOKEN").then(|| "tok-123".to_owned())
        }

        fn file(&self, path: &Path) -> io::Result<String> {
            match path.to_str() {
                Some("/run/secrets/key") => Ok("key-456\r\n".to_owned()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    fn text(text: &str) -> Result<(String, bool), String> {
        resolve(text, &Pretend).map(|resolved| (resolved.text, resolved.is_reference))
    }

    #[test]
    fn references_are_put_in_whole_or_within_a_text() {
        assert_eq!(text("${env:TOKEN}"), Ok(("tok-123".to_owned(), true)));
        assert_eq!(text("${file:/run/secrets/key}"), Ok(("key-456".to_owned(), true)));
        assert_eq!(text("a ${env:TOKEN} b"), Ok(("a tok-123 b".to_owned(), false)));
        assert_eq!(text("${env:TOKEN}${env:TOKEN}"), Ok(("tok-123tok-123".to_owned(), false)));
    }

    #[test]
    fn what_is_no_reference_stays_as_it_is() {
        for literal in ["", "plain", "$", "${", "${HOME}", "${{/amount}} due", "a: ${b c: d}"] {
            assert_eq!(text(literal), Ok((literal.to_owned(), false)));
        }
        assert_eq!(text("$${env:TOKEN}"), Ok(("${env:TOKEN}".to_owned(), false)));
    }

    #[test]
    fn a_reference_to_nothing_says_what_is_missing() {
        assert!(text("${env:ABSENT}").unwrap_err().contains("ABSENT is not set"));
        assert!(text("${file:/absent}").unwrap_err().contains("/absent cannot be read"));
        assert!(text("${file:relative}").unwrap_err().contains("absolute"));
        assert!(text("${evn:TOKEN}").unwrap_err().contains("is no reference"));
        assert!(text("${env:TOKEN").unwrap_err().contains("closing brace"));
        assert!(text("${env:}").unwrap_err().contains("names no variable"));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("tok-123")), "[secret]");
    }

    #[test]
    fn the_process_reads_files_up_to_a_bound() {
        let large = tempfile::tempdir().unwrap().keep().join("large");
        std::fs::write(&large, vec![b'a'; 65 * 1024]).unwrap();
        let error = Process.file(&large).unwrap_err();
        std::fs::remove_file(&large).unwrap();
        assert!(error.to_string().contains("larger than 64KiB"));
        assert_eq!(Process.env("SWITCHYARD_TEST_IS_NOT_SET"), None);
    }
}
