//! A log in memory, for the tests of whoever records.

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};
use crate::model::record::Record;
use crate::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Log, Portion, TileRow, Waiting,
};

/// Keeps what is appended, until it is told to fail.
#[derive(Default)]
pub struct MemoryLog {
    entries: Mutex<Vec<Entry>>,
    is_failing: Mutex<bool>,
}

impl MemoryLog {
    /// The records so far.
    pub fn records(&self) -> Vec<Record> {
        let entries = self.entries.lock();
        entries.iter().map(|entry| serde_json::from_slice(&entry.body).unwrap()).collect()
    }

    /// Whether writes fail from now on.
    pub fn fail(&self, is_failing: bool) {
        *self.is_failing.lock() = is_failing;
    }
}

fn nothing<T>() -> Result<T> {
    Err(Error::new(Kind::NotSupported, "not here"))
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, entries: Vec<Entry>) -> Result<()> {
        if *self.is_failing.lock() {
            return Err(Error::new(Kind::PolicyUnavailable, "as told"));
        }
        self.entries.lock().extend(entries);
        Ok(())
    }
    async fn head(&self) -> Result<Head> {
        nothing()
    }
    async fn waiting(&self, _: u64, _: Portion) -> Result<Vec<Waiting>> {
        nothing()
    }
    async fn grow(&self, _: Growth) -> Result<bool> {
        nothing()
    }
    async fn leaves(&self, _: &LeafFilter, _: From, _: usize) -> Result<Vec<Leaf>> {
        nothing()
    }
    async fn tile(&self, _: u8, _: u64) -> Result<Option<TileRow>> {
        nothing()
    }
    async fn checkpoints(&self, _: u64, _: usize) -> Result<Vec<CheckpointRow>> {
        nothing()
    }
    async fn forget(&self, _: u64, _: &str) -> Result<u64> {
        nothing()
    }
}
