//! Signed notes (c2sp.org/signed-note): a text, a blank line, and a line for each signature.
//! Checkpoints are notes.
//!
//! Invariant: a text is given only if a known key signed it and no known key's signature is wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{SigningKey, VerifierKey, is_name};

/// Bytes of a note: as the Go package has it.
pub const MAX_NOTE_BYTES: usize = 1_000_000;
/// Signatures of a note: as the Go package has it.
pub const MAX_SIGNATURES: usize = 100;

/// What a line of a signature begins with: an em dash.
const MARK: &str = "\u{2014} ";

/// A note that a known key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened<'a> {
    /// The text, with its last newline. It is what is signed.
    pub(super) text: &'a str,
    /// Those of the known keys that signed it, at least one.
    pub(super) signers: Vec<&'a VerifierKey>,
    /// Signatures by keys that are not known. They say nothing, and nothing covers them.
    pub(super) unknown: usize,
}

/// Why a note cannot be signed or believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a note.
    #[error("it is not a signed note")]
    Form,
    /// A known key's signature does not fit the text.
    #[error("its signature by {name} does not fit its text")]
    WrongSignature {
        /// Whose it is said to be.
        name: String,
    },
    /// No known key signed it.
    #[error("it is not signed by a known key")]
    Unsigned,
}

/// Signs a text, which ends in a newline.
///
/// # Errors
///
/// The text is none of a note: it has no last newline, has control characters, or is too long.
pub(super) fn sign(text: &str, keys: &[&SigningKey]) -> Result<String, NoteError> {
    if !text.ends_with('\n') || !is_written(text) || keys.is_empty() || keys.len() > MAX_SIGNATURES
    {
        return Err(NoteError::Form);
    }
    let mut note = format!("{text}\n");
    for key in keys {
        let verifier = key.verifier();
        let signature = [verifier.id().to_be_bytes().as_slice(), &key.sign(text)].concat();
        let line = format!("{MARK}{} {}\n", verifier.name(), STANDARD.encode(signature));
        note.push_str(&line);
    }
    Ok(note)
}

/// Opens a note by the keys that are known.
///
/// # Errors
///
/// It is no note, none of the keys signed it, or a signature by one of them is wrong, which is
/// enough to refuse it even if another's is right.
pub(super) fn open<'a>(note: &'a str, known: &'a [VerifierKey]) -> Result<Opened<'a>, NoteError> {
    if note.len() > MAX_NOTE_BYTES || !is_written(note) {
        return Err(NoteError::Form);
    }
    // The text may have blank lines of its own: the last one ends it.
    let (_, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
    let text = note.strip_suffix(signatures).and_then(|text| text.strip_suffix('\n'));
    let text = text.ok_or(NoteError::Form)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
    let mut opened = Opened { text, signers: Vec::new(), unknown: 0 };
    for (count, line) in signatures.split('\n').enumerate() {
        let signature = Signature::read(line).ok_or(NoteError::Form)?;
        if count >= MAX_SIGNATURES {
            return Err(NoteError::Form);
        }
        let Some(key) = known.iter().find(|key| signature.is_by(key)) else {
            opened.unknown += 1;
            continue;
        };
        // A second signature by the same key would be a line that nothing depends on.
        if opened.signers.contains(&key) {
            return Err(NoteError::Form);
        }
        if !key.has_signed(text, &signature.bytes) {
            return Err(NoteError::WrongSignature { name: key.name().to_owned() });
        }
        opened.signers.push(key);
    }
    if opened.signers.is_empty() {
        return Err(NoteError::Unsigned);
    }
    Ok(opened)
}

/// A line of a signature: by whom, by which of their keys, and what.
struct Signature<'a> {
    name: &'a str,
    id: u32,
    bytes: Vec<u8>,
}

impl<'a> Signature<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(MARK)?.split_once(' ')?;
        let data = STANDARD.decode(encoded).ok()?;
        let (id, bytes) = data.split_first_chunk()?;
        let is_whole = is_name(name) && !bytes.is_empty();
        is_whole.then(|| Self { name, id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }

    fn is_by(&self, key: &VerifierKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }
}

/// Whether there are no control characters but newlines.
fn is_written(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    // The example of golang.org/x/mod/sumdb/note.
    const SIGNED: &str = "\n\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const PRIVATE_KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    fn peter() -> Vec<VerifierKey> {
        vec![VerifierKey::parse(PUBLIC_KEY).unwrap()]
    }

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, &[seed; 32]).unwrap()
    }

    #[test]
    fn the_note_of_the_go_package_is_signed_and_opened() {
        let note = sign(TEXT, &[&SigningKey::parse(PRIVATE_KEY).unwrap()]).unwrap();
        assert_eq!(note, format!("{TEXT}{SIGNED}"));
        let known = peter();
        let opened = open(&note, &known).unwrap();
        assert_eq!((opened.text, opened.unknown), (TEXT, 0));
        assert_eq!(opened.signers, [&known[0]]);
    }

    #[test]
    fn unknown_signatures_are_passed_over_and_known_ones_never() {
        let (one, two) = (key("one", 1), key("two", 2));
        let note = sign("text\n", &[&one, &two]).unwrap();
        let of_two = [two.verifier().clone()];
        let opened = open(&note, &of_two).unwrap();
        assert_eq!((opened.signers.len(), opened.unknown), (1, 1));
        let both = [one.verifier().clone(), two.verifier().clone()];
        assert_eq!(open(&note, &both).unwrap().signers.len(), 2);
        assert_eq!(open(&note, &peter()), Err(NoteError::Unsigned));
        // The signature of one is that of another text.
        let other = sign("other\n", &[&one]).unwrap();
        let wrong = other.lines().nth(2).unwrap();
        let mixed = format!("{note}{wrong}\n").replacen(note.lines().nth(2).unwrap(), wrong, 1);
        assert!(matches!(open(&mixed, &both), Err(NoteError::WrongSignature { .. })));
    }

    #[test]
    fn every_changed_byte_of_a_note_is_found() {
        let note = format!("{TEXT}{SIGNED}").into_bytes();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut other = note.clone();
                other[at] ^= 1 << bit;
                let Ok(other) = String::from_utf8(other) else { continue };
                assert!(open(&other, &peter()).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let signature = SIGNED.trim_start();
        let twice = format!("{TEXT}{SIGNED}{signature}");
        let unended = format!("{TEXT}{SIGNED}");
        let notes = [
            "",
            TEXT,
            SIGNED,
            &format!("{TEXT}\n"),
            &twice,
            unended.trim_end(),
            &format!("{TEXT}{SIGNED}\n"),
            &format!("\r{TEXT}{SIGNED}"),
        ];
        for note in notes {
            assert_eq!(open(note, &peter()), Err(NoteError::Form), "{note:?}");
        }
        let key = key("one", 1);
        for text in ["", "no end", "a\tb\n"] {
            assert_eq!(sign(text, &[&key]), Err(NoteError::Form));
        }
    }
}
