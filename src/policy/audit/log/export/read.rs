//! Reads an export line by line, however long it is. The verifier calls it.
//!
//! Invariant: holds one line, of bounded length, and gives a line only if it is spelt as the writer
//! spells it. It judges no order, no hash and no signature.

use std::io::{self, BufRead, Read};
use std::str;

use super::super::checkpoint::whole_number;
use super::super::hash::{HASH_TEXT_BYTES, Hash, from_text};
use super::{CHECKPOINT, CheckpointLine, END, Head, LEAF, MAX_LINE_BYTES, RECORD, SEQ};

/// Reads the lines of an export.
pub struct Reader<R> {
    from: R,
    line: Vec<u8>,
    lines: u64,
}

/// A line behind the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A record.
    Record(Record<'a>),
    /// The signed note of a checkpoint.
    Checkpoint(String),
}

/// A record as it stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number in the log.
    pub seq: u64,
    /// The leaf hash that is said to be its.
    pub leaf: Hash,
    /// Its text, a JSON object if it is as it was written: the leaf's data.
    pub text: &'a str,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The source failed.
    #[error("the export cannot be read on")]
    Io(#[from] io::Error),
    /// The line is longer than [`MAX_LINE_BYTES`].
    #[error("it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The export ends in it.
    #[error("it was cut off")]
    Cut,
    /// There is no head where it should be.
    #[error("it is not the head of an export")]
    NotAHead,
    /// It begins as the line of a record.
    #[error("it is not a whole record")]
    NotARecord,
    /// It begins as the line of a checkpoint.
    #[error("it is not a whole checkpoint")]
    NotACheckpoint,
    /// It is neither.
    #[error("it is neither a record nor a checkpoint")]
    Unknown,
}

impl<R: BufRead> Reader<R> {
    /// A reader that stands before the head.
    pub fn new(from: R) -> Self {
        Self { from, line: Vec::new(), lines: 0 }
    }

    /// How many lines were begun: the number of the line that was read last, counted from 1.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Reads the head, which is the first line.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn head(&mut self) -> Result<Head, Unreadable> {
        self.advance()?;
        Head::from_line(&self.line).ok_or(Unreadable::NotAHead)
    }

    /// Reads the next line behind the head. None at the end.
    ///
    /// # Errors
    ///
    /// The line is not in the grammar. What follows it must not be read.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Unreadable> {
        if !self.advance()? {
            return Ok(None);
        }
        if let Some(rest) = self.line.strip_prefix(SEQ.as_bytes()) {
            return record(rest).map(Line::Record).map(Some).ok_or(Unreadable::NotARecord);
        }
        if !self.line.starts_with(CHECKPOINT.as_bytes()) {
            return Err(Unreadable::Unknown);
        }
        let read = CheckpointLine::from_line(&self.line).ok_or(Unreadable::NotACheckpoint)?;
        Ok(Some(Line::Checkpoint(read.checkpoint)))
    }

    /// Takes the next line into memory. False at the end.
    fn advance(&mut self) -> Result<bool, Unreadable> {
        self.line.clear();
        self.lines += 1;
        let bound = MAX_LINE_BYTES as u64 + 1;
        let taken = self.from.by_ref().take(bound).read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if taken > MAX_LINE_BYTES => Err(Unreadable::TooLong),
            Some(_) => Err(Unreadable::Cut),
        }
    }
}

