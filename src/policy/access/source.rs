//! Where policies come from: a folder of `*.cedar` files, or the starter set that the gateway
//! carries. Read at start and whenever the set is looked at again.
//!
//! Invariant: what is read is bounded in files and bytes, and comes in the order of the names.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::report::{Fault, Report};

/// More files than anyone keeps by hand; a wrong folder is told from a right one.
const MAX_FILES: usize = 512;
/// All files together: some 10,000 policies. They are read every second.
const MAX_BYTES: u64 = 8 << 20;

/// One file of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its name, without the folder.
    pub(super) name: String,
    /// What stands in it.
    pub(super) text: String,
}

/// Where policies come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The starter set, `config/policies/*.cedar` as the gateway was built with it.
    Starter,
    /// The `*.cedar` files of a folder, in the order of their names. Others, those in folders
    /// within it, and those whose names begin with a dot, are left alone.
    Folder(PathBuf),
}

/// The starter set.
const STARTER: &[(&str, &str)] = &[
    ("agents.cedar", include_str!("../../../config/policies/agents.cedar")),
    ("gateway.cedar", include_str!("../../../config/policies/gateway.cedar")),
    ("runs.cedar", include_str!("../../../config/policies/runs.cedar")),
    ("tools.cedar", include_str!("../../../config/policies/tools.cedar")),
];

impl Source {
    /// What it holds now.
    pub(super) fn read(&self) -> Result<Vec<File>, Report> {
        match self {
            Self::Starter => Ok(STARTER.iter().map(|(name, text)| file(name, *text)).collect()),
            Self::Folder(folder) => read_folder(folder),
        }
    }
}

fn file(name: &str, text: impl Into<String>) -> File {
    File { name: name.to_owned(), text: text.into() }
}

fn read_folder(folder: &Path) -> Result<Vec<File>, Report> {
    let shown = folder.display().to_string();
    let fault = |message: String| Report::from(Fault::new(&shown, None, message));
    let entries = fs::read_dir(folder)
        .map_err(|error| fault(format!("the folder of policies cannot be read: {error}")))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| fault(format!("it cannot be listed: {error}")))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(".cedar") && !name.starts_with('.') {
            names.push(name.to_owned());
        }
        if names.len() > MAX_FILES {
            return Err(fault(format!("it holds more than {MAX_FILES} files of policies")));
        }
    }
    names.sort();
    let mut left = MAX_BYTES;
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let text = read_file(&folder.join(&name), left)
            .map_err(|message| Report::from(Fault::new(&name, None, message)))?;
        left -= text.len() as u64;
        files.push(File { name, text });
    }
    if files.is_empty() {
        return Err(fault("there is no *.cedar file in it".to_owned()));
    }
    Ok(files)
}

/// Reads a file of at most so many bytes. A link is followed: that is how containers are given
/// files that change.
fn read_file(path: &Path, most: u64) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("it cannot be read: {error}");
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_string(&mut text))
        .map_err(cannot)?;
    if text.len() as u64 > most {
        return Err(format!("with it the policies are larger than {MAX_BYTES} bytes"));
    }
    Ok(text)
}
