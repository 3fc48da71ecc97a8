//! Checkpoints (c2sp.org/tlog-checkpoint): the size and the root of a log's tree, signed by the log.
//! The committer signs them, exports and receipts carry them, and witnesses keep them.
//!
//! Invariant: a checkpoint has one text, so what was signed is what is compared.

use std::fmt;

use super::frontier::MAX_SIZE;
use super::hash::{Hash, from_text, to_text};
use super::key::{SigningKey, VerifierKey};
use super::note::{self, NoteError};

/// The head of a log's tree at some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is.
    pub origin: String,
    /// How many records the log had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// Further lines, none of them empty. They are signed, and say nothing of the tree.
    pub extensions: Vec<String>,
}

/// Why something is no checkpoint, or none to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is none, or no known key signed it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is not an origin, a size and a root.
    #[error("it does not say which log it is of, and of what size and root")]
    Form,
}

/// A checkpoint that a known key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Signatures by keys that are not known, which were passed over.
    pub unknown: usize,
}

impl Checkpoint {
    /// Signs it.
    ///
    /// # Errors
    ///
    /// The origin or a further line cannot be written in a line, or is empty.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<String, CheckpointError> {
        let text = self.to_string();
        if Self::parse(&text).as_ref() != Ok(self) {
            return Err(CheckpointError::Form);
        }
        Ok(note::sign(&text, keys)?)
    }

    /// Opens a signed note that is a checkpoint.
    ///
    /// # Errors
    ///
    /// No known key signed it, or it is no checkpoint.
    pub fn open(note: &str, known: &[VerifierKey]) -> Result<Signed, CheckpointError> {
        let opened = note::open(note, known)?;
        Ok(Signed { checkpoint: Self::parse(opened.text)?, unknown: opened.unknown })
    }

    /// Reads the text of a checkpoint, whose signature somebody else judges.
    ///
    /// # Errors
    ///
    /// It is not the text of a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let mut lines = text.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form);
        let (origin, size, root) = (line()?, line()?, line()?);
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: whole_number(size).ok_or(CheckpointError::Form)?,
            root: from_text(root.as_bytes()).ok_or(CheckpointError::Form)?,
            extensions: lines.map(str::to_owned).collect(),
        };
        if checkpoint.size > MAX_SIZE || checkpoint.extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Form);
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    /// Writes the text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, to_text(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The name under which a log says, in the form of a checkpoint, that its first records were let go.
pub fn pruned(origin: &str) -> String {
    format!("{origin}/pruned")
}

/// A number in its one spelling: decimal digits, without a sign and without zeros before it.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    if is_plain && is_shortest { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.to_string(), TEXT);
        let longer = format!("{TEXT}one\ntwo\n");
        let checkpoint = Checkpoint::parse(&longer).unwrap();
        assert_eq!(checkpoint.extensions, ["one", "two"]);
        assert_eq!(checkpoint.to_string(), longer);
    }

    #[test]
    fn a_checkpoint_has_one_text() {
        let others = [
            TEXT.trim_end().to_owned(),
            format!("\n{TEXT}"),
            format!("{TEXT}\n"),
            format!("{TEXT}\none\n"),
            TEXT.replace("\n208", "\n0208"),
            TEXT.replace("\n208", "\n+208"),
            TEXT.replace("\n20852163", "\n"),
            TEXT.replace("\n20852163", "\n9223372036854775808"),
            TEXT.replace("q2I=", "q2J="),
            TEXT.replace("q2I=", "q2I"),
        ];
        for text in others {
            assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Form), "{text:?}");
        }
    }

    #[test]
    fn it_is_opened_by_the_key_that_signed_it() {
        let key = SigningKey::from_seed("log", &[1; 32]).unwrap();
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        let note = checkpoint.sign(&[&key]).unwrap();
        let signed = Checkpoint::open(&note, &[key.verifier().clone()]).unwrap();
        assert_eq!(signed, Signed { checkpoint: checkpoint.clone(), unknown: 0 });
        assert_eq!(Checkpoint::open(&note, &[]), Err(NoteError::Unsigned.into()));
        let split = Checkpoint { origin: "a\nb".to_owned(), ..checkpoint };
        assert_eq!(split.sign(&[&key]), Err(CheckpointError::Form));
    }
}