/// Reads what follows the beginning of a record's line.
fn record(rest: &[u8]) -> Option<Record<'_>> {
    let (seq, rest) = rest.split_at_checked(rest.iter().position(|byte| *byte == b',')?)?;
    let seq = whole_number(str::from_utf8(seq).ok()?)?;
    let (leaf, rest) = rest.strip_prefix(LEAF.as_bytes())?.split_at_checked(HASH_TEXT_BYTES)?;
    let leaf = from_text(leaf)?;
    let text = rest.strip_prefix(RECORD.as_bytes())?.strip_suffix(END.as_bytes())?;
    // That the object is JSON, and one alone, was seen to when it was written, and its hash says
    // that it is as it was written. To parse it again would cost as much as the hash.
    let is_object = text.starts_with(b"{") && text.ends_with(b"}");
    let text = str::from_utf8(text).ok().filter(|_| is_object)?;
    Some(Record { seq, leaf, text })
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::super::super::frontier::Frontier;
    use super::super::{WriteError, Writer};
    use super::*;

    fn head() -> Head {
        Head { origin: "log \"1\"".to_owned(), frontier: Frontier::default(), pruned: None }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    const LEAF_TEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new(Vec::new(), &head()).unwrap();
        let notes = "log \"1\"\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} a b\n";
        writer.record(&[0; 32], &raw(r#"{"a": [1, "é\n"]}"#)).unwrap();
        writer.checkpoint(notes).unwrap();
        assert!(matches!(writer.checkpoint(notes), Err(WriteError::Checkpoint { records: 1 })));
        let broken = writer.record(&[0; 32], &raw("{\n}"));
        assert!(matches!(broken, Err(WriteError::Record { seq: 1 })));
        let long = raw(&format!("\"{}\"", "a".repeat(MAX_LINE_BYTES)));
        assert!(matches!(writer.record(&[0; 32], &long), Err(WriteError::Record { seq: 1 })));
        writer.record(&[1; 32], &raw("{}")).unwrap();
        let number = writer.record(&[1; 32], &raw("7"));
        assert!(matches!(number, Err(WriteError::Record { seq: 2 })));
        assert!(matches!(writer.checkpoint(notes), Err(WriteError::Checkpoint { records: 2 })));
        let written = writer.finish().unwrap();
        let mut reader = Reader::new(written.as_slice());
        assert_eq!(reader.head().unwrap(), head());
        let text = r#"{"a": [1, "é\n"]}"#;
        let first = Record { seq: 0, leaf: [0; 32], text };
        assert_eq!(reader.next_line().unwrap(), Some(Line::Record(first)));
        assert_eq!(reader.next_line().unwrap(), Some(Line::Checkpoint(notes.to_owned())));
        let second = Record { seq: 1, leaf: [1; 32], text: "{}" };
        assert_eq!(reader.next_line().unwrap(), Some(Line::Record(second)));
        assert_eq!(reader.next_line().unwrap(), None);
    }

    #[test]
    fn a_line_has_one_spelling() {
        let heads = [
            r#"{"log":"a","version":1,"start":0, "frontier":[]}"#,
            r#"{"log":"\u0061","version":1,"start":0,"frontier":[]}"#,
            r#"{"version":1,"log":"a","start":0,"frontier":[]}"#,
            r#"{"log":"a","version":2,"start":0,"frontier":[]}"#,
            r#"{"log":"a","version":1,"start":1,"frontier":[]}"#,
            r#"{"log":"a","version":1,"start":0,"frontier":[],"more":1}"#,
            r#"{"log":"a","version":1,"start":0,"frontier":[],"pruned":null}"#,
            r#"{"log":"a","version":1,"start":0,"frontier":[]}"#,
        ];
        let reads = heads.map(|line| Reader::new(format!("{line}\n").as_bytes()).head().is_ok());
        assert_eq!(reads, [false, false, false, false, false, false, false, true]);
        let lines = [
            format!(r#"{{"seq":1,"leaf":"{LEAF_TEXT}","record":{{}}}}"#),
            format!(r#"{{"seq":01,"leaf":"{LEAF_TEXT}","record":{{}}}}"#),
            format!(r#"{{"seq":1, "leaf":"{LEAF_TEXT}","record":{{}}}}"#),
            format!(r#"{{"seq":1,"leaf":"{LEAF_TEXT}","record": {{}}}}"#),
            format!(r#"{{"seq":1,"leaf":"{LEAF_TEXT}","record":{{}} }}"#),
            format!(r#"{{"seq":1,"leaf":"{LEAF_TEXT}","record":{{}}}} "#),
            format!(r#"{{"seq":1,"leaf":"{}","record":{{}}}}"#, LEAF_TEXT.replace("A=", "B=")),
            r#"{"checkpoint":"a\nb"}"#.to_owned(),
            r#"{"checkpoint":"a\u000ab"}"#.to_owned(),
            r#"{"checkpoint": "a"}"#.to_owned(),
            String::new(),
        ];
        for (at, line) in lines.iter().enumerate() {
            let mut line = line.clone().into_bytes();
            let unended = Reader::new(line.as_slice()).next_line().is_ok_and(|line| line.is_some());
            line.push(b'\n');
            let is_read = Reader::new(line.as_slice()).next_line().is_ok();
            assert_eq!((unended, is_read), (false, at == 0 || at == 7), "{at}");
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut reader = Reader::new(io::BufReader::new(io::repeat(b'a')));
        assert!(matches!(reader.next_line(), Err(Unreadable::TooLong)));
        assert!(reader.line.len() <= MAX_LINE_BYTES);
    }
}
