//! The key that seals the store: the configured one, or one that is made once and stands beside
//! the store's file.
//!
//! Invariant: a file that this makes is whole and on disk before anything is sealed with it, and
//! only its owner reads it. It is there before the store is: a store without its key has lost it,
//! and is given no other, which would open nothing and sign another log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::Failure;
use crate::config::{Config, Secret};
use crate::store::seal::{KEY_BYTES, Sealer};

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// What is wrong with the configured keys, with their paths.
pub(super) fn faults(config: &Config) -> Vec<(String, String)> {
    let keys = [("store.key", &config.store.key), ("store.previous", &config.store.previous)];
    let wrong = |(path, key): (&str, &Option<Secret>)| {
        let error = key.as_ref().map(|key| read(key.reveal()))?.err()?;
        Some((path.to_owned(), error.to_owned()))
    };
    keys.into_iter().filter_map(wrong).collect()
}

/// What seals the store of a configuration.
pub(super) fn sealer(config: &Config) -> Result<Sealer, Failure> {
    let wrong = |path: &'static str| move |error| Failure::Start(format!("{path}: {error}"));
    let key = match &config.store.key {
        Some(key) => read(key.reveal()).map_err(wrong("store.key"))?,
        None => beside(config.store.url.reveal())?,
    };
    let previous = match &config.store.previous {
        Some(key) => vec![*read(key.reveal()).map_err(wrong("store.previous"))?],
        None => Vec::new(),
    };
    Ok(Sealer::new(&key, &previous))
}

fn read(text: &str) -> Result<KeyBytes, &'static str> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| "is not base64")?);
    let bytes: [u8; KEY_BYTES] =
        bytes.as_slice().try_into().map_err(|_| "must be 32 bytes in base64")?;
    Ok(Zeroizing::new(bytes))
}

/// The key in the file beside a store's file, which is made where there is neither.
fn beside(url: &str) -> Result<KeyBytes, Failure> {
    let Some(store) = url.strip_prefix("sqlite://") else {
        return Err(Failure::Start("store.key: is required".to_owned()));
    };
    // Looked at before the key: another process may be making both.
    let is_used = std::fs::metadata(store).is_ok_and(|store| store.len() > 0);
    let mut path = PathBuf::from(store).into_os_string();
    path.push(".key");
    let path = PathBuf::from(path);
    let unusable = |error: io::Error| {
        Failure::Start(format!("the key of the store, {}: {error}", path.display()))
    };
    match text_of(&path) {
        Err(error) if is_used && error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::Start(format!(
                "the key of the store, {}, is gone: put it back, or configure store.key",
                path.display()
            )));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path).map_err(unusable)?,
        Err(error) => return Err(unusable(error)),
        Ok(_) => {}
    }
    // Of two processes that made one at once, the first one's stands.
    let text = text_of(&path).map_err(unusable)?;
    read(&text).map_err(|error| {
        Failure::Start(format!("the key of the store, {}: {error}", path.display()))
    })
}

fn text_of(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(1_024).read_to_string(&mut text)?;
    Ok(text)
}

fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let no_randomness = |_| io::Error::other("the system has no randomness");
    SystemRandom::new().fill(&mut *key).map_err(no_randomness)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Whole under another name first: half a key must never be found.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = options.open(&draft)?;
    file.write_all(STANDARD.encode(*key).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) | Ok(()) => {}
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let url = format!("sqlite://{}/a.db", folder.display());
        let first = beside(&url).unwrap();
        assert_eq!(*first, *beside(&url).unwrap());
        std::fs::write(folder.join("a.db.key"), "nonsense").unwrap();
        assert!(beside(&url).is_err());
    }

    #[test]
    fn a_store_that_has_lost_its_key_is_given_no_other() {
        let folder = tempfile::tempdir().unwrap().keep();
        let (url, key) = (format!("sqlite://{}/a.db", folder.display()), folder.join("a.db.key"));
        std::fs::write(folder.join("a.db"), "rows").unwrap();
        let said = beside(&url).unwrap_err().to_string();
        assert!(said.contains("is gone") && !key.exists(), "{said}");
        // A file that nothing was written to is no store yet.
        std::fs::write(folder.join("a.db"), "").unwrap();
        assert!(beside(&url).is_ok() && key.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert!(read(&STANDARD.encode([7; 32])).is_ok());
        for wrong in ["", "?", &STANDARD.encode([7; 31])] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
