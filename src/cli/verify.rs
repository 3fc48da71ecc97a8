//! `switchyard audit verify` and `check-proof`: what an auditor does who has a file and the log's
//! key, and neither the gateway nor its configuration.
//!
//! Invariant: the verdict is one sentence on standard output and the exit code. What cannot be
//! read is a failure, never a verdict.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::app::Failure;
use crate::policy::audit::log::{self, Checkpoint, Receipt, Verified, VerifierKey};

/// Bytes that are read at a time.
const BUFFER: usize = 256 * 1024;

/// What is verified, and by what.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The export; `-` for standard input.
    file: PathBuf,
    /// The key that signs the log, as `switchyard audit key` prints it; more than once where it
    /// was changed. Have it from somebody you trust, not from who gave you the export.
    #[arg(long = "key", value_name = "VKEY", required = true)]
    keys: Vec<String>,
    /// A checkpoint of the log that you kept: the export must go on from it.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The record that the export was asked for from. Without, it must begin with the first one, or
    /// with the first that was not let go, as a signed note in it says.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
}

/// Which proof, and of what.
#[derive(Debug, clap::Args)]
pub(super) struct CheckProof {
    /// The proof, as `prove` prints it.
    receipt: PathBuf,
    /// The record: its own bytes, or the line of a query or an export that it is in.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// The key that signs the log, as `switchyard audit key` prints it.
    #[arg(long = "key", value_name = "VKEY", required = true)]
    keys: Vec<String>,
}

type Verdict = io::Result<Result<bool, Failure>>;

/// Verifies an export.
pub(super) fn verify(asked: &Verify, out: &mut dyn Write) -> Verdict {
    let prepared = prepare(asked);
    let (keys, known, export) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Ok(Err(failure)),
    };
    match log::verify_from(export, &keys, &known, asked.from) {
        Ok(verified) => writeln!(out, "{}", Sentence(&verified)).map(|()| Ok(true)),
        Err(fault) => writeln!(out, "{fault}").map(|()| Ok(false)),
    }
}

type Prepared = (Vec<VerifierKey>, Vec<Checkpoint>, Box<dyn BufRead>);

fn prepare(asked: &Verify) -> Result<Prepared, Failure> {
    let keys = keys(&asked.keys)?;
    let mut known = Vec::new();
    for path in &asked.checkpoints {
        let opened = Checkpoint::open(&text(path)?, &keys).map_err(|error| about(path, error))?;
        known.push(opened.checkpoint);
    }
    let export: Box<dyn BufRead> = if asked.file == Path::new("-") {
        Box::new(BufReader::with_capacity(BUFFER, io::stdin()))
    } else {
        let file = File::open(&asked.file).map_err(|error| about(&asked.file, error))?;
        Box::new(BufReader::with_capacity(BUFFER, file))
    };
    Ok((keys, known, export))
}

/// Holds a proof against a record.
pub(super) fn check_proof(asked: &CheckProof, out: &mut dyn Write) -> Verdict {
    let prepared = keys(&asked.keys).and_then(|keys| {
        let record = text(&asked.record)?;
        let receipt = text(&asked.receipt)?;
        Ok((keys, record, receipt))
    });
    let (keys, record, receipt) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Ok(Err(failure)),
    };
    let origin = keys.first().map_or("", VerifierKey::name);
    let record = record_in(&record);
    let judged = Receipt::parse(&receipt).and_then(|receipt| {
        let checkpoint = receipt.verify(record.as_bytes(), origin, &keys)?;
        Ok((receipt.index, checkpoint))
    });
    match judged {
        Ok((seq, checkpoint)) => {
            let Checkpoint { origin, size, .. } = checkpoint;
            writeln!(out, "This is record {seq} of the {size} in the log {origin:?}.")?;
            Ok(Ok(true))
        }
        Err(error) => {
            writeln!(out, "The proof does not hold: {error}.")?;
            Ok(Ok(false))
        }
    }
}

/// A record in its line.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "seq")]
    _seq: u64,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// The record's own bytes. A record itself has no place in it, by which the two are told apart.
fn record_in(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let line: Option<Line<'_>> = serde_json::from_str(text).ok();
    line.map_or(text, |line| line.record.get())
}

fn keys(texts: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    let read = |text: &String| {
        VerifierKey::parse(text.trim()).map_err(|error| Failure::Start(format!("--key: {error}")))
    };
    texts.iter().map(read).collect()
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| about(path, error))
}

fn about(path: &Path, error: impl fmt::Display) -> Failure {
    Failure::Start(format!("{}: {error}", path.display()))
}

/// What is right, for an auditor.
struct Sentence<'a>(&'a Verified);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verified { checkpoint, start, is_pruned, records, checkpoints, .. } = self.0;
        write!(f, "The log {:?} is whole and unchanged: {records} ", checkpoint.origin)?;
        write!(f, "records from {start} on, under {checkpoints} checkpoints")?;
        if self.0.known_held > 0 {
            write!(f, " and {} kept elsewhere", self.0.known_held)?;
        }
        if *is_pruned {
            write!(f, "; a signed note says that those before {start} were let go")?;
        }
        if self.0.uncovered() > 0 {
            write!(f, "; nothing answers for the last {} yet", self.0.uncovered())?;
        }
        f.write_str(".")
    }
}
